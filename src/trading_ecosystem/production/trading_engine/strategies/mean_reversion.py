"""Mean reversion: sell what is far above its moving average, buy what is far below, and close nearer to it.

The bands are those of the s-score of Avellaneda and Lee, "Statistical arbitrage in the US equities market",
Quantitative Finance 10 (2010), section 4: they open at 1.25 standard deviations and close at 0.50 and 0.75. Their
score is of a residual against other assets; here it is of the price against its own average over a window.

Rule 1: a score is never computed: both sides of a comparison are squared and multiplied out, and are whole numbers.
Rule 2: the size is set when a position is opened, by the volatility of that moment, and stays until it is closed.
"""

from collections.abc import Sequence
from typing import Final, final

from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.production.trading_engine.strategies.mean_reversion_config import MeanReversionConfig, read
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin
from trading_ecosystem.production.trading_engine.strategies.samples import Samples
from trading_ecosystem.production.trading_engine.strategies.sizing import Sizing
from trading_ecosystem.production.trading_engine.strategies.strategy import NOTHING, Intention, Place, Strategy

MILLI: Final = 1_000


@final
class Band:
    """One instrument, and the position that is wanted in it."""

    __slots__ = ("samples", "sizing", "target_minor")

    def __init__(self, samples: Samples, sizing: Sizing) -> None:
        self.samples = samples
        self.sizing = sizing
        self.target_minor = 0


@final
class MeanReversion(Strategy):
    def __init__(self, config: MeanReversionConfig, desk: Desk) -> None:
        super().__init__(config.symbols, ())
        self._entry_milli: int = config.entry_milli
        self._exit_milli: int = config.exit_milli
        sizing = config.sizing
        self._bands = {
            symbol: Band(Samples(sizing.sample_ns, config.window), Sizing(symbol, maximum_minor, sizing, desk))
            for symbol, maximum_minor in sizing.maximum_minor.items()
        }

    def on_quote(self, market: Market, now: int) -> Sequence[Intention]:
        band = self._bands[market.instrument.symbol]
        if market.stale(now) or market.crossed() or not band.samples.take(market.double_mid_ticks(), now):
            return NOTHING
        if not band.samples.full or not band.sizing.ready(now):
            return NOTHING
        self._decide(band)
        order = band.sizing.toward(band.target_minor, 0)
        return NOTHING if order is None else [Place([order])]

    def _decide(self, band: Band) -> None:
        samples = band.samples
        if band.target_minor and not beyond(samples, -sign(band.target_minor), self._exit_milli):
            band.target_minor = 0
        if band.target_minor == 0:
            for side in (1, -1):
                if beyond(samples, -side, self._entry_milli):
                    band.target_minor = side * band.sizing.size_minor(samples.day_volatility_ppb())


def beyond(samples: Samples, side: int, score_milli: int) -> bool:
    """Whether the last price is on this side of the average (1: above) by at least so many thousandths of a standard
    deviation. A price that never moved is on no side."""
    count = samples.count
    distance = side * (count * samples.prices[-1] - samples.sum)  # Times `count`, as is the deviation.
    variance = count * samples.square_sum - samples.sum * samples.sum  # Times `count` squared.
    return distance > 0 and (distance * MILLI) ** 2 >= score_milli * score_milli * variance


def sign(amount: int) -> int:
    return (amount > 0) - (amount < 0)


PLUGIN: Final = Plugin(read, MeanReversion)
