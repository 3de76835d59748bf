"""The index and the mark price of a perpetual, and the premium from which its funding rate is made.

    index   = middle of the index pair's reference quote, to the nearest tick
    sample  = middle of the perpetual's own book - index, within +-band of the index
    basis   = moving average of the samples: each moves it by 1/30 of the difference
    mark    = index + basis, to the nearest tick, so it is never further than the band from the index
    premium = average of sample / index since the last funding
    rate    = premium + (interest - premium, within +-0.05%), within +-cap

There is a sample at every index quote; while a side of the book is empty the last one counts again.

Rule 1: a late, one-sided or crossed quote is not heard, and a single print is not a price: what is far from a fresh
    index is taken when the next quote says the same.
Rule 2: who moves the book for a moment moves the mark by a thirtieth of it, and never beyond the band.
"""

from typing import Final, final

from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.reference import Instrument, PerpetualTerms
from trading_ecosystem.simulators.exchange.book import Book
from trading_ecosystem.simulators.exchange.prints import DOUBTS_NS, is_far

PPM: Final = 1_000_000
PPB: Final = 1_000_000_000
SAMPLES: Final = 30
BASIS_UNITS: Final = 1_024  # The basis is kept in parts of a tick, so that it decays to nothing.
LEEWAY_PPB: Final = 500_000  # How far interest may draw the rate from the premium: 0.05%.


@final
class Mark:
    """`ticks` and `index_ticks` are 0 before the first quote of the index pair."""

    __slots__ = (
        "_band_ppm",
        "_basis",
        "_denominator",
        "_doubted",
        "_heard_ns",
        "_middle",
        "_numerator",
        "_premiums_ppb",
        "_sample_ticks",
        "_samples",
        "_terms",
        "index_ticks",
        "ticks",
    )

    def __init__(self, instrument: Instrument, index: Instrument, band_ppm: int) -> None:
        assert instrument.terms is not None
        self._terms: PerpetualTerms = instrument.terms
        self._band_ppm = band_ppm
        self._numerator, self._denominator = (index.tick / instrument.tick).as_integer_ratio()
        self._heard_ns = 0
        self._middle = 0  # Twice the index, in ticks of the index pair.
        self._doubted = 0
        self._basis = 0
        self._sample_ticks = 0
        self._premiums_ppb = 0
        self._samples = 0
        self.index_ticks = 0
        self.ticks = 0

    def hear(self, quote: QuotePublished, book: Book) -> bool:
        """Take in a quote of the index pair; True when it is the index now."""
        if quote.occurred_ns <= self._heard_ns or quote.bid_ticks <= 0 or quote.ask_ticks < quote.bid_ticks:
            return False
        middle = quote.bid_ticks + quote.ask_ticks
        is_doubtful = self._doubts(middle, quote.occurred_ns)
        self._heard_ns = quote.occurred_ns
        if is_doubtful:
            return False
        self._middle = middle
        self.index_ticks = max(1, nearest(middle * self._numerator, 2 * self._denominator))
        self._sample(book)
        basis_ticks = self._bounded(nearest(self._basis, BASIS_UNITS))
        self.ticks = max(1, self.index_ticks + basis_ticks)
        return True

    def _doubts(self, middle: int, occurred_ns: int) -> bool:
        is_news = self._middle > 0 and occurred_ns - self._heard_ns <= DOUBTS_NS and is_far(middle, self._middle)
        if is_news and (self._doubted == 0 or is_far(middle, self._doubted)):
            self._doubted = middle
            return True
        self._doubted = 0
        return False

    def _sample(self, book: Book) -> None:
        bid, ask = book.bids.best, book.asks.best
        if bid is not None and ask is not None:
            self._sample_ticks = nearest(bid.key - ask.key, 2) - self.index_ticks
        ticks = self._sample_ticks = self._bounded(self._sample_ticks)
        self._basis += (ticks * BASIS_UNITS - self._basis) // SAMPLES
        self._premiums_ppb += ticks * PPB // self.index_ticks
        self._samples += 1

    def _bounded(self, basis_ticks: int) -> int:
        most_ticks = self.index_ticks * self._band_ppm // PPM
        return max(-most_ticks, min(most_ticks, basis_ticks))

    # Funding.

    def funding_ppb(self) -> int:
        """The rate as it would be settled now."""
        premium_ppb = self._premiums_ppb // self._samples if self._samples else 0
        drawn_ppb = self._terms.interest_ppm * 1_000 - premium_ppb
        rate_ppb = premium_ppb + max(-LEEWAY_PPB, min(LEEWAY_PPB, drawn_ppb))
        cap_ppb = self._terms.funding_cap_ppm * 1_000
        return max(-cap_ppb, min(cap_ppb, rate_ppb))

    def begin_funding(self) -> None:
        """Premiums count for the next funding from now on."""
        self._premiums_ppb = self._samples = 0

    def save(self) -> Plain:
        return [
            *(self._heard_ns, self._middle, self._doubted, self._basis, self._sample_ticks),
            *(self._premiums_ppb, self._samples, self.index_ticks, self.ticks),
        ]

    def restore(self, state: Plain) -> None:
        assert isinstance(state, list)
        self._heard_ns, self._middle, self._doubted, self._basis, self._sample_ticks = state[:5]
        self._premiums_ppb, self._samples, self.index_ticks, self.ticks = state[5:]


def nearest(numerator: int, denominator: int) -> int:
    """The nearest integer to a quotient; a half is rounded up."""
    return (2 * numerator + denominator) // (2 * denominator)
