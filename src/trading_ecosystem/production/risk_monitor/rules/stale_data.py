"""Stale data: the age of an instrument's last quote, by the time that the quote itself bears.

Rule 1: a quote with an empty side, at or below zero, or whose bid is above its ask, is no price: what rests on the one
before is not certain from then on, and the instrument goes stale.
Rule 2: where it is watched whether quotes say anything new, one that does not is as old as what it says.
"""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.production.risk_monitor.levels import TIME_UNIT, read_bare, read_duration
from trading_ecosystem.production.risk_monitor.portfolio import Position
from trading_ecosystem.production.risk_monitor.rules.basis_divergence import Basis
from trading_ecosystem.production.risk_monitor.rules.cross_basis import CrossBasis
from trading_ecosystem.production.risk_monitor.rules.peg_deviation import Peg
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin, each_alike
from trading_ecosystem.production.risk_monitor.rules.price_outlier import PriceOutlier
from trading_ecosystem.production.risk_monitor.rules.silence import Silence
from trading_ecosystem.production.risk_monitor.rules.unchanged_data import Content


@final
class Feed:
    """The quotes of one instrument, and what its price means to the firm.

    `position` is what an instrument in the numeraire prices; None for every other instrument.
    """

    __slots__ = (
        "bases",
        "content",
        "outlier",
        "peg",
        "position",
        "price",
        "silence",
        "symbol",
        "unusable",
    )

    def __init__(self, symbol: str, silence: Silence, position: Position | None, peg: Peg | None) -> None:
        self.symbol = symbol
        self.silence = silence
        self.position = position
        self.peg = peg
        self.bases: list[Basis | CrossBasis] = []
        self.content: Content | None = None
        self.outlier: PriceOutlier | None = None
        self.price = 0  # Twice the mid in ticks; 0 while there is none.
        self.unusable = False  # The last quote was no price: the one before it says little.

    def take(self, bid_ticks: int, ask_ticks: int, at_ns: int) -> bool:
        """False for a quote that is no price, or older than the last."""
        if bid_ticks <= 0 or ask_ticks < bid_ticks:
            self.unusable = True
            return False
        if not self.silence.hear(at_ns):
            return False
        self.unusable = False
        self.price = bid_ticks + ask_ticks
        return True

    def is_old(self, quote: QuotePublished, at_ns: int) -> bool:
        """Whether a quote that was taken says nothing new; then it is silence that it breaks no more."""
        if self.content is None:
            return False
        fresh_ns = self.content.fresh_ns(quote, at_ns)
        self.silence.last_ns = fresh_ns
        return fresh_ns != at_ns

    def doubt(self) -> None:
        """This price may be none: what rests on it alone has no value."""
        if self.peg is not None:
            self.peg.watch.known = False
        for basis in self.bases:
            basis.watch.known = False


def read(node: Node, firm: Firm) -> Entry:
    return each_alike(firm.reference.instruments, "every instrument", TIME_UNIT, read_bare(node, read_duration))


RULE: Final = RulePlugin(name="stale_data", read=read, hears=(QuotePublished,))
