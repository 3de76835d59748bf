"""What becomes of alerts, posted to a webhook: one JSON object each, in order.

Rule 1: the next is posted when the one before it was taken; an address that is away loses nothing but time.
Rule 2: each bears an id that stays the same when it is posted again, so that it counts once.
Rule 3: an address that says that an object is wrong is not asked twice: that is logged, and the next one goes.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, final

from trading_ecosystem.live.calls import CallFailed
from trading_ecosystem.live.door import Refused, Told
from trading_ecosystem.live.rest.amounts import moment_text
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.live.web import Web
from trading_ecosystem.messages.risk import AlertAcknowledged, AlertFired, AlertResolved
from trading_ecosystem.production.risk_monitor.notify.notices import Count, Notice, Outcome

log = Log(__name__)
MOST_WAITING = 10_000  # Beyond it the oldest are given up, and counted.
RETRY_S = 2.0
NOTHING_MORE = ""


@final
class Webhook:
    """`describe` makes a notice of an alert that fired."""

    def __init__(self, web: Web, instance: str, describe: Callable[[AlertFired], Notice], count: Count) -> None:
        """`count` is told what became of each object."""
        self._web, self._instance, self._describe, self._count = web, instance, describe, count
        self._waiting: deque[dict[str, Any]] = deque()
        self._some = asyncio.Event()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def take(self, told: Sequence[Told]) -> None:
        """Of what the monitor said, what is about alerts. Neither waits nor raises."""
        for each in told:
            self.hear(each.message)

    def hear(self, message: object) -> None:
        if isinstance(message, AlertFired):
            self._add("fired", message.alert_id, message.occurred_ns, alert=dict(self._describe(message)))
        elif isinstance(message, AlertAcknowledged):
            self._add("acknowledged", message.alert_id, message.occurred_ns, operator=message.operator)
        elif isinstance(message, AlertResolved):
            self._add("resolved", message.alert_id, message.occurred_ns)

    async def run(self) -> None:
        """Post, for as long as the monitor serves."""
        while True:
            await self._some.wait()
            while self._waiting:
                await self._post(self._waiting[0])
            self._some.clear()

    def _add(self, event: str, alert_id: str, at_ns: int, **more: object) -> None:
        body = {"id": f"{self._instance}:{alert_id}:{event}", "event": event, "alert_id": alert_id}
        self._waiting.append({**body, "occurred": moment_text(at_ns), "instance": self._instance, **more})
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._count(Outcome.LOST)
        self._some.set()

    async def _post(self, body: dict[str, Any]) -> None:
        try:
            await self._web.ask("POST", NOTHING_MORE, body)
        except CallFailed as error:
            log.warning("the webhook is away", why=str(error), waiting=self.waiting)
            self._count(Outcome.FAILED)
            await asyncio.sleep(RETRY_S)
            return
        except Refused as error:
            log.error("the webhook refused an object", why=str(error), id=body["id"])
            self._count(Outcome.FAILED)
        else:
            self._count(Outcome.TAKEN)
        if self._waiting and self._waiting[0] is body:
            self._waiting.popleft()
