"""Spot against perpetual: long the pair and short the perpetual while the perpetual is dear, flat when it is not.

What it earns is the basis that goes, and the funding that shorts are paid while it stays; what it risks is the margin
of the short leg, which does not know of the long one.

Rule 1: one round at a time: two legs that go together or not at all, then a hedge of what did not fill, then a rest.
Rule 2: prices are compared as whole numbers by cross-multiplication; nothing is rounded before the comparison.
Rule 3: a hedge only makes the larger leg smaller: a leg that the venue took away is not built up again beside the rule.
"""

from collections.abc import Sequence
from math import gcd
from typing import Final, final

from trading_ecosystem.messages.orders import Side
from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.production.trading_engine.orders import Order
from trading_ecosystem.production.trading_engine.strategies.arbitrage import take
from trading_ecosystem.production.trading_engine.strategies.basis_config import BasisConfig, BasisLegsConfig, read
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin
from trading_ecosystem.production.trading_engine.strategies.strategy import NOTHING, PPM, Intention, Place, Strategy


@final
class BasisLegs:
    """A pair and a perpetual of it. Amounts are of the base asset, in minor units."""

    __slots__ = (
        "_close_ppm",
        "_desk",
        "_maximum_minor",
        "_open_ppm",
        "_perpetual_unit",
        "_size_minor",
        "_spot_unit",
        "_step_minor",
        "perpetual",
        "spot",
    )

    def __init__(self, config: BasisLegsConfig, open_ppm: int, close_ppm: int, desk: Desk) -> None:
        self._desk = desk
        self.spot: Market = desk.markets[config.spot]
        self.perpetual: Market = desk.markets[config.perpetual]
        self._open_ppm = open_ppm
        self._close_ppm = close_ppm
        self._size_minor: int = config.size_minor
        self._maximum_minor: int = config.maximum_minor
        spot, perpetual = self.spot.instrument, self.perpetual.instrument
        # A price: ticks * quote_minor_per_tick_lot / base_minor_per_lot.
        self._spot_unit: int = spot.quote_minor_per_tick_lot * perpetual.base_minor_per_lot
        self._perpetual_unit: int = perpetual.quote_minor_per_tick_lot * spot.base_minor_per_lot
        lots = spot.base_minor_per_lot, perpetual.base_minor_per_lot
        self._step_minor: int = lots[0] * lots[1] // gcd(lots[0], lots[1])

    def short_minor(self) -> int:
        return -self._desk.positions.excess_minor(self.perpetual.holding)

    def long_minor(self) -> int:
        return self._desk.positions.excess_minor(self.spot.holding)

    def opportunity(self) -> list[Order]:
        """Two legs that open more, or close what is open; empty for neither."""
        spot, perpetual = self.spot.book, self.perpetual.book
        if spot is None or perpetual is None:
            return []
        dear = perpetual.bid_ticks * self._perpetual_unit * PPM
        if spot.ask_ticks and dear >= spot.ask_ticks * self._spot_unit * (PPM + self._open_ppm):
            room_minor = self._maximum_minor - self.short_minor()
            return self._legs(
                Side.BUY, (spot.ask_ticks, spot.ask_lots, perpetual.bid_ticks, perpetual.bid_lots), room_minor
            )
        cheap = perpetual.ask_ticks * self._perpetual_unit * PPM
        if perpetual.ask_ticks and cheap <= spot.bid_ticks * self._spot_unit * (PPM + self._close_ppm):
            room_minor = min(self.short_minor(), self.long_minor())
            return self._legs(
                Side.SELL, (spot.bid_ticks, spot.bid_lots, perpetual.ask_ticks, perpetual.ask_lots), room_minor
            )
        return []

    def _legs(self, side: Side, book: tuple[int, int, int, int], room_minor: int) -> list[Order]:
        """For the smaller of both depths. `side` is that of the spot leg."""
        spot, perpetual = self.spot.instrument, self.perpetual.instrument
        spot_ticks, spot_lots, perpetual_ticks, perpetual_lots = book
        depth_minor = min(spot.base_minor(spot_lots), perpetual.base_minor(perpetual_lots))
        base_minor = min(depth_minor, room_minor, self._size_minor)
        base_minor -= base_minor % self._step_minor
        if base_minor <= 0:
            return []
        other = Side.SELL if side is Side.BUY else Side.BUY
        return [
            take(spot.symbol, side, spot_ticks, base_minor // spot.base_minor_per_lot),
            take(perpetual.symbol, other, perpetual_ticks, base_minor // perpetual.base_minor_per_lot),
        ]


@final
class Basis(Strategy):
    def __init__(self, config: BasisConfig, desk: Desk) -> None:
        super().__init__((), config.symbols)
        self._cooldown_ns: int = config.cooldown_ns
        self._slippage_ppm: int = config.slippage_ppm
        self._hedge_above_minor: int = config.hedge_above_minor
        self._largest_minor: int = config.largest_minor
        self._legs = [BasisLegs(part, config.open_ppm, config.close_ppm, desk) for part in config.legs]
        self._round: list[Order] = []  # Orders whose end it waits for.
        self._not_before_ns = 0

    def on_book_top(self, market: Market, now: int) -> Sequence[Intention]:
        if now < self._not_before_ns or self._round:
            return NOTHING
        for legs in self._legs:
            if market is not legs.spot and market is not legs.perpetual:
                continue
            hedge = self._hedge(legs)
            orders = hedge or legs.opportunity()
            if orders:
                self._round = orders
                self._not_before_ns = now + self._cooldown_ns
                return [Place(orders)]
        return NOTHING

    def on_fill(self, order: Order, now: int) -> Sequence[Intention]:
        return self._end_of_round()

    def on_close(self, order: Order, now: int) -> Sequence[Intention]:
        return self._end_of_round()

    def _end_of_round(self) -> Sequence[Intention]:
        if all([order.closed for order in self._round]):
            self._round = []
        return NOTHING

    def _hedge(self, legs: BasisLegs) -> list[Order]:
        """An order that makes the larger leg smaller, where the two differ by more than is left alone."""
        long_minor, short_minor = legs.long_minor(), legs.short_minor()
        uneven_minor = long_minor - short_minor
        if legs.spot.quote is None or abs(legs.spot.value_minor(uneven_minor)) < self._hedge_above_minor:
            return []
        if uneven_minor > 0:
            return self._reduce(legs.spot, Side.SELL, min(uneven_minor, max(0, long_minor)))
        return self._reduce(legs.perpetual, Side.BUY, min(-uneven_minor, max(0, short_minor)))

    def _reduce(self, market: Market, side: Side, amount_minor: int) -> list[Order]:
        """An order that takes the book up to the slippage allowed; none where there is no price."""
        book, instrument = market.book, market.instrument
        if book is None or market.quote is None:
            return []
        if side is Side.SELL:
            price_ticks = book.bid_ticks * (PPM - self._slippage_ppm) // PPM
        else:
            price_ticks = -(-book.ask_ticks * (PPM + self._slippage_ppm) // PPM)
        if price_ticks <= 0:
            return []
        dearest = max(2 * price_ticks, market.double_mid_ticks())
        largest_lots = 2 * self._largest_minor // instrument.notional_minor(dearest, 1)
        lots = min(amount_minor // instrument.base_minor_per_lot, largest_lots)
        return [take(instrument.symbol, side, price_ticks, lots)] if lots > 0 else []


PLUGIN: Final = Plugin(read, Basis)
