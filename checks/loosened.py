"""Loosens each limit that an expected alert rests on, one at a time: the scenario must fail, and name the alert.

.venv/bin/python checks/loosened.py                     # every shipped scenario
.venv/bin/python checks/loosened.py archegos-2021-03    # these

A scenario that still passes did not test its limit. Ends with 1 if there is one.
"""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.production.risk_monitor.groups import Group
from trading_ecosystem.production.risk_monitor.levels import TIME_UNIT, Level, Levels
from trading_ecosystem.validation.results import Verdict
from trading_ecosystem.validation.test_coordinator.scenario import load
from trading_ecosystem.virtual.run import execute

SCENARIOS = Path(__file__).parent.parent / "scenarios"
A_FORTNIGHT_NS = 1_209_600_000_000_000  # No scenario is as long.
BEYOND = 1 << 60  # No other figure is as large.


@dataclass(frozen=True)
class Case:
    scenario: Path
    rule: str
    subject: str


@dataclass(frozen=True)
class Outcome:
    case: Case
    verdict: Verdict
    reason: str  # The first that names the alert; empty if none does.

    @property
    def noticed(self) -> bool:
        return self.verdict is Verdict.FAIL and self.reason != ""


def loosened(limits: Limits, case: Case) -> Limits:
    """With the limit on the subject out of reach; that of an alert that nobody answers does not name its subjects."""
    groups = tuple(loosened_group(group, case) for group in limits.groups)
    if groups != limits.groups:
        return replace(limits, groups=groups)
    entry = limits.rules[case.rule].entry
    each = [(limit, subject) for limit in entry.limits for subject in limit.subjects or ("",)]
    return limits.with_limits(
        case.rule,
        *(
            replace(limit, subjects=(subject,) if subject else (), levels=out_of_reach(limit.unit))
            if subject in ("", case.subject)
            else replace(limit, subjects=(subject,))
            for limit, subject in each
        ),
    )


def loosened_group(group: Group, case: Case) -> Group:
    """As it is, where its limits are not about the subject."""
    entry = group.entries.get(case.rule)
    if entry is None or case.subject not in entry.subjects:
        return group
    loose = tuple(
        replace(limit, levels=out_of_reach(limit.unit)) if case.subject in limit.subjects else limit
        for limit in entry.limits
    )
    return replace(group, entries={**group.entries, case.rule: replace(entry, limits=loose)})


def out_of_reach(unit: str) -> Levels:
    at = A_FORTNIGHT_NS if unit == TIME_UNIT else BEYOND
    return Levels(warning=Level(at=at, for_ns=0, resolves=at), critical=Level(at=at, for_ns=0, resolves=at))


def cases(path: Path) -> list[Case]:
    """Each alert once, whichever of its severities are expected."""
    expected = {(each.rule, each.subject): None for each in load(path).expect}
    return [Case(path, rule, subject) for rule, subject in expected]


def tried(case: Case) -> Outcome:
    prepared = prepare(RunRequest(scenario_path=case.scenario, with_twin=False, with_boundary=False))
    limits = loosened(prepared.plan.limits, case)
    assert limits != prepared.plan.limits, case
    judgement = execute(replace(prepared, plan=replace(prepared.plan, limits=limits)), None, None).judgement
    about = f"{case.rule} {case.subject}"
    return Outcome(case, judgement.verdict, next((each for each in judgement.reasons if about in each), ""))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="*")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    paths = [SCENARIOS / f"{name}.yaml" for name in asked.scenario] or sorted(SCENARIOS.glob("*.yaml"))
    every = [case for path in paths for case in cases(path)]
    missed = 0
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        for outcome in pool.map(tried, every):
            case = outcome.case
            word = "noticed" if outcome.noticed else "NOT NOTICED"
            missed += not outcome.noticed
            what = outcome.reason or outcome.verdict.value
            print(f"{word}: {case.scenario.stem}, {case.rule} of {case.subject} loosened: {what}", flush=True)
    print(f"{len(every) - missed} of {len(every)} loosened limits noticed")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
