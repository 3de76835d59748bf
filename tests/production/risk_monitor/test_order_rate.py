"""Order rates and kill switches: what counts, when the monitor alerts, and whom it stops."""

import json

import pytest
from hypothesis import given, strategies as st
from tests.production.risk_monitor.conftest import ONE, WORLD_LIMITS, Rig, limits_with, ns

from trading_ecosystem.configuration.document import Problem, parse_document
from trading_ecosystem.messages.kill_switch import (
    EngageKillSwitch,
    KillSwitchChanged,
    KillSwitchReported,
    QueryKillSwitch,
)
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    AccountEvent,
    CancelReason,
    CancelRejected,
    CancelRejectReason,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    RejectReason,
    Side,
)
from trading_ecosystem.messages.risk import AlertFired
from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.production.risk_monitor.config import Limits, read
from trading_ecosystem.production.risk_monitor.core import RiskMonitor
from trading_ecosystem.production.risk_monitor.levels import Level, Levels
from trading_ecosystem.production.risk_monitor.rules.order_rate import Rate, is_answer
from trading_ecosystem.reference import ReferenceData

DESKS = {"alpha": "desk.alpha", "beta": "desk.beta"}
RATES: dict[str, object] = {"second": {"warning": {"at": 3}, "critical": {"at": 5}}}


class RateRig(Rig):
    """A monitor that has desks to stop."""

    def restart(self, at: float) -> None:
        self.at = at
        self.wakes = []
        self.monitor = RiskMonitor("risk", self.limits, self.reference, ONE, "custodian", DESKS)
        self.hear(Start(memory=json.loads(json.dumps(self.memory))), at)

    def accept(self, at: float, account: str = "alpha", number: int | None = None) -> list[Message]:
        if number is None:
            self.sequence[account] += 1
            number = self.sequence[account]
        return self.hear(accepted(number, ns(at), account), at)

    def changed(self, at: float, engaged: bool, since: float | None = None, account: str = "alpha") -> list[Message]:
        when = ns(at if since is None else since)
        told = KillSwitchChanged(account=account, engaged=engaged, operator="ann", grounds="why", occurred_ns=when)
        return self.hear(told, at)

    def engages(self) -> list[tuple[float, EngageKillSwitch]]:
        return [(at, each) for at, each in self.said if isinstance(each, EngageKillSwitch)]


def accepted(number: int, occurred_ns: int, account: str = "alpha") -> OrderAccepted:
    return OrderAccepted(account, "exchange", number, occurred_ns, number, "c", "BTC/USD", Side.BUY, 1, 1)


@pytest.fixture
def rig(reference: ReferenceData) -> RateRig:
    made = RateRig(reference, limits_with(reference, {"order_rate": RATES | {"kill": True}, "kill_switch": "critical"}))
    made.begin()
    return made


def test_only_what_answers_a_wish_of_the_account_counts() -> None:
    def canceled(reason: CancelReason) -> OrderCanceled:
        return OrderCanceled("alpha", "exchange", 1, 1, 1, "c", "BTC/USD", 1, reason)

    rejected = OrderRejected(
        account="alpha",
        venue="exchange",
        account_sequence=1,
        occurred_ns=1,
        client_order_id="c",
        symbol="BTC/USD",
        reject_reason=RejectReason.INSUFFICIENT_FUNDS,
    )
    events: list[AccountEvent] = [accepted(1, 1), rejected, canceled(CancelReason.REQUESTED)]
    events.append(CancelRejected("alpha", "exchange", 1, 1, "c", CancelRejectReason.UNKNOWN_ORDER))
    assert all(is_answer(event) for event in events)
    assert not any(is_answer(canceled(reason)) for reason in CancelReason if reason is not CancelReason.REQUESTED)


