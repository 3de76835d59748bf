"""Time-series momentum: long what has risen over the look-back, short what has fallen, each as large as its risk lets.

The rule is that of Moskowitz, Ooi and Pedersen, "Time series momentum", Journal of Financial Economics 104 (2012),
equation 5: the sign of the past return, times a size in inverse proportion to the volatility expected. They look back
twelve months and rebalance every month; here both are what the world says.

Rule 1: it decides once per sample, and never on a look-back that is not whole.
Rule 2: it moves its position only by more than a share of the full size, so that a trembling volatility is no trade.
"""

from collections.abc import Sequence
from typing import Final, final

from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.production.trading_engine.strategies.momentum_config import MomentumConfig, read
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin
from trading_ecosystem.production.trading_engine.strategies.samples import Samples
from trading_ecosystem.production.trading_engine.strategies.sizing import Sizing
from trading_ecosystem.production.trading_engine.strategies.strategy import NOTHING, PPM, Intention, Place, Strategy


@final
class Momentum(Strategy):
    def __init__(self, config: MomentumConfig, desk: Desk) -> None:
        super().__init__(config.symbols, ())
        self._adjust_ppm: int = config.adjust_ppm
        sizing = config.sizing
        self._sizings = {
            symbol: Sizing(symbol, maximum_minor, sizing, desk)
            for symbol, maximum_minor in sizing.maximum_minor.items()
        }
        # One more than there are steps: the return is that from the first to the last.
        self._samples = {symbol: Samples(sizing.sample_ns, config.look_back + 1) for symbol in config.symbols}

    def on_quote(self, market: Market, now: int) -> Sequence[Intention]:
        symbol = market.instrument.symbol
        samples, sizing = self._samples[symbol], self._sizings[symbol]
        if market.stale(now) or market.crossed() or not samples.take(market.double_mid_ticks(), now):
            return NOTHING
        if not samples.full or not sizing.ready(now):
            return NOTHING
        size_minor = sizing.size_minor(samples.day_volatility_ppb())
        order = sizing.toward(direction(samples) * size_minor, size_minor * self._adjust_ppm // PPM)
        return NOTHING if order is None else [Place([order])]


def direction(samples: Samples) -> int:
    """1 if the price has risen over the look-back, -1 if it has fallen, 0 if it is the same."""
    first, last = samples.prices[0], samples.prices[-1]
    return (last > first) - (last < first)


PLUGIN: Final = Plugin(read, Momentum)
