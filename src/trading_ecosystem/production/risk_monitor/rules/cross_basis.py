"""Basis between quote currencies: how far BTC/USDT times USDT/USD is from BTC/USD, either way, in ppm.

It is a basis divergence like that of a perpetual: two ways to the same thing that do not cost the same.
"""

from fractions import Fraction
from typing import Final, final

from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import MILLION
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.reference import Instrument

UNPRICED: Final = 0


@final
class CrossBasis:
    """Prices are twice the mid in ticks, 0 while there is none. All three are told at one moment, one after the other:
    what differs in between lasts no time."""

    __slots__ = ("_across_unit", "_prices", "_straight_unit", "cross", "direct", "rate", "watch")

    def __init__(self, cross: Instrument, rate: Instrument, direct: Instrument, watch: Watch) -> None:
        ratio = Fraction(cross.tick) * Fraction(rate.tick) / Fraction(direct.tick) / 2
        self._across_unit, self._straight_unit = ratio.numerator, ratio.denominator
        self.cross, self.rate, self.direct = cross.symbol, rate.symbol, direct.symbol
        self._prices = dict.fromkeys((cross.symbol, rate.symbol, direct.symbol), UNPRICED)
        self.watch = watch

    def value(self) -> int:
        """Rounded down, which changes no comparison with a whole number."""
        across = self._prices[self.cross] * self._prices[self.rate] * self._across_unit
        straight = self._prices[self.direct] * self._straight_unit
        return abs(across - straight) * MILLION // straight

    def check(self, symbol: str, price: int, at_ns: int, now: int, outbox: Outbox) -> None:
        self._prices[symbol] = price
        if UNPRICED not in self._prices.values():
            self.watch.update(self.value(), at_ns, now, outbox)
