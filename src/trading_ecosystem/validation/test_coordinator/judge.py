"""The judge: from a record to a verdict, with every fact that it rests on.

Rule 1: pure. The same record and scenario give the same judgement.
Rule 2: an alert is owed only for a breach that lasts until its deadline, and then it must be firing by then.
Rule 3: INVALID comes before FAIL: where nothing was tested, nothing was failed.
Rule 4: a coordinator that died heard only a part, and on a part nothing is judged.
"""

from dataclasses import dataclass, field

from trading_ecosystem.configuration.scalars import duration_text, instant_text
from trading_ecosystem.validation.results import (
    AlertOutcome,
    CheckOutcome,
    Detection,
    ExpectationOutcome,
    InjectionOutcome,
    Judgement,
    Verdict,
)
from trading_ecosystem.validation.test_coordinator.conditions import Condition
from trading_ecosystem.validation.test_coordinator.measures import Breach
from trading_ecosystem.validation.test_coordinator.parts import Expectation
from trading_ecosystem.validation.test_coordinator.record import AlertRecord, InjectionRecord, Record
from trading_ecosystem.validation.test_coordinator.scenario import Scenario

DIED = "the coordinator died during the run"
WORST_FIRST = (Detection.MISSED, Detection.LATE, Detection.DETECTED)


@dataclass
class Findings:
    """What is found on the way to a judgement."""

    invalid: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    checks: list[CheckOutcome] = field(default_factory=list)

    def check(self, kind: str, text: str, problem: str, reasons: list[str]) -> None:
        """Note a check; `problem` is empty if it passed, otherwise it is a reason too."""
        self.checks.append(CheckOutcome(kind=kind, text=text, passed=not problem, detail=problem))
        if problem:
            reasons.append(f"{kind}: {text}: {problem}")


def judge(record: Record, scenario: Scenario, end_ns: int) -> Judgement:
    """The verdict on a run that went on until `end_ns` (ns since 1970)."""
    if record.died:
        return judgement_of_the_dead(record)
    findings = Findings()
    judge_probes(record, scenario, findings)
    judge_injections(record, findings)
    judge_effects(record, scenario, findings)
    alerts = tuple(judge_alert(alert, record, scenario) for alert in record.alerts)
    expectations = tuple(judge_expectation(each, record, findings) for each in scenario.expect)
    for expectation in scenario.expect:
        judge_episodes(expectation, record, findings)
        judge_resolved(expectation, record, findings)
    judge_false_alarms(record, scenario, alerts, findings)
    judge_invariants(record, findings)
    for alert in alerts:
        findings.checks.append(latency_check(alert, record))
    verdict = Verdict.INVALID if findings.invalid else Verdict.FAIL if findings.failed else Verdict.PASS
    return Judgement(
        verdict=verdict,
        reasons=(*findings.invalid, *findings.failed),
        alerts=alerts,
        expectations=expectations,
        checks=tuple(findings.checks),
        injections=tuple(injection_outcome(each) for each in record.injections),
    )


def judgement_of_the_dead(record: Record) -> Judgement:
    check = CheckOutcome(kind="coordinator", text="there from start to end", passed=False, detail=DIED)
    return Judgement(
        verdict=Verdict.INVALID,
        reasons=(f"{DIED}: it has not heard all of it, and what it had begun was undone",),
        alerts=(),
        expectations=(),
        checks=(check,),
        injections=tuple(injection_outcome(each) for each in record.injections),
    )


# Was anything tested?


def judge_probes(record: Record, scenario: Scenario, findings: Findings) -> None:
    if not record.steady_state:
        findings.check("steady state", "watched to its end", "the run ended before", findings.invalid)
    for outcome in record.steady_state:
        findings.check(outcome.kind, outcome.text, outcome.detail, findings.invalid)
    if scenario.recovery and not record.recovery:
        findings.check("recovery", "reached", "the run ended before", findings.failed)
    for outcome in record.recovery:
        findings.check(outcome.kind, outcome.text, outcome.detail, findings.failed)


def judge_injections(record: Record, findings: Findings) -> None:
    for injection in record.injections:
        problem = ""
        if injection.refused:
            problem = f"refused: {injection.refused}"
        elif injection.started_ns is None:
            problem = "no receipt came, so nothing was injected"
        findings.check("injection", injection.injection_id, problem, findings.invalid)
        if injection.ended_ns is not None:
            findings.check("rollback", injection.injection_id, "", findings.failed)


def judge_effects(record: Record, scenario: Scenario, findings: Findings) -> None:
    since_ns = first_injected_ns(record)
    for condition in scenario.effect:
        seen = any(seen_since(breach, since_ns) for breach in breaches_of(condition, record))
        problem = "" if seen else f"never seen after {instant_text(since_ns)}, so nothing was tested"
        findings.check("effect", condition.text, problem, findings.invalid)


def first_injected_ns(record: Record) -> int:
    started = [injection.started_ns for injection in record.injections if injection.started_ns is not None]
    return min(started, default=record.start_ns)


def seen_since(breach: Breach, since_ns: int) -> bool:
    return breach.held_ns is not None and (breach.end_ns is None or breach.end_ns > since_ns)


