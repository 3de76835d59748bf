"""Repeated execution: how often an account was filled on one side of one instrument within the last minute.

A strategy that trades gets fills on both sides, or stops; one that repeats its order whatever was filled does neither.
After the repeated automated execution throttle of MiFID II RTS 6, article 15(3).
"""

from typing import Final, final

from trading_ecosystem.messages.orders import OrderFilled
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.recent import Recent

MINUTE_NS: Final = 60_000_000_000


@final
class RepeatedExecution:
    """Of one account: the side of an instrument that was filled most often counts. A fill told twice counts once."""

    __slots__ = ("_recent", "watch")

    def __init__(self, watch: Watch) -> None:
        self._recent: dict[str, Recent] = {}  # By instrument and side.
        self.watch = watch

    def take(self, fill: OrderFilled, at_ns: int, now: int, outbox: Outbox) -> None:
        key = f"{fill.symbol} {fill.side.value}"
        if key not in self._recent:
            self._recent[key] = Recent(MINUTE_NS)
        self._recent[key].note(str(fill.account_sequence), at_ns)
        if self._recent[key].count(at_ns) >= self.watch.lowest or self.watch.active:
            self.check(at_ns, now, outbox)

    def check(self, at_ns: int, now: int, outbox: Outbox) -> None:
        value = max([recent.count(at_ns) for recent in self._recent.values()], default=0)
        if value >= self.watch.lowest or self.watch.active:
            self.watch.update(value, at_ns, now, outbox)
