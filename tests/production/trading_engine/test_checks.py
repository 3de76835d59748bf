"""Each pre-trade check at its boundary: the last order that passes, and the first that does not."""

from dataclasses import replace

import pytest

from trading_ecosystem.messages.accounts import AccountReported, Balance
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.orders import DenyReason, Side, TimeInForce
from trading_ecosystem.production.trading_engine.checks import Checks
from trading_ecosystem.production.trading_engine.config import DuplicatesConfig, Limits
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.orders import Order, OrderEvent, Orders
from trading_ecosystem.reference import ReferenceData

SECOND = 1_000_000_000
COIN = 10**8
LIMITS = Limits(
    order_value_minor=60_000 * COIN,
    position_minor={"BTC": 12 * COIN, "USDT": 150_000 * COIN},
    price_collar_ppm=30_000,
    quote_age_ns=10 * SECOND,
    orders_per_minute=4,
    duplicates=DuplicatesConfig(most=5, within_ns=60 * SECOND),
)


class Counter:
    """The checks of a desk that holds 10 BTC, 100,000 USDT and 100,000 USD; BTC at 60,000."""

    def __init__(self, reference: ReferenceData) -> None:
        self.desk = Desk(reference, ("BTC/USD", "BTC/USDT", "USDT/USD"), LIMITS.quote_age_ns)
        self.checks = Checks(LIMITS, self.desk)
        self.working: list[Order] = []
        holdings = {"BTC": 10, "USDT": 100_000, "USD": 100_000}
        balances = tuple(Balance(asset=a, free_minor=n * COIN, locked_minor=0) for a, n in holdings.items())
        report = AccountReported(
            to="desk",
            venue="exchange",
            account="alpha",
            account_sequence=1,
            balances=balances,
            open_orders=(),
            occurred_ns=0,
        )
        self.desk.positions.report(report)
        self.quote("BTC/USD", 6_000_000)
        self.quote("BTC/USDT", 6_000_000)
        self.quote("USDT/USD", 10_000)

    def quote(self, symbol: str, mid: int, half: int = 1, at: int = 1) -> None:
        self.desk.markets[symbol].take_quote(QuotePublished(symbol, mid - half, 1, mid + half, 1, 1, at))

    def order(self, side: Side, ticks: int, lots: int, symbol: str = "BTC/USD") -> Order:
        return Order(symbol, side, ticks, lots, TimeInForce.GTC)

    def reason(self, order: Order, earlier: int = 0, now: int = SECOND) -> DenyReason | None:
        return self.checks.deny_reason(order, self.working, [order] * earlier, now)


@pytest.fixture
def counter(reference: ReferenceData) -> Counter:
    return Counter(reference)


def test_an_ordinary_order_passes(counter: Counter) -> None:
    assert counter.reason(counter.order(Side.BUY, 6_000_000, 5_000)) is None
    assert counter.reason(counter.order(Side.SELL, 6_000_000, 5_000, "BTC/USDT")) is None


def test_a_quote_as_old_as_the_limit_is_stale(counter: Counter) -> None:
    order = counter.order(Side.BUY, 6_000_000, 5_000)
    assert counter.reason(order, now=10 * SECOND) is None
    assert counter.reason(order, now=10 * SECOND + 1) is DenyReason.STALE_QUOTE


@pytest.mark.parametrize("symbol", ["BTC/USDT", "USDT/USD"])
def test_a_crossed_quote_of_the_pair_or_of_what_values_it_judges_nothing(counter: Counter, symbol: str) -> None:
    order = counter.order(Side.SELL, 6_000_000, 5_000, "BTC/USDT")
    mid = 6_000_000 if symbol == "BTC/USDT" else 10_000
    counter.quote(symbol, mid, half=0, at=2)
    assert counter.reason(order) is None  # Locked is not crossed.
    counter.quote(symbol, mid, half=-1, at=3)
    assert counter.reason(order) is DenyReason.CROSSED_QUOTE


