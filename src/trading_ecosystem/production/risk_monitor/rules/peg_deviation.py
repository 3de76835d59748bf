"""Peg deviation: how far a stablecoin's mid price is from one unit of the numeraire, either way, in ppm."""

from fractions import Fraction
from typing import final

from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import MILLION
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.reference import Instrument


@final
class Peg:
    """Prices are twice the mid in ticks. The distance is kept as an exact fraction: `scale` is one ppm."""

    __slots__ = ("_par", "_quiet", "_scale", "_step", "watch")

    def __init__(self, instrument: Instrument, watch: Watch) -> None:
        step_ppm = Fraction(instrument.tick) * MILLION / 2
        self._step: int = step_ppm.numerator
        self._scale: int = step_ppm.denominator
        self._par = MILLION * self._scale
        self._quiet = watch.lowest * self._scale
        self.watch = watch

    def value(self, price: int) -> int:
        """Rounded down, which changes no comparison with a whole number."""
        return abs(price * self._step - self._par) // self._scale

    def check(self, price: int, at_ns: int, now: int, outbox: Outbox) -> None:
        distance = price * self._step - self._par
        if distance < 0:
            distance = -distance
        if distance >= self._quiet or self.watch.active:
            self.watch.update(distance // self._scale, at_ns, now, outbox)
