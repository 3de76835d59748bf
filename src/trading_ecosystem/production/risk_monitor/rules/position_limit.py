"""Position limit: how much of one asset the firm has, in minor units of the asset, over all accounts."""

from typing import final

from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Position


@final
class PositionLimit:
    """Owing counts like owning."""

    __slots__ = ("position", "watch")

    def __init__(self, position: Position, watch: Watch) -> None:
        self.position = position
        self.watch = watch

    def value(self) -> int:
        return abs(self.position.total_minor)

    def check(self, at_ns: int, now: int, outbox: Outbox) -> None:
        self.watch.update(self.value(), at_ns, now, outbox)
