"""Crossed book: a quote or a venue's book whose bid is at its ask or above, in ticks: one where both are the same.

Such a book is no price: what is worth what has to come from elsewhere.
"""

from typing import final

from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.outbox import Outbox


@final
class CrossedBook:
    """Of one source of one instrument. An older book says nothing, one with an empty side is not crossed."""

    __slots__ = ("told_ns", "venue", "watch")

    def __init__(self, venue: str, watch: Watch) -> None:
        """`venue`: whose book it is; empty for the provider's quotes."""
        self.venue = venue
        self.watch = watch
        self.told_ns = 0

    def check(self, bid_ticks: int, ask_ticks: int, at_ns: int, now: int, outbox: Outbox) -> None:
        if at_ns < self.told_ns:
            return
        self.told_ns = at_ns
        value = bid_ticks - ask_ticks + 1 if 0 < ask_ticks <= bid_ticks else 0
        if value > 0 or self.watch.active:
            self.watch.update(value, at_ns, now, outbox)
