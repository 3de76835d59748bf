"""All the ways out of a monitor for its alerts. The log is always one of them."""

import ssl
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Protocol, final

from trading_ecosystem.live.door import Told
from trading_ecosystem.live.engine import Engine
from trading_ecosystem.live.settings import Settings
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.live.web import Web
from trading_ecosystem.messages.risk import AlertAcknowledged, AlertFired, AlertResolved, Severity
from trading_ecosystem.production.risk_monitor.notify.alertmanager import Alertmanager
from trading_ecosystem.production.risk_monitor.notify.notices import (
    Count,
    Notice,
    Outcome,
    notice_of,
    summary,
    told_again,
)
from trading_ecosystem.production.risk_monitor.notify.webhook import MOST_WAITING, Webhook
from trading_ecosystem.production.risk_monitor.store import AlertHistory
from trading_ecosystem.reference import ReferenceData

log = Log(__name__)
FIGURE = "risk_notifications_total"
MOST_FIRING = 10_000


class Channel(Protocol):
    def take(self, told: Sequence[Told]) -> None: ...

    def hear(self, message: object) -> None: ...

    async def run(self) -> None: ...


@final
class LogBook:
    """Each alert is a line: a critical one an error, any other a warning, the rest of its life in plain."""

    def __init__(self, describe: Callable[[AlertFired], Notice]) -> None:
        self._describe = describe

    def take(self, told: Sequence[Told]) -> None:
        for each in told:
            self.hear(each.message)

    def hear(self, message: object) -> None:
        if isinstance(message, AlertFired):
            say = log.error if message.severity is Severity.CRITICAL else log.warning
            say("alert fired", alert_id=message.alert_id, figures=summary(self._describe(message)))
        elif isinstance(message, AlertAcknowledged):
            log.info("alert acknowledged", alert_id=message.alert_id, operator=message.operator)
        elif isinstance(message, AlertResolved):
            log.info("alert resolved", alert_id=message.alert_id)


def notify(settings: Settings, engine: Engine, reference: ReferenceData) -> list[Coroutine[None, None, None]]:
    """Listen to the engine's alerts from now on, and tell again what fires since the life before. Returns what is to
    be done while it serves."""
    describe = partial(notice_of, reference=reference)
    engine.hub.listen(LogBook(describe).take)
    channels: list[Channel] = []
    if settings.alertmanager:
        web = web_of(settings.alertmanager)
        channels.append(Alertmanager(web, settings.instance, describe, counting(engine, "alertmanager")))
    if settings.webhook:
        webhook = Webhook(web_of(settings.webhook), settings.instance, describe, counting(engine, "webhook"))
        engine.meter.watch("webhook", MOST_WAITING, lambda: webhook.waiting)
        channels.append(webhook)
    tell_again(engine.store.history, channels)
    for channel in channels:
        engine.hub.listen(channel.take)
    return [channel.run() for channel in channels]


def tell_again(history: AlertHistory, channels: Sequence[Channel]) -> None:
    """What fires since the life before, and who answered for it."""
    for alert in history.alerts(firing=True, limit=MOST_FIRING) if channels else ():
        for message in told_again(alert):
            for channel in channels:
                channel.hear(message)


def counting(engine: Engine, channel: str) -> Count:
    def count(outcome: Outcome) -> None:
        engine.meter.count(FIGURE, (channel, outcome.value))

    return count


def web_of(url: str) -> Web:
    return Web(url, trust=ssl.create_default_context() if url.startswith("https:") else None)
