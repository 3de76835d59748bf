"""How fast an account asks, against a slow twin that counts every window anew; and when a desk was stopped."""

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.messages.kill_switch import KillSwitchChanged
from trading_ecosystem.messages.orders import CancelReason, DenyReason, OrderAccepted, OrderCanceled, OrderDenied, Side
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.test_coordinator.conditions import Condition, Quantity
from trading_ecosystem.validation.test_coordinator.ground_truth import GroundTruth
from trading_ecosystem.validation.test_coordinator.measures import Breach
from trading_ecosystem.validation.test_coordinator.order_measure import OrderPace

FAST = Condition(quantity=Quantity.ORDERS, subject="alpha", level=Decimal(3), window_ns=100, sustain_ns=0)
DENIED = Condition(quantity=Quantity.DENIED, subject="alpha", level=Decimal(2), window_ns=100, sustain_ns=0)
KILLED = Condition(quantity=Quantity.KILLED, subject="alpha", sustain_ns=10)


def accepted(number: int, ns: int, account: str = "alpha") -> OrderAccepted:
    return OrderAccepted(account, "exchange", number, ns, number, "c", "BTC/USD", Side.BUY, 1, 1)


def breach(begin_ns: int, end_ns: int | None, sustain_ns: int = 0) -> Breach:
    return Breach(begin_ns=begin_ns, held_ns=begin_ns + sustain_ns, end_ns=end_ns)


@given(st.lists(st.integers(0, 80), max_size=50))
def test_it_is_true_from_the_event_that_fills_the_window_until_the_first_leaves_it(gaps: list[int]) -> None:
    pace = OrderPace(FAST)
    moments: list[int] = []
    for number, gap in enumerate(gaps, 1):
        moments.append((moments[-1] if moments else 1_000) + gap)
        pace.observe(accepted(number, moments[-1]))
    until_ns = (moments[-1] if moments else 1_000) + 500
    found = pace.breaches(until_ns)
    for ns in range(1_000, until_ns):
        counted = sum(1 for each in moments if ns - 100 < each <= ns)
        told = any(each.begin_ns <= ns and (each.end_ns is None or ns < each.end_ns) for each in found)
        assert told == (counted >= 3), ns


def test_what_is_told_twice_or_was_not_asked_for_does_not_count() -> None:
    pace = OrderPace(FAST)
    for number in (1, 2, 2):
        pace.observe(accepted(number, number))
    pace.observe(OrderCanceled("alpha", "exchange", 3, 3, 1, "c", "BTC/USD", 1, CancelReason.EXPIRED))
    assert pace.breaches(5) == ()
    for number in (4, 5):
        pace.observe(OrderCanceled("alpha", "exchange", number, 4, 1, "c", "BTC/USD", 1, CancelReason.REQUESTED))
        assert len(pace._last) == 3
    assert pace.breaches(5) == (breach(4, None),)


@pytest.fixture
def truth(reference: ReferenceData) -> GroundTruth:
    return GroundTruth(reference, {"alpha": {"USD": 1}, "beta": {"USD": 1}}, (FAST, DENIED, KILLED), 0)


def test_each_account_has_its_own_pace(truth: GroundTruth) -> None:
    for number in (1, 2, 3):
        truth.answered(accepted(number, number, "beta"))
    assert truth.breaches(50)[FAST.text] == ()
    for number in (4, 5, 6):
        truth.answered(accepted(number, number))
    assert truth.breaches(200)[FAST.text] == (breach(6, 104),)


def test_what_a_desk_held_back_counts_by_its_account_and_once_each(truth: GroundTruth) -> None:
    for number, ns, account in ((1, 5, "alpha"), (1, 5, "alpha"), (2, 6, "beta"), (3, 200, "alpha"), (4, 201, "alpha")):
        denied = OrderDenied(
            account=account,
            client_order_id=str(number),
            symbol="BTC/USD",
            deny_reason=DenyReason.ORDER_VALUE,
            occurred_ns=ns,
        )
        truth.denied(denied)
        truth.answered(accepted(number, ns, account))
    assert truth.breaches(500)[DENIED.text] == (breach(201, 300),)
    assert truth.breaches(500)[FAST.text] == ()


def test_a_desk_is_stopped_from_its_word_to_its_word(truth: GroundTruth) -> None:
    for engaged, ns, account in ((True, 5, "alpha"), (True, 6, "beta"), (True, 5, "alpha"), (False, 30, "alpha")):
        told = KillSwitchChanged(account=account, engaged=engaged, operator="a", grounds="b", occurred_ns=ns)
        truth.switched(told)
    assert truth.breaches(99)[KILLED.text] == (breach(5, 30, 10),)
