"""Stale data: the age of an instrument's last quote, by the time that the quote itself bears.

Rule 1: a quote with an empty side, or whose bid is above its ask, is no price: the instrument goes stale.
"""

from typing import final

from trading_ecosystem.production.risk_monitor.portfolio import Position
from trading_ecosystem.production.risk_monitor.rules.basis_divergence import Basis
from trading_ecosystem.production.risk_monitor.rules.concentration import Share
from trading_ecosystem.production.risk_monitor.rules.peg_deviation import Peg
from trading_ecosystem.production.risk_monitor.rules.silence import Silence


@final
class Feed:
    """The quotes of one instrument, and what its price means to the firm.

    `position` is what an instrument in the numeraire prices; None for every other instrument.
    """

    __slots__ = ("bases", "peg", "position", "price", "shares", "silence", "symbol")

    def __init__(self, symbol: str, silence: Silence, position: Position | None, peg: Peg | None) -> None:
        self.symbol = symbol
        self.silence = silence
        self.position = position
        self.peg = peg
        self.shares: list[Share] = []
        self.bases: list[Basis] = []
        self.price = 0  # Twice the mid in ticks; 0 while there is none.

    def take(self, bid_ticks: int, ask_ticks: int, at_ns: int) -> bool:
        """False for a quote that is no price, or older than the last."""
        if bid_ticks <= 0 or ask_ticks < bid_ticks or not self.silence.hear(at_ns):
            return False
        self.price = bid_ticks + ask_ticks
        return True
