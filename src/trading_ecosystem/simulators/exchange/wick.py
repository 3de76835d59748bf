"""A venue's own price walks away from everybody else's, because somebody takes all that its thin book has.

Rule 1: the background quotes around a share of what it would; nobody's order or balance is touched.
Rule 2: how far it has come is a function of the time since the fault began.
"""

from typing import final

from trading_ecosystem.messages.chaos import FaultVenue
from trading_ecosystem.messages.market import QuotePublished, at_prices
from trading_ecosystem.simulators.exchange.fault_register import PPM


@final
class Wick:
    """`begun_ns`: when the one in force began."""

    __slots__ = ("begun_ns",)

    def __init__(self) -> None:
        self.begun_ns = 0

    def moved(self, quote: QuotePublished, command: FaultVenue) -> QuotePublished:
        """In a straight line to `share_ppm` of the price over `by_ns`; there it stays."""
        if command.symbols and quote.symbol not in command.symbols:
            return quote
        elapsed_ns = min(max(quote.occurred_ns - self.begun_ns, 0), command.by_ns)
        factor_ppm = PPM + (command.share_ppm - PPM) * elapsed_ns // command.by_ns
        bid_ticks = max(1, quote.bid_ticks * factor_ppm // PPM)
        return at_prices(quote, bid_ticks, max(bid_ticks + 1, quote.ask_ticks * factor_ppm // PPM))
