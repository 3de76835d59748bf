"""Basis divergence: how far a perpetual's mid price is from that of the pair that is its index, either way, in ppm."""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import MILLION, SHARE_UNIT, read_shares
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin, named_limits
from trading_ecosystem.reference import Instrument, ReferenceData


@final
class Basis:
    """Prices are twice the mid in ticks, 0 while there is none."""

    __slots__ = ("_index_unit", "_perpetual_unit", "index", "index_price", "perpetual", "perpetual_price", "watch")

    def __init__(self, perpetual: Instrument, index: Instrument, watch: Watch) -> None:
        ratio = perpetual.tick / index.tick
        self._perpetual_unit, self._index_unit = ratio.as_integer_ratio()
        self.perpetual = perpetual.symbol
        self.index = index.symbol
        self.perpetual_price = 0
        self.index_price = 0
        self.watch = watch

    def value(self) -> int:
        """Rounded down, which changes no comparison with a whole number."""
        index = self.index_price * self._index_unit
        return abs(self.perpetual_price * self._perpetual_unit - index) * MILLION // index

    def check(self, symbol: str, price: int, at_ns: int, now: int, outbox: Outbox) -> None:
        """One of the two has another price. They are compared when the perpetual has: it is told after its index, and
        between the two they would seem apart by a step of the price."""
        if symbol == self.index:
            self.index_price = price
            return
        self.perpetual_price = price
        if self.index_price:
            self.watch.update(self.value(), at_ns, now, outbox)


def read(node: Node, firm: Firm) -> Entry:
    return Entry(named_limits(node, with_basis(firm.reference), "perpetual or cross", SHARE_UNIT, read_shares))


def with_basis(reference: ReferenceData) -> list[str]:
    """What has two prices: perpetuals, and pairs whose assets both have one in the numeraire."""
    crosses = [
        symbol
        for symbol, pair in reference.instruments.items()
        if all(f"{asset}/{reference.numeraire}" in reference.instruments for asset in (pair.base, pair.quote))
    ]
    return [*reference.perpetuals, *crosses]


RULE: Final = RulePlugin(name="basis_divergence", read=read, hears=(QuotePublished,))
