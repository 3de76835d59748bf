"""What is judged just under a limit and just over it; and that the shipped boundaries hold."""

from dataclasses import replace
from pathlib import Path

import pytest

from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.validation.results import AlertOutcome, Detection, Judgement, Verdict
from trading_ecosystem.validation.test_coordinator import boundary
from trading_ecosystem.validation.test_coordinator.scenario import Scenario, load
from trading_ecosystem.virtual.run import run_boundary

SCENARIOS = Path(__file__).parents[3] / "scenarios"
WITH_BOUNDARY = [path for path in sorted(SCENARIOS.glob("*.yaml")) if load(path).boundary]
CRASH = SCENARIOS / "market-crash-15pct.yaml"
QUIET = Judgement(verdict=Verdict.PASS, reasons=(), alerts=(), expectations=(), checks=(), injections=())


def alert(rule: str, subject: str, severity: str) -> AlertOutcome:
    return AlertOutcome(
        alert_id=f"{rule}:{subject}:{severity}:1",
        rule=rule,
        subject=subject,
        severity=severity,
        detection=Detection.ALLOWED,
        breach_ns=None,
        fired_ns=1_772_409_600_000_000_000,
        resolved_ns=None,
        deadline_ns=None,
        value=1,
        limit=1,
        unit="ppm",
    )


@pytest.fixture
def crash() -> Scenario:
    return load(CRASH)


@pytest.mark.parametrize(
    ("raised", "verdict"),
    [
        (("pnl_drawdown", "firm", "critical"), Verdict.FAIL),
        (("pnl_drawdown", "firm", "warning"), Verdict.PASS),
        (("pnl_drawdown", "desk", "critical"), Verdict.PASS),
        (("delta_exposure", "firm", "critical"), Verdict.PASS),
    ],
)
def test_under_only_an_expected_critical_alert_counts(
    raised: tuple[str, str, str], verdict: Verdict, crash: Scenario
) -> None:
    judged = boundary.judged("under", replace(QUIET, alerts=(alert(*raised),)), crash)
    assert judged.verdict is verdict
    told = ("critical pnl_drawdown on firm fired at 2026-03-02T00:00:00Z",)
    assert judged.reasons == (told if verdict is Verdict.FAIL else ())


def test_what_is_expected_as_a_warning_has_no_critical_limit_here(crash: Scenario) -> None:
    warned = replace(crash.expect[0], rule="concentration", severity="warning")
    both = replace(crash, expect=(*crash.expect, warned))
    loud = replace(QUIET, alerts=(alert("concentration", "firm", "critical"),))
    assert boundary.judged("under", loud, both).verdict is Verdict.PASS


def test_what_tested_nothing_stays_invalid(crash: Scenario) -> None:
    invalid = replace(QUIET, verdict=Verdict.INVALID, alerts=(alert("pnl_drawdown", "firm", "critical"),))
    assert boundary.judged("under", invalid, crash) == invalid


def test_over_is_judged_by_its_expectations_alone(crash: Scenario) -> None:
    loud = replace(QUIET, alerts=(alert("pnl_drawdown", "firm", "critical"),))
    assert boundary.judged("over", loud, crash) == loud


def test_the_sides_ask_for_nothing_but_their_alerts(crash: Scenario) -> None:
    settlement = load(SCENARIOS / "settlement-delay.yaml")
    for name, side in boundary.sides(settlement).items():
        assert (side.effect, side.forbid, side.recovery, side.boundary) == ((), (), None, None)
        assert [each.rule for each in side.expect] == ([] if name == "under" else ["settlement_overdue"] * 2)
        assert all(each.episodes is each.resolved_ns is None for each in side.expect)
        assert side.method[0].by_ns == {"under": 42, "over": 75}[name] * 1_000_000_000  # type: ignore[attr-defined]
    assert settlement.method[0].by_ns == 3 * 3_600_000_000_000  # type: ignore[attr-defined]
    assert list(boundary.sides(crash)) == ["under", "over"]


def test_making_a_side_leaves_the_scenario_as_it_is(crash: Scenario) -> None:
    assert crash.boundary is not None
    before = [value.place for _, value in crash.boundary.under]
    boundary.sides(crash)
    assert [value.place for _, value in crash.boundary.under] == before
    assert len(set(before)) == len(before)


def test_without_over_the_scenario_as_written_is_that_side() -> None:
    runaway = load(SCENARIOS / "runaway-strategy.yaml")
    (changes,) = [boundary.changes(runaway, name) for name in boundary.sides(runaway)]
    assert changes[0] == "world: runaway-nineteen"
    assert changes[3].startswith("method: [{at: 2m, inject: price.gap,")


def test_on_recorded_prices_there_is_no_boundary(tmp_path: Path) -> None:
    rows = [f"2026-03-02T{at // 60:02d}:{at % 60:02d}:00Z,1,1,1,1" for at in range(180)]
    (tmp_path / "usdtusd.csv").write_text("\n".join(["time,open,high,low,close", *rows]) + "\n", encoding="utf-8")
    request = RunRequest(scenario_path=CRASH)
    assert prepare(replace(request, replay=tmp_path / "usdtusd.csv")).boundary == {}
    assert list(prepare(request).boundary) == ["under", "over"]


def test_enough_scenarios_have_a_boundary() -> None:
    families = {load(path).family for path in WITH_BOUNDARY}
    assert families >= {"stablecoin", "crash", "settlement", "divergence", "strategy", "outage"}


@pytest.mark.whole
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("path", WITH_BOUNDARY, ids=lambda path: path.stem)
def test_a_shipped_boundary_holds(path: Path, seed: int) -> None:
    for side in run_boundary(prepare(RunRequest(scenario_path=path, seed=seed)), {}):
        assert side.judgement.verdict is Verdict.PASS, (side.side, side.judgement.reasons)
