"""How far this venue's prices are from those that the provider quotes: a little, each instrument for itself, and back.

Rule 1: a deviation is a function of the seed, the venue, the instrument and the time since the first quote; what was
        not heard in between, and when the venue was away, changes nothing.
Rule 2: a quote is moved as a whole: its spread and its sizes stay what they are.

An Ornstein-Uhlenbeck process in steps of a second, in parts per thousand million.
"""

import math
from typing import Final, final

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.market import QuotePublished, at_prices
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.simulators.exchange.config import DispersionConfig

STEP_NS: Final = 1_000_000_000
PPB: Final = 1_000_000_000
PPB_PER_PPM: Final = 1_000


@final
class Dispersion:
    """Of one instrument at one venue."""

    __slots__ = ("_decay_ppb", "_dice", "_noise_ppb", "_step", "deviation_ppb")

    def __init__(self, config: DispersionConfig, dice: Dice) -> None:
        decay = math.exp(-math.log(2.0) * (STEP_NS / config.half_life_ns))
        self._decay_ppb = int(decay * PPB)
        self._noise_ppb = config.deviation_ppm * PPB_PER_PPM * math.sqrt(1.0 - decay * decay)
        self._dice = dice
        self._step = 0  # 0: no quote has come yet.
        self.deviation_ppb = 0

    def moved(self, quote: QuotePublished) -> QuotePublished:
        """The provider's quote as it would be of this venue. One that is one-sided says nothing that could be moved."""
        self._advance(quote.occurred_ns // STEP_NS)
        if quote.bid_ticks <= 0:
            return quote
        shift_ticks = ((quote.bid_ticks + quote.ask_ticks) * self.deviation_ppb + PPB) // (2 * PPB)
        shift_ticks = max(shift_ticks, 1 - min(quote.bid_ticks, quote.ask_ticks))
        return at_prices(quote, quote.bid_ticks + shift_ticks, quote.ask_ticks + shift_ticks)

    def _advance(self, step: int) -> None:
        if self._step == 0:
            self._step = step
        while self._step < step:
            self._step += 1
            noise_ppb = int(self._noise_ppb * self._dice.normal(self._step))
            self.deviation_ppb = self.deviation_ppb * self._decay_ppb // PPB + noise_ppb

    def save(self) -> Plain:
        return [self._step, self.deviation_ppb]

    def restore(self, state: Plain) -> None:
        assert isinstance(state, list)
        self._step, self.deviation_ppb = state


@final
class Dispersions:
    """Of all instruments of a venue; of none where its world says nothing of it."""

    __slots__ = ("_of_symbol",)

    def __init__(self, venue: str, config: DispersionConfig | None, symbols: list[str], seed: int) -> None:
        self._of_symbol: dict[str, Dispersion] = {}
        if config is not None:
            for symbol in symbols:
                self._of_symbol[symbol] = Dispersion(config, Dice(seed, f"{venue}.dispersion.{symbol}"))

    def moved(self, quote: QuotePublished) -> QuotePublished:
        dispersion = self._of_symbol.get(quote.symbol)
        return quote if dispersion is None else dispersion.moved(quote)

    def save(self) -> dict[str, Plain]:
        """Nothing where there is none: the state of such a venue is what it would be without this."""
        if not self._of_symbol:
            return {}
        return {"dispersion": {symbol: each.save() for symbol, each in self._of_symbol.items()}}

    def restore(self, state: dict[str, Plain]) -> None:
        for symbol, each in self._of_symbol.items():
            saved = state["dispersion"]
            assert isinstance(saved, dict)
            each.restore(saved[symbol])
