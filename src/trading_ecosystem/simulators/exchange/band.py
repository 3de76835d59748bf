"""The price band of a market: how far its trades may be from those before them.

Rule 1: the reference is the mean price of the trades of the last `over_ns`, each counted by its lots.
Rule 2: the bounds are set when an order comes, and hold for all of its trades.
"""

from typing import Final, final

from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.simulators.exchange.rules import PPM, BandRule

PARTS: Final = 60  # The window is kept in so many parts, and moves on by one of them at a time.
NO_BOUND: Final = (1 << 62) - 1


@final
class Band:
    """`low_ticks` and `high_ticks` are the bounds for the order at hand, both of them within the band."""

    __slots__ = ("_lots", "_part_ns", "_parts", "_sum", "high_ticks", "low_ticks", "rule")

    def __init__(self, rule: BandRule) -> None:
        self.rule = rule
        self._part_ns = max(1, rule.over_ns // PARTS)
        self._parts: list[list[int]] = []  # Number of the part, sum of price times lots, lots; oldest first.
        self._sum = 0
        self._lots = 0
        self.low_ticks = 0
        self.high_ticks = NO_BOUND

    def begin(self, reference_ticks: int, now: int) -> None:
        """Set the bounds. `reference_ticks` stands in while there are no trades; 0 for none, and then no bounds."""
        self._forget(now)
        total, lots = (self._sum, self._lots) if self._lots else (reference_ticks, 1)
        width_ppm = self.rule.width_ppm
        self.low_ticks = -(-total * (PPM - width_ppm) // (lots * PPM))
        self.high_ticks = total * (PPM + width_ppm) // (lots * PPM) if total else NO_BOUND

    def allows(self, price_ticks: int) -> bool:
        return self.low_ticks <= price_ticks <= self.high_ticks

    def note(self, price_ticks: int, lots: int, now: int) -> None:
        """A trade happened."""
        number = now // self._part_ns
        if not self._parts or self._parts[-1][0] != number:
            self._parts.append([number, 0, 0])
        self._parts[-1][1] += price_ticks * lots
        self._parts[-1][2] += lots
        self._sum += price_ticks * lots
        self._lots += lots

    def clear(self) -> None:
        """Prices begin anew."""
        self._parts.clear()
        self._sum = self._lots = 0

    def _forget(self, now: int) -> None:
        first = now // self._part_ns - PARTS + 1
        while self._parts and self._parts[0][0] < first:
            _, total, lots = self._parts.pop(0)
            self._sum -= total
            self._lots -= lots

    def save(self) -> Plain:
        return [list(part) for part in self._parts]

    def restore(self, state: Plain) -> None:
        assert isinstance(state, list)
        self._parts = [list(part) for part in state]
        self._sum = sum([part[1] for part in self._parts])
        self._lots = sum([part[2] for part in self._parts])
