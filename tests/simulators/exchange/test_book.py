"""Orders keep their place in the book, and only steps that the table names are taken."""

from itertools import product

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.simulators.exchange.accounts import Account, AssetTotal, Funds
from trading_ecosystem.simulators.exchange.book import Book
from trading_ecosystem.simulators.exchange.order import TRANSITIONS, Order, OrderStatus, OrderStep

ANN = Account(0, "ann", {})
NOTHING = Funds(AssetTotal())
ENDED = (OrderStatus.FILLED, OrderStatus.CANCELED)


def order(order_id: int, is_buy: bool, price_ticks: int, quantity_lots: int) -> Order:
    return Order(order_id, ANN, "", "BTC/USD", is_buy, price_ticks, quantity_lots, 0, NOTHING, NOTHING)


@given(st.booleans(), st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 3)), max_size=60))
def test_a_side_is_sorted_by_price_and_then_by_arrival(is_buy: bool, steps: list[tuple[int, int, int]]) -> None:
    side = Book("BTC/USD").side(is_buy)
    expected: list[Order] = []
    for number, (price_ticks, lots, taken) in enumerate(steps):
        added = order(number, is_buy, price_ticks, lots)
        side.add(added)
        expected.append(added)
        expected.sort(key=lambda o: (-o.price_ticks if is_buy else o.price_ticks, o.order_id))
        for _ in range(taken):
            if expected:
                leaving = expected.pop(number % len(expected))
                side.remove(leaving)
        assert side.orders() == expected
        best = side.best
        at_best = [o for o in expected if o.price_ticks == expected[0].price_ticks]
        assert (best.lots if best else 0) == sum(o.leaves_lots for o in at_best)
        assert sorted(side.levels) == side.keys


def test_a_partial_fill_keeps_the_place() -> None:
    side = Book("BTC/USD").asks
    first, second = order(1, False, 5, 4), order(2, False, 5, 4)
    side.add(first)
    side.add(second)
    first.fill(3)
    side.reduce(first, 3)
    best = side.best
    assert best is not None and best.lots == 5
    assert side.orders() == [first, second]


def test_the_top_tells_of_its_change_once() -> None:
    book = Book("BTC/USD")
    assert not book.take_top()
    book.bids.add(order(1, True, 5, 4))
    assert book.take_top()
    assert not book.take_top()
    assert (book.bid_ticks, book.bid_lots, book.ask_ticks, book.ask_lots, book.top_sequence) == (5, 4, 0, 0, 1)
    assert book.would_take(False, 5) and not book.would_take(False, 6) and not book.would_take(True, 9)


def test_a_crossed_book_is_asserted() -> None:
    book = Book("BTC/USD")
    book.bids.add(order(1, True, 5, 1))
    book.asks.add(order(2, False, 5, 1))
    with pytest.raises(AssertionError):
        book.take_top()


@pytest.mark.parametrize(("status", "step"), list(product(OrderStatus, OrderStep)))
def test_the_table_has_every_step_of_an_open_order_and_none_of_an_ended_one(
    status: OrderStatus, step: OrderStep
) -> None:
    assert ((status, step) in TRANSITIONS) == (status not in ENDED)


def test_an_ended_order_cannot_end_again() -> None:
    ended = order(1, True, 5, 4)
    ended.fill(4)
    with pytest.raises(AssertionError):
        ended.cancel()
    with pytest.raises(AssertionError):
        order(2, True, 5, 4).fill(5)
