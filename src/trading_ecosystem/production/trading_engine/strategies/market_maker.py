"""A market maker: bids below and asks above the reference price, and leans against its inventory.

The shift of both quotes in proportion to the inventory is the reservation price of Avellaneda and Stoikov,
"High-frequency trading in a limit order book" (2008), with a constant in place of risk aversion times variance.

Rule 1: it re-quotes when the middle has moved by a threshold or an order was hit, at most once per interval.
Rule 2: on a stale or crossed reference quote, and in a market that is not open, it has no orders.
"""

from collections.abc import Sequence
from typing import Final, final

from trading_ecosystem.messages.orders import Side, TimeInForce
from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.production.trading_engine.orders import Order, OrderStatus
from trading_ecosystem.production.trading_engine.strategies.market_maker_config import (
    MarketMakerConfig,
    QuotingConfig,
    read,
)
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin
from trading_ecosystem.production.trading_engine.strategies.strategy import (
    NOTHING,
    PPM,
    Intention,
    Place,
    Strategy,
    Withdraw,
)


@final
class Quoting:
    """One instrument being quoted. Its prices hold while the double mid stays between `low` and `high`."""

    __slots__ = (
        "ask",
        "bid",
        "due",
        "half_spread_ppm",
        "high",
        "low",
        "market",
        "maximum_minor",
        "not_before_ns",
        "requote_ppm",
        "size_lots",
        "skew_ppm",
    )

    def __init__(self, config: QuotingConfig, market: Market) -> None:
        self.market = market
        self.size_lots: int = config.size_lots
        self.maximum_minor: int = config.maximum_minor
        self.half_spread_ppm: int = config.half_spread_ppm
        self.skew_ppm: int = config.skew_ppm
        self.requote_ppm: int = config.requote_ppm
        self.bid: Order | None = None
        self.ask: Order | None = None
        self.due = True  # Something other than the price asks for new quotes.
        self.low = 0
        self.high = 0
        self.not_before_ns = 0

    def hold(self, double_mid: int) -> None:
        """From here the price may move by less than the threshold before the next quotes."""
        step = double_mid * self.requote_ppm // PPM
        self.low = double_mid - step
        self.high = double_mid + step

    def prices(self, double_mid: int, excess_minor: int) -> tuple[int, int]:
        """Bid and ask in ticks, rounded away from the middle."""
        excess_minor = min(max(excess_minor, -self.maximum_minor), self.maximum_minor)
        reservation = double_mid * (PPM - self.skew_ppm * excess_minor // self.maximum_minor)
        bid_ticks = reservation * (PPM - self.half_spread_ppm) // (2 * PPM * PPM)
        ask_ticks = -(-reservation * (PPM + self.half_spread_ppm) // (2 * PPM * PPM))
        return bid_ticks, ask_ticks

    def lots(self, room_minor: int) -> int:
        """The size of a quote that leaves the position within its maximum."""
        room_lots = room_minor // self.market.instrument.base_minor_per_lot
        return max(0, min(self.size_lots, room_lots))


@final
class MarketMaker(Strategy):
    def __init__(self, config: MarketMakerConfig, desk: Desk) -> None:
        super().__init__(config.symbols, ())
        self._desk = desk
        self._interval_ns: int = config.interval_ns
        self._retry_ns: int = config.retry_ns
        self._quotings = {
            quoting.symbol: Quoting(quoting, desk.markets[quoting.symbol]) for quoting in config.instruments
        }

    def on_quote(self, market: Market, now: int) -> Sequence[Intention]:
        quoting = self._quotings[market.instrument.symbol]
        quote = market.quote
        assert quote is not None
        double_mid = quote.bid_ticks + quote.ask_ticks
        if market.stale(now) or market.crossed() or not market.is_open(now):
            return self._withdraw(quoting)
        if quoting.low < double_mid < quoting.high and not quoting.due:
            return NOTHING
        if now < quoting.not_before_ns:
            return NOTHING
        return self._requote(quoting, double_mid, now)

    def on_phase(self, market: Market, now: int) -> Sequence[Intention]:
        return NOTHING if market.is_open(now) else self._withdraw(self._quotings[market.instrument.symbol])

    def on_fill(self, order: Order, now: int) -> Sequence[Intention]:
        self._quotings[order.symbol].due = True
        return NOTHING

    def on_close(self, order: Order, now: int) -> Sequence[Intention]:
        quoting = self._quotings[order.symbol]
        if order is quoting.bid or order is quoting.ask:
            quoting.due = True
            if order.status is OrderStatus.REJECTED or order.status is OrderStatus.DENIED:
                quoting.not_before_ns = now + self._retry_ns
        return NOTHING

    def on_wake(self, now: int) -> Sequence[Intention]:
        intentions: list[Intention] = []
        for quoting in self._quotings.values():
            if quoting.market.stale(now):
                intentions.extend(self._withdraw(quoting))
        return intentions

    def due_ns(self, otherwise_ns: int) -> int:
        """The first moment at which a quote that orders rest on becomes stale."""
        first_ns = otherwise_ns
        for quoting in self._quotings.values():
            if quoting.bid is not None or quoting.ask is not None:
                first_ns = min(first_ns, quoting.market.stale_ns())
        return first_ns

    def _requote(self, quoting: Quoting, double_mid: int, now: int) -> Sequence[Intention]:
        quoting.due = False
        quoting.not_before_ns = now + self._interval_ns
        quoting.hold(double_mid)
        excess_minor = self._desk.positions.excess_minor(quoting.market.holding)
        bid_ticks, ask_ticks = quoting.prices(double_mid, excess_minor)
        old_bid, old_ask = quoting.bid, quoting.ask
        quoting.bid = quote(quoting, Side.BUY, bid_ticks, quoting.lots(quoting.maximum_minor - excess_minor), old_bid)
        quoting.ask = quote(quoting, Side.SELL, ask_ticks, quoting.lots(quoting.maximum_minor + excess_minor), old_ask)
        intentions: list[Intention] = []
        withdraw(old_bid, quoting.bid, intentions)
        withdraw(old_ask, quoting.ask, intentions)
        place(quoting.bid, old_bid, intentions)
        place(quoting.ask, old_ask, intentions)
        return intentions

    def _withdraw(self, quoting: Quoting) -> Sequence[Intention]:
        """Leave the market until there is a price again."""
        if quoting.bid is None and quoting.ask is None:
            return NOTHING
        intentions: list[Intention] = []
        withdraw(quoting.bid, None, intentions)
        withdraw(quoting.ask, None, intentions)
        quoting.bid = quoting.ask = None
        quoting.due = True
        return intentions


def quote(quoting: Quoting, side: Side, price_ticks: int, lots: int, old: Order | None) -> Order | None:
    """The order that should rest on one side: the old one if it is just that, a new one, or none."""
    if lots == 0 or price_ticks <= 0:
        return None
    if old is not None and not old.closed and old.price_ticks == price_ticks and old.leaves_lots == lots:
        return old
    return Order(quoting.market.instrument.symbol, side, price_ticks, lots, TimeInForce.GTC, post_only=True)


def withdraw(old: Order | None, new: Order | None, intentions: list[Intention]) -> None:
    if old is not None and old is not new and not old.closed:
        intentions.append(Withdraw(old))


def place(new: Order | None, old: Order | None, intentions: list[Intention]) -> None:
    if new is not None and new is not old:
        intentions.append(Place([new]))


PLUGIN: Final = Plugin(read, MarketMaker)
