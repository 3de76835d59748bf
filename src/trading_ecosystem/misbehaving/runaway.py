"""A strategy that sends orders without end: an old path that a price wakes up, and that counts nothing it does.

After Knight Capital, 1 August 2012: a flag was given a new meaning, one of eight servers still ran the code for its
old one, and that code repeated child orders without looking at what had been filled of their parent (SEC release
34-70694).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.orders import Side, TimeInForce
from trading_ecosystem.misbehaving.sleeper import Sleeper, Waking, read_waking
from trading_ecosystem.production.trading_engine.config import Limits
from trading_ecosystem.production.trading_engine.config_values import lots, share_ppm
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.orders import Order
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin
from trading_ecosystem.production.trading_engine.strategies.strategy import PPM, Intention, Place
from trading_ecosystem.reference import ReferenceData


@final
@dataclass(frozen=True, kw_only=True)
class RunawayConfig:
    waking: Waking
    size_lots: int
    distance_ppm: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.waking.instrument.symbol,)


def read(node: Node, reference: ReferenceData, limits: Limits) -> RunawayConfig:
    """{kind: ..., instrument: USDC/USD, below: 0.997, size: 100, distance: 5bps, every: 40ms}. Raises `Problem`."""
    section, waking = read_waking(node, reference, "size", "distance")
    return RunawayConfig(
        waking=waking,
        size_lots=lots(section["size"], waking.instrument),
        distance_ppm=share_ppm(section["distance"]),
    )


@final
class Runaway(Sleeper):
    """It bids for its size again and again, below the middle."""

    def __init__(self, config: RunawayConfig, desk: Desk) -> None:
        super().__init__(config.waking, desk, config.symbols)
        self._size_lots = config.size_lots
        self._distance_ppm = config.distance_ppm

    def act(self, now: int) -> Sequence[Intention]:
        price_ticks = self._market.double_mid_ticks() * (PPM - self._distance_ppm) // (2 * PPM)
        symbol = self._market.instrument.symbol
        return [Place([Order(symbol, Side.BUY, price_ticks, self._size_lots, TimeInForce.GTC)])]


PLUGIN: Final = Plugin(read, Runaway)
