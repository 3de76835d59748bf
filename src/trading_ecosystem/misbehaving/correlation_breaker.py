"""A strategy that hedges the wrong way round: long one asset, and long the other that it believes to be its hedge.

After the synthetic credit portfolio of JPMorgan, first half of 2012: what the bank called a hedge added to its risk,
and grew while it looked balanced (US Senate, Permanent Subcommittee on Investigations, "JPMorgan Chase whale trades: a
case history of derivatives risks and abuses", 2013).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.misbehaving.sleeper import Sleeper, Taker, Waking, read_instrument, read_waking
from trading_ecosystem.production.trading_engine.config import Limits
from trading_ecosystem.production.trading_engine.config_values import lots, share_ppm
from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin
from trading_ecosystem.production.trading_engine.strategies.strategy import NOTHING, Intention
from trading_ecosystem.reference import ReferenceData


@final
@dataclass(frozen=True, kw_only=True)
class CorrelationBreakerConfig:
    waking: Waking
    hedge: str
    size_lots: int
    slippage_ppm: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.waking.instrument.symbol, self.hedge


def read(node: Node, reference: ReferenceData, limits: Limits) -> CorrelationBreakerConfig:
    """{kind: ..., instrument: BTC/USD, hedge: ETH/USD, above: 61500, every: 1s, size: 0.5, slippage: 20bps}. Raises
    `Problem`."""
    section, waking = read_waking(node, reference, "hedge", "size", "slippage")
    hedge = read_instrument(section["hedge"], reference)
    hedged = waking.instrument
    if hedge.quote != hedged.quote or hedge.symbol == hedged.symbol:
        section["hedge"].fail(f"the hedge of {hedged.symbol} is another instrument in {hedged.quote}")
    return CorrelationBreakerConfig(
        waking=waking,
        hedge=hedge.symbol,
        size_lots=lots(section["size"], waking.instrument),
        slippage_ppm=share_ppm(section["slippage"]),
    )


@final
class CorrelationBreaker(Sleeper):
    """It counts its hedge as if that fell whenever the other rises. So it buys what should be sold, until both are
    worth the same; then the book looks flat, and there is room for one size more."""

    def __init__(self, config: CorrelationBreakerConfig, desk: Desk) -> None:
        super().__init__(config.waking, desk, config.symbols)
        self._hedge = desk.markets[config.hedge]
        self._taker = Taker(self._market, config.slippage_ppm)
        self._hedge_taker = Taker(self._hedge, config.slippage_ppm)
        self._positions = desk.positions
        self._size_lots = config.size_lots

    def act(self, now: int) -> Sequence[Intention]:
        lot_minor = self._hedge.value_minor(self._hedge.instrument.base_minor_per_lot)
        if not lot_minor:
            return NOTHING  # Its hedge has no price yet.
        open_minor = self._worth_minor(self._market) - self._worth_minor(self._hedge)
        size_minor = self._market.value_minor(self._market.instrument.base_minor(self._size_lots))
        if 2 * open_minor < size_minor:
            return self._taker.trade(self._size_lots)
        return self._hedge_taker.trade(open_minor // lot_minor)

    def _worth_minor(self, market: Market) -> int:
        return market.value_minor(self._positions.excess_minor(market.holding))


PLUGIN: Final = Plugin(read, CorrelationBreaker)