def test_the_boundary_of_a_second(rig: RateRig) -> None:
    for number in range(4):
        rig.accept(1 + number * 0.2)
    assert rig.fired() == ["order_rate:alpha:second:warning:1"]
    rig.accept(2)  # The first is a second old, and counts no more.
    assert rig.fired() == ["order_rate:alpha:second:warning:1"] and not rig.engages()
    rig.accept(2.1)
    assert rig.fired()[1:] == ["order_rate:alpha:second:critical:1"]
    [fired] = [m for _, m in rig.said if isinstance(m, AlertFired) and m.severity.value == "critical"]
    assert (fired.value, fired.limit, fired.unit, fired.breached_ns) == (5, 5, "orders per second", ns(2.1))


def test_a_critical_rate_stops_the_desk_at_once_and_once(rig: RateRig) -> None:
    for number in range(7):
        rig.accept(1 + number * 0.01)
    assert rig.engages() == [
        (
            1.04,
            EngageKillSwitch(to="desk.alpha", operator="risk", grounds="order_rate:alpha:second:critical:1"),
        )
    ]


def test_it_is_told_until_it_says_that_it_stands(rig: RateRig) -> None:
    for number in range(5):
        rig.accept(1 + number * 0.01)
    rig.wait(12)
    assert len(rig.engages()) == 3
    rig.changed(12, engaged=True)
    rig.wait(30)
    assert len(rig.engages()) == 3


def test_each_account_has_its_own_rate_and_desk(rig: RateRig) -> None:
    for number in range(4):
        rig.accept(1 + number * 0.01, "alpha")
        rig.accept(1 + number * 0.01, "beta")
    assert not rig.engages()
    rig.accept(1.05, "beta")
    assert [each.to for _, each in rig.engages()] == ["desk.beta"]


def test_without_kill_nobody_is_stopped(reference: ReferenceData) -> None:
    rig = RateRig(reference, limits_with(reference, {"order_rate": RATES}))
    rig.begin()
    for number in range(9):
        rig.accept(1 + number * 0.01)
    assert "order_rate:alpha:second:critical:1" in rig.fired() and not rig.engages()


def test_a_desk_that_runs_away_again_after_it_was_lifted_is_stopped_again(rig: RateRig) -> None:
    """Also while the alert of the first time is still up."""
    for number in range(5):
        rig.accept(1 + number * 0.01)
    rig.changed(1.1, engaged=True)
    rig.changed(20, engaged=False)
    rig.accept(21)
    assert len(rig.engages()) == 1
    for number in range(4):
        rig.accept(21.1 + number * 0.01)
    assert len(rig.engages()) == 2
    assert rig.fired().count("order_rate:alpha:second:critical:1") == 1


def test_the_rate_is_seen_through_a_gap_and_a_repetition_counts_once(rig: RateRig) -> None:
    for number in (2, 3, 4, 5):
        rig.accept(1 + number * 0.01, number=number)
        rig.accept(1 + number * 0.01, number=number)
    assert not rig.engages()
    rig.accept(1.1, number=7)
    assert len(rig.engages()) == 1


def test_all_that_is_canceled_at_one_moment_was_one_wish(rig: RateRig) -> None:
    for number in range(1, 9):
        canceled = OrderCanceled("alpha", "exchange", number, ns(1), number, "c", "BTC/USD", 1, CancelReason.REQUESTED)
        rig.hear(canceled, 1.01)
    assert rig.fired() == []
    for number in range(9, 13):
        canceled = OrderCanceled(
            "alpha", "exchange", number, ns(1) + number, number, "c", "BTC/USD", 1, CancelReason.REQUESTED
        )
        rig.hear(canceled, 1.02)
    assert len(rig.engages()) == 1


def test_a_rate_that_falls_silent_resolves(rig: RateRig) -> None:
    for number in range(5):
        rig.accept(1 + number * 0.01)
    rig.stay(1, 700)
    assert "order_rate:alpha:second:critical:1" in rig.resolved()


def test_an_engaged_switch_is_an_alert_until_it_is_lifted(rig: RateRig) -> None:
    rig.changed(5, engaged=True)
    assert rig.fired() == ["kill_switch:alpha:critical:1"]
    rig.changed(6, engaged=True, since=5)  # The desk started anew, and says so again.
    rig.stay(6, 900)
    assert rig.resolved() == [] and rig.fired() == ["kill_switch:alpha:critical:1"]
    rig.changed(901, engaged=False)
    rig.changed(902, engaged=True, since=5)  # Late.
    rig.stay(902, 1100)
    assert rig.resolved() == ["kill_switch:alpha:critical:1"]


