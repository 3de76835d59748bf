"""Delta exposure: what the crypto assets are worth together, long less short, in minor units of the numeraire."""

from typing import final

from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.outbox import Outbox


@final
class DeltaExposure:
    """A limit on the net amount, in either direction."""

    __slots__ = ("watch",)

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def value(self, delta_minor: int) -> int:
        return delta_minor if delta_minor >= 0 else -delta_minor

    def check(self, delta_minor: int, at_ns: int, now: int, outbox: Outbox) -> None:
        value = delta_minor if delta_minor >= 0 else -delta_minor
        if value >= self.watch.lowest or self.watch.active:
            self.watch.update(value, at_ns, now, outbox)
