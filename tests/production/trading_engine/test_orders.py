"""An order's life is a table: total, with ends that are final; and no id is ever given twice."""

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.messages.orders import Side, TimeInForce
from trading_ecosystem.messages.runtime import Remember
from trading_ecosystem.production.trading_engine.orders import (
    BLOCK,
    CHANGES,
    CLOSED,
    NEXT,
    NUMBER_KEY,
    Order,
    OrderEvent,
    Orders,
    OrderStatus,
)

EVENTS = st.lists(st.sampled_from(OrderEvent), max_size=12)


def new_order(orders: Orders) -> Order:
    order = Order("BTC/USD", Side.BUY, 6_500_000, 10, TimeInForce.GTC)
    orders.name(order)
    orders.add(order)
    return order


def test_the_table_is_total_and_its_ends_are_final() -> None:
    assert set(NEXT) == {(status, event) for status in OrderStatus for event in OrderEvent}
    assert not [change for change in CHANGES if change[0] in CLOSED]


@pytest.mark.parametrize("status", [status for status in OrderStatus if status not in CLOSED])
def test_whatever_is_in_doubt_a_report_settles(status: OrderStatus) -> None:
    assert NEXT[status, OrderEvent.REPORTED_ABSENT] in CLOSED
    assert NEXT[status, OrderEvent.REPORTED_OPEN] is OrderStatus.OPEN
    assert NEXT[status, OrderEvent.VENUE_LOST] is OrderStatus.UNKNOWN
    assert NEXT[status, OrderEvent.FILLED] is OrderStatus.FILLED


def test_a_cancel_is_not_undone_by_a_late_acceptance() -> None:
    assert NEXT[OrderStatus.PENDING_CANCEL, OrderEvent.ACCEPTED] is OrderStatus.PENDING_CANCEL
    assert NEXT[OrderStatus.PENDING_CANCEL, OrderEvent.PARTLY_FILLED] is OrderStatus.PENDING_CANCEL


@settings(max_examples=100, deadline=None)
@given(EVENTS)
def test_an_order_is_working_exactly_until_its_first_end(events: list[OrderEvent]) -> None:
    orders = Orders("alpha")
    order = new_order(orders)
    ended: OrderStatus | None = None
    for event in events:
        orders.step(order, event)
        if ended is None and order.closed:
            ended = order.status
        assert order.closed == (ended is not None)
        assert (order.client_order_id in orders.working) == (ended is None)
        assert ended is None or order.status is ended


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 2 * BLOCK + 3), min_size=1, max_size=4))
def test_no_id_is_used_twice_however_often_the_desk_restarts(lives: list[int]) -> None:
    memory: dict[str, object] = {}
    used: set[str] = set()
    writes = 0
    for count in lives:
        orders = Orders("alpha")
        if NUMBER_KEY in memory:
            orders.resume(memory[NUMBER_KEY])
        for _ in range(count):
            order = Order("BTC/USD", Side.BUY, 1, 1, TimeInForce.GTC)
            remember = orders.name(order)
            if remember is not None:
                assert isinstance(remember, Remember)
                memory[remember.key] = remember.value
                writes += 1
            assert order.client_order_id not in used
            used.add(order.client_order_id)
    assert writes <= sum(lives) // BLOCK + len(lives)


def test_the_longest_unanswered_order_counts() -> None:
    orders = Orders("alpha")
    answered, waiting = new_order(orders), new_order(orders)
    answered.asked_ns, waiting.asked_ns = 5, 7
    assert orders.first_unanswered_ns(100) == 5
    orders.step(answered, OrderEvent.ACCEPTED)
    assert orders.first_unanswered_ns(100) == 7
    orders.step(waiting, OrderEvent.REJECTED)
    assert orders.first_unanswered_ns(100) == 100
