"""Loosens each limit that an expected alert rests on, one at a time: the scenario must fail, and name the alert.

.venv/bin/python checks/loosened.py                     # every shipped scenario
.venv/bin/python checks/loosened.py archegos-2021-03    # these

A scenario that still passes did not test its limit. Ends with 1 if there is one.
"""

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from trading_ecosystem.messages.risk import AlertRule
from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.production.risk_monitor.levels import Level, Levels
from trading_ecosystem.validation.audit_correlator.trail import NoSink
from trading_ecosystem.validation.results import Verdict
from trading_ecosystem.validation.test_coordinator.scenario import load
from trading_ecosystem.virtual.run import execute

SCENARIOS = Path(__file__).parent.parent / "scenarios"
OUT_OF_REACH = Level(at=1 << 60, for_ns=0, resolves=1 << 60)
A_FORTNIGHT = Level(at=1_209_600_000_000_000, for_ns=0, resolves=1_209_600_000_000_000)
NO_AMOUNT = Levels(warning=OUT_OF_REACH, critical=OUT_OF_REACH)
NO_TIME = Levels(warning=A_FORTNIGHT, critical=A_FORTNIGHT)
Loosen = Callable[[Limits, str], Limits]


@dataclass(frozen=True)
class Case:
    scenario: Path
    rule: AlertRule
    subject: str


@dataclass(frozen=True)
class Outcome:
    case: Case
    verdict: Verdict
    reason: str  # The first that names the alert; empty if none does.

    @property
    def noticed(self) -> bool:
        return self.verdict is Verdict.FAIL and self.reason != ""


def named(levels: dict[str, Levels], subject: str) -> dict[str, Levels]:
    return {**levels, subject: NO_AMOUNT} if subject in levels else levels


def concentration(limits: Limits, subject: str) -> Limits:
    return replace(
        limits,
        concentration_assets=named(limits.concentration_assets, subject),
        concentration_issuers=named(limits.concentration_issuers, subject),
        concentration_venues=named(limits.concentration_venues, subject),
    )


def denials(rule: AlertRule) -> Loosen:
    return lambda limits, _: replace(limits, denials={**limits.denials, rule: NO_AMOUNT})


# Of each rule, how its limit for a subject is put out of reach.
LOOSENED: dict[AlertRule, Loosen] = {
    AlertRule.POSITION_LIMIT: lambda limits, it: replace(limits, position_limit=named(limits.position_limit, it)),
    AlertRule.PNL_DRAWDOWN: lambda limits, _: replace(limits, pnl_drawdown=NO_AMOUNT),
    AlertRule.DELTA_EXPOSURE: lambda limits, _: replace(limits, delta_exposure=NO_AMOUNT),
    AlertRule.CONCENTRATION: concentration,
    AlertRule.PEG_DEVIATION: lambda limits, it: replace(limits, peg_deviation=named(limits.peg_deviation, it)),
    AlertRule.VENUE_DOWN: lambda limits, _: replace(limits, venue_down=NO_TIME),
    AlertRule.STALE_DATA: lambda limits, _: replace(limits, stale_data=NO_TIME),
    AlertRule.SETTLEMENT_OVERDUE: lambda limits, _: replace(limits, settlement_overdue=NO_TIME),
    AlertRule.RECONCILIATION_BREAK: lambda limits, _: replace(limits, reconciliation_break=NO_TIME),
    AlertRule.TRANSFER_OVERDUE: lambda limits, _: replace(limits, transfer_overdue=NO_TIME),
    AlertRule.BASIS_DIVERGENCE: lambda limits, it: replace(limits, basis_divergence=named(limits.basis_divergence, it)),
    AlertRule.MARGIN_BUFFER: lambda limits, _: replace(limits, margin_buffer=NO_AMOUNT),
    AlertRule.PRICE_OUTLIER: lambda limits, it: replace(
        limits, price_outlier=named(limits.price_outlier, it.rpartition(":")[2])
    ),
    AlertRule.CROSSED_BOOK: lambda limits, _: replace(limits, crossed_book=NO_AMOUNT),
    AlertRule.BALANCE_SANITY: lambda limits, _: replace(limits, balance_sanity=NO_AMOUNT),
    AlertRule.FUNDING_COST: lambda limits, _: replace(limits, funding_cost=NO_AMOUNT),
    AlertRule.ORDER_RATE: lambda limits, it: replace(
        limits, order_rates=named(limits.order_rates, it.rpartition(":")[2])
    ),
    AlertRule.KILL_SWITCH: lambda limits, _: replace(limits, kill_switch=NO_AMOUNT),
    AlertRule.REPEATED_EXECUTION: lambda limits, _: replace(limits, repeated_execution=NO_AMOUNT),
    AlertRule.SYSTEMIC_VENUE: lambda limits, _: replace(limits, systemic_venue=NO_AMOUNT),
    AlertRule.ALERT_ESCALATION: lambda limits, _: replace(limits, patience=None),
    AlertRule.OWN_HEARTBEAT: lambda limits, _: replace(limits, own_heartbeat=NO_TIME),
    **{rule: denials(rule) for rule in (AlertRule.PRICE_COLLAR, AlertRule.MAX_ORDER_VALUE, AlertRule.DUPLICATE_ORDER)},
}


def cases(path: Path) -> list[Case]:
    """Each alert once, whichever of its severities are expected."""
    expected = {(AlertRule(each.rule), each.subject): None for each in load(path).expect}
    return [Case(path, rule, subject) for rule, subject in expected]


def tried(case: Case) -> Outcome:
    prepared = prepare(RunRequest(scenario_path=case.scenario, with_twin=False, with_boundary=False))
    limits = LOOSENED[case.rule](prepared.plan.limits, case.subject)
    assert limits != prepared.plan.limits, case
    judgement = execute(replace(prepared, plan=replace(prepared.plan, limits=limits)), NoSink(), None).judgement
    about = f"{case.rule.value} {case.subject}"
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
            print(f"{word}: {case.scenario.stem}, {case.rule.value} of {case.subject} loosened: {what}", flush=True)
    print(f"{len(every) - missed} of {len(every)} loosened limits noticed")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
