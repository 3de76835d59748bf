"""A strategy that sends orders without end: an old path that a price wakes up, and that counts nothing it does.

After Knight Capital, 1 August 2012: a flag was given a new meaning, one of eight servers still ran the code for its
old one, and that code repeated child orders without looking at what had been filled of their parent (SEC release
34-70694).
"""

from collections.abc import Callable, Sequence
from typing import final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.orders import Side, TimeInForce
from trading_ecosystem.production.trading_engine.config_values import lots, share_ppm
from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.production.trading_engine.orders import Order
from trading_ecosystem.production.trading_engine.strategies.strategy import NOTHING, PPM, Intention, Place, Strategy
from trading_ecosystem.reference import ReferenceData

MILLISECOND_NS = 1_000_000


@final
class Runaway(Strategy):
    """Once the middle of `symbol` is at `wakes_double_ticks` (twice the price, in ticks) or below, it bids for
    `size_lots` every `every_ns`, `distance_ppm` below the middle, and never stops."""

    def __init__(
        self, desk: Desk, symbol: str, wakes_double_ticks: int, size_lots: int, distance_ppm: int, every_ns: int
    ) -> None:
        super().__init__((symbol,), ())
        self._market = desk.markets[symbol]
        self._wakes_double_ticks = wakes_double_ticks
        self._size_lots = size_lots
        self._distance_ppm = distance_ppm
        self._every_ns = every_ns
        self._next_ns = 0  # 0: asleep.

    @classmethod
    def configured(cls, settings: Node, reference: ReferenceData) -> Callable[[Desk], Strategy]:
        """settings: {instrument: USDC/USD, below: 0.997, size: 100, distance: 5bps, every: 40ms}. Raises `Problem`."""
        section = settings.section(required=("instrument", "below", "size", "distance", "every"))
        symbol = section["instrument"].word(reference.instruments, "instrument")
        instrument = reference.instruments[symbol]
        wakes_double_ticks = int(2 * section["below"].positive() / instrument.tick)
        size_lots, distance_ppm = lots(section["size"], instrument), share_ppm(section["distance"])
        every_ns = section["every"].duration_ns(MILLISECOND_NS)
        return lambda desk: cls(desk, symbol, wakes_double_ticks, size_lots, distance_ppm, every_ns)

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
