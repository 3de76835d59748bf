"""The object that `--json` prints. Names and meanings are a promise to other programs; times are ISO 8601 UTC."""

from collections.abc import Sequence

from trading_ecosystem.report.coverage import coverage
from trading_ecosystem.report.latencies import RuleLatency, latencies
from trading_ecosystem.report.words import milliseconds
from trading_ecosystem.validation.results import (
    AlertOutcome,
    BoundarySide,
    CheckOutcome,
    ExpectationOutcome,
    InjectionOutcome,
    Judgement,
    RunResult,
    Verdict,
)

Object = dict[str, object]
SECOND_NS = 1_000_000_000


def run_object(result: RunResult, report: str | None) -> Object:
    """One run. `report` is the path of its HTML page; paths are null where nothing was kept."""
    judgement = result.judgement
    return {
        "scenario": result.scenario,
        "verdict": judgement.verdict.value,
        "reasons": list(judgement.reasons),
        "digest": result.digest,
        "seed": result.seed,
        "world": result.world,
        "start": milliseconds(result.start_ns),
        "simulated_s": seconds(result.simulated_ns),
        "wall_s": round(result.wall_s, 3),
        "events": result.events,
        "compiled": result.compiled,
        "alerts": [alert_object(alert) for alert in judgement.alerts],
        "expectations": [expectation_object(expectation) for expectation in judgement.expectations],
        "latencies": [latency_object(each) for each in latencies([result])],
        "checks": [check_object(check) for check in judgement.checks],
        "injections": [injection_object(injection) for injection in judgement.injections],
        "twin": twin_object(result.twin, result.twin_digest),
        "boundary": [side_object(side) for side in result.boundary],
        "counts": dict(result.counts),
        "versions": dict(result.versions),
        "command": result.command,
        "report": report,
        "trail": result.trail or None,
    }


def suite_object(
    results: Sequence[RunResult], runs: Sequence[Object], verdict: Verdict, wall_s: float, report: str | None
) -> Object:
    """A suite: `runs` are the objects of its results, in their order."""
    return {
        "verdict": verdict.value,
        "wall_s": round(wall_s, 3),
        "report": report,
        "latencies": [{**latency_object(each), "scenario": each.scenario or None} for each in latencies(results)],
        "coverage": {
            rule: {name: covered.value for name, covered in scenarios.items()}
            for rule, scenarios in coverage(results).items()
        },
        "scenarios": list(runs),
    }


def latency_object(each: RuleLatency) -> Object:
    """Of a rule; times are null where no expected alert of it fired."""
    timed = each.count > 0
    return {
        "rule": each.rule,
        "count": each.count,
        "missed": each.missed,
        "median_s": seconds(each.median_ns) if timed else None,
        "worst_s": seconds(each.worst_ns) if timed else None,
        "deadline_s": seconds(each.deadline_ns) if timed else None,
    }


def alert_object(alert: AlertOutcome) -> Object:
    return {
        "alert_id": alert.alert_id,
        "rule": alert.rule,
        "subject": alert.subject,
        "severity": alert.severity,
        "detection": alert.detection.value,
        "breach_at": milliseconds(alert.breach_ns),
        "fired_at": milliseconds(alert.fired_ns),
        "resolved_at": milliseconds(alert.resolved_ns),
        "latency_s": seconds(alert.latency_ns),
        "deadline_s": seconds(alert.deadline_ns),
        "value": alert.value,
        "limit": alert.limit,
        "unit": alert.unit,
    }


def expectation_object(expectation: ExpectationOutcome) -> Object:
    return {
        "rule": expectation.rule,
        "subject": expectation.subject,
        "severity": expectation.severity,
        "condition": expectation.condition,
        "detection": expectation.detection.value,
        "breach_at": milliseconds(expectation.breach_ns),
        "fired_at": milliseconds(expectation.fired_ns),
        "deadline_s": seconds(expectation.deadline_ns),
    }


def check_object(check: CheckOutcome) -> Object:
    return {"kind": check.kind, "text": check.text, "passed": check.passed, "detail": check.detail}


def injection_object(injection: InjectionOutcome) -> Object:
    return {
        "injection_id": injection.injection_id,
        "kind": injection.kind,
        "target": injection.target,
        "subjects": list(injection.subjects),
        "started_at": milliseconds(injection.started_ns),
        "ended_at": milliseconds(injection.ended_ns),
    }


def twin_object(twin: Judgement | None, digest: str) -> Object | None:
    if twin is None:
        return None
    return {
        "verdict": twin.verdict.value,
        "reasons": list(twin.reasons),
        "digest": digest or None,
        "alerts": [alert_object(alert) for alert in twin.alerts],
    }


def side_object(side: BoundarySide) -> Object:
    return {
        "side": side.side,
        "changes": list(side.changes),
        "verdict": side.judgement.verdict.value,
        "reasons": list(side.judgement.reasons),
        "digest": side.digest,
        "alerts": [alert_object(alert) for alert in side.judgement.alerts],
        "nearness": [{"limit": each.limit, "percent": each.percent, "near": each.near} for each in side.nearness],
    }


def seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / SECOND_NS
