"""A submission is remembered for as long as it can matter, and the memory stays small."""

import json

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.orders import OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.simulators.exchange.accounts import Account, AssetTotal, Funds
from trading_ecosystem.simulators.exchange.order import Order
from trading_ecosystem.simulators.exchange.submissions import COMPACTED, Submissions


def submit(number: int) -> SubmitOrder:
    limit, good_till_canceled = OrderType.LIMIT, TimeInForce.GTC
    return SubmitOrder("venue", "ann", f"id {number}", "BTC/USD", Side.SELL, limit, good_till_canceled, 5, 1, True)


def resting(order_id: int) -> Order:
    nothing = Funds(AssetTotal())
    return Order(order_id, Account(0, "ann", {}), f"id {order_id}", "BTC/USD", False, 5, 1, 0, nothing, nothing)


def remember(submissions: Submissions, number: int, open_orders: dict[str, Order]) -> None:
    submissions.remember(f"id {number}", submit(number))
    if submissions.too_many():
        submissions.forget(open_orders, ())


def known_ids(submissions: Submissions, count: int) -> list[int]:
    return [number for number in range(1, count + 1) if submissions.find(f"id {number}")]


def test_the_oldest_are_forgotten_first() -> None:
    submissions = Submissions(maximum=3)
    for number in range(1, 6):
        remember(submissions, number, {})
    assert known_ids(submissions, 5) == [3, 4, 5]


def test_an_open_order_is_never_forgotten() -> None:
    submissions = Submissions(maximum=3)
    open_orders = {f"id {number}": resting(number) for number in (1, 2)}
    for number in range(1, 50):
        remember(submissions, number, open_orders)
        assert {1, 2} & set(range(1, number + 1)) <= set(known_ids(submissions, number))
        assert len(known_ids(submissions, number)) <= 4


def test_with_open_orders_only_it_grows_and_with_their_end_it_shrinks() -> None:
    submissions = Submissions(maximum=3)
    open_orders = {f"id {number}": resting(number) for number in range(1, 11)}
    for number in range(1, 11):
        remember(submissions, number, open_orders)
    assert len(known_ids(submissions, 10)) == 10
    for number in range(11, 21):
        remember(submissions, number, {})
    assert len(known_ids(submissions, 20)) == 3


def test_it_is_saved_whole_and_in_order() -> None:
    submissions, restored = Submissions(), Submissions()
    for number in (2, 1):
        remember(submissions, number, {})
    restored.restore("ann", json.loads(json.dumps(submissions.save())))
    assert restored.save() == submissions.save()
    assert restored.find("id 2") == submit(2)


def test_whatever_comes_again_is_told_from_what_is_new() -> None:
    """Against a dict in the order of arrival, with repeats of all ages, beyond the point at which the memory moves."""
    dice, maximum, last = Dice(7, "submissions"), 50, 3 * COMPACTED
    submissions = Submissions(maximum)
    expected: dict[str, SubmitOrder] = {}
    open_orders: dict[str, Order] = {}
    for number in range(1, last + 1):
        if dice.below(5, number, 1) == 0:
            open_orders[f"id {number}"] = resting(number)
        if len(open_orders) > 10:
            del open_orders[list(open_orders)[dice.below(10, number, 2)]]
        remember(submissions, number, open_orders)
        expected[f"id {number}"] = submit(number)
        for _ in range(2):
            if len(expected) > maximum:
                forget_oldest(expected, open_orders)
        asked = f"id {number - dice.below(2 * maximum, number, 3)}"
        if dice.below(10, number, 4) == 0:
            assert submissions.find(asked) == expected.get(asked)
    assert {f"id {number}" for number in known_ids(submissions, last)} == expected.keys()
    saved = submissions.save()
    assert isinstance(saved, list) and [values[0] for values in saved] == list(expected)


def forget_oldest(expected: dict[str, SubmitOrder], open_orders: dict[str, Order]) -> None:
    oldest = next(iter(expected))
    submitted = expected.pop(oldest)
    if oldest in open_orders:
        expected[oldest] = submitted
