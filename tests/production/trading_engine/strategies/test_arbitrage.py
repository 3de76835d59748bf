"""The arbitrage trades a mispricing and nothing else, earns after fees, and ends flat."""

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from trading_ecosystem.messages.accounts import AccountReported, Balance
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.orders import Liquidity, OrderFilled, Side, TimeInForce
from trading_ecosystem.production.trading_engine.config import DeskConfig
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.orders import Order, OrderStatus
from trading_ecosystem.production.trading_engine.strategies.arbitrage import Arbitrage
from trading_ecosystem.production.trading_engine.strategies.arbitrage_config import ArbitrageConfig
from trading_ecosystem.production.trading_engine.strategies.strategy import Intention, Place
from trading_ecosystem.reference import ReferenceData

SECOND = 1_000_000_000
FEE_PPM = 400
OPENING = {"BTC": 15 * 10**8, "ETH": 300 * 10**8, "USDT": 1_500_000 * 10**8, "USD": 2_000_000 * 10**8}
# Bid, bid depth, ask, ask depth, in units.
FAIR = {
    "BTC/USD": ("59999", "1", "60001", "1"),
    "BTC/USDT": ("59999", "1", "60001", "1"),
    "USDT/USD": ("0.9999", "100000", "1.0001", "100000"),
    "ETH/USD": ("2999.5", "5", "3000.5", "5"),
    "ETH/USDT": ("2999.5", "5", "3000.5", "5"),
}


class Floor:
    """A desk at a venue that fills what its books show, at their prices and for a fee."""

    def __init__(self, config: DeskConfig, reference: ReferenceData) -> None:
        self.reference = reference
        self.desk = Desk(reference, config.symbols, 10**18)
        (part,) = config.strategies
        assert isinstance(part.config, ArbitrageConfig)
        self.arbitrage = Arbitrage(part.config, self.desk)
        balances = tuple(Balance(asset=a, free_minor=m, locked_minor=0) for a, m in OPENING.items())
        report = AccountReported(
            to="desk",
            venue="exchange",
            account="beta",
            account_sequence=1,
            balances=balances,
            open_orders=(),
            occurred_ns=0,
        )
        self.desk.positions.report(report)
        self.now = 0
        self.sent: list[Order] = []
        for symbol, book in FAIR.items():
            self.set_book(symbol, *book)
            self.quote(symbol)

    def set_book(self, symbol: str, bid: str, bid_depth: str, ask: str, ask_depth: str) -> None:
        self.now += 1
        pair = self.reference.instruments[symbol]
        sides = [
            (int(Decimal(p) / pair.tick), pair.to_lots(Decimal(d))) for p, d in ((bid, bid_depth), (ask, ask_depth))
        ]
        (bid_ticks, bid_lots), (ask_ticks, ask_lots) = sides
        book = BookTopChanged("exchange", symbol, bid_ticks, bid_lots, ask_ticks, ask_lots, self.now, self.now)
        self.desk.markets[symbol].take_book(book)

    def quote(self, symbol: str) -> None:
        book = self.desk.markets[symbol].book
        assert book is not None
        quote = QuotePublished(symbol, book.bid_ticks, 1, book.ask_ticks, 1, 1, self.now)
        self.desk.markets[symbol].take_quote(quote)

    def look(self, symbol: str = "BTC/USD", after_ns: int = 60 * SECOND) -> list[Order]:
        """What it wants when the book of `symbol` is news."""
        self.now += after_ns
        return self.take(self.arbitrage.on_book_top(self.desk.markets[symbol], self.now))

    def take(self, intentions: Sequence[Intention]) -> list[Order]:
        orders: list[Order] = []
        for intention in intentions:
            assert isinstance(intention, Place)
            orders += intention.orders
        self.sent += orders
        return orders

    def fill(self, order: Order, lots: int | None = None) -> list[Order]:
        """Fill some or all of an IOC order, end it, and give the orders that this leads to."""
        lots = order.quantity_lots if lots is None else lots
        pair = self.reference.instruments[order.symbol]
        follow: list[Order] = []
        if lots:
            ticks = self.price_in_book(order)
            fee = pair.notional_minor(ticks, lots) * FEE_PPM // 10**6
            fill = OrderFilled(
                "beta", "exchange", 1, 0, 1, "", order.symbol, order.side, ticks, lots, 0, fee, Liquidity.TAKER, 1
            )
            self.desk.positions.fill(fill, pair)
            order.leaves_lots -= lots
            order.status = OrderStatus.OPEN if order.leaves_lots else OrderStatus.FILLED
            follow += self.take(self.arbitrage.on_fill(order, self.now))
        if order.leaves_lots:
            order.status = OrderStatus.CANCELED
            follow += self.take(self.arbitrage.on_close(order, self.now))
        return follow

    def price_in_book(self, order: Order) -> int:
        book = self.desk.markets[order.symbol].book
        assert book is not None
        ticks = book.ask_ticks if order.side is Side.BUY else book.bid_ticks
        assert ticks <= order.price_ticks if order.side is Side.BUY else ticks >= order.price_ticks
        return ticks

    def wealth_minor(self) -> int:
        """In USD, at fair prices."""
        prices = {"BTC": 60_000, "ETH": 3_000, "USDT": 1, "USD": 1}
        return sum(self.desk.positions.total_minor(asset) * price for asset, price in prices.items())