def test_after_a_restart_it_asks_how_the_switches_stand(rig: RateRig) -> None:
    rig.changed(5, engaged=True)
    rig.restart(10)
    asked = [(at, each.to) for at, each in rig.said if isinstance(each, QueryKillSwitch) and at == 10]
    assert asked == [(10, "desk.alpha"), (10, "desk.beta")]
    rig.begin(11)
    lifted = KillSwitchReported(
        to="risk", account="alpha", engaged=False, operator="bob", grounds="fixed", occurred_ns=ns(8)
    )
    rig.hear(lifted, 12)
    rig.stay(12, 900)
    assert rig.resolved() == ["kill_switch:alpha:critical:1"]


def test_a_desk_from_the_future_is_heard_again(rig: RateRig) -> None:
    rig.changed(5, engaged=True, since=10**6)
    rig.changed(7, engaged=False)
    rig.stay(7, 900)
    assert rig.resolved() == ["kill_switch:alpha:critical:1"]


def test_without_such_limits_nobody_asks_a_desk(reference: ReferenceData, limits: Limits) -> None:
    rig = RateRig(reference, limits)
    rig.begin()
    rig.stay(0, 30)
    assert not [each for _, each in rig.said if isinstance(each, QueryKillSwitch)]
    assert rig.changed(31, engaged=True) == []


@given(st.lists(st.integers(0, 300), max_size=60))
def test_the_figure_is_that_of_a_slow_twin(gaps: list[int]) -> None:
    """Counts of whole windows, worked out anew at every event."""
    rate = Rate("a", 1_000)
    moments: list[int] = []
    for number, gap in enumerate(gaps, 1):
        moments.append((moments[-1] if moments else 5_000) + gap)
        rate.take(accepted(number, moments[-1]), moments[-1])
        assert rate.figure(moments[-1]).value == sum(1 for each in moments if each > moments[-1] - 1_000)


ORDER_RATE = """
order_rate:
  minute:
    warning: {at: 100}
    critical: {at: 200, resolves: 150}
  kill: true
kill_switch: warning
"""


def read_with(text: str, reference: ReferenceData) -> Limits:
    return read(parse_document("limits.yaml", WORLD_LIMITS.read_text(encoding="utf-8") + text), reference, ONE)


def test_the_limits_are_optional_and_read(reference: ReferenceData, limits: Limits) -> None:
    assert not limits.about_desks and "order_rate" not in limits.rules and "kill_switch" not in limits.rules
    told = read_with(ORDER_RATE, reference)
    rates = told.entry("order_rate")
    assert rates is not None and rates.kills and told.about_desks
    levels = Levels(warning=Level(at=100, for_ns=0, resolves=100), critical=Level(at=200, for_ns=0, resolves=150))
    assert rates.levels == {"alpha:minute": levels, "beta:minute": levels}
    switch = Levels(warning=Level(at=1, for_ns=0, resolves=1), critical=None)
    assert told.levels("kill_switch") == {"alpha": switch, "beta": switch}
    mild = read_with(ORDER_RATE.replace("  kill: true\n", ""), reference).entry("order_rate")
    assert mild is not None and not mild.kills


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("minute:", "hour:", "unknown key 'hour'"),
        ("at: 100", "at: 0", "0 is not between 1 and"),
        ("at: 200, resolves: 150", "at: 100", "the critical level must be above the warning level"),
        ("kill_switch: warning", "kill_switch: grave", "unknown severity 'grave'"),
    ],
)
def test_a_wrong_limit_is_named(old: str, new: str, problem: str, reference: ReferenceData) -> None:
    assert old in ORDER_RATE
    with pytest.raises(Problem, match=problem):
        read_with(ORDER_RATE.replace(old, new), reference)
    with pytest.raises(Problem, match="one of second and minute is needed"):
        read_with("order_rate: {kill: true}\n", reference)
