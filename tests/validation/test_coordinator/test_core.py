"""The coordinator from its start to its verdict, on streams of messages made by hand."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from trading_ecosystem.messages.audit import InvariantViolated
from trading_ecosystem.messages.chaos import (
    ApplyPricePath,
    CrashService,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    RestartService,
    RestorePricePath,
)
from trading_ecosystem.messages.custody import FailReason, SettlementFailed, TransactionPosted
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.risk import AlertAcknowledged, AlertFired, AlertResolved, Severity
from trading_ecosystem.messages.runtime import Remember, Start, Wake, WakeAt
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.results import Detection, Judgement, Verdict
from trading_ecosystem.validation.test_coordinator.core import TestCoordinator
from trading_ecosystem.validation.test_coordinator.scenario import Scenario

S = 10**9
M = 60 * S
START_NS = 1_700_000_000 * S
END_NS = START_NS + 60 * M
Build = Callable[[Scenario], TestCoordinator]
Balances = dict[str, dict[str, int]]


@pytest.fixture
def build(reference: ReferenceData, balances: Balances, instances: tuple[str, ...]) -> Build:
    return lambda scenario: TestCoordinator("test_coordinator", scenario, reference, balances, START_NS, instances)


def peg_alert(at_ns: int, **changes: object) -> AlertFired:
    values: dict[str, object] = {
        "alert_id": "peg_deviation:USDT:critical:1",
        "rule": "peg_deviation",
        "subject": "USDT",
        "severity": Severity.CRITICAL,
        "episode": 1,
        "value": 10_000,
        "limit": 10_000,
        "unit": "ppm",
        "breached_ns": at_ns - M,
        "occurred_ns": at_ns,
    }
    return AlertFired(**{**values, **changes})  # type: ignore[arg-type]


def resolved(alert: AlertFired, at_ns: int) -> AlertResolved:
    return AlertResolved(
        alert_id=alert.alert_id,
        rule=alert.rule,
        subject=alert.subject,
        severity=alert.severity,
        episode=alert.episode,
        occurred_ns=at_ns,
    )


class Play:
    """Plays a small world around a coordinator: it acknowledges what is injected, and moves one price."""

    def __init__(self, coordinator: TestCoordinator, deaf: bool = False) -> None:
        self.coordinator, self.deaf = coordinator, deaf
        self.sent: list[tuple[int, Message]] = []
        self.wakes: list[int] = []
        first, *timers = coordinator.handle(Start(memory={}), START_NS)
        assert first == Remember(key="begun", value=START_NS)
        for message in timers:
            assert isinstance(message, WakeAt)
            self.wakes.append(message.at_ns - START_NS)
        self.sequence = 0

    def tell(self, message: Message, at_ns: int) -> Sequence[Message]:
        return self.coordinator.handle(message, START_NS + at_ns)

    def wake(self, at_ns: int) -> None:
        for command in self.tell(Wake(), at_ns):
            self.sent.append((at_ns, command))
            if not self.deaf:
                self.tell(receipt(command, START_NS + at_ns), at_ns)

    def price(self, at_ns: int, sum_ticks: int) -> None:
        self.sequence += 1
        half = sum_ticks // 2
        self.tell(QuotePublished("USDT/USD", half, 1, sum_ticks - half, 1, self.sequence, START_NS + at_ns), at_ns)

    def run(self, alerts: dict[int, Message], prices: dict[int, int]) -> Judgement:
        """Prices and alerts by second, with every wake when it is due."""
        due = sorted(self.wakes)
        for second in range(60 * 60 + 1):
            while due and due[0] <= second * S:
                self.wake(due.pop(0))
            if second in prices:
                self.price(second * S, prices[second])
            if second in alerts:
                self.tell(alerts[second], second * S)
        return self.coordinator.judgement(END_NS)


def receipt(command: Message, now: int) -> Message:
    if isinstance(command, (RestorePricePath, RestartService)):
        return InjectionEnded(injection_id=command.injection_id, occurred_ns=now)
    assert isinstance(command, (ApplyPricePath, CrashService))
    kind, target, subjects = "price.path", "market_data", ("USDT/USD",)
    if isinstance(command, CrashService):
        kind, target, subjects = "service.crash", command.service, (command.service,)
    return InjectionStarted(
        injection_id=command.injection_id, kind=kind, target=target, subjects=subjects, occurred_ns=now
    )


def falling(from_second: int = 600, until_second: int = 2_400) -> dict[int, int]:
    """Bid plus ask of USDT/USD in ticks: 1.00, then down by 0.0001 in 3 s to 0.98, and back."""
    prices = {0: 20_000, from_second: 20_000, until_second: 20_000}
    for step in range(1, 201):
        prices[from_second + 3 * step] = 20_000 - 2 * step
    return prices


BREACH_SECOND = 600 + 300  # 0.99 is reached after 100 steps.


def test_it_arms_every_step_and_sends_it_when_due(small: Scenario, build: Build) -> None:
    play = Play(build(small))
    assert play.wakes == [10 * M, 40 * M, 50 * M]
    play.wake(10 * M - 1)
    assert play.sent == []
    play.wake(10 * M)
    play.wake(10 * M)
    assert [command for _, command in play.sent] == [small.method[0].command()]
    play.wake(41 * M)
    assert play.sent[1:] == [(41 * M, small.method[0].undo(0))]


@pytest.mark.parametrize(
    ("at_ns", "undone"),
    [(10 * M - 1, []), (10 * M, ["price.drift-1"]), (12 * M, ["price.drift-1", "service.crash-1"])],
)
def test_a_second_life_undoes_what_may_have_begun_and_injects_nothing(
    at_ns: int, undone: list[str], small_text: str, scenario_of: Callable[[str], Scenario], build: Build
) -> None:
    step = "  - {at: 11m, inject: service.crash, service: exchange, for: 90s}\neffect:\n"
    scenario = scenario_of(small_text.replace("effect:\n", step))
    coordinator = build(scenario)
    told = coordinator.handle(Start(memory={"begun": START_NS}), START_NS + at_ns)
    assert list(told) == [each.undo(0) for each in scenario.method if each.injection_id in undone]
    assert not any(coordinator.handle(Wake(), START_NS + later * M) for later in (20, 40, 60))


def test_a_second_life_judges_nothing_and_says_why(small: Scenario, build: Build) -> None:
    coordinator = build(small)
    coordinator.handle(Start(memory={"begun": START_NS}), START_NS + 12 * M)
    coordinator.handle(InjectionEnded(injection_id="price.drift-1", occurred_ns=START_NS + 12 * M), START_NS + 12 * M)
    coordinator.handle(peg_alert(START_NS + 13 * M), START_NS + 13 * M)
    judgement = coordinator.judgement(END_NS)
    assert judgement.verdict is Verdict.INVALID and len(judgement.reasons) == 1
    assert judgement.reasons[0].startswith("the coordinator died during the run")
    assert judgement.injections[0].ended_ns == START_NS + 12 * M


def test_a_monitor_in_time_passes(small: Scenario, build: Build) -> None:
    fires = BREACH_SECOND + 62
    alert = peg_alert(START_NS + fires * S)
    told: dict[int, Message] = {fires: alert, fires + 1: alert, 2_500: resolved(alert, START_NS + 2_500 * S)}
    judgement = Play(build(small)).run(told, falling())
    assert judgement.verdict is Verdict.PASS, judgement.reasons
    assert len(judgement.alerts) == 1
    assert judgement.alerts[0].breach_ns == START_NS + BREACH_SECOND * S
    assert judgement.alerts[0].latency_ns == 62 * S
    assert judgement.alerts[0].resolved_ns == START_NS + 2_500 * S
    assert judgement.injections[0].started_ns == START_NS + 10 * M
    assert judgement.injections[0].ended_ns == START_NS + 40 * M


@pytest.mark.parametrize(("at_ns", "known"), [(END_NS, END_NS), (END_NS + 1, None)])
def test_what_a_live_world_says_after_the_end_is_not_of_the_run(
    at_ns: int, known: int | None, small: Scenario, build: Build
) -> None:
    fires = BREACH_SECOND + 62
    alert = peg_alert(START_NS + fires * S)
    play = Play(build(small))
    play.run({fires: alert}, falling())
    play.tell(AlertAcknowledged(alert_id=alert.alert_id, operator="anna", occurred_ns=at_ns), 61 * M)
    play.tell(resolved(alert, at_ns), 61 * M)
    play.tell(peg_alert(END_NS + 1, alert_id="another"), 61 * M)
    (told,) = play.coordinator.record(END_NS).alerts
    assert (told.acknowledged_ns, told.resolved_ns) == (known, known)


def test_a_monitor_that_is_silent_fails(small: Scenario, build: Build) -> None:
    judgement = Play(build(small)).run({}, falling())
    assert judgement.verdict is Verdict.FAIL
    assert judgement.expectations[0].detection is Detection.MISSED


def test_a_market_that_does_not_move_is_no_test(small: Scenario, build: Build) -> None:
    judgement = Play(build(small)).run({}, {0: 20_000})
    assert judgement.verdict is Verdict.INVALID
    assert "effect: USDT/USD below 0.985" in judgement.reasons[0]


def test_an_injection_without_receipt_or_refused_is_no_test(small: Scenario, build: Build) -> None:
    play = Play(build(small), deaf=True)
    assert play.run({}, falling()).verdict is Verdict.INVALID
    refused = InjectionRefused(injection_id="price.drift-1", detail="no such pair", occurred_ns=END_NS)
    play.tell(refused, 60 * M)
    play.tell(replace(refused, detail="nothing to restore"), 61 * M)
    assert "injection: price.drift-1: refused: no such pair" in play.coordinator.judgement(END_NS).reasons


@pytest.mark.parametrize(
    ("trouble", "detail"),
    [
        (peg_alert(START_NS + S), "peg_deviation:USDT:critical:1"),
        (
            HealthChanged(service="exchange", health=HealthStatus.DEGRADED, detail="slow", occurred_ns=START_NS),
            "exchange is degraded: slow",
        ),
        (InvariantViolated(invariant="I1", detail="", message_id=0, occurred_ns=START_NS), "I1"),
        (
            SettlementFailed(
                custodian="custodian",
                instruction_id=1,
                trade_id=1,
                fail_reason=FailReason.BUYER_LACKS_CASH,
                occurred_ns=START_NS,
            ),
            "1 settlements failed",
        ),
    ],
)
def test_trouble_before_the_method_is_no_steady_state(
    trouble: Message, detail: str, small: Scenario, build: Build
) -> None:
    judgement = Play(build(small)).run({5: trouble}, falling())
    assert judgement.verdict is Verdict.INVALID
    assert [check.detail for check in judgement.checks if check.kind == "steady state" and not check.passed] == [detail]


def test_the_last_word_on_health_counts_however_it_arrives(small: Scenario, build: Build) -> None:
    play = Play(build(small))
    newer = HealthChanged(service="exchange", health=HealthStatus.SERVING, detail="", occurred_ns=START_NS + 9)
    older = HealthChanged(service="exchange", health=HealthStatus.NOT_SERVING, detail="", occurred_ns=START_NS + 5)
    play.tell(newer, 10)
    play.tell(older, 11)
    play.wake(10 * M)
    assert all(check.passed for check in play.coordinator.record(END_NS).steady_state)


def test_a_service_that_was_killed_is_unhealthy_until_it_is_back(
    small_text: str, scenario_of: Callable[[str], Scenario], build: Build
) -> None:
    step = "  - {at: 11m, inject: service.crash, service: exchange, for: 90s}\neffect:\n"
    play = Play(build(scenario_of(small_text.replace("effect:\n", step))))
    assert play.wakes == [10 * M, 11 * M, 12 * M + 30 * S, 40 * M, 50 * M]
    for at_ns in play.wakes[:2]:
        play.wake(at_ns)
    assert play.coordinator._unhealthy() == ["exchange is down"]
    play.wake(play.wakes[2])
    assert play.coordinator._unhealthy() == []
    names = [type(command).__name__ for _, command in play.sent]
    assert names == ["ApplyPricePath", "CrashService", "RestartService"]


def test_an_alert_that_nobody_asked_for_still_gets_its_breach(small: Scenario, build: Build) -> None:
    """A warning at 50 bps is not expected here; its own limit tells when it became true."""
    warned = peg_alert(
        START_NS + 765 * S, alert_id="peg_deviation:USDT:warning:1", severity=Severity.WARNING, limit=5_000
    )
    alert = peg_alert(START_NS + 961 * S)
    judgement = Play(build(small)).run({765: warned, 961: alert}, falling())
    assert judgement.verdict is Verdict.FAIL
    assert judgement.alerts[0].detection is Detection.FALSE_ALARM
    assert judgement.alerts[0].breach_ns == START_NS + (600 + 150) * S


def test_an_acknowledgement_and_a_second_resolution_are_noted_once(small: Scenario, build: Build) -> None:
    play = Play(build(small))
    alert = peg_alert(START_NS + 961 * S)
    play.tell(alert, 961 * S)
    play.tell(AlertAcknowledged(alert_id=alert.alert_id, operator="eve", occurred_ns=START_NS + 970 * S), 970 * S)
    play.tell(resolved(alert, START_NS + 980 * S), 980 * S)
    play.tell(resolved(alert, START_NS + 990 * S), 990 * S)
    kept = play.coordinator.record(END_NS).alerts[0]
    assert (kept.acknowledged_ns, kept.resolved_ns) == (START_NS + 970 * S, START_NS + 980 * S)


def test_an_alert_told_anew_under_its_old_id_is_a_second_firing(small: Scenario, build: Build) -> None:
    told: dict[int, Message] = {at: peg_alert(START_NS + at * S) for at in (961, 1_200)}
    judgement = Play(build(small)).run(told, falling())
    assert judgement.verdict is Verdict.FAIL
    assert [alert.detection for alert in judgement.alerts] == [Detection.DETECTED, Detection.FALSE_ALARM]


def test_counts_and_series_tell_what_was_seen(small: Scenario, build: Build) -> None:
    play = Play(build(small))
    posted = TransactionPosted(
        custodian="custodian", transaction_id=1, instruction_id=1, postings=(), occurred_ns=START_NS + 70 * S
    )
    play.tell(posted, 70 * S)
    play.run({}, falling())
    counts = play.coordinator.counts()
    assert (counts["quotes"], counts["settlements posted"], counts["injections"], counts["alerts"]) == (203, 1, 1, 0)
    names = {(series.group, series.name) for series in play.coordinator.series()}
    assert names == {("price", "USDT/USD"), ("settlement", "settlements posted")}
