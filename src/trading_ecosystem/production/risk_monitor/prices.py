"""Prices: which of them are believed, and what they are worth to the firm."""

from typing import final

from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.production.risk_monitor.doubts import Doubts
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rulebook import Rulebook
from trading_ecosystem.production.risk_monitor.rules.stale_data import Feed


@final
class Prices:
    """Quotes of the provider value; a venue's own price is held against them."""

    __slots__ = ("_doubts", "_feeds", "_firm", "_of_groups", "_outbox", "_sources")

    def __init__(self, rulebook: Rulebook, doubts: Doubts, outbox: Outbox) -> None:
        self._sources, self._doubts, self._outbox = rulebook.sources, doubts, outbox
        self._firm, self._of_groups = rulebook.firm, [wealth for _, wealth in rulebook.groups]
        self._feeds = rulebook.sources.feeds

    def take_quote(self, quote: QuotePublished, now: int) -> None:
        feed = self._feeds.get(quote.symbol)
        at_ns = quote.occurred_ns if quote.occurred_ns < now else now
        if feed is None:
            return
        unusable = feed.unusable
        taken = feed.take(quote.bid_ticks, quote.ask_ticks, at_ns)
        if feed.unusable != unusable:
            self._doubts.changed = True
        if not taken:
            return
        is_old = feed.is_old(quote, at_ns)
        if (feed.silence.watch.active or is_old) and self._sources.check_feed(feed, now, self._outbox):
            self._doubts.changed = True
        if is_old:
            return
        if feed.outlier is not None:
            if feed.outlier.take("", feed.price, at_ns, now, self._outbox):
                self._doubts.changed = True
            if feed.outlier.provider.in_doubt:
                feed.doubt()
                return
        self._value(feed, at_ns, now)

    def take_book(self, book: BookTopChanged, now: int) -> None:
        """It values nothing, but it may clear the provider's."""
        feed = self._feeds.get(book.symbol)
        at_ns = min(book.occurred_ns, now)
        if feed is None or feed.outlier is None:
            return
        is_price = 0 < book.bid_ticks <= book.ask_ticks
        doubted = feed.outlier.provider.in_doubt
        price = book.bid_ticks + book.ask_ticks if is_price else 0
        if feed.outlier.take(book.venue, price, at_ns, now, self._outbox):
            self._doubts.changed = True
        if doubted and not feed.outlier.provider.in_doubt:
            self._value(feed, at_ns, now)

    def _value(self, feed: Feed, at_ns: int, now: int) -> None:
        """What the price of an instrument means to the firm."""
        for basis in feed.bases:
            basis.check(feed.symbol, feed.price, at_ns, now, self._outbox)
        position = feed.position
        if position is None:
            return
        if position.price == 0:
            self._doubts.changed = True
        self._firm.reprice(position, feed.price)
        if feed.peg is not None:
            feed.peg.check(feed.price, at_ns, now, self._outbox)
        self._firm.judge(at_ns, now, self._outbox)
        for wealth in self._of_groups:
            wealth.reprice(wealth.portfolio.positions[position.asset], feed.price)
            wealth.judge(at_ns, now, self._outbox)
