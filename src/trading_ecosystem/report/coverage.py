"""Which rule is expected by which scenario, and what became of it."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from trading_ecosystem.production.risk_monitor.plugins import BUILT_IN
from trading_ecosystem.validation.results import Detection, ExpectationOutcome, RunResult

Coverage = dict[str, dict[str, "Cover"]]  # By rule, then by scenario; of every built-in rule, and those of the worlds.


class Cover(StrEnum):
    """What a scenario shows of a rule. The first that applies counts."""

    BROKEN = "broken"  # An expected alert was missed or late, or its condition never came true.
    CRITICAL = "critical"  # A critical alert was expected, and came in time.
    WARNING = "warning"


COVER_SYMBOLS = {Cover.BROKEN: "✗", Cover.CRITICAL: "●", Cover.WARNING: "○"}


def coverage(results: Sequence[RunResult]) -> Coverage:
    others = [rule for result in results for rule in result.rules]
    return {rule: of_rule(rule, results) for rule in dict.fromkeys((*BUILT_IN, *others))}


def of_rule(rule: str, results: Sequence[RunResult]) -> dict[str, Cover]:
    found: dict[str, Cover] = {}
    for result in results:
        expected = [each for each in result.judgement.expectations if each.rule == rule]
        if expected:
            found[result.scenario] = cover(expected)
    return found


def cover(expected: Iterable[ExpectationOutcome]) -> Cover:
    covers = {Cover(each.severity) if each.detection is Detection.DETECTED else Cover.BROKEN for each in expected}
    return next(each for each in Cover if each in covers)


def untried(found: Coverage) -> tuple[str, ...]:
    """The rules that no scenario expects."""
    return tuple(rule for rule, scenarios in found.items() if not scenarios)
