"""A strategy that pays the spread for nothing: it buys and sells the same, again and again.

None of its orders is large, and they are not many at a time; only the sum of the losses shows. It is wash trading
(Cong, Li, Tang and Yang, "Crypto wash trading", Management Science 69, 2023) by somebody who gets nothing for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.misbehaving.sleeper import Sleeper, Taker, Waking, read_waking
from trading_ecosystem.production.trading_engine.config import Limits
from trading_ecosystem.production.trading_engine.config_values import lots, share_ppm
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin
from trading_ecosystem.production.trading_engine.strategies.strategy import Intention
from trading_ecosystem.reference import ReferenceData


@final
@dataclass(frozen=True, kw_only=True)
class SlowLeakConfig:
    waking: Waking
    size_lots: int
    slippage_ppm: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.waking.instrument.symbol,)


def read(node: Node, reference: ReferenceData, limits: Limits) -> SlowLeakConfig:
    """{kind: ..., instrument: USDC/USD, below: 0.997, every: 1s, size: 50000, slippage: 20bps}. Raises `Problem`."""
    section, waking = read_waking(node, reference, "size", "slippage")
    return SlowLeakConfig(
        waking=waking,
        size_lots=lots(section["size"], waking.instrument),
        slippage_ppm=share_ppm(section["slippage"]),
    )


@final
class SlowLeak(Sleeper):
    """It buys its size where it has not got it, and sells what it has."""

    def __init__(self, config: SlowLeakConfig, desk: Desk) -> None:
        super().__init__(config.waking, desk, config.symbols)
        self._taker = Taker(self._market, config.slippage_ppm)
        self._positions = desk.positions
        self._size_lots = config.size_lots

    def act(self, now: int) -> Sequence[Intention]:
        market = self._market
        has_lots = self._positions.excess_minor(market.holding) // market.instrument.base_minor_per_lot
        return self._taker.trade(-has_lots if has_lots > 0 else self._size_lots)


PLUGIN: Final = Plugin(read, SlowLeak)
