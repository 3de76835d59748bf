"""Crossed book: a quote or a venue's book whose bid is at its ask or above, in ticks: one where both are the same.

Such a book is no price: what is worth what has to come from elsewhere. An older book says nothing, one with an empty
side is not crossed, and what the book of a silent venue is, nobody knows.
"""

from collections.abc import Sequence
from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.production.risk_monitor.levels import read_lasting
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin, at_venue, each_alike
from trading_ecosystem.production.risk_monitor.rules.rule import NOTHING, Figure, Rule, Sight


@final
class CrossedBook(Rule):
    """Of the provider's quotes, by instrument, and of the books of the venues, by venue and instrument."""

    def __init__(self, entry: Entry, sight: Sight) -> None:
        self._told_ns = dict.fromkeys(entry.subjects, 0)
        self._sight = sight

    def hear(self, message: Message, now: int) -> Sequence[Figure]:
        if isinstance(message, QuotePublished):
            return self._figures(message.symbol, message.bid_ticks, message.ask_ticks, min(message.occurred_ns, now))
        assert isinstance(message, BookTopChanged)
        subject = at_venue(message.venue, message.symbol)
        return self._figures(subject, message.bid_ticks, message.ask_ticks, min(message.occurred_ns, now))

    def look(self, now: int) -> Sequence[Figure]:
        return [Figure(subject, None, now) for subject in self._told_ns if self._is_of_silent_venue(subject)]

    def _figures(self, subject: str, bid_ticks: int, ask_ticks: int, at_ns: int) -> Sequence[Figure]:
        told_ns = self._told_ns.get(subject)
        if told_ns is None or at_ns < told_ns:
            return NOTHING
        self._told_ns[subject] = at_ns
        value = bid_ticks - ask_ticks + 1 if 0 < ask_ticks <= bid_ticks else 0
        return [Figure(subject, value, at_ns)]

    def _is_of_silent_venue(self, subject: str) -> bool:
        venue = subject.rpartition(":")[0]
        return venue != "" and self._sight.is_silent(venue)


def read(node: Node, firm: Firm) -> Entry:
    symbols = list(firm.reference.instruments)
    books = [at_venue(venue, symbol) for venue in firm.venues for symbol in symbols]
    return each_alike([*symbols, *books], "every instrument", "ticks", read_lasting(node))


RULE: Final = RulePlugin(
    name="crossed_book", read=read, hears=(QuotePublished, BookTopChanged), build=CrossedBook, at_once=True
)
