"""Samples of the run for its report: the last value of each stretch of time, one point per stretch.

Rule 1: a stretch is a minute, or a two-thousandth of the run where that is longer, so a line stays drawable.
Rule 2: what is recorded is what was seen at the time; nothing is smoothed.
"""

from typing import final

from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.risk import RiskReported
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.results import Series

MINUTE_NS = 60_000_000_000
MOST_POINTS = 2_000
PPM_UNIT = "ppm"


@final
class Line:
    """One series while it grows. Moments and values have the same length."""

    __slots__ = ("group", "moments", "name", "next_ns", "scale", "unit", "values")

    def __init__(self, name: str, group: str, unit: str, scale: float) -> None:
        self.name = name
        self.group = group
        self.unit = unit
        self.scale = scale
        self.next_ns = 0
        self.moments: list[int] = []
        self.values: list[int] = []

    def sample(self, ns: int, value: int, stretch_ns: int) -> None:
        """Keep the last value of each stretch."""
        if ns >= self.next_ns or not self.moments:
            self.next_ns = ns - ns % stretch_ns + stretch_ns
            self.moments.append(ns)
            self.values.append(value)
        else:
            self.moments[-1] = ns
            self.values[-1] = value

    def add(self, ns: int, stretch_ns: int) -> None:
        """Count one more in the stretch."""
        if ns >= self.next_ns or not self.moments:
            self.next_ns = ns - ns % stretch_ns + stretch_ns
            self.moments.append(self.next_ns - stretch_ns)
            self.values.append(1)
        else:
            self.values[-1] += 1

    def series(self) -> Series:
        scale = self.scale
        points = tuple((ns, value * scale) for ns, value in zip(self.moments, self.values, strict=True))
        return Series(name=self.name, group=self.group, unit=self.unit, points=points)


@final
class Recorder:
    """Grows the lines of a run of `duration_ns`."""

    __slots__ = ("_exposures", "_figures", "_numeraire", "_prices", "_reference", "_stretch_ns", "_tallies")

    def __init__(self, reference: ReferenceData, duration_ns: int) -> None:
        self._reference = reference
        self._numeraire = reference.numeraire
        self._stretch_ns = max(MINUTE_NS, duration_ns // MOST_POINTS)
        self._prices: dict[str, Line] = {
            symbol: Line(symbol, "price", instrument.quote, float(instrument.tick) / 2)
            for symbol, instrument in reference.instruments.items()
        }
        money = self.minor_scale(self._numeraire)
        self._figures: dict[str, Line] = {
            "equity": Line("equity", "equity", self._numeraire, money),
            "high-water mark": Line("high-water mark", "equity", self._numeraire, money),
            "drawdown": Line("drawdown", "drawdown", PPM_UNIT, 1.0),
        }
        self._exposures: dict[str, Line] = {}
        self._tallies: dict[str, Line] = {}

    def minor_scale(self, asset: str) -> float:
        return float(10.0 ** -self._reference.assets[asset].decimals)

    def quote(self, quote: QuotePublished) -> None:
        line = self._prices[quote.symbol]
        line.sample(quote.occurred_ns, quote.bid_ticks + quote.ask_ticks, self._stretch_ns)

    def report(self, report: RiskReported) -> None:
        """Figures of a portfolio that is not complete yet are left out: they would be drawn as a fall."""
        ns = report.occurred_ns
        if report.high_water_mark_minor > 0:
            self._figures["equity"].sample(ns, report.equity_minor, self._stretch_ns)
            self._figures["high-water mark"].sample(ns, report.high_water_mark_minor, self._stretch_ns)
            self._figures["drawdown"].sample(ns, report.drawdown_ppm, self._stretch_ns)
        for exposure in report.exposures:
            name = f"{exposure.measure}:{exposure.subject}"
            if name not in self._exposures:
                self._exposures[name] = self.exposure_line(name, exposure.unit)
            self._exposures[name].sample(ns, exposure.value, self._stretch_ns)

    def exposure_line(self, name: str, unit: str) -> Line:
        """A line in whole units, whatever minor unit the report speaks in."""
        asset = unit.removesuffix(" minor")
        if asset in self._reference.assets:
            return Line(name, "exposure", asset, self.minor_scale(asset))
        return Line(name, "exposure", unit, 1.0)

    def count(self, name: str, group: str, ns: int) -> None:
        """One more event of this name: a bar of the chart counts those of its stretch."""
        line = self._tallies.get(name)
        if line is None:
            line = Line(name, group, "count", 1.0)
            self._tallies[name] = line
        line.add(ns, self._stretch_ns)

    def series(self) -> tuple[Series, ...]:
        groups = (self._prices, self._figures, self._exposures, self._tallies)
        return tuple(line.series() for lines in groups for line in lines.values() if line.moments)
