"""From the values of assets to the quotes of a pair.

Rule 1: the middle of BASE/QUOTE is value(BASE) / value(QUOTE) times what lies over the pair, so pairs agree.
Rule 2: 0 < bid < ask, always; a price never goes below one tick.
"""

from typing import final

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.reference import Instrument
from trading_ecosystem.simulators.market_data.config import PairConfig
from trading_ecosystem.simulators.market_data.process import Reverting
from trading_ecosystem.simulators.market_data.recorded import Track

SIZE_LANE = 1
LARGEST_TICKS = 1e15  # No shape takes a price beyond what all that count it can hold.


@final
class Pair:
    """One instrument. `base` and `quote` are places in the lists of values and multipliers, `path` in the latter."""

    __slots__ = (
        "_dice",
        "_dispersion",
        "_half_spread",
        "_sequence",
        "_size_range",
        "_smallest_lots",
        "_stressed_half",
        "_ticks_per_unit",
        "_track",
        "base",
        "path",
        "quote",
        "symbol",
    )

    def __init__(
        self,
        instrument: Instrument,
        config: PairConfig,
        places: tuple[int, int, int],
        dice: Dice,
        dispersion: Reverting | None,
        track: Track | None,
    ) -> None:
        self.symbol = instrument.symbol
        self.base, self.quote, self.path = places
        self._dice = dice
        self._dispersion = dispersion
        self._track = track
        self._ticks_per_unit = float(1 / instrument.tick)
        self._half_spread = config.spread_ppm / 2e6
        self._stressed_half = (config.stressed_spread_ppm - config.spread_ppm) / 2e6  # More, when stress is full.
        self._smallest_lots = config.smallest_lots
        self._size_range = config.largest_lots - config.smallest_lots + 1
        self._sequence = 0

    def advance(self, step: int) -> None:
        dispersion = self._dispersion
        if dispersion is not None:
            dispersion.step(step)

    def price(self, values: list[float], at_ns: int) -> float:
        """In quote units per base unit, without dispersion and before anything laid over it."""
        track = self._track
        if track is not None:
            return track.price(at_ns)
        return values[self.base] / values[self.quote]

    def overlaid(self, price: float, multipliers: list[float]) -> float:
        moved = price * multipliers[self.base] / multipliers[self.quote] * multipliers[self.path]
        return min(moved, LARGEST_TICKS / self._ticks_per_unit)

    def publish(self, price: float, step: int, at_ns: int, stress: float) -> QuotePublished:
        """The next quote of the pair, around this price and its dispersion. `stress` is from 0, calm, to 1, full."""
        self._sequence += 1
        return self.quoted(price, step, at_ns, stress, self._sequence)

    def numbered(self, quote: QuotePublished) -> QuotePublished:
        """A quote that was made without a number, as the next of the pair."""
        self._sequence += 1
        return QuotePublished(
            quote.symbol,
            quote.bid_ticks,
            quote.bid_lots,
            quote.ask_ticks,
            quote.ask_lots,
            self._sequence,
            quote.occurred_ns,
        )

    def quoted(self, price: float, step: int, at_ns: int, stress: float, sequence: int) -> QuotePublished:
        ticks = price * self._ticks_per_unit
        dispersion = self._dispersion
        if dispersion is not None:
            ticks += ticks * dispersion.deviation
        half = ticks * (self._half_spread + stress * self._stressed_half)
        bid_ticks = max(1, int(ticks - half + 0.5))
        ask_ticks = max(bid_ticks + 1, int(ticks + half + 0.5))
        bits: int = self._dice.bits(step, SIZE_LANE)
        return QuotePublished(
            self.symbol,
            bid_ticks,
            self._smallest_lots + ((bits >> 16) * self._size_range >> 16),
            ask_ticks,
            self._smallest_lots + ((bits & 0xFFFF) * self._size_range >> 16),
            sequence,
            at_ns,
        )

    def save(self) -> Plain:
        dispersion = self._dispersion
        return [self._sequence, 0.0 if dispersion is None else dispersion.deviation]

    def restore(self, state: Plain) -> None:
        assert isinstance(state, list)
        self._sequence = state[0]
        if self._dispersion is not None:
            self._dispersion.deviation = state[1]
