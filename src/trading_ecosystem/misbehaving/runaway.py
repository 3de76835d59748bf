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
from trading_ecosystem.production.trading_engine.config import Limits
from trading_ecosystem.production.trading_engine.config_values import lots, share_ppm
from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.production.trading_engine.orders import Order
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin
from trading_ecosystem.production.trading_engine.strategies.strategy import NOTHING, PPM, Intention, Place, Strategy
from trading_ecosystem.reference import ReferenceData

MILLISECOND_NS = 1_000_000


@final
@dataclass(frozen=True, kw_only=True)
class RunawayConfig:
    """`wakes_double_ticks` is twice a price, in ticks."""

    symbol: str
    wakes_double_ticks: int
    size_lots: int
    distance_ppm: int
    every_ns: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.symbol,)


def read(node: Node, reference: ReferenceData, limits: Limits) -> RunawayConfig:
    """{kind: ..., instrument: USDC/USD, below: 0.997, size: 100, distance: 5bps, every: 40ms}. Raises `Problem`."""
    section = node.section(required=("kind", "instrument", "below", "size", "distance", "every"))
    instrument = reference.instruments[section["instrument"].word(reference.instruments, "instrument")]
    return RunawayConfig(
        symbol=instrument.symbol,
        wakes_double_ticks=int(2 * section["below"].positive() / instrument.tick),
        size_lots=lots(section["size"], instrument),
        distance_ppm=share_ppm(section["distance"]),
        every_ns=section["every"].duration_ns(MILLISECOND_NS),
    )


@final
class Runaway(Strategy):
    """Once the middle is as low as it wakes at, it bids for its size again and again, below the middle, and never
    stops."""

    def __init__(self, config: RunawayConfig, desk: Desk) -> None:
        super().__init__(config.symbols, ())
        self._market = desk.markets[config.symbol]
        self._wakes_double_ticks = config.wakes_double_ticks
        self._size_lots = config.size_lots
        self._distance_ppm = config.distance_ppm
        self._every_ns = config.every_ns
        self._next_ns = 0  # 0: asleep.

    def on_quote(self, market: Market, now: int) -> Sequence[Intention]:
        if not self._next_ns and 0 < market.double_mid_ticks() <= self._wakes_double_ticks:
            self._next_ns = now
            return self.on_wake(now)
        return NOTHING

    def on_wake(self, now: int) -> Sequence[Intention]:
        if not self._next_ns or now < self._next_ns:
            return NOTHING
        self._next_ns = now + self._every_ns
        price_ticks = self._market.double_mid_ticks() * (PPM - self._distance_ppm) // (2 * PPM)
        symbol = self._market.instrument.symbol
        return [Place([Order(symbol, Side.BUY, price_ticks, self._size_lots, TimeInForce.GTC)])]

    def due_ns(self, otherwise_ns: int) -> int:
        return min(otherwise_ns, self._next_ns) if self._next_ns else otherwise_ns


PLUGIN: Final = Plugin(read, Runaway)
