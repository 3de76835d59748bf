"""Price outlier: how far one source's price of an instrument is from the middle one of all sources, either way, in ppm.

A price is twice the mid in ticks. The sources are the provider's feed and the books of the venues.

Rule 1: of two sources, the outlier is the one that left what they last agreed on: that is the third voice.
Rule 2: a price that is at the lowest limit or above is in doubt at once; the alert waits until that has lasted.
Rule 3: a source that is alone is held against nothing: it is believed, and no alert of the instrument has a value.
"""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import MILLION, SHARE_UNIT, read_shares
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import (
    Entry,
    Firm,
    Limit,
    RulePlugin,
    at_venue,
    named_limits,
)


@final
class Source:
    """One who tells a price of the instrument: 0 while it tells none. `name` is empty for the provider."""

    __slots__ = ("in_doubt", "name", "price", "told_ns", "watch")

    def __init__(self, name: str, watch: Watch) -> None:
        self.name = name
        self.watch = watch
        self.price = 0
        self.told_ns = 0
        self.in_doubt = False


@final
class PriceOutlier:
    """Of one instrument. `agreed` is the last price on which all sources that spoke agreed."""

    __slots__ = ("_by_name", "agreed", "provider", "sources", "symbol")

    def __init__(self, symbol: str, provider: Source, books: list[Source]) -> None:
        self.symbol = symbol
        self.provider = provider
        self.sources = [provider, *books]
        self._by_name = {source.name: source for source in self.sources}
        self.agreed = 0

    @property
    def certain(self) -> bool:
        """Whether the provider's price can be relied on. Of two, nobody confirms the one that is not in doubt."""
        if self.provider.in_doubt:
            return False
        spoken = [source for source in self.sources if source.price]
        return len(spoken) != 2 or not any([source.in_doubt for source in spoken])

    def take(self, name: str, price: int, at_ns: int, now: int, outbox: Outbox) -> bool:
        """A source tells a price, or 0 for none. True if what is in doubt is not what it was."""
        source = self._by_name.get(name)
        if source is None or at_ns < source.told_ns:
            return False
        source.price, source.told_ns = price, at_ns
        return self._judge(at_ns, now, outbox)

    def leave(self, name: str) -> bool:
        """A source is silent: what it said last is no voice any more. True if what is in doubt is not what it was."""
        source = self._by_name[name]
        if source.price == 0:
            return False
        source.price = 0
        doubted = source.in_doubt
        source.in_doubt, source.watch.known = False, False
        return self._stand_alone() or doubted

    def value(self, source: Source, spoken: list[Source]) -> int:
        """Rounded down, which changes no comparison with a whole number."""
        middle = self._middle(source, spoken)
        return abs(source.price - middle) * MILLION // middle

    def _middle(self, source: Source, spoken: list[Source]) -> int:
        prices = [each.price for each in spoken]
        if len(prices) == 2:
            if self.agreed == 0:
                return sum(prices) - source.price  # The other one: nobody knows which of them is right.
            prices.append(self.agreed)
        return sorted(prices)[(len(prices) - 1) // 2]

    def _judge(self, at_ns: int, now: int, outbox: Outbox) -> bool:
        if self._stand_alone():
            return True
        spoken = [source for source in self.sources if source.price]
        if len(spoken) < 2:
            return False
        changed, doubts = False, 0
        for source, value in [(source, self.value(source, spoken)) for source in spoken]:
            in_doubt = value >= source.watch.lowest
            if in_doubt or source.watch.active:
                source.watch.update(value, at_ns, now, outbox)
            changed = changed or in_doubt != source.in_doubt
            source.in_doubt = in_doubt
            doubts += in_doubt
        if doubts == 0:
            self.agreed = sum([source.price for source in spoken]) // len(spoken)
        return changed

    def _stand_alone(self) -> bool:
        """Where fewer than two speak, nothing is in doubt or known; True if something was in doubt."""
        if len([source for source in self.sources if source.price]) > 1:
            return False
        doubted = [source for source in self.sources if source.in_doubt]
        for source in self.sources:
            source.in_doubt, source.watch.known = False, False
        return len(doubted) > 0


def read(node: Node, firm: Firm) -> Entry:
    """Each source is a subject: the provider by the instrument alone, a venue with its name before."""
    named = named_limits(node, firm.reference.instruments, "instrument", SHARE_UNIT, read_shares)
    return Entry(tuple(of_every_source(limit, firm) for limit in named))


def of_every_source(limit: Limit, firm: Firm) -> Limit:
    (symbol,) = limit.subjects
    books = [at_venue(venue, symbol) for venue in firm.venues]
    return Limit((symbol, *books), limit.unit, limit.levels, about=symbol)


RULE: Final = RulePlugin(name="price_outlier", read=read, hears=(QuotePublished, BookTopChanged))
