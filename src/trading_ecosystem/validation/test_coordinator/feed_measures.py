"""Measures of a feed: what turns the quotes themselves into breaches, beside the prices that they tell.

Rule 1: comparisons are exact, in integers; a level itself counts as beyond.
Rule 2: moments are those of the quotes; only a lag, which is about arrival, counts from there.
"""

from collections import deque
from fractions import Fraction
from math import ceil
from typing import Final, final

from mypy_extensions import mypyc_attr

from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.test_coordinator.conditions import Condition, Quantity
from trading_ecosystem.validation.test_coordinator.measures import Breach, Gap, Runs

PPM: Final = 1_000_000
BILLION: Final = 1_000_000_000  # Returns are counted in parts per billion.
UNIT: Final = ""  # In the place of an instrument: what is told in its quote asset already.
YEAR_NS: Final = 365 * 86_400_000_000_000


@mypyc_attr(allow_interpreted_subclasses=True)
class FeedMeasure:
    """Looks at every quote of the instruments that it is about."""

    __slots__ = ("runs", "sustain_ns")

    def __init__(self, sustain_ns: int) -> None:
        self.sustain_ns = sustain_ns
        self.runs = Runs()

    def observe(self, quote: QuotePublished, now: int) -> None:
        raise NotImplementedError

    def breaches(self, until_ns: int) -> tuple[Breach, ...]:
        return self.runs.breaches(self.sustain_ns, until_ns)


@final
class Crossing(FeedMeasure):
    """True while the bid is above the ask."""

    __slots__ = ()

    def observe(self, quote: QuotePublished, now: int) -> None:
        self.runs.switch(quote.bid_ticks > quote.ask_ticks, quote.occurred_ns)


@final
class Lag(FeedMeasure):
    """True from the arrival of a quote that is `bound_ns` old or older until one comes that is not."""

    __slots__ = ("_bound_ns",)

    def __init__(self, sustain_ns: int, bound_ns: int) -> None:
        super().__init__(sustain_ns)
        self._bound_ns = bound_ns

    def observe(self, quote: QuotePublished, now: int) -> None:
        self.runs.switch(now - quote.occurred_ns >= self._bound_ns, now)


@final
class Unchanged(FeedMeasure):
    """True from a quote on, once the next that says anything else is `sustain_ns` away or more."""

    __slots__ = ("_gap", "_last")

    def __init__(self, start_ns: int, sustain_ns: int) -> None:
        super().__init__(sustain_ns)
        self._gap = Gap(start_ns, sustain_ns)
        self._last: QuotePublished | None = None

    def observe(self, quote: QuotePublished, now: int) -> None:
        last = self._last
        if last is None or not is_same(last, quote):
            self._last = quote
            self._gap.heard(quote.occurred_ns)

    def breaches(self, until_ns: int) -> tuple[Breach, ...]:
        return self._gap.breaches(until_ns)


