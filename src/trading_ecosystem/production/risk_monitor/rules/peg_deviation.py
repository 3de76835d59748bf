"""Peg deviation: how far a stablecoin's mid price is from one unit of the numeraire, either way, in ppm."""

from fractions import Fraction
from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import MILLION, SHARE_UNIT, read_shares
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin, named_limits
from trading_ecosystem.reference import AssetKind, Instrument, ReferenceData


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


def read(node: Node, firm: Firm) -> Entry:
    return Entry(named_limits(node, pegged_assets(firm.reference), "stablecoin", SHARE_UNIT, read_shares))


def pegged_assets(reference: ReferenceData) -> list[str]:
    """The stablecoins that have a price in the numeraire."""
    return [
        asset.name
        for asset in reference.assets.values()
        if asset.kind is AssetKind.STABLECOIN and f"{asset.name}/{reference.numeraire}" in reference.instruments
    ]


RULE: Final = RulePlugin(name="peg_deviation", read=read, hears=(QuotePublished,))