# Was it noticed?


def judge_expectation(expectation: Expectation, record: Record, findings: Findings) -> ExpectationOutcome:
    """The worst of what became of the breaches; of equal ones the first."""
    alerts = [alert for alert in record.alerts if expectation.matches(alert.fired)]
    breaches = breaches_of(expectation.when, record)
    answered = [own for alert in alerts if (own := own_breach(alert, expectation, record)) is not None]
    outcomes = [
        judge_breach(breach, expectation, alerts)
        for breach in breaches
        if owed(breach, expectation) or breach in answered
    ]
    text = f"{expectation.text} when {expectation.when.text}"
    if not outcomes:
        never = f"the condition was never true for {duration_text(expectation.deadline_ns)}, so no alert was owed"
        findings.check("expectation", text, never, findings.invalid)
        return expectation_outcome(expectation, Detection.NO_BREACH, None, None)
    worst = min(outcomes, key=rank)
    findings.check("expectation", text, complaint(worst), findings.failed)
    return worst


def judge_breach(breach: Breach, expectation: Expectation, alerts: list[AlertRecord]) -> ExpectationOutcome:
    """What became of one breach that owed an alert, or got one all the same."""
    deadline_ns = breach.begin_ns + expectation.deadline_ns
    for alert in alerts:
        fired_ns = alert.fired.occurred_ns
        if alert.resolved_ns is not None and alert.resolved_ns < (breach.held_ns or breach.begin_ns):
            continue
        if fired_ns <= deadline_ns:
            return expectation_outcome(expectation, Detection.DETECTED, breach.begin_ns, fired_ns)
        if concerns(alert, breach, expectation):
            return expectation_outcome(expectation, Detection.LATE, breach.begin_ns, fired_ns)
    return expectation_outcome(expectation, Detection.MISSED, breach.begin_ns, None)


def own_breach(alert: AlertRecord, expectation: Expectation, record: Record) -> Breach | None:
    """The breach that an alert answers; None where the condition was not true about then."""
    near = [each for each in breaches_of(expectation.when, record) if concerns(alert, each, expectation)]
    return nearest(near, alert.fired.occurred_ns) if near else None


def owed(breach: Breach, expectation: Expectation) -> bool:
    """Whether the breach lasted until the deadline of its alert."""
    if breach.held_ns is None:
        return False
    return breach.end_ns is None or breach.end_ns >= breach.begin_ns + expectation.deadline_ns


def concerns(alert: AlertRecord, breach: Breach, expectation: Expectation) -> bool:
    """Whether the condition was true at some moment shortly before the alert."""
    fired_ns = alert.fired.occurred_ns
    if breach.begin_ns > fired_ns + expectation.within_ns:
        return False
    return breach.end_ns is None or breach.end_ns >= fired_ns - expectation.deadline_ns


def rank(outcome: ExpectationOutcome) -> tuple[int, int]:
    return WORST_FIRST.index(outcome.detection), outcome.breach_ns or 0


def complaint(outcome: ExpectationOutcome) -> str:
    if outcome.detection is Detection.DETECTED:
        return ""
    assert outcome.breach_ns is not None
    begun = instant_text(outcome.breach_ns)
    allowed = duration_text(outcome.deadline_ns)
    if outcome.fired_ns is None:
        return f"missed: in breach from {begun}, and no alert within {allowed}"
    return f"late: in breach from {begun}, fired after {seconds(outcome.fired_ns - outcome.breach_ns)}, not {allowed}"


def judge_episodes(expectation: Expectation, record: Record, findings: Findings) -> None:
    if expectation.episodes is None:
        return
    count = sum(1 for alert in record.alerts if expectation.matches(alert.fired))
    problem = "" if count == expectation.episodes else f"fired {count} times, not {expectation.episodes}"
    findings.check("episodes", expectation.text, problem, findings.failed)


def judge_resolved(expectation: Expectation, record: Record, findings: Findings) -> None:
    """Every firing must have been resolved, and in time after its breach was over."""
    if expectation.resolved_ns is None:
        return
    problem = ""
    for alert in record.alerts:
        if expectation.matches(alert.fired) and not problem:
            problem = unresolved(alert, expectation, breaches_of(expectation.when, record))
    findings.check("resolved", expectation.text, problem, findings.failed)


def unresolved(alert: AlertRecord, expectation: Expectation, breaches: tuple[Breach, ...]) -> str:
    if alert.resolved_ns is None:
        return f"{alert.fired.alert_id} was still firing at the end"
    ends = [breach.end_ns for breach in breaches if breach.end_ns is not None and breach.end_ns <= alert.resolved_ns]
    if not expectation.resolved_ns or not ends or alert.resolved_ns - ends[-1] <= expectation.resolved_ns:
        return ""
    took = seconds(alert.resolved_ns - ends[-1])
    return f"{alert.fired.alert_id} took {took}, not {duration_text(expectation.resolved_ns)}"


# Was it right?


