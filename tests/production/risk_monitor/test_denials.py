"""Orders that desks hold back, and fills that repeat: when the monitor speaks up, and when it is over."""

import pytest
from tests.production.risk_monitor.conftest import Rig, limits_with, ns

from trading_ecosystem.messages.orders import DenyReason, OrderDenied, Side
from trading_ecosystem.messages.risk import AlertFired
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.reference import ReferenceData

ENTRIES: dict[str, object] = {
    "price_collar": {"critical": 1},
    "max_order_value": {"critical": 1},
    "duplicate_order": {"warning": 2, "critical": 4},
    "repeated_execution": {"warning": 4, "critical": 6},
}


def deny(rig: Rig, reason: DenyReason, at: float, name: str = "c", account: str = "alpha") -> None:
    denied = OrderDenied(
        account=account, client_order_id=name, symbol="BTC/USD", deny_reason=reason, occurred_ns=ns(at)
    )
    rig.hear(denied, at)


@pytest.fixture
def rig(reference: ReferenceData) -> Rig:
    made = Rig(reference, limits_with(reference, ENTRIES))
    made.begin()
    return made


@pytest.mark.parametrize(
    ("reason", "rule"), [(DenyReason.PRICE_COLLAR, "price_collar"), (DenyReason.ORDER_VALUE, "max_order_value")]
)
def test_one_order_held_back_is_an_alert_at_once(rig: Rig, reason: DenyReason, rule: str) -> None:
    deny(rig, reason, 1.25)
    assert rig.fired() == [f"{rule}:alpha:critical:1"]
    [fired] = [message for _, message in rig.said if isinstance(message, AlertFired)]
    assert (fired.value, fired.breached_ns, fired.occurred_ns) == (1, ns(1.25), ns(1.25))


@pytest.mark.parametrize(
    "reason", [DenyReason.STALE_QUOTE, DenyReason.INSUFFICIENT_FUNDS, DenyReason.KILL_SWITCH, DenyReason.ORDER_RATE]
)
def test_other_reasons_are_the_desks_own_business(rig: Rig, reason: DenyReason) -> None:
    for number in range(10):
        deny(rig, reason, 1 + number / 10, str(number))
    assert rig.fired() == []


def test_denials_of_one_account_and_one_reason_count_together(rig: Rig) -> None:
    deny(rig, DenyReason.DUPLICATE_ORDER, 1, "a")
    deny(rig, DenyReason.DUPLICATE_ORDER, 1, "a")  # Told twice.
    deny(rig, DenyReason.DUPLICATE_ORDER, 1.1, "b", account="beta")
    assert rig.fired() == []
    deny(rig, DenyReason.DUPLICATE_ORDER, 1.2, "c")
    assert rig.fired() == ["duplicate_order:alpha:warning:1"]
    for at in (1.3, 1.4):
        deny(rig, DenyReason.DUPLICATE_ORDER, at, str(at))
    assert rig.fired()[1:] == ["duplicate_order:alpha:critical:1"]


def test_it_is_over_when_no_more_come(rig: Rig, limits: Limits) -> None:
    deny(rig, DenyReason.ORDER_VALUE, 1)
    ends = (max(61 * 10**9 + limits.resolves_after_ns, limits.fires_at_most_every_ns)) / 10**9
    rig.stay(1, ends - 15)
    assert rig.resolved() == []
    rig.stay(ends - 15, ends + 15)
    assert rig.resolved() == ["max_order_value:alpha:critical:1"]


def buy(rig: Rig, at: float, symbol: str = "BTC/USD", side: Side = Side.BUY) -> None:
    rig.fill("alpha", symbol, side, "0.01", "60000", at)


def test_fills_on_one_side_repeat_and_on_both_they_do_not(rig: Rig) -> None:
    for number in range(6):
        buy(rig, 1 + number / 10, side=Side.BUY if number % 2 else Side.SELL)
    assert rig.fired() == []
    buy(rig, 2)
    assert rig.fired() == ["repeated_execution:alpha:warning:1"]
    buy(rig, 2.1)
    buy(rig, 2.2)
    assert rig.fired()[1:] == ["repeated_execution:alpha:critical:1"]


def test_fills_of_a_minute_ago_count_no_more(rig: Rig) -> None:
    for number in range(3):
        buy(rig, 1 + number)
    rig.stay(3, 60)
    buy(rig, 61)
    buy(rig, 61.1, "ETH/USD")
    assert rig.fired() == []
    buy(rig, 61.9)
    assert rig.fired() == ["repeated_execution:alpha:warning:1"]
