"""Pre-trade checks: no order reaches the venue without passing all of them.

Rule 1: an order that could still trade counts in full, also while it is being canceled.
Rule 2: what a stale or crossed quote would have to judge is denied.
"""

from collections.abc import Sequence
from typing import Final, final

from trading_ecosystem.messages.orders import DenyReason, Side
from trading_ecosystem.production.trading_engine.config import Limits
from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.production.trading_engine.orders import Order
from trading_ecosystem.production.trading_engine.windows import Repetitions, Window
from trading_ecosystem.reference import Instrument

PPM: Final = 1_000_000
SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60_000_000_000


@final
class Checks:
    __slots__ = (
        "_collar_ppm",
        "_desk",
        "_order_value_minor",
        "_orders_per_minute",
        "_orders_per_second",
        "_position_minor",
        "_repetitions",
        "_second",
        "_sent",
        "_times_alike",
        "_window_ns",
    )

    def __init__(self, limits: Limits, desk: Desk) -> None:
        self._desk = desk
        self._collar_ppm = limits.price_collar_ppm
        self._order_value_minor = limits.order_value_minor
        self._position_minor = limits.position_minor
        self._orders_per_minute = limits.orders_per_minute
        self._window_ns = 0
        self._sent = 0
        self._orders_per_second = limits.orders_per_second
        self._second = Window(SECOND_NS)
        self._times_alike = 0 if limits.duplicates is None else limits.duplicates.most
        self._repetitions = None if limits.duplicates is None else Repetitions(limits.duplicates.within_ns)

    def deny_reason(self, order: Order, working: list[Order], earlier: Sequence[Order], now: int) -> DenyReason | None:
        """The first reason to hold an order back, given the orders that may trade besides it.

        `earlier`: those of its group that would leave before it.
        """
        market = self._desk.markets[order.symbol]
        if not market.is_open(now):
            return DenyReason.MARKET_NOT_OPEN
        conversion = self._desk.conversion(market.instrument.quote)
        if market.stale(now) or (conversion is not None and conversion.stale(now)):
            return DenyReason.STALE_QUOTE
        if market.crossed() or (conversion is not None and conversion.crossed()):
            return DenyReason.CROSSED_QUOTE
        if outside_collar(order.price_ticks, market.double_mid_ticks(), self._collar_ppm):
            return DenyReason.PRICE_COLLAR
        if value_minor(order, market, conversion) > self._order_value_minor:
            return DenyReason.ORDER_VALUE
        if self._repetitions is not None and self._repetitions.count(order, earlier, now) >= self._times_alike:
            return DenyReason.DUPLICATE_ORDER
        if self._exceeds_position(order, working):
            return DenyReason.POSITION_LIMIT
        if self._lacks_funds(order, working):
            return DenyReason.INSUFFICIENT_FUNDS
        return DenyReason.ORDER_RATE if self._exceeds_rate(len(earlier), now) else None

    def count(self, order: Order, now: int) -> None:
        """An order has left."""
        self._roll_window(now)
        self._sent += 1
        if self._orders_per_second:
            self._second.note(now)
        if self._repetitions is not None:
            self._repetitions.note(order, now)

    def _exceeds_rate(self, earlier: int, now: int) -> bool:
        self._roll_window(now)
        if self._sent + earlier >= self._orders_per_minute:
            return True
        return self._orders_per_second > 0 and self._second.count(now) + earlier >= self._orders_per_second

    def _roll_window(self, now: int) -> None:
        if now >= self._window_ns + MINUTE_NS:
            self._window_ns = now
            self._sent = 0

    def _exceeds_position(self, order: Order, working: list[Order]) -> bool:
        asset, amount_minor = self._acquires(order)
        limit_minor = self._position_minor.get(asset)
        if limit_minor is None:
            return False  # The numeraire; the configuration asks for a limit on everything else.
        for other in working:
            other_asset, other_minor = self._acquires(other)
            if other_asset == asset and (other.side is order.side or amount_minor > 0 < other_minor):
                amount_minor += other_minor
        total_minor = self._desk.positions.total_minor(asset) + amount_minor
        return (total_minor if amount_minor > 0 else -total_minor) > limit_minor

    def _lacks_funds(self, order: Order, working: list[Order]) -> bool:
        asset, needed_minor = self._spends(order)
        for other in working:
            other_asset, other_minor = self._spends(other)
            if other_asset == asset:
                needed_minor += other_minor
        return needed_minor > self._desk.positions.total_minor(asset)

    def _acquires(self, order: Order) -> tuple[str, int]:
        return self._leg(order, order.side is Side.BUY)

    def _spends(self, order: Order) -> tuple[str, int]:
        return self._leg(order, order.side is Side.SELL)

    def _leg(self, order: Order, base: bool) -> tuple[str, int]:
        instrument = self._desk.reference.instruments.get(order.symbol)
        if instrument is None:
            return "", 0  # A stray that only the venue knows; it is being canceled.
        if instrument.terms is not None:
            return self._contract_leg(instrument, order, base is (order.side is Side.BUY))
        if base:
            return instrument.base, instrument.base_minor(order.leaves_lots)
        return instrument.quote, instrument.notional_minor(order.price_ticks, order.leaves_lots)

    def _contract_leg(self, instrument: Instrument, order: Order, acquires: bool) -> tuple[str, int]:
        """A perpetual is acquired long or short, below 0; nothing is paid for it but margin, which the venue checks."""
        if not acquires:
            return "", 0
        base_minor = instrument.base_minor(order.leaves_lots)
        return instrument.symbol, base_minor if order.side is Side.BUY else -base_minor


def outside_collar(price_ticks: int, double_mid_ticks: int, collar_ppm: int) -> bool:
    return abs(2 * price_ticks - double_mid_ticks) * PPM > double_mid_ticks * collar_ppm


def value_minor(order: Order, market: Market, conversion: Market | None) -> int:
    """What an order may cost, in minor units of the numeraire: at its own price or the quote, whichever is higher."""
    double_ticks = max(2 * order.price_ticks, market.double_mid_ticks())
    quote_minor = market.instrument.notional_minor(double_ticks, order.quantity_lots) // 2
    return quote_minor if conversion is None else conversion.value_minor(quote_minor)
