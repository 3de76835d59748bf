"""Triangular arbitrage: BTC/USD against BTC/USDT times USDT/USD, on the venue's own books.

The condition is the no-arbitrage band with proportional costs of Garman and Ohlson (1981), "Valuation of risky assets
in arbitrage-free economies with transactions costs"; outside the band one direction pays after fees.

Rule 1: one round at a time: three legs that go together or not at all, then a hedge of what did not fill, then a rest.
Rule 2: prices are compared as whole numbers by cross-multiplication; nothing is rounded before the comparison.
Rule 3: flat is what the account held at its opening; it has the assets it trades to itself.
"""

from collections.abc import Sequence
from math import gcd
from typing import Final, final

from trading_ecosystem.messages.orders import Side, TimeInForce
from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.production.trading_engine.orders import Order
from trading_ecosystem.production.trading_engine.strategies.arbitrage_config import (
    ArbitrageConfig,
    TriangleConfig,
    read,
)
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin
from trading_ecosystem.production.trading_engine.strategies.strategy import NOTHING, PPM, Intention, Place, Strategy


@final
class Triangle:
    """Two ways from the numeraire to one asset: directly, and across a third asset."""

    __slots__ = (
        "_buying_cost",
        "_buying_gain",
        "_selling_cost",
        "_selling_gain",
        "_size_minor",
        "_step_minor",
        "bridge",
        "cross",
        "direct",
    )

    def __init__(self, config: TriangleConfig, fee_ppm: int, threshold_ppm: int, desk: Desk) -> None:
        self.direct: Market = desk.markets[config.direct]
        self.cross: Market = desk.markets[config.cross]
        self.bridge: Market = desk.markets[config.bridge]
        direct, cross, bridge = self.direct.instrument, self.cross.instrument, self.bridge.instrument
        # A price in minor units: ticks * quote_minor_per_tick_lot / base_minor_per_lot.
        straight = direct.quote_minor_per_tick_lot * cross.base_minor_per_lot * bridge.base_minor_per_lot
        around = cross.quote_minor_per_tick_lot * bridge.quote_minor_per_tick_lot * direct.base_minor_per_lot
        # A sale brings its price less the fee, a purchase costs its price and the fee; all in parts per million.
        keep, pay, more = PPM - fee_ppm, PPM + fee_ppm, PPM + threshold_ppm
        self._buying_gain: int = around * keep**2 * PPM**2
        self._buying_cost: int = straight * pay * PPM**2 * more
        self._selling_gain: int = straight * keep * PPM**3
        self._selling_cost: int = around * pay**2 * PPM * more
        lots = direct.base_minor_per_lot, cross.base_minor_per_lot
        self._step_minor: int = lots[0] * lots[1] // gcd(lots[0], lots[1])
        self._size_minor: int = config.size_minor

    def is_open(self, now: int) -> bool:
        return self.direct.is_open(now) and self.cross.is_open(now) and self.bridge.is_open(now)

    def opportunity(self) -> list[Order]:
        """The three legs of a round that pays after fees and threshold; empty if none does."""
        direct, cross, bridge = self.direct.book, self.cross.book, self.bridge.book
        if direct is None or cross is None or bridge is None:
            return []
        bought, sold = direct.ask_ticks, cross.bid_ticks * bridge.bid_ticks
        if bought and sold * self._buying_gain > bought * self._buying_cost:
            lots = direct.ask_lots, cross.bid_lots, bridge.bid_lots
            return self._legs(Side.BUY, (direct.ask_ticks, cross.bid_ticks, bridge.bid_ticks), lots)
        bought, sold = cross.ask_ticks * bridge.ask_ticks, direct.bid_ticks
        if bought and sold * self._selling_gain > bought * self._selling_cost:
            lots = direct.bid_lots, cross.ask_lots, bridge.ask_lots
            return self._legs(Side.SELL, (direct.bid_ticks, cross.ask_ticks, bridge.ask_ticks), lots)
        return []

    def _legs(self, side: Side, ticks: tuple[int, int, int], depth: tuple[int, int, int]) -> list[Order]:
        """Orders for the smallest of the three depths. `side` is that of the direct leg."""
        direct, cross, bridge = self.direct.instrument, self.cross.instrument, self.bridge.instrument
        cross_minor_per_lot = cross.notional_minor(ticks[1], 1)
        bridged_minor = bridge.base_minor(depth[2]) * cross.base_minor_per_lot // cross_minor_per_lot
        base_minor = min(direct.base_minor(depth[0]), cross.base_minor(depth[1]), bridged_minor, self._size_minor)
        base_minor -= base_minor % self._step_minor
        cross_lots = base_minor // cross.base_minor_per_lot
        bridge_lots = cross_lots * cross_minor_per_lot // bridge.base_minor_per_lot
        if bridge_lots == 0:
            return []
        other = Side.SELL if side is Side.BUY else Side.BUY
        return [
            take(direct.symbol, side, ticks[0], base_minor // direct.base_minor_per_lot),
            take(cross.symbol, other, ticks[1], cross_lots),
            take(bridge.symbol, other, ticks[2], bridge_lots),
        ]


@final
class Arbitrage(Strategy):
    def __init__(self, config: ArbitrageConfig, desk: Desk) -> None:
        super().__init__((), config.symbols)
        self._desk = desk
        self._cooldown_ns: int = config.cooldown_ns
        self._slippage_ppm: int = config.slippage_ppm
        self._hedge_above_minor: int = config.hedge_above_minor
        self._largest_minor: int = config.largest_minor
        self._triangles: dict[str, list[Triangle]] = {symbol: [] for symbol in config.symbols}
        self._hedges: dict[str, Market] = {}
        for part in config.triangles:
            triangle = Triangle(part, config.taker_fee_ppm, config.threshold_ppm, desk)
            for market in (triangle.direct, triangle.cross, triangle.bridge):
                self._triangles[market.instrument.symbol].append(triangle)
            for market in (triangle.direct, triangle.bridge):
                self._hedges[market.instrument.symbol] = market
        self._round: list[Order] = []  # Orders whose end it waits for.
        self._hedging = False
        self._uneven = True  # A position may not be flat.
        self._not_before_ns = 0

    def on_book_top(self, market: Market, now: int) -> Sequence[Intention]:
        if now < self._not_before_ns or self._round:
            return NOTHING
        if self._uneven:
            hedge = self._hedge(now)
            if hedge:
                return hedge
        for triangle in self._triangles[market.instrument.symbol]:
            legs = triangle.opportunity() if triangle.is_open(now) else []
            if legs:
                self._begin(legs, False, now)
                return [Place(legs)]
        return NOTHING

    def on_fill(self, order: Order, now: int) -> Sequence[Intention]:
        return self._end_of_round(now)

    def on_close(self, order: Order, now: int) -> Sequence[Intention]:
        return self._end_of_round(now)

    def _begin(self, orders: list[Order], hedging: bool, now: int) -> None:
        self._round = orders
        self._hedging = hedging
        self._uneven = True
        self._not_before_ns = now + self._cooldown_ns

    def _end_of_round(self, now: int) -> Sequence[Intention]:
        """When the last leg has ended, hedge at once what is left; after a hedge, rest."""
        for order in self._round:
            if not order.closed:
                return NOTHING
        legs_ended = bool(self._round) and not self._hedging
        self._round = []
        return self._hedge(now) if legs_ended else NOTHING

    def _hedge(self, now: int) -> Sequence[Intention]:
        """One order for each position that is further from flat than is left alone."""
        orders: list[Order] = []
        even = True
        for market in self._hedges.values():
            excess_minor = self._desk.positions.excess_minor(market.instrument.base)
            if market.quote is not None and abs(market.value_minor(excess_minor)) < self._hedge_above_minor:
                continue
            even = False
            order = self._hedge_order(market, excess_minor) if market.is_open(now) else None
            if order is not None:
                orders.append(order)
        self._uneven = not even
        if not orders:
            return NOTHING
        self._begin(orders, True, now)
        return [Place([order]) for order in orders]

    def _hedge_order(self, market: Market, excess_minor: int) -> Order | None:
        """An order that takes the book up to the slippage allowed. None where there is no price."""
        book, instrument = market.book, market.instrument
        if book is None or market.quote is None:
            return None
        side = Side.SELL if excess_minor > 0 else Side.BUY
        if side is Side.SELL:
            price_ticks = book.bid_ticks * (PPM - self._slippage_ppm) // PPM
        else:
            price_ticks = -(-book.ask_ticks * (PPM + self._slippage_ppm) // PPM)
        if price_ticks <= 0:
            return None
        dearest = max(2 * price_ticks, market.double_mid_ticks())
        largest_lots = 2 * self._largest_minor // instrument.notional_minor(dearest, 1)
        lots = min(abs(excess_minor) // instrument.base_minor_per_lot, largest_lots)
        return take(instrument.symbol, side, price_ticks, lots) if lots > 0 else None


def take(symbol: str, side: Side, price_ticks: int, quantity_lots: int) -> Order:
    """An order that trades at once, and what is left of it ends."""
    return Order(symbol, side, price_ticks, quantity_lots, TimeInForce.IOC)


PLUGIN: Final = Plugin(read, Arbitrage)