def test_the_collar_is_around_the_middle(counter: Counter) -> None:
    for edge, beyond in ((6_180_000, 6_180_001), (5_820_000, 5_819_999)):
        assert counter.reason(counter.order(Side.BUY, edge, 100)) is None
        assert counter.reason(counter.order(Side.BUY, beyond, 100)) is DenyReason.PRICE_COLLAR


def test_the_value_of_an_order_is_at_its_price_or_the_quote_whichever_is_higher(counter: Counter) -> None:
    assert counter.reason(counter.order(Side.BUY, 6_000_000, 10_000)) is None
    assert counter.reason(counter.order(Side.BUY, 6_000_001, 10_000)) is DenyReason.ORDER_VALUE
    assert counter.reason(counter.order(Side.SELL, 5_900_000, 10_001)) is DenyReason.ORDER_VALUE


def test_the_value_of_an_order_is_counted_in_the_numeraire(counter: Counter) -> None:
    order = counter.order(Side.SELL, 6_000_000, 8_000, "BTC/USDT")
    counter.quote("USDT/USD", 12_500, at=2)
    assert counter.reason(order) is None
    counter.quote("USDT/USD", 12_501, at=3)
    assert counter.reason(order) is DenyReason.ORDER_VALUE


def test_what_is_resting_counts_towards_the_position_whatever_is_being_done_to_it(counter: Counter) -> None:
    orders = Orders("alpha")
    resting = counter.order(Side.BUY, 100, 15_000)
    orders.name(resting)
    orders.add(resting)
    orders.step(resting, OrderEvent.CANCEL_SENT)
    counter.working = list(orders.working.values())
    assert counter.reason(counter.order(Side.BUY, 6_000_000, 5_000)) is None
    assert counter.reason(counter.order(Side.BUY, 6_000_000, 5_001)) is DenyReason.POSITION_LIMIT
    assert counter.reason(counter.order(Side.SELL, 6_000_000, 5_001)) is None  # It leads away from the limit.
    resting.leaves_lots = 10_000  # The rest has become a position, which is reported on its own.
    assert counter.reason(counter.order(Side.BUY, 6_000_000, 10_000)) is None


def test_a_sale_acquires_the_quote_asset(counter: Counter) -> None:
    assert counter.reason(counter.order(Side.SELL, 6_000_000, 8_333, "BTC/USDT")) is None
    assert counter.reason(counter.order(Side.SELL, 6_000_000, 8_334, "BTC/USDT")) is DenyReason.POSITION_LIMIT


def test_resting_orders_have_spent_what_they_lock(counter: Counter) -> None:
    counter.working = [counter.order(Side.BUY, 5_000_000, 10_000)]
    assert counter.reason(counter.order(Side.BUY, 5_900_000, 8_474)) is None
    assert counter.reason(counter.order(Side.BUY, 5_900_000, 8_475)) is DenyReason.INSUFFICIENT_FUNDS
    counter.working = [counter.order(Side.SELL, 6_000_000, 95_000)]
    assert counter.reason(counter.order(Side.SELL, 6_000_000, 5_000)) is None
    assert counter.reason(counter.order(Side.SELL, 6_000_000, 5_001)) is DenyReason.INSUFFICIENT_FUNDS


def test_the_rate_counts_the_group_that_would_leave_together_and_starts_anew(counter: Counter) -> None:
    order = counter.order(Side.BUY, 6_000_000, 1)
    counter.checks.count(order, SECOND)
    counter.checks.count(order, SECOND)
    assert counter.reason(order, earlier=1) is None
    assert counter.reason(order, earlier=2) is DenyReason.ORDER_RATE
    counter.quote("BTC/USD", 6_000_000, at=60 * SECOND)
    assert counter.reason(order, earlier=2, now=60 * SECOND - 1) is DenyReason.ORDER_RATE
    assert counter.reason(order, earlier=2, now=61 * SECOND) is None


