"""Alerts for an Alertmanager, by its API v2.

Rule 1: what fires is told again and again, as Prometheus does: an Alertmanager that was away knows it within a minute,
and takes an alert of which it hears no more for over.
Rule 2: that an alert is resolved is told until it was taken.
Rule 3: labels are the alert's identity: an episode of it is in its annotations, so that silences and routes stay.
Rule 4: beside the alerts one always fires, `monitor_alive`: whoever hears no more of it knows that nobody watches.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, final

from trading_ecosystem.live.calls import CallFailed
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.door import Refused, Told
from trading_ecosystem.live.rest.amounts import moment_text
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.live.web import Web
from trading_ecosystem.messages.risk import AlertAcknowledged, AlertFired, AlertResolved
from trading_ecosystem.production.risk_monitor.notify.notices import Count, Notice, Outcome, summary

log = Log(__name__)
PATH = "/api/v2/alerts"
ALIVE = "monitor_alive"
AGAIN_S = 30.0
RETRY_S = 2.0
HOLDS_NS = 120_000_000_000  # So long without a word, and an alert is over.


@final
class Open:
    """An alert that the Alertmanager has to know of. Times are the machine's, in ns, as the Alertmanager's are."""

    def __init__(self, notice: Notice, since_ns: int) -> None:
        self.notice, self.since_ns = notice, since_ns
        self.operator = ""
        self.ended_ns: int | None = None


@final
class Alertmanager:
    """`describe` makes a notice of an alert that fired."""

    def __init__(
        self,
        web: Web,
        instance: str,
        describe: Callable[[AlertFired], Notice],
        count: Count,
        again_s: float = AGAIN_S,
    ) -> None:
        """`count` is told what became of each call."""
        self._web, self._instance, self._describe, self._count = web, instance, describe, count
        self._again_s = again_s
        self._open: dict[str, Open] = {}  # By alert id.
        self._wall = Clock()
        self._began_ns = self._wall.now_ns()
        self._changed = asyncio.Event()

    def take(self, told: Sequence[Told]) -> None:
        """Of what the monitor said, what is about alerts. Neither waits nor raises."""
        for each in told:
            self.hear(each.message)

    def hear(self, message: object) -> None:
        if isinstance(message, AlertFired):
            self._open[message.alert_id] = Open(self._describe(message), self._wall.now_ns())
        elif isinstance(message, AlertAcknowledged) and message.alert_id in self._open:
            self._open[message.alert_id].operator = message.operator
        elif isinstance(message, AlertResolved) and message.alert_id in self._open:
            self._open[message.alert_id].ended_ns = self._wall.now_ns()
        else:
            return
        self._changed.set()

    async def run(self) -> None:
        """Tell, for as long as the monitor serves."""
        wait_s = 0.001  # The first time at once.
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait_s)
            self._changed.clear()
            wait_s = self._again_s if await self._tell() else RETRY_S

    async def _tell(self) -> bool:
        told = dict(self._open)
        ended = {alert_id for alert_id, each in told.items() if each.ended_ns is not None}
        try:
            await self._web.ask("POST", PATH, [self._alive(), *(self._body(each) for each in told.values())])
        except (CallFailed, Refused) as error:
            log.warning("the Alertmanager was not told", why=str(error), alerts=len(told))
            self._count(Outcome.FAILED)
            return False
        self._count(Outcome.TAKEN)
        for alert_id in ended:
            del self._open[alert_id]
        return True

    def _body(self, each: Open) -> dict[str, Any]:
        notice = each.notice
        annotations = {
            "summary": summary(notice),
            **{key: str(notice[key]) for key in ("alert_id", "episode", "value", "limit", "unit", "breached", "fired")},
        }
        if each.operator:
            annotations["acknowledged_by"] = each.operator
        return {
            "labels": {
                "alertname": notice["rule"],
                "subject": notice["subject"],
                "severity": notice["severity"],
                "instance": self._instance,
            },
            "annotations": annotations,
            "startsAt": moment_text(each.since_ns),
            "endsAt": moment_text(each.ended_ns or self._wall.now_ns() + HOLDS_NS),
        }

    def _alive(self) -> dict[str, Any]:
        return {
            "labels": {"alertname": ALIVE, "severity": "none", "instance": self._instance},
            "annotations": {"summary": "The risk monitor watches. When this alert ends, it does not."},
            "startsAt": moment_text(self._began_ns),
            "endsAt": moment_text(self._wall.now_ns() + HOLDS_NS),
        }