@pytest.fixture
def floor(reference: ReferenceData, desk_config: Callable[[str], DeskConfig], arbitrage_text: str) -> Floor:
    return Floor(desk_config(arbitrage_text), reference)


def test_without_a_mispricing_it_does_nothing(floor: Floor) -> None:
    for symbol in FAIR:
        assert floor.look(symbol) == []


@pytest.mark.parametrize(
    ("bid", "ask", "direct_side"),
    [("60200", "60202", Side.BUY), ("59798", "59800", Side.SELL)],
)
def test_a_planted_mispricing_is_traded_around_and_earns_after_fees(
    floor: Floor, bid: str, ask: str, direct_side: Side
) -> None:
    before = floor.wealth_minor()
    floor.set_book("BTC/USDT", bid, "1", ask, "1")
    legs = floor.look("BTC/USDT")
    assert [order.symbol for order in legs] == ["BTC/USD", "BTC/USDT", "USDT/USD"]
    assert legs[0].side is direct_side and legs[1].side is legs[2].side is not direct_side
    assert all(order.time_in_force is TimeInForce.IOC for order in legs)
    assert legs[0].quantity_lots == legs[1].quantity_lots == 5_000  # The configured size, half a coin.
    for order in legs:
        assert floor.fill(order) == []
    assert floor.desk.positions.excess_minor("BTC") == 0
    assert abs(floor.desk.positions.excess_minor("USDT")) < 30 * 10**8  # The fee of the cross leg.
    gain = floor.wealth_minor() - before
    assert 20 * 10**8 < gain < 100 * 10**8


def test_a_mispricing_within_fees_and_threshold_is_left_alone(floor: Floor) -> None:
    # Three fees of 4 bps, a threshold of 3 bps and the spread of the bridge come to 16 bps of 60,001.
    floor.set_book("BTC/USDT", "60096", "1", "60098", "1")
    assert floor.look("BTC/USDT") == []
    floor.set_book("BTC/USDT", "60098.5", "1", "60100", "1")
    assert len(floor.look("BTC/USDT")) == 3


@pytest.mark.parametrize(
    ("symbol", "book", "lots"),
    [
        ("BTC/USD", ("59999", "1", "60001", "0.2"), 2_000),
        ("BTC/USDT", ("60200", "0.05", "60202", "1"), 500),
        ("USDT/USD", ("0.9999", "6020", "1.0001", "100000"), 1_000),
    ],
)
def test_the_smallest_depth_sets_the_size(
    floor: Floor, symbol: str, book: tuple[str, str, str, str], lots: int
) -> None:
    floor.set_book("BTC/USDT", "60200", "1", "60202", "1")
    floor.set_book(symbol, *book)
    legs = floor.look("BTC/USDT")
    assert [order.quantity_lots for order in legs[:2]] == [lots, lots]
    assert legs[2].quantity_lots == lots * 60200 // 10_000


def test_what_does_not_fill_is_hedged_at_once(floor: Floor) -> None:
    floor.set_book("BTC/USDT", "60200", "1", "60202", "1")
    direct, cross, bridge = floor.look("BTC/USDT")
    assert floor.fill(direct) == []
    assert floor.fill(cross, 2_000) == []
    hedges = floor.fill(bridge, 0)
    assert [(order.symbol, order.side, order.quantity_lots) for order in hedges] == [
        ("BTC/USD", Side.SELL, 3_000),
        ("USDT/USD", Side.SELL, 12_035),  # 0.2 coins at 60,200, less the fee.
    ]
    for order in hedges:
        assert floor.fill(order) == []
    for asset in ("BTC", "USDT"):
        assert abs(floor.desk.positions.excess_minor(asset)) < 10**8
    assert floor.look("BTC/USDT", after_ns=9 * SECOND) == []  # It rests.


