"""How long alerts took, by rule: from the breach to the alert, against the deadline of whoever expected it."""

from collections.abc import Iterable
from dataclasses import dataclass

from trading_ecosystem.report.words import duration
from trading_ecosystem.validation.results import Detection, RunResult


@dataclass(frozen=True, kw_only=True)
class RuleLatency:
    """Of the expected alerts of a rule. The worst is the one that used most of its deadline, the median the lower one.

    Times in ns.
    """

    rule: str
    count: int
    missed: int  # Expected, and never fired.
    median_ns: int
    worst_ns: int
    deadline_ns: int  # Of the worst.
    scenario: str  # Of the worst.

    @property
    def words(self) -> str:
        return f"{duration(self.worst_ns)} of {duration(self.deadline_ns)}" if self.count else "no alert"


def latencies(results: Iterable[RunResult]) -> tuple[RuleLatency, ...]:
    """Of every rule that is expected in these runs, in the order of its name."""
    every = list(results)
    rules = sorted({outcome.rule for result in every for outcome in result.judgement.expectations})
    return tuple(of_rule(rule, every) for rule in rules)


def of_rule(rule: str, results: list[RunResult]) -> RuleLatency:
    timed = [
        (alert.latency_ns, alert.deadline_ns, result.scenario)
        for result in results
        for alert in result.judgement.alerts
        if alert.rule == rule and alert.latency_ns is not None and alert.deadline_ns
    ]
    expected = [each for result in results for each in result.judgement.expectations if each.rule == rule]
    missed = sum(each.detection is Detection.MISSED for each in expected)
    if not timed:
        return RuleLatency(rule=rule, count=0, missed=missed, median_ns=0, worst_ns=0, deadline_ns=0, scenario="")
    worst_ns, deadline_ns, scenario = max(timed, key=lambda each: each[0] / each[1])
    return RuleLatency(
        rule=rule,
        count=len(timed),
        missed=missed,
        median_ns=sorted(latency_ns for latency_ns, _, _ in timed)[(len(timed) - 1) // 2],
        worst_ns=worst_ns,
        deadline_ns=deadline_ns,
        scenario=scenario,
    )
