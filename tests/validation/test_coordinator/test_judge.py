"""Each way in which a run can end, with its verdict and its reason."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from trading_ecosystem.messages.audit import InvariantViolated
from trading_ecosystem.messages.risk import AlertFired, Severity
from trading_ecosystem.validation.results import CheckOutcome, Detection, Verdict
from trading_ecosystem.validation.test_coordinator.judge import judge
from trading_ecosystem.validation.test_coordinator.measures import Breach
from trading_ecosystem.validation.test_coordinator.record import AlertRecord, InjectionRecord, Record
from trading_ecosystem.validation.test_coordinator.scenario import Scenario, twin

S = 10**9
M = 60 * S
END_NS = 60 * M
EFFECT, OWED = "USDT/USD below 0.985", "USDT/USD below 0.99 for 1m"
Change = Callable[[Record], Record]


def fired(
    at_ns: int,
    rule: str = "peg_deviation",
    subject: str = "USDT",
    severity: Severity = Severity.CRITICAL,
    episode: int = 1,
    resolved_ns: int | None = None,
) -> AlertRecord:
    message = AlertFired(
        alert_id=f"{rule}:{subject}:{severity.value}:{episode}",
        rule=rule,
        subject=subject,
        severity=severity,
        episode=episode,
        value=1,
        limit=1,
        unit="ppm",
        breached_ns=at_ns,
        occurred_ns=at_ns,
    )
    return AlertRecord(fired=message, acknowledged_ns=None, resolved_ns=resolved_ns, breach_ns=None)


def lasting(begin_ns: int, end_ns: int | None, sustain_ns: int = M) -> Breach:
    held = end_ns is None or end_ns - begin_ns >= sustain_ns
    return Breach(begin_ns=begin_ns, held_ns=begin_ns + sustain_ns if held else None, end_ns=end_ns)


def passing(injection_id: str = "price.drift-1") -> Record:
    """The drift crosses 0.99 in minute 15, and the alert comes a minute and a second later."""
    return Record(
        start_ns=0,
        alerts=(fired(16 * M + S),),
        injections=(
            InjectionRecord(
                injection_id=injection_id,
                kind="price.drift",
                target="market_data",
                subjects=("USDT/USD",),
                started_ns=10 * M,
                ended_ns=40 * M,
                refused="",
            ),
        ),
        breaches={EFFECT: (lasting(17 * M, 40 * M, 0),), OWED: (lasting(15 * M, 40 * M),)},
        steady_state=(CheckOutcome(kind="steady state", text="no alerts", passed=True, detail=""),),
        recovery=(CheckOutcome(kind="recovery", text="all services healthy", passed=True, detail=""),),
        invariants=(),
    )


def with_alerts(*alerts: AlertRecord) -> Change:
    return lambda record: replace(record, alerts=alerts)


def with_breaches(*breaches: Breach, text: str = OWED) -> Change:
    return lambda record: replace(record, breaches={**record.breaches, text: breaches})


def with_injection(**changes: object) -> Change:
    return lambda record: replace(record, injections=(replace(record.injections[0], **changes),))  # type: ignore[arg-type]


VIOLATED = InvariantViolated(invariant="I1 conservation", detail="1 BTC too many", message_id=1, occurred_ns=5)
GONE = CheckOutcome(kind="steady state", text="no alerts", passed=False, detail="x:y:critical:1")
SICK = CheckOutcome(kind="recovery", text="all services healthy", passed=False, detail="exchange is down")
BOTH = (lasting(15 * M, 20 * M), lasting(25 * M, 30 * M))


@pytest.mark.parametrize(
    ("change", "verdict", "reason"),
    [
        (lambda record: record, Verdict.PASS, ""),
        (with_alerts(fired(16 * M + 5 * S)), Verdict.PASS, ""),
        (with_alerts(fired(16 * M), fired(12 * M, "pnl_drawdown", "firm")), Verdict.PASS, ""),
        # Nothing was tested.
        (lambda record: replace(record, steady_state=()), Verdict.INVALID, "the run ended before"),
        (lambda record: replace(record, steady_state=(GONE,)), Verdict.INVALID, "no alerts: x:y:critical:1"),
        (with_injection(refused="no such pair", started_ns=None), Verdict.INVALID, "price.drift-1: refused: no such"),
        (with_injection(started_ns=None), Verdict.INVALID, "price.drift-1: no receipt came"),
        (with_breaches(text=EFFECT), Verdict.INVALID, "effect: USDT/USD below 0.985: never seen"),
        (with_breaches(lasting(M, 2 * M, 0), text=EFFECT), Verdict.INVALID, "never seen after 1970-01-01T00:10:00Z"),
        (with_breaches(), Verdict.INVALID, "the condition was never true for 1m5s"),
        (lambda record: with_alerts()(with_breaches(lasting(15 * M, 16 * M + S))(record)), Verdict.INVALID, "never"),
        # Missed, late.
        (with_alerts(), Verdict.FAIL, "missed: in breach from 1970-01-01T00:15:00Z, and no alert within 1m5s"),
        (
            with_alerts(fired(16 * M + 6 * S)),
            Verdict.FAIL,
            "in breach from 1970-01-01T00:15:00Z, fired after 1m6s",
        ),
        (with_breaches(*BOTH), Verdict.PASS, ""),
        (
            lambda record: with_alerts(fired(16 * M, resolved_ns=22 * M))(with_breaches(*BOTH)(record)),
            Verdict.FAIL,
            "missed: in breach from 1970-01-01T00:25:00Z",
        ),
        (
            lambda record: with_alerts(fired(16 * M, resolved_ns=22 * M), fired(26 * M, episode=2))(
                with_breaches(*BOTH)(record)
            ),
            Verdict.PASS,
            "",
        ),
        # False alarms.
        (
            with_alerts(fired(16 * M), fired(3 * M, episode=2)),
            Verdict.FAIL,
            "false alarm: peg_deviation:USDT:",
        ),
        (with_alerts(fired(16 * M), fired(20 * M, episode=2)), Verdict.FAIL, "peg_deviation:USDT:critical:2"),
        (with_alerts(fired(16 * M), fired(16 * M, severity=Severity.WARNING)), Verdict.FAIL, "USDT:warning:1"),
        (
            with_alerts(fired(16 * M), fired(12 * M, "stale_data", "BTC/USD")),
            Verdict.FAIL,
            "stale_data:BTC/USD",
        ),
        (
            with_alerts(fired(16 * M), fired(12 * M, "venue_down", "exchange")),
            Verdict.FAIL,
            "forbidden: venue_down: fired: venue_down:exchange:critical:1",
        ),
        # The rest of the world.
        (lambda record: replace(record, invariants=(VIOLATED,)), Verdict.FAIL, "I1 conservation: 1 BTC too many"),
        (lambda record: replace(record, recovery=(SICK,)), Verdict.FAIL, "recovery: all services healthy: exchange"),
        (lambda record: replace(record, recovery=()), Verdict.FAIL, "recovery: reached: the run ended before"),
        # Where nothing was tested, nothing was failed.
        (lambda record: with_alerts()(with_breaches(text=EFFECT)(record)), Verdict.INVALID, "effect"),
    ],
)
def test_verdicts(change: Change, verdict: Verdict, reason: str, small: Scenario) -> None:
    judgement = judge(change(passing()), small, END_NS)
    assert judgement.verdict is verdict, judgement.reasons
    assert bool(judgement.reasons) is (verdict is not Verdict.PASS)
    assert reason in " | ".join(judgement.reasons)
    assert all(check.passed is not bool(check.detail) for check in judgement.checks if check.kind != "detection")


def test_a_passing_run_tells_both_latencies(small: Scenario) -> None:
    judgement = judge(passing(), small, END_NS)
    alert = judgement.alerts[0]
    assert (alert.detection, alert.breach_ns, alert.deadline_ns) == (Detection.DETECTED, 15 * M, 65 * S)
    assert alert.latency_ns == 61 * S
    detection = next(check for check in judgement.checks if check.kind == "detection")
    assert detection.detail == "1m1s after the breach, 6m1s after price.drift-1"
    expectation = judgement.expectations[0]
    assert (expectation.condition, expectation.breach_ns, expectation.fired_ns) == (OWED, 15 * M, 16 * M + S)
    assert judgement.injections[0].ended_ns == 40 * M


def test_an_allowed_alert_keeps_the_breach_that_it_claims(small: Scenario) -> None:
    loss = replace(fired(30 * M, "pnl_drawdown", "firm"), breach_ns=30 * M - S)
    judgement = judge(with_alerts(fired(16 * M), loss)(passing()), small, END_NS)
    assert judgement.verdict is Verdict.PASS
    assert judgement.alerts[1].detection is Detection.ALLOWED
    assert judgement.alerts[1].latency_ns == S


def test_a_breach_that_is_over_before_its_deadline_may_but_need_not_be_alerted(small: Scenario) -> None:
    short, long = lasting(12 * M, 13 * M + 2 * S), lasting(15 * M, 40 * M)
    silent = with_breaches(short, long)(passing())
    assert judge(silent, small, END_NS).verdict is Verdict.PASS
    spoke = with_alerts(fired(13 * M + S, resolved_ns=14 * M), fired(16 * M, episode=2))(silent)
    judgement = judge(spoke, small, END_NS)
    assert judgement.verdict is Verdict.PASS
    assert [alert.breach_ns for alert in judgement.alerts] == [12 * M, 15 * M]
    assert judgement.expectations[0].breach_ns == 12 * M


def test_episodes_are_counted_exactly(small: Scenario) -> None:
    twice = replace(small, expect=(replace(small.expect[0], episodes=2),))
    record = with_alerts(fired(16 * M, resolved_ns=22 * M), fired(26 * M, episode=2))(with_breaches(*BOTH)(passing()))
    assert judge(record, twice, END_NS).verdict is Verdict.PASS
    once = replace(small, expect=(replace(small.expect[0], episodes=1),))
    assert "episodes: peg_deviation USDT critical: fired 2 times, not 1" in judge(record, once, END_NS).reasons


@pytest.mark.parametrize(
    ("asked_ns", "resolved_ns", "verdict"),
    [
        (None, None, Verdict.PASS),
        (0, None, Verdict.FAIL),
        (0, 59 * M, Verdict.PASS),
        (5 * M, 45 * M, Verdict.PASS),
        (5 * M, 46 * M, Verdict.FAIL),
    ],
)
def test_resolving_is_judged_where_asked(
    asked_ns: int | None, resolved_ns: int | None, verdict: Verdict, small: Scenario
) -> None:
    scenario = replace(small, expect=(replace(small.expect[0], resolved_ns=asked_ns),))
    record = with_alerts(fired(16 * M, resolved_ns=resolved_ns))(passing())
    assert judge(record, scenario, END_NS).verdict is verdict


def test_the_twin_fails_on_the_very_alert_that_was_expected(small: Scenario) -> None:
    calm = replace(passing(), alerts=(), injections=(), breaches={}, recovery=())
    assert judge(calm, twin(small), END_NS).verdict is Verdict.PASS
    judgement = judge(replace(calm, alerts=(fired(16 * M),)), twin(small), END_NS)
    assert judgement.verdict is Verdict.FAIL
    assert "forbidden: peg_deviation USDT critical: fired" in judgement.reasons[0]
    disturbed = replace(calm, steady_state=(GONE,))
    assert judge(disturbed, twin(small), END_NS).verdict is Verdict.INVALID