@final
class Volatility(FeedMeasure):
    """True while the squared returns of the last `window_ns`, as those of a year, are those of the level or more.

    Realised variance is the sum of squared returns (Andersen, Bollerslev, Diebold and Labys, "Modeling and forecasting
    realized volatility", 2003). Until the window is full it lacks those that have not been.
    """

    __slots__ = ("_bound", "_last", "_returns", "_sum", "_window_ns")

    def __init__(self, sustain_ns: int, level_ppm: int, window_ns: int) -> None:
        super().__init__(sustain_ns)
        self._window_ns = window_ns
        self._bound = ceil(Fraction(level_ppm * BILLION // PPM) ** 2 * Fraction(window_ns, YEAR_NS))
        self._returns: deque[tuple[int, int]] = deque()
        self._sum = 0
        self._last = 0

    def observe(self, quote: QuotePublished, now: int) -> None:
        ns, double_middle = quote.occurred_ns, quote.bid_ticks + quote.ask_ticks
        if self._last:
            change = (double_middle - self._last) * BILLION // self._last
            self._returns.append((ns, change * change))
            self._sum += change * change
        self._last = double_middle
        while self._returns and self._returns[0][0] <= ns - self._window_ns:
            self._sum -= self._returns.popleft()[1]
        self.runs.switch(self._sum >= self._bound, ns)


@final
class Divergence(FeedMeasure):
    """True while BASE/QUOTE is away from BASE over QUOTE, each in the numeraire, by `bound_ppm` or more.

    A perpetual is held against its index."""

    __slots__ = ("_across", "_base", "_bound_ppm", "_pair", "_quote", "_straight", "_sums")

    def __init__(self, condition: Condition, reference: ReferenceData) -> None:
        super().__init__(condition.sustain_ns)
        legs = legs_of(condition.subject, reference)
        assert legs is not None, f"{condition.subject} has no two legs"
        self._pair, (self._base, self._quote) = condition.subject, legs
        instruments = reference.instruments
        # The quote of a perpetual is the unit in which it is told: two halves make one, in ticks of one.
        quoted = Fraction(1) if self._quote == UNIT else Fraction(instruments[self._quote].tick)
        ratio = Fraction(instruments[self._pair].tick) * quoted / 2
        ratio /= Fraction(instruments[self._base].tick)
        self._across, self._straight = ratio.numerator, ratio.denominator
        self._bound_ppm = ceil(condition.level * PPM)
        self._sums: dict[str, int] = {self._pair: 0, self._base: 0, self._quote: 2 if self._quote == UNIT else 0}

    def symbols(self) -> tuple[str, ...]:
        return tuple([symbol for symbol in (self._pair, self._base, self._quote) if symbol != UNIT])

    def observe(self, quote: QuotePublished, now: int) -> None:
        sums = self._sums
        sums[quote.symbol] = quote.bid_ticks + quote.ask_ticks
        across = sums[self._pair] * sums[self._quote] * self._across
        straight = sums[self._base] * self._straight
        if across and straight:
            self.runs.switch(abs(across - straight) * PPM >= self._bound_ppm * straight, quote.occurred_ns)


@final
class Apart(FeedMeasure):
    """True while the middle of a venue's own book is away from the provider's by `bound_ppm` or more.

    A book with an empty side is nowhere: the condition ends."""

    __slots__ = ("_bound_ppm", "_last_ns", "_own", "_quoted", "symbol", "venue")

    def __init__(self, condition: Condition) -> None:
        super().__init__(condition.sustain_ns)
        self.venue, _, self.symbol = condition.subject.rpartition(":")
        self._bound_ppm = ceil(condition.level * PPM)
        self._quoted = 0
        self._own = 0
        self._last_ns = 0

    def observe(self, quote: QuotePublished, now: int) -> None:
        self._quoted = quote.bid_ticks + quote.ask_ticks
        self._look(quote.occurred_ns)

    def observe_book(self, book: BookTopChanged) -> None:
        if book.venue == self.venue:
            self._own = book.bid_ticks + book.ask_ticks if 0 < book.bid_ticks <= book.ask_ticks else 0
            self._look(book.occurred_ns)

    def _look(self, ns: int) -> None:
        """The two come over different links: what is a little late counts from what was heard before it."""
        self._last_ns = max(ns, self._last_ns)
        both = self._own > 0 and self._quoted > 0
        far = both and abs(self._own - self._quoted) * PPM >= self._bound_ppm * self._quoted
        self.runs.switch(far, self._last_ns)


def is_same(one: QuotePublished, other: QuotePublished) -> bool:
    """Whether two quotes differ in nothing but number and time."""
    return (
        one.bid_ticks == other.bid_ticks
        and one.ask_ticks == other.ask_ticks
        and one.bid_lots == other.bid_lots
        and one.ask_lots == other.ask_lots
    )


def legs_of(symbol: str, reference: ReferenceData) -> tuple[str, str] | None:
    """The prices of both assets of an instrument in the numeraire; None where one of them has none of its own. Of a
    perpetual, its index, and nothing beside it."""
    instrument = reference.instruments[symbol]
    if instrument.terms is not None:
        return instrument.terms.index, UNIT
    legs = f"{instrument.base}/{reference.numeraire}", f"{instrument.quote}/{reference.numeraire}"
    return legs if all([leg in reference.instruments for leg in legs]) else None


def feed_measure(condition: Condition, reference: ReferenceData, start_ns: int) -> FeedMeasure | None:
    """The measure of a condition; None where it is not about a feed."""
    quantity, sustain_ns = condition.quantity, condition.sustain_ns
    if quantity is Quantity.CROSSED:
        return Crossing(sustain_ns)
    if quantity is Quantity.UNCHANGED:
        return Unchanged(start_ns, sustain_ns)
    if quantity is Quantity.LAG:
        return Lag(sustain_ns, int(condition.level))
    if quantity is Quantity.VOLATILITY:
        return Volatility(sustain_ns, ceil(condition.level * PPM), condition.window_ns)
    if quantity is Quantity.APART:
        return Apart(condition)
    return Divergence(condition, reference) if quantity is Quantity.DIVERGENCE else None


def heard_by(measure: FeedMeasure, condition: Condition) -> tuple[str, ...]:
    """Whose quotes a measure looks at."""
    if isinstance(measure, Apart):
        return (measure.symbol,)
    return measure.symbols() if isinstance(measure, Divergence) else (condition.subject,)
