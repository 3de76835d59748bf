"""A desk's orders are told with the venue's answers, and those that it held back with the reason."""

from collections.abc import Iterator

import pytest

from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    CancelReason,
    DenyReason,
    Liquidity,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderRejected,
    OrderType,
    RejectReason,
    Side,
    SubmitOrder,
    TimeInForce,
)
from trading_ecosystem.production.trading_engine.store import DESIGN, Denial, OrderHistory, SentOrder


@pytest.fixture
def history(any_store_url: str) -> Iterator[OrderHistory]:
    store = open_store(any_store_url, "trading_engine.alpha", DESIGN)
    yield store.history
    store.close()


def sent(client: str, symbol: str = "BTC/USD") -> SubmitOrder:
    return SubmitOrder("exchange", "alpha", client, symbol, Side.SELL, OrderType.LIMIT, TimeInForce.IOC, 60, 10, True)


def accepted(client: str) -> OrderAccepted:
    return OrderAccepted("alpha", "exchange", 1, 100, 77, client, "BTC/USD", Side.SELL, 60, 10)


def filled(client: str, leaves: int) -> OrderFilled:
    return OrderFilled(
        "alpha", "exchange", 2, 200, 77, client, "BTC/USD", Side.SELL, 60, 1, leaves, 0, Liquidity.TAKER, 5
    )


def canceled(client: str) -> OrderCanceled:
    return OrderCanceled("alpha", "exchange", 3, 300, 77, client, "BTC/USD", 4, CancelReason.NOT_FILLED)


def rejected(client: str) -> OrderRejected:
    return OrderRejected(
        account="alpha",
        venue="exchange",
        account_sequence=4,
        occurred_ns=400,
        client_order_id=client,
        symbol="BTC/USD",
        reject_reason=RejectReason.INSUFFICIENT_FUNDS,
    )


def denied(client: str, reason: DenyReason = DenyReason.STALE_QUOTE) -> OrderDenied:
    return OrderDenied(account="alpha", client_order_id=client, symbol="BTC/USD", deny_reason=reason, occurred_ns=500)


STORY: list[Message] = [
    sent("a"),
    sent("b", "ETH/USD"),
    accepted("a"),
    filled("a", 7),
    denied("d"),
    filled("a", 4),
    rejected("b"),
    canceled("a"),
    sent("c"),
]


def test_an_order_is_told_with_what_became_of_it(history: OrderHistory) -> None:
    history.record(STORY[:4])
    history.record(STORY[4:])
    orders = history.orders()
    assert orders[0] == SentOrder(
        number=orders[0].number,
        venue="exchange",
        account="alpha",
        client_order_id="a",
        symbol="BTC/USD",
        side=Side.SELL,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        price_ticks=60,
        quantity_lots=10,
        post_only=True,
        leaves_quantity_lots=4,
        order_id=77,
        accepted_ns=100,
        ended_ns=300,
        cancel_reason=CancelReason.NOT_FILLED,
        reject_reason=None,
    )
    assert (orders[1].ended_ns, orders[1].reject_reason) == (400, RejectReason.INSUFFICIENT_FUNDS)
    assert (orders[2].order_id, orders[2].ended_ns, orders[2].leaves_quantity_lots) == (None, None, 10)


def test_told_again_it_is_the_same(history: OrderHistory) -> None:
    history.record(STORY)
    once = history.orders(), history.denials()
    history.record(STORY)
    history.record(STORY[3:6])
    assert (history.orders(), history.denials()) == once


def test_orders_come_in_pages_and_by_symbol(history: OrderHistory) -> None:
    history.record(STORY)
    first = history.orders(limit=1)
    rest = history.orders(after=first[0].number)
    assert [each.client_order_id for each in first + rest] == ["a", "b", "c"]
    assert [each.client_order_id for each in history.orders(symbol="ETH/USD")] == ["b"]


def test_denials_are_told_with_their_reason(history: OrderHistory) -> None:
    history.record([denied("d"), denied("e", DenyReason.POSITION_LIMIT), denied("d", DenyReason.ORDER_RATE)])
    told = history.denials()
    assert told[0] == Denial(
        number=told[0].number,
        account="alpha",
        client_order_id="d",
        symbol="BTC/USD",
        deny_reason=DenyReason.STALE_QUOTE,
        occurred_ns=500,
    )
    assert [each.client_order_id for each in told] == ["d", "e"]
    assert [each.client_order_id for each in history.denials(after=told[0].number)] == ["e"]