def judge_alert(alert: AlertRecord, record: Record, scenario: Scenario) -> AlertOutcome:
    for expectation in scenario.expect:
        if expectation.matches(alert.fired):
            outcome = judge_expected(alert, expectation, record)
            if outcome is not None:
                return outcome
    forbidden = any(pattern.matches(alert.fired) for pattern in scenario.forbid)
    allowed = any(pattern.matches(alert.fired) for pattern in scenario.allow) and not forbidden
    detection = Detection.ALLOWED if allowed else Detection.FALSE_ALARM
    return alert_outcome(alert, detection, alert.breach_ns, None)


def judge_expected(alert: AlertRecord, expectation: Expectation, record: Record) -> AlertOutcome | None:
    """The outcome of an alert whose condition was true; None where it was not, or was alerted already."""
    breach = own_breach(alert, expectation, record)
    if breach is None:
        return None
    for earlier in record.alerts:
        same = expectation.matches(earlier.fired) and earlier is not alert
        if same and breach.begin_ns < earlier.fired.occurred_ns < alert.fired.occurred_ns:
            return None
    late = alert.fired.occurred_ns > breach.begin_ns + expectation.deadline_ns and owed(breach, expectation)
    detection = Detection.LATE if late else Detection.DETECTED
    return alert_outcome(alert, detection, breach.begin_ns, expectation.deadline_ns)


def nearest(breaches: list[Breach], fired_ns: int) -> Breach:
    """The last that had lasted when the alert fired; else the last that had begun; else the first."""
    for breach in reversed(breaches):
        if breach.held_ns is not None and breach.held_ns <= fired_ns:
            return breach
    for breach in reversed(breaches):
        if breach.begin_ns <= fired_ns:
            return breach
    return breaches[0]


def judge_false_alarms(
    record: Record, scenario: Scenario, alerts: tuple[AlertOutcome, ...], findings: Findings
) -> None:
    for pattern in scenario.forbid:
        found = [alert.fired.alert_id for alert in record.alerts if pattern.matches(alert.fired)]
        problem = f"fired: {', '.join(found)}" if found else ""
        findings.check("forbidden", pattern.text, problem, findings.failed)
    false = [alert for alert in alerts if alert.detection is Detection.FALSE_ALARM]
    for alert in false:
        findings.failed.append(
            f"false alarm: {alert.alert_id} at {instant_text(alert.fired_ns)}, neither owed then nor allowed"
        )


def judge_invariants(record: Record, findings: Findings) -> None:
    for violated in record.invariants:
        findings.check("invariant", violated.invariant, violated.detail or "violated", findings.failed)


# How it is told.


def latency_check(alert: AlertOutcome, record: Record) -> CheckOutcome:
    """How long the alert took from its breach, and from the injection that came last before it."""
    parts: list[str] = []
    if alert.latency_ns is not None:
        parts.append(f"{seconds(alert.latency_ns)} after the breach")
    injected = [each for each in record.injections if each.started_ns is not None and each.started_ns <= alert.fired_ns]
    if injected:
        last = max(injected, key=started)
        parts.append(f"{seconds(alert.fired_ns - started(last))} after {last.injection_id}")
    passed = alert.detection not in (Detection.FALSE_ALARM, Detection.LATE)
    return CheckOutcome(kind="detection", text=alert.alert_id, passed=passed, detail=", ".join(parts))


def started(injection: InjectionRecord) -> int:
    assert injection.started_ns is not None
    return injection.started_ns


def breaches_of(condition: Condition, record: Record) -> tuple[Breach, ...]:
    return record.breaches.get(condition.text, ())


def seconds(duration_ns: int) -> str:
    """To the millisecond, so that a person can compare."""
    sign = "-" if duration_ns < 0 else ""
    milliseconds = abs(duration_ns) // 1_000_000
    return f"{sign}{duration_text(milliseconds * 1_000_000)}"


def expectation_outcome(
    expectation: Expectation, detection: Detection, breach_ns: int | None, fired_ns: int | None
) -> ExpectationOutcome:
    return ExpectationOutcome(
        rule=expectation.rule,
        subject=expectation.subject,
        severity=expectation.severity,
        condition=expectation.when.text,
        detection=detection,
        breach_ns=breach_ns,
        fired_ns=fired_ns,
        deadline_ns=expectation.deadline_ns,
    )


def alert_outcome(
    alert: AlertRecord, detection: Detection, breach_ns: int | None, deadline_ns: int | None
) -> AlertOutcome:
    fired = alert.fired
    return AlertOutcome(
        alert_id=fired.alert_id,
        rule=fired.rule,
        subject=fired.subject,
        severity=fired.severity.value,
        detection=detection,
        breach_ns=breach_ns,
        fired_ns=fired.occurred_ns,
        resolved_ns=alert.resolved_ns,
        deadline_ns=deadline_ns,
        value=fired.value,
        limit=fired.limit,
        unit=fired.unit,
    )


def injection_outcome(injection: InjectionRecord) -> InjectionOutcome:
    return InjectionOutcome(
        injection_id=injection.injection_id,
        kind=injection.kind,
        target=injection.target,
        subjects=injection.subjects,
        started_ns=injection.started_ns,
        ended_ns=injection.ended_ns,
    )
