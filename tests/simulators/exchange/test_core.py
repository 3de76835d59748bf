"""The exchange says what happens to every order, in order, and to the right account."""

import json
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest

from trading_ecosystem.messages.accounts import AccountReported, Balance, OpenOrder, QueryAccount, VenueHeartbeat
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.market import BookTopChanged
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    AccountEvent,
    CancelOrder,
    CancelReason,
    CancelRejected,
    CancelRejectReason,
    Liquidity,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    OrderType,
    RejectReason,
    Side,
    SubmitOrder,
    TimeInForce,
    TradeExecuted,
)
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.submissions import REMEMBERED_ORDERS

FUNDS = {"USD": 1_000_000, "BTC": 10_000, "ETH": 10_000}
ACCOUNTS = {"ann": FUNDS, "bob": FUNDS, "cid": FUNDS, "poor": {"USD": 10}}
T = TypeVar("T")
Make = Callable[..., Exchange]


def limit(
    account: str, client_order_id: str, side: Side, price_ticks: int, quantity_lots: int, symbol: str = "BTC/USD"
) -> SubmitOrder:
    return SubmitOrder(
        "venue",
        account,
        client_order_id,
        symbol,
        side,
        OrderType.LIMIT,
        TimeInForce.GTC,
        price_ticks,
        quantity_lots,
    )


def changed(order: SubmitOrder, **fields: object) -> SubmitOrder:
    values = {name: getattr(order, name) for name in SubmitOrder.__match_args__}
    return SubmitOrder(**(values | fields))


def market(account: str, client_order_id: str, side: Side, quantity_lots: int) -> SubmitOrder:
    order = limit(account, client_order_id, side, 0, quantity_lots)
    return changed(order, order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC)


def cancel(account: str, client_order_id: str) -> CancelOrder:
    return CancelOrder("venue", account, client_order_id)


def run(exchange: Exchange, *messages: Message, now: int = 7) -> list[Message]:
    return [answer for message in messages for answer in exchange.handle(message, now)]


def kinds(answers: Sequence[Message]) -> list[str]:
    return [type(answer).__name__ for answer in answers]


def of_type(kind: type[T], answers: Sequence[Message]) -> list[T]:
    return [answer for answer in answers if isinstance(answer, kind)]


def balance(exchange: Exchange, account: str, asset: str) -> tuple[int, int]:
    """Free and locked."""
    [report] = of_type(AccountReported, exchange.handle(QueryAccount(to="venue", asker="me", account=account), 7))
    [found] = [line for line in report.balances if line.asset == asset]
    return found.free_minor, found.locked_minor


