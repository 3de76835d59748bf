"""A desk that is stopped sends nothing and has nothing in a book; whoever does all the same is found."""

import pytest

from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.kill_switch import KillSwitchChanged
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    CancelReason,
    OrderAccepted,
    OrderCanceled,
    OrderType,
    Side,
    SubmitOrder,
    TimeInForce,
)
from trading_ecosystem.validation.audit_correlator.checker import ConservationChecker
from trading_ecosystem.validation.audit_correlator.invariants import Invariant

ACCOUNTS = {"alpha": {"USD": 1_000}, "beta": {"USD": 1_000}}
SENDS, HAS = str(Invariant.KILLED_SENDS_NONE), str(Invariant.KILLED_HAS_NONE)


def changed(engaged: bool, ns: int = 5, account: str = "alpha") -> KillSwitchChanged:
    return KillSwitchChanged(account=account, engaged=engaged, operator="ann", grounds="why", occurred_ns=ns)


def submit(account: str = "alpha") -> SubmitOrder:
    return SubmitOrder("venue", account, "a-1", "BTC/USD", Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 10, 1)


def accepted() -> OrderAccepted:
    return OrderAccepted("alpha", "venue", 1, 1, 1, "a-1", "BTC/USD", Side.BUY, 10, 1)


def canceled() -> OrderCanceled:
    return OrderCanceled("alpha", "venue", 2, 6, 1, "a-1", "BTC/USD", 1, CancelReason.REQUESTED)


@pytest.mark.parametrize(
    ("story", "found"),
    [
        ([submit(), changed(True)], []),
        ([changed(True), submit()], [SENDS]),
        ([changed(True), changed(True), submit("beta")], []),
        ([changed(True), changed(False, 6), submit()], []),
        ([changed(True), changed(False, 6), changed(True, 7), submit()], [SENDS]),
        ([accepted(), changed(True), canceled()], []),
        ([accepted(), changed(True)], [HAS]),
        ([accepted(), changed(True, account="beta")], []),
        ([accepted(), changed(True), changed(False, 6)], []),
        ([accepted(), changed(True, 99)], []),  # Stopped so short before the end that a cancel may be on its way.
    ],
)
def test_who_is_stopped_stands_still(story: list[Message], found: list[str]) -> None:
    checker = ConservationChecker(ACCOUNTS, {"BTC/USD": 1}, {"BTC/USD": 1}, grace_ns=10)
    violated = []
    for number, message in enumerate(story, 1):
        violated += checker.observe(Envelope(number, 0, number, "desk", number, message))
    violated += checker.finish(100)
    assert [each.invariant for each in violated] == found
