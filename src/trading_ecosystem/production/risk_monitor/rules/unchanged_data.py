"""Unchanged data: since when a side of a quote has said the same, while anything else moved. It makes data stale.

Rule 1: a fresh time is not fresh data. A side is as old as the last change of its price or size.
Rule 2: where nothing moves anywhere, nothing is old: the market sleeps.
"""

from typing import final

from trading_ecosystem.messages.market import QuotePublished


@final
class Movement:
    """When any side of any instrument last changed; shared by all instruments."""

    __slots__ = ("last_ns",)

    def __init__(self) -> None:
        self.last_ns = 0


@final
class Content:
    """Of the quotes of one instrument. `longest_ns`: how long a side may stay the same."""

    __slots__ = ("_ask", "_ask_ns", "_bid", "_bid_ns", "_longest_ns", "_movement")

    def __init__(self, longest_ns: int, movement: Movement) -> None:
        self._longest_ns = longest_ns
        self._movement = movement
        self._bid = self._ask = (0, 0)
        self._bid_ns = self._ask_ns = 0

    def fresh_ns(self, quote: QuotePublished, at_ns: int) -> int:
        """As of when a quote that bears `at_ns` is true: then, or since its older side has stayed the same for too
        long."""
        bid, ask = (quote.bid_ticks, quote.bid_lots), (quote.ask_ticks, quote.ask_lots)
        if bid != self._bid:
            self._bid, self._bid_ns, self._movement.last_ns = bid, at_ns, at_ns
        if ask != self._ask:
            self._ask, self._ask_ns, self._movement.last_ns = ask, at_ns, at_ns
        since_ns = min(self._bid_ns, self._ask_ns)
        is_old = at_ns - since_ns >= self._longest_ns and self._movement.last_ns > since_ns
        return since_ns if is_old else at_ns