def test_a_hedge_that_fails_is_tried_again_once_per_cooldown(floor: Floor) -> None:
    floor.set_book("BTC/USDT", "60200", "1", "60202", "1")
    direct, cross, bridge = floor.look("BTC/USDT")
    floor.fill(direct, 0)
    floor.fill(bridge, 0)
    (first, _) = hedges = floor.fill(cross, 5_000)
    for order in hedges:
        assert floor.fill(order, 0) == []
    floor.set_book("BTC/USDT", *FAIR["BTC/USDT"])
    tries = [bool(floor.look("ETH/USD", after_ns=SECOND)) for _ in range(10)]
    assert tries == [False] * 9 + [True]
    assert floor.sent[-2].symbol == first.symbol == "BTC/USD" and floor.sent[-2].side is Side.BUY


def test_an_uneven_position_found_at_a_restart_is_hedged_in_pieces_that_pass_the_checks(floor: Floor) -> None:
    pair = floor.reference.instruments["BTC/USD"]
    lost = OrderFilled(
        "beta", "exchange", 1, 0, 1, "", "BTC/USD", Side.BUY, 6_000_000, 30_000, 0, 0, Liquidity.TAKER, 1
    )
    floor.desk.positions.fill(lost, pair)
    (hedge,) = floor.look()
    assert hedge.side is Side.SELL
    value = pair.notional_minor(max(hedge.price_ticks, 6_000_000), hedge.quantity_lots)
    assert 90_000 * 10**8 < value <= 100_000 * 10**8


def test_one_round_at_a_time(floor: Floor) -> None:
    floor.set_book("BTC/USDT", "60200", "1", "60202", "1")
    floor.set_book("ETH/USDT", "3050", "5", "3051", "5")
    assert len(floor.look("BTC/USDT")) == 3
    assert floor.look("ETH/USDT") == []  # The first legs are still out.
    for order in floor.sent[:3]:
        floor.fill(order)
    assert [order.symbol for order in floor.look("ETH/USDT")] == ["ETH/USD", "ETH/USDT", "USDT/USD"]


def test_no_book_is_no_opportunity(floor: Floor) -> None:
    floor.set_book("BTC/USDT", "60200", "1", "60202", "1")
    floor.set_book("USDT/USD", "0", "0", "1.0001", "100000")
    assert floor.look("BTC/USDT") == []
    floor.desk.forget_books()
    assert floor.look("BTC/USDT") == []


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prices=st.tuples(st.integers(5_980_000, 6_020_000), st.integers(5_980_000, 6_020_000), st.integers(9_950, 10_050)),
    spreads=st.tuples(st.integers(1, 3_000), st.integers(1, 3_000), st.integers(1, 4)),
)
def test_it_trades_exactly_when_the_decimal_arithmetic_says_that_it_pays(
    floor: Floor, prices: tuple[int, int, int], spreads: tuple[int, int, int]
) -> None:
    symbols = ("BTC/USD", "BTC/USDT", "USDT/USD")
    exact: list[tuple[Decimal, Decimal]] = []
    for symbol, bid_ticks, spread in zip(symbols, prices, spreads, strict=True):
        tick = floor.reference.instruments[symbol].tick
        bid, ask = bid_ticks * tick, (bid_ticks + spread) * tick
        floor.set_book(symbol, str(bid), "100000", str(ask), "100000")
        exact.append((bid, ask))
    (direct_bid, direct_ask), (cross_bid, cross_ask), (bridge_bid, bridge_ask) = exact
    keep, pay, more = Decimal("0.9996"), Decimal("1.0004"), Decimal("1.0003")
    buying = cross_bid * keep * bridge_bid * keep > direct_ask * pay * more
    selling = direct_bid * keep > cross_ask * pay * bridge_ask * pay * more
    legs = floor.look("BTC/USD")
    floor.arbitrage._round = []  # The next example begins where this one did.
    assert bool(legs) == (buying or selling)
    if legs:
        assert legs[0].side is (Side.BUY if buying else Side.SELL)