def test_a_match_is_told_to_the_public_to_the_maker_and_to_the_taker(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    assert run(exchange, limit("ann", "a1", Side.SELL, 100, 5)) == [
        OrderAccepted("ann", "venue", 1, 7, 1, "a1", "BTC/USD", Side.SELL, 100, 5),
        BookTopChanged("venue", "BTC/USD", 0, 0, 100, 5, 1, 7),
    ]
    assert run(exchange, limit("bob", "b1", Side.BUY, 101, 3)) == [
        OrderAccepted("bob", "venue", 1, 7, 2, "b1", "BTC/USD", Side.BUY, 101, 3),
        TradeExecuted(
            venue="venue",
            trade_id=1,
            symbol="BTC/USD",
            price_ticks=100,
            quantity_lots=3,
            taker_side=Side.BUY,
            buyer_account="bob",
            seller_account="ann",
            buyer_order_id=2,
            seller_order_id=1,
            buyer_fee_minor=1,
            seller_fee_minor=1,
            occurred_ns=7,
        ),
        OrderFilled("ann", "venue", 2, 7, 1, "a1", "BTC/USD", Side.SELL, 100, 3, 2, 1, Liquidity.MAKER, 1),
        OrderFilled("bob", "venue", 2, 7, 2, "b1", "BTC/USD", Side.BUY, 100, 3, 0, 1, Liquidity.TAKER, 1),
        BookTopChanged("venue", "BTC/USD", 0, 0, 100, 2, 2, 7),
    ]


def test_money_moves_with_fees_rounded_up_and_the_rest_of_the_lock_comes_back(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    run(exchange, limit("ann", "a1", Side.SELL, 3_333, 5))
    assert balance(exchange, "ann", "BTC") == (10_000 - 50, 50)
    run(exchange, limit("bob", "b1", Side.BUY, 4_000, 8))
    # One lot costs 3333 minor: 5 lots 16665; 0.3% is 49.995 and 0.1% is 16.665, each rounded up.
    # The 3 lots left lock 4000 and 12 of fee each.
    assert balance(exchange, "bob", "USD") == (1_000_000 - 16_665 - 50 - 3 * 4_012, 3 * 4_012)
    assert balance(exchange, "bob", "BTC") == (10_050, 0)
    assert balance(exchange, "ann", "USD") == (1_000_000 + 16_665 - 17, 0)
    assert balance(exchange, "ann", "BTC") == (9_950, 0)
    assert balance(exchange, "fees", "USD") == (67, 0)
    run(exchange, cancel("bob", "b1"))
    assert balance(exchange, "bob", "USD") == (1_000_000 - 16_665 - 50, 0)


def test_better_prices_trade_first_and_earlier_orders_before_later_ones(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    run(
        exchange,
        limit("ann", "late price", Side.SELL, 102, 1),
        limit("ann", "second", Side.SELL, 101, 1),
        limit("bob", "third", Side.SELL, 101, 1),
        limit("bob", "first", Side.SELL, 100, 1),
    )
    filled = of_type(OrderFilled, run(exchange, limit("cid", "c1", Side.BUY, 101, 9)))
    assert [fill.client_order_id for fill in filled if fill.account != "cid"] == ["first", "second", "third"]
    assert [fill.price_ticks for fill in filled if fill.account == "cid"] == [100, 101, 101]


def test_a_canceled_order_loses_its_place_and_its_neighbours_keep_theirs(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    run(exchange, *[limit("ann", name, Side.BUY, 100, 1) for name in "xyz"], cancel("ann", "y"))
    run(exchange, limit("ann", "y again", Side.BUY, 100, 1))
    filled = of_type(OrderFilled, run(exchange, market("bob", "b", Side.SELL, 3)))
    assert [fill.client_order_id for fill in filled if fill.account == "ann"] == ["x", "z", "y again"]


def test_the_rest_of_a_market_or_ioc_order_is_canceled(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    run(exchange, limit("ann", "a1", Side.SELL, 100, 2), limit("ann", "a2", Side.SELL, 110, 2))
    ioc = changed(limit("bob", "b1", Side.BUY, 105, 5), time_in_force=TimeInForce.IOC)
    [canceled] = of_type(OrderCanceled, run(exchange, ioc))
    assert (canceled.quantity_lots, canceled.reason) == (3, CancelReason.NOT_FILLED)
    assert balance(exchange, "bob", "USD") == (1_000_000 - 200 - 1, 0)
    [canceled] = of_type(OrderCanceled, run(exchange, market("bob", "b2", Side.BUY, 5)))
    assert (canceled.quantity_lots, canceled.reason) == (3, CancelReason.NOT_FILLED)


def test_a_market_order_stops_where_funds_end(make_exchange: Make) -> None:
    exchange = make_exchange({"ann": FUNDS, "bob": {"USD": 1_002, "BTC": 25}})
    run(exchange, limit("ann", "a1", Side.SELL, 100, 20))
    answers = run(exchange, market("bob", "b1", Side.BUY, 15))
    # Nine lots are 900 and a fee of 3; ten would be 1000 and 3, one more than there is.
    assert [fill.quantity_lots for fill in of_type(OrderFilled, answers)] == [9, 9]
    assert balance(exchange, "bob", "USD") == (1_002 - 903, 0)
    run(exchange, limit("ann", "a2", Side.BUY, 90, 100))
    answers = run(exchange, market("bob", "b2", Side.SELL, 100))
    assert [fill.quantity_lots for fill in of_type(OrderFilled, answers)] == [11, 11]
    assert balance(exchange, "bob", "BTC") == (5, 0)


def test_a_resting_order_of_the_same_account_is_canceled_instead_of_traded(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    run(exchange, limit("ann", "mine", Side.SELL, 100, 5), limit("bob", "his", Side.SELL, 100, 5))
    answers = run(exchange, limit("ann", "a2", Side.BUY, 100, 7))
    assert kinds(answers) == [
        "OrderAccepted",
        "OrderCanceled",
        "TradeExecuted",
        "OrderFilled",
        "OrderFilled",
        "BookTopChanged",
    ]
    [canceled] = of_type(OrderCanceled, answers)
    assert (canceled.client_order_id, canceled.quantity_lots, canceled.reason) == ("mine", 5, CancelReason.SELF_TRADE)
    [trade] = of_type(TradeExecuted, answers)
    assert (trade.buyer_account, trade.seller_account) == ("ann", "bob")
    assert of_type(BookTopChanged, answers)[0].bid_lots == 2


# Each order breaks one rule more than the one after it; the first broken rule is the one reported.
REFUSED = [
    (RejectReason.UNKNOWN_ACCOUNT, {"account": "nobody", "symbol": "NO/NE", "client_order_id": "used"}),
    (RejectReason.UNKNOWN_SYMBOL, {"symbol": "NO/NE", "client_order_id": "used", "quantity_lots": 0}),
    (RejectReason.CLIENT_ORDER_ID_REUSED, {"client_order_id": "used", "quantity_lots": 0, "price_ticks": 0}),
    (RejectReason.INVALID_TERMS, {"post_only": True, "time_in_force": TimeInForce.IOC, "quantity_lots": 0}),
    (RejectReason.INVALID_TERMS, {"post_only": True, "order_type": OrderType.MARKET, "price_ticks": 5}),
    (RejectReason.INVALID_QUANTITY, {"quantity_lots": 0, "price_ticks": 0, "post_only": True}),
    (RejectReason.INVALID_QUANTITY, {"quantity_lots": -1}),
    (RejectReason.INVALID_PRICE, {"price_ticks": 0, "post_only": True}),
    (RejectReason.INVALID_PRICE, {"price_ticks": -5}),
    (RejectReason.INVALID_PRICE, {"order_type": OrderType.MARKET, "price_ticks": 5}),
    (RejectReason.WOULD_TAKE, {"post_only": True, "quantity_lots": 10**9}),
    (RejectReason.INSUFFICIENT_FUNDS, {"quantity_lots": 10**9}),
]


@pytest.mark.parametrize(("reason", "fields"), REFUSED)
def test_the_first_reason_is_the_one_reported(
    make_exchange: Make, reason: RejectReason, fields: dict[str, object]
) -> None:
    exchange = make_exchange(ACCOUNTS)
    run(exchange, limit("ann", "a1", Side.SELL, 100, 5), limit("bob", "used", Side.BUY, 50, 1))
    order = changed(limit("bob", "b1", Side.BUY, 100, 1), **fields)
    before = balance(exchange, "ann", "BTC"), balance(exchange, "bob", "USD")
    [rejected] = of_type(OrderRejected, run(exchange, order))
    assert rejected.reject_reason is reason
    assert rejected.account_sequence == (0 if reason is RejectReason.UNKNOWN_ACCOUNT else 2)
    assert (balance(exchange, "ann", "BTC"), balance(exchange, "bob", "USD")) == before


def test_a_buy_may_spend_its_last_cent_and_not_one_more(make_exchange: Make) -> None:
    exchange = make_exchange({"ann": {"USD": 5 * 101}, "bob": {"USD": 5 * 101 - 1}})
    assert "OrderAccepted" in kinds(run(exchange, limit("ann", "1", Side.BUY, 100, 5)))
    assert kinds(run(exchange, limit("bob", "1", Side.BUY, 100, 5))) == ["OrderRejected"]


@pytest.mark.parametrize(("usd", "lots"), [(502, 5), (501, 4), (500, 4)])
def test_a_market_buy_takes_what_it_can_pay_with_the_fee(make_exchange: Make, usd: int, lots: int) -> None:
    exchange = make_exchange({"ann": FUNDS, "bob": {"USD": usd}})
    run(exchange, limit("ann", "a1", Side.SELL, 100, 5))
    [trade] = of_type(TradeExecuted, run(exchange, market("bob", "b1", Side.BUY, 5)))
    assert trade.quantity_lots == lots


def test_a_post_only_order_rests_beside_the_touch(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    run(exchange, limit("ann", "a1", Side.SELL, 100, 5))
    answers = run(exchange, changed(limit("bob", "b1", Side.BUY, 99, 1), post_only=True))
    assert kinds(answers) == ["OrderAccepted", "BookTopChanged"]


@pytest.mark.parametrize("account", ["background", "noise", "fees"])
def test_nobody_trades_in_the_name_of_the_venue(make_exchange: Make, account: str) -> None:
    exchange = make_exchange({**ACCOUNTS, account: FUNDS})
    [rejected] = run(exchange, limit(account, "a1", Side.SELL, 100, 5))
    assert isinstance(rejected, OrderRejected)
    assert rejected.reject_reason is RejectReason.UNKNOWN_ACCOUNT
    [refused] = run(exchange, cancel(account, "a1"))
    assert isinstance(refused, CancelRejected)


def test_a_repeat_is_no_second_order_whatever_became_of_the_first(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    resting, filled = limit("ann", "resting", Side.SELL, 100, 5), limit("bob", "filled", Side.BUY, 100, 1)
    gone, poor = limit("ann", "gone", Side.BUY, 90, 1), limit("poor", "rejected", Side.BUY, 90, 1)
    run(exchange, resting, filled, gone, cancel("ann", "gone"), poor)
    before = exchange.save()
    assert run(exchange, resting, filled, gone, poor) == []
    assert exchange.save() == before


def test_an_id_is_forgotten_after_many_others(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    orders = [market("ann", str(number), Side.BUY, 1) for number in range(REMEMBERED_ORDERS + 1)]
    run(exchange, *orders)
    assert run(exchange, orders[1]) == []
    assert kinds(run(exchange, orders[0])) == ["OrderAccepted", "OrderCanceled"]


def test_a_client_order_id_belongs_to_one_account_and_one_order(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    order = limit("ann", "1", Side.BUY, 90, 1)
    run(exchange, order)
    assert "OrderAccepted" in kinds(run(exchange, changed(order, account="bob")))
    for field, value in (("price_ticks", 91), ("quantity_lots", 2), ("side", Side.SELL), ("post_only", True)):
        [rejected] = run(exchange, changed(order, **{field: value}))
        assert isinstance(rejected, OrderRejected)
        assert rejected.reject_reason is RejectReason.CLIENT_ORDER_ID_REUSED


def test_only_an_open_order_of_the_account_can_be_canceled(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    run(exchange, limit("ann", "a1", Side.SELL, 100, 5), limit("bob", "b1", Side.BUY, 100, 2))
    [canceled] = of_type(OrderCanceled, run(exchange, cancel("ann", "a1")))
    assert (canceled.quantity_lots, canceled.reason) == (3, CancelReason.REQUESTED)
    for account, client_order_id in (("ann", "a1"), ("bob", "b1"), ("bob", "a1"), ("ann", "never")):
        [rejected] = run(exchange, cancel(account, client_order_id))
        assert isinstance(rejected, CancelRejected)
        assert rejected.cancel_reject_reason is CancelRejectReason.UNKNOWN_ORDER
        assert rejected.account_sequence > 0
    [rejected] = of_type(CancelRejected, run(exchange, cancel("nobody", "a1")))
    assert rejected.account_sequence == 0


def test_every_event_of_an_account_takes_its_next_number(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    answers = run(
        exchange,
        limit("ann", "a1", Side.SELL, 100, 5),
        limit("bob", "b1", Side.BUY, 100, 2),
        limit("bob", "b2", Side.BUY, 100, 0),
        cancel("ann", "a1"),
        cancel("ann", "a1"),
        market("ann", "a2", Side.BUY, 1),
    )
    for account, count in (("ann", 6), ("bob", 3)):
        events = [event for event in of_type(AccountEvent, answers) if event.account == account]
        assert [event.account_sequence for event in events] == list(range(1, count + 1))


def test_an_account_can_be_asked_about(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    run(exchange, limit("ann", "a1", Side.SELL, 100, 5), limit("ann", "a2", Side.BUY, 90, 1))
    run(exchange, limit("bob", "b1", Side.BUY, 100, 2))
    assert run(exchange, QueryAccount(to="venue", asker="desk", account="ann")) == [
        AccountReported(
            to="desk",
            venue="venue",
            account="ann",
            account_sequence=3,
            balances=(
                Balance(asset="USD", free_minor=1_000_000 + 199 - 91, locked_minor=91),
                Balance(asset="BTC", free_minor=9_950, locked_minor=30),
                Balance(asset="ETH", free_minor=10_000, locked_minor=0),
            ),
            open_orders=(
                OpenOrder(
                    order_id=1,
                    client_order_id="a1",
                    symbol="BTC/USD",
                    side=Side.SELL,
                    price_ticks=100,
                    leaves_quantity_lots=3,
                ),
                OpenOrder(
                    order_id=2,
                    client_order_id="a2",
                    symbol="BTC/USD",
                    side=Side.BUY,
                    price_ticks=90,
                    leaves_quantity_lots=1,
                ),
            ),
            occurred_ns=7,
            maker_fee_ppm=1_000,
            taker_fee_ppm=3_000,
        )
    ]
    [unknown] = of_type(AccountReported, run(exchange, QueryAccount(to="venue", asker="desk", account="nobody")))
    assert (unknown.account_sequence, unknown.balances, unknown.open_orders) == (0, (), ())


def test_the_top_is_published_once_and_only_when_it_changed(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    run(exchange, limit("ann", "a1", Side.BUY, 100, 5))
    assert kinds(run(exchange, limit("ann", "a2", Side.BUY, 99, 5))) == ["OrderAccepted"]
    assert of_type(BookTopChanged, run(exchange, limit("ann", "a3", Side.BUY, 100, 1))) == [
        BookTopChanged("venue", "BTC/USD", 100, 6, 0, 0, 2, 7)
    ]
    assert of_type(BookTopChanged, run(exchange, market("bob", "b1", Side.SELL, 99))) == [
        BookTopChanged("venue", "BTC/USD", 0, 0, 0, 0, 3, 7)
    ]
    other = limit("ann", "e1", Side.SELL, 50, 1, symbol="ETH/USD")
    assert of_type(BookTopChanged, run(exchange, other)) == [BookTopChanged("venue", "ETH/USD", 0, 0, 50, 1, 1, 7)]


def test_it_beats_on_the_grid_and_counts_its_starts(make_exchange: Make) -> None:
    exchange = make_exchange(ACCOUNTS)
    assert run(exchange, Start(memory={}), now=2_500) == [
        HealthChanged(service="venue", health=HealthStatus.SERVING, detail="session 1", occurred_ns=2_500),
        VenueHeartbeat(venue="venue", session=1, occurred_ns=2_500),
        WakeAt(3_000),
    ]
    assert run(exchange, Wake(), now=2_999) == []
    assert run(exchange, Wake(), now=3_000) == [
        VenueHeartbeat(venue="venue", session=1, occurred_ns=3_000),
        WakeAt(4_000),
    ]
    assert run(exchange, Wake(), now=3_000) == []
    restarted = make_exchange(ACCOUNTS)
    restarted.restore(json.loads(json.dumps(exchange.save())))
    [beat] = of_type(VenueHeartbeat, run(restarted, Start(memory={}), now=9_100))
    assert (beat.session, beat.occurred_ns) == (2, 9_100)


def test_what_is_due_is_done_first_after_a_restart_too(make_exchange: Make) -> None:
    exchange, restarted = make_exchange(ACCOUNTS), make_exchange(ACCOUNTS)
    order = changed(limit("ann", "a1", Side.SELL, 100, 5), time_in_force=TimeInForce.GTD, expires_ns=20)
    run(exchange, order)
    restarted.restore(json.loads(json.dumps(exchange.save())))
    answers = run(restarted, market("bob", "b1", Side.BUY, 5), now=20)
    assert [each.reason for each in of_type(OrderCanceled, answers)] == [CancelReason.EXPIRED, CancelReason.NOT_FILLED]


def test_it_refuses_what_is_not_for_it(make_exchange: Make) -> None:
    with pytest.raises(AssertionError, match="WakeAt is not for an exchange"):
        make_exchange(ACCOUNTS).handle(WakeAt(1), 1)
