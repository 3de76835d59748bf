"""How large a position is, and the order that leads to it.

Rule 1: a position is as large as a day's standard deviation of its value may cost, and never above its maximum.
Rule 2: one order at a time: it takes what is there up to the slippage, and what is left of it ends.
"""

from typing import final

from trading_ecosystem.messages.orders import Side
from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.production.trading_engine.orders import Order
from trading_ecosystem.production.trading_engine.strategies.arbitrage import take
from trading_ecosystem.production.trading_engine.strategies.samples import PPB
from trading_ecosystem.production.trading_engine.strategies.sizing_config import SizingConfig
from trading_ecosystem.production.trading_engine.strategies.strategy import PPM


@final
class Sizing:
    """The position in one instrument, counted from the desk's opening: amounts of the base asset in minor units,
    below 0 for short."""

    __slots__ = ("_config", "_conversion", "_desk", "_maximum_minor", "_order", "market")

    def __init__(self, symbol: str, maximum_minor: int, config: SizingConfig, desk: Desk) -> None:
        self.market: Market = desk.markets[symbol]
        self._conversion: Market | None = desk.conversion(self.market.instrument.quote)
        self._desk = desk
        self._config = config
        self._maximum_minor: int = maximum_minor
        self._order: Order | None = None

    def ready(self, now: int) -> bool:
        """Whether there is a price to decide on, here and of what it is paid in, and no order on its way."""
        if self._order is not None and not self._order.closed:
            return False
        conversion = self._conversion
        if conversion is not None and (conversion.stale(now) or conversion.crossed()):
            return False
        return not self.market.stale(now) and not self.market.crossed() and self.market.is_open(now)

    def size_minor(self, day_volatility_ppb: int) -> int:
        """The largest position whose value varies by no more than the risk in a day, at today's price. Whole lots."""
        worth_minor = self._worth_minor(self._maximum_minor)
        size_minor = self._maximum_minor
        if worth_minor * day_volatility_ppb > self._config.risk_minor * PPB:
            size_minor = size_minor * self._config.risk_minor * PPB // (worth_minor * day_volatility_ppb)
        return size_minor - size_minor % self.market.instrument.base_minor_per_lot

    def position_minor(self) -> int:
        return self._desk.positions.excess_minor(self.market.holding)

    def toward(self, target_minor: int, tolerance_minor: int) -> Order | None:
        """The next order on the way to a position; None where it is nearer than the tolerance, or than a lot."""
        distance_minor = target_minor - self.position_minor()
        lots = abs(distance_minor) // self.market.instrument.base_minor_per_lot
        if abs(distance_minor) < tolerance_minor or lots == 0:
            return None
        self._order = self._taking(Side.BUY if distance_minor > 0 else Side.SELL, lots)
        return self._order

    def _taking(self, side: Side, lots: int) -> Order | None:
        """At the quote and the slippage, rounded to the dear side, and no larger than the desk lets an order be."""
        quote, slippage_ppm = self.market.quote, self._config.slippage_ppm
        assert quote is not None
        if side is Side.SELL:
            price_ticks = quote.bid_ticks * (PPM - slippage_ppm) // PPM
        else:
            price_ticks = -(-quote.ask_ticks * (PPM + slippage_ppm) // PPM)
        dearest_ticks = max(2 * price_ticks, self.market.double_mid_ticks())
        lot_minor = self._numeraire_minor(self.market.instrument.notional_minor(dearest_ticks, 1))
        if price_ticks <= 0 or lot_minor <= 0:
            return None
        lots = min(lots, 2 * self._config.largest_minor // lot_minor)
        return take(self.market.instrument.symbol, side, price_ticks, lots) if lots > 0 else None

    def _worth_minor(self, base_minor: int) -> int:
        return self._numeraire_minor(self.market.value_minor(base_minor))

    def _numeraire_minor(self, quote_minor: int) -> int:
        return quote_minor if self._conversion is None else self._conversion.value_minor(quote_minor)
