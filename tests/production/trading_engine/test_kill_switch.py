"""The kill switch of a desk: what engages it, what it stops, what survives, and who alone lifts it."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from tests.production.trading_engine.test_core import MID, SECOND, Bench, only, still_open

from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.kill_switch import (
    EngageKillSwitch,
    KillSwitchChanged,
    KillSwitchReported,
    LiftKillSwitch,
    LiftRefusal,
    LiftRefused,
    QueryKillSwitch,
)
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import CancelAllOrders
from trading_ecosystem.messages.orders import CancelOrder, DenyReason, OrderDenied, SubmitOrder
from trading_ecosystem.messages.runtime import Remember
from trading_ecosystem.production.trading_engine.config import DeskConfig
from trading_ecosystem.reference import ReferenceData

Build = Callable[[str], DeskConfig]
M = TypeVar("M", bound=Message)
ENGAGE = EngageKillSwitch(to="desk", operator="ann", grounds="enough")
UNHURRIED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def bench(desk_config: Build, maker_text: str, reference: ReferenceData) -> Bench:
    return Bench(desk_config(maker_text), reference)


def lift(operator: str = "bob", grounds: str = "found and fixed") -> LiftKillSwitch:
    return LiftKillSwitch(to="desk", operator=operator, grounds=grounds)


def asked(bench: Bench) -> KillSwitchReported:
    return only(KillSwitchReported, bench.give(QueryKillSwitch(to="desk", asker="monitor")))[0]


def resting(bench: Bench) -> list[SubmitOrder]:
    bench.serving()
    orders = only(SubmitOrder, bench.quote())
    for order in orders:
        bench.accept(order)
    assert len(orders) == 2
    return orders


def test_an_engaged_switch_cancels_all_that_rests_and_says_who_and_why(bench: Bench) -> None:
    resting(bench)
    told = bench.give(ENGAGE)
    assert only(CancelAllOrders, told) == [CancelAllOrders(to="exchange", account="alpha", only_symbol="")]
    [changed] = only(KillSwitchChanged, told)
    assert changed == KillSwitchChanged(
        account="alpha", engaged=True, operator="ann", grounds="enough", occurred_ns=bench.now
    )
    kinds = [type(each) for each in told]
    assert kinds.index(CancelAllOrders) < kinds.index(Remember) < kinds.index(KillSwitchChanged)
    [health] = only(HealthChanged, told)
    assert (health.health, health.detail) == (HealthStatus.DEGRADED, "kill switch engaged")
    assert {order.status.value for order in bench.engine._orders.working.values()} == {"pending_cancel"}


def test_nothing_leaves_while_it_is_engaged(bench: Bench) -> None:
    resting(bench)
    bench.give(ENGAGE)
    sent = bench.quote(MID + 50_000)
    assert not only(SubmitOrder, sent)
    assert [each.deny_reason for each in only(OrderDenied, sent)] == [DenyReason.KILL_SWITCH] * 2


def test_engaging_twice_is_engaging_once(bench: Bench) -> None:
    bench.serving()
    first = bench.give(ENGAGE)
    again = bench.give(EngageKillSwitch(to="desk", operator="carl", grounds="me too"))
    assert len(only(KillSwitchChanged, first)) == 1 and not only(KillSwitchChanged, again)
    assert asked(bench).operator == "ann"


def test_a_cancel_that_is_lost_is_sent_again(bench: Bench) -> None:
    orders = resting(bench)
    bench.give(ENGAGE)
    bench.wait(6 * SECOND)
    bench.beat()
    opened = [still_open(order) for order in orders]
    told = bench.report(*opened)
    assert [each.client_order_id for each in only(CancelOrder, told)] == [each.client_order_id for each in orders]


def test_with_the_venue_away_orders_are_canceled_when_it_is_back(bench: Bench) -> None:
    orders = resting(bench)
    bench.wait(11 * SECOND)
    assert not only(CancelAllOrders, bench.give(ENGAGE))
    bench.beat()
    told = bench.report(*[still_open(order) for order in orders])
    assert len(only(CancelOrder, told)) == 2


def test_a_restart_does_not_lift_it(bench: Bench) -> None:
    resting(bench)
    bench.give(ENGAGE)
    since_ns = bench.now
    bench.wait(SECOND)
    told = bench.start()
    assert [(each.engaged, each.occurred_ns) for each in only(KillSwitchChanged, told)] == [(True, since_ns)]
    bench.serving()
    sent = bench.quote(MID + 70_000)
    assert not only(SubmitOrder, sent) and only(OrderDenied, sent)
    assert asked(bench).operator == "ann"


def test_a_person_lifts_it_and_it_stays_lifted(bench: Bench) -> None:
    bench.serving()
    bench.give(ENGAGE)
    [changed] = only(KillSwitchChanged, bench.give(lift()))
    assert (changed.engaged, changed.operator, changed.grounds) == (False, "bob", "found and fixed")
    assert len(only(SubmitOrder, bench.quote())) == 2
    bench.start()
    bench.serving()
    assert asked(bench) == KillSwitchReported(
        to="monitor",
        account="alpha",
        engaged=False,
        operator="bob",
        grounds="found and fixed",
        occurred_ns=changed.occurred_ns,
    )
    assert len(only(SubmitOrder, bench.quote(MID + 70_000))) == 2


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (lift(""), LiftRefusal.NO_PERSON),
        (lift("  "), LiftRefusal.NO_PERSON),
        (lift("risk_monitor"), LiftRefusal.NO_PERSON),
        (lift("trading_engine.alpha"), LiftRefusal.NO_PERSON),
        (lift("bob", ""), LiftRefusal.NO_GROUNDS),
        (lift("bob", " "), LiftRefusal.NO_GROUNDS),
        (lift("", ""), LiftRefusal.NO_PERSON),
    ],
)
def test_nobody_else_lifts_it(bench: Bench, command: LiftKillSwitch, refusal: LiftRefusal) -> None:
    bench.serving()
    [early] = only(LiftRefused, bench.give(command))
    assert early.lift_refusal is LiftRefusal.NOT_ENGAGED
    bench.give(ENGAGE)
    told = bench.give(command)
    assert [each.lift_refusal for each in only(LiftRefused, told)] == [refusal]
    assert not only(KillSwitchChanged, told) and asked(bench).engaged


def repeating(desk_config: Build, maker_text: str, reference: ReferenceData, denials: int) -> Bench:
    limits = f"orders_per_minute: 1\n  kill_switch: {{denials: {denials}, within: 60s}}"
    text = maker_text.replace("orders_per_minute: 60", limits).replace("instruments:", "retry: 1ms\n    instruments:")
    bench = Bench(desk_config(text), reference)
    bench.serving()
    return bench


def test_a_desk_that_is_held_back_too_often_stops_itself(
    desk_config: Build, maker_text: str, reference: ReferenceData
) -> None:
    bench = repeating(desk_config, maker_text, reference, 3)
    denied: list[OrderDenied] = []
    told: list[Message] = []
    for step in range(1, 9):
        told = bench.quote(MID + step * 50_000)
        denied += only(OrderDenied, told)
        if only(KillSwitchChanged, told):
            break
        assert len(denied) <= 3
    [changed] = only(KillSwitchChanged, told)
    reasons = [each.deny_reason for each in denied]
    assert reasons[:4] == [DenyReason.ORDER_RATE] * 4 and set(reasons[4:]) <= {DenyReason.KILL_SWITCH}
    assert (changed.operator, changed.grounds) == ("desk", "4 orders held back within 1m for coming too often")
    assert len(only(CancelAllOrders, told)) == 1


def test_denials_for_other_reasons_do_not_stop_it(
    desk_config: Build, maker_text: str, reference: ReferenceData
) -> None:
    text = maker_text.replace("order_value: 100000", "order_value: 100").replace(
        "orders_per_minute: 60", "orders_per_minute: 60\n  kill_switch: {denials: 0, within: 60s}"
    )
    bench = Bench(desk_config(text), reference)
    bench.serving()
    for step in range(5):
        bench.wait(30 * SECOND)
        bench.beat()
        bench.report()
        bench.quote(MID + step * 50_000)
    assert not asked(bench).engaged


STEPS = st.lists(st.sampled_from(["engage", "lift", "wrong lift", "restart", "quote", "beat", "time"]), max_size=30)


@UNHURRIED
@given(STEPS)
def test_it_stands_as_people_left_it_whatever_happens(
    desk_config: Build, maker_text: str, reference: ReferenceData, steps: list[str]
) -> None:
    """Against a flag that only an engage and a right lift turn."""
    bench = Bench(desk_config(maker_text), reference)
    bench.serving()
    engaged, mid = False, MID
    for step in steps:
        sent: list[Message] = []
        if step == "engage":
            sent, engaged = list(bench.give(ENGAGE)), True
        elif step == "lift":
            sent, engaged = list(bench.give(lift())), False
        elif step == "wrong lift":
            sent = list(bench.give(lift("risk_monitor")))
        elif step == "restart":
            sent = list(bench.start())
            bench.serving()
        elif step == "quote":
            mid += 40_000
            sent = bench.quote(mid)
        elif step == "beat":
            sent = list(bench.beat())
        else:
            sent = bench.wait(3 * SECOND)
        assert asked(bench).engaged is engaged
        assert not (engaged and only(SubmitOrder, sent))