def test_the_first_reason_is_the_one_that_is_given(counter: Counter) -> None:
    """Everything is wrong with this order; as each reason goes, the next in the list appears."""
    counter.working = [counter.order(Side.BUY, 6_000_000, 90_000)]
    for _ in range(5):
        counter.checks.count(counter.order(Side.BUY, 6_000_000, 10_000), SECOND)
    awful = counter.order(Side.BUY, 9_000_000, 30_000)
    counter.quote("BTC/USD", 6_000_000, half=-1, at=2)
    counter.desk.markets["BTC/USD"].close(now=0)
    seen = [counter.reason(awful, now=19 * SECOND)]
    seen.append(counter.reason(awful, now=31 * SECOND))
    counter.quote("BTC/USD", 6_000_000, half=-1, at=31 * SECOND)
    seen.append(counter.reason(awful, now=31 * SECOND))
    counter.quote("BTC/USD", 6_000_000, at=32 * SECOND)
    seen.append(counter.reason(awful, now=32 * SECOND))
    for lots in (30_000, 10_000):
        seen.append(counter.reason(counter.order(Side.BUY, 6_000_000, lots), now=32 * SECOND))
    seen.append(counter.reason(counter.order(Side.BUY, 6_000_000, 9_000), now=32 * SECOND))
    counter.working = [counter.order(Side.BUY, 6_000_000, 10_000)]
    seen.append(counter.reason(counter.order(Side.BUY, 6_000_000, 9_000), now=32 * SECOND))
    counter.working = []
    seen.append(counter.reason(counter.order(Side.BUY, 6_000_000, 9_000), now=32 * SECOND))
    assert [DenyReason.KILL_SWITCH, DenyReason.NOT_TRADING, *seen, DenyReason.GROUP_DENIED] == list(DenyReason)


def test_a_second_takes_so_many_orders_and_moves_along(counter: Counter) -> None:
    counter.checks = Checks(replace(LIMITS, orders_per_second=3, orders_per_minute=100), counter.desk)
    order = counter.order(Side.BUY, 6_000_000, 1)
    for now in (SECOND, SECOND + 400, SECOND + 800):
        assert counter.reason(order, now=now) is None
        counter.checks.count(order, now)
    assert counter.reason(order, now=2 * SECOND - 1) is DenyReason.ORDER_RATE
    assert counter.reason(order, now=2 * SECOND) is None  # The first is a second old.
    counter.checks.count(order, 2 * SECOND)
    assert counter.reason(order, now=2 * SECOND + 399) is DenyReason.ORDER_RATE


@pytest.mark.parametrize(
    ("side", "ticks", "lots", "symbol"),
    [
        (Side.SELL, 6_000_000, 10, "BTC/USD"),
        (Side.BUY, 6_000_001, 10, "BTC/USD"),
        (Side.BUY, 6_000_000, 11, "BTC/USD"),
        (Side.BUY, 6_000_000, 10, "BTC/USDT"),
    ],
)
def test_the_like_of_an_order_leaves_so_often(counter: Counter, side: Side, ticks: int, lots: int, symbol: str) -> None:
    order = counter.order(Side.BUY, 6_000_000, 10)
    for second in (0, 20, 20, 20):
        counter.checks.count(order, second * SECOND)
    counter.quote("BTC/USD", 6_000_000, at=59 * SECOND)
    for name in ("BTC/USDT", "USDT/USD"):
        counter.quote(name, 6_000_000 if name == "BTC/USDT" else 10_000, at=59 * SECOND)
    late = 60 * SECOND - 1
    counter.checks._sent = 0  # Of the minute; this test is about likeness.
    assert counter.reason(order, now=late) is None
    assert counter.reason(order, earlier=1, now=late) is DenyReason.DUPLICATE_ORDER
    counter.checks.count(order, late)
    counter.checks._sent = 0
    assert counter.reason(order, now=late) is DenyReason.DUPLICATE_ORDER
    assert counter.reason(counter.order(side, ticks, lots, symbol), now=late) is None
    assert counter.reason(order, now=60 * SECOND) is None  # The first is too old to count.
