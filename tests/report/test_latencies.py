"""Latencies and coverage across runs."""

from dataclasses import replace

from trading_ecosystem.report.coverage import Cover, coverage, untried
from trading_ecosystem.report.latencies import latencies
from trading_ecosystem.validation.results import AlertOutcome, Detection, RunResult

SECOND = 1_000_000_000


def with_latencies(result: RunResult, *seconds: int, deadline_s: int = 65) -> RunResult:
    """With critical peg alerts that took so long; its other alerts stay."""
    peg = next(alert for alert in result.judgement.alerts if alert.severity == "critical")
    assert peg.breach_ns is not None
    alerts: list[AlertOutcome] = [
        replace(peg, fired_ns=peg.breach_ns + each * SECOND, deadline_ns=deadline_s * SECOND) for each in seconds
    ]
    return replace(result, judgement=replace(result.judgement, alerts=tuple(alerts)))


def test_the_worst_is_nearest_to_its_own_deadline(result: RunResult) -> None:
    slow = replace(with_latencies(result, 10, 40, 50), scenario="slow")
    tight = replace(with_latencies(result, 9, deadline_s=10), scenario="tight")
    (peg,) = latencies([slow, tight])
    assert (peg.rule, peg.count, peg.missed) == ("peg_deviation", 4, 0)
    assert (peg.median_ns, peg.worst_ns, peg.deadline_ns, peg.scenario) == (
        10 * SECOND,
        9 * SECOND,
        10 * SECOND,
        "tight",
    )
    assert peg.words == "9 s of 10 s"


def test_an_allowed_alert_has_no_latency_and_a_missed_one_is_counted(result: RunResult) -> None:
    allowed = [alert for alert in result.judgement.alerts if alert.detection is Detection.ALLOWED]
    missed = tuple(replace(each, detection=Detection.MISSED, fired_ns=None) for each in result.judgement.expectations)
    judged = replace(result.judgement, alerts=tuple(allowed), expectations=missed)
    (peg,) = latencies([replace(result, judgement=judged)])
    assert allowed and (peg.count, peg.missed, peg.words) == (0, 2, "no alert")


def test_every_rule_has_a_line_of_coverage(result: RunResult) -> None:
    warned = replace(result.judgement, expectations=result.judgement.expectations[:1])
    late = replace(
        warned, expectations=(*warned.expectations, replace(warned.expectations[0], detection=Detection.LATE))
    )
    runs = [result, *(replace(result, scenario=name, judgement=each) for name, each in (("w", warned), ("l", late)))]
    found = coverage(runs)
    assert found["peg_deviation"] == {result.scenario: Cover.CRITICAL, "w": Cover.WARNING, "l": Cover.BROKEN}
    assert found["kill_switch"] == {} and "kill_switch" in untried(found) and "peg_deviation" not in untried(found)
