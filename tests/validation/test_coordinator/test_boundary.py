"""What is judged just under a limit and just over it; and that the shipped boundaries hold."""

from dataclasses import replace
from pathlib import Path

import pytest

from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.validation.results import AlertOutcome, Detection, Judgement, Nearness, Verdict
from trading_ecosystem.validation.test_coordinator import boundary
from trading_ecosystem.validation.test_coordinator.scenario import Scenario, load
from trading_ecosystem.virtual.run import execute, run_boundary

SCENARIOS = Path(__file__).parents[3] / "scenarios"
WITH_BOUNDARY = [path for path in sorted(SCENARIOS.glob("*.yaml")) if load(path).boundary]
CRASH = SCENARIOS / "market-crash-15pct.yaml"
FAR = Nearness(limit="drawdown of firm above 4.5%", percent=20, near=False)
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
    judged = boundary.judged("under", replace(QUIET, alerts=(alert(*raised),)), crash, ())
    assert judged.verdict is verdict
    told = ("critical pnl_drawdown on firm fired at 2026-03-02T00:00:00Z",)
    assert judged.reasons == (told if verdict is Verdict.FAIL else ())


def test_what_is_expected_as_a_warning_has_no_critical_limit_here(crash: Scenario) -> None:
    warned = replace(crash.expect[0], rule="concentration", severity="warning")
    both = replace(crash, expect=(*crash.expect, warned))
    loud = replace(QUIET, alerts=(alert("concentration", "firm", "critical"),))
    assert boundary.judged("under", loud, both, ()).verdict is Verdict.PASS


def test_what_tested_nothing_stays_invalid(crash: Scenario) -> None:
    invalid = replace(QUIET, verdict=Verdict.INVALID, alerts=(alert("pnl_drawdown", "firm", "critical"),))
    assert boundary.judged("under", invalid, crash, (FAR,)) == invalid


def test_over_is_judged_by_its_expectations_alone(crash: Scenario) -> None:
    loud = replace(QUIET, alerts=(alert("pnl_drawdown", "firm", "critical"),))
    assert boundary.judged("over", loud, crash, ()) == loud


def test_the_sides_ask_for_nothing_but_their_alerts(crash: Scenario) -> None:
    settlement = load(SCENARIOS / "settlement-delay.yaml")
    for name, side in boundary.sides(settlement).items():
        assert (side.effect, side.forbid, side.recovery, side.boundary) == ((), (), None, None)
        assert [each.rule for each in side.expect] == ([] if name == "under" else ["settlement_overdue"] * 2)
        assert all(each.episodes is each.resolved_ns is None for each in side.expect)
        assert side.method[0].by_ns == {"under": 42, "over": 70}[name] * 1_000_000_000  # type: ignore[attr-defined]
    assert settlement.method[0].by_ns == 3 * 3_600_000_000_000  # type: ignore[attr-defined]
    assert list(boundary.sides(crash)) == ["under", "over"]


def test_making_a_side_leaves_the_scenario_as_it_is(crash: Scenario) -> None:
    assert crash.boundary is not None
    before = [value.place for _, value in crash.boundary.under]
    boundary.sides(crash)
    assert [value.place for _, value in crash.boundary.under] == before
    assert len(set(before)) == len(before)


def test_without_over_the_scenario_as_written_is_run_as_that_side(crash: Scenario) -> None:
    assert crash.boundary is not None
    bare = replace(crash, boundary=replace(crash.boundary, over=()))
    found = boundary.sides(bare)
    assert boundary.changes(bare, "over") == () and found["over"].method == crash.method
    assert [each.rule for each in found["over"].expect] == ["pnl_drawdown"]


def test_a_whole_method_may_be_changed() -> None:
    runaway = load(SCENARIOS / "runaway-strategy.yaml")
    changes = boundary.changes(runaway, "under")
    assert changes[0] == "world: runaway-nineteen"
    assert changes[3].startswith("method: [{at: 2m, inject: price.gap,")


def test_a_boundary_of_one_rule_asks_for_nothing_of_the_others() -> None:
    runaway = load(SCENARIOS / "runaway-strategy.yaml")
    assert [each.rule for each in runaway.expect] == ["order_rate", "kill_switch"]
    assert [each.rule for each in boundary.sides(runaway)["over"].expect] == ["order_rate"]
    killed = replace(QUIET, alerts=(alert("kill_switch", "alpha", "critical"),))
    assert boundary.judged("under", killed, runaway, ()) == replace(
        killed, checks=boundary.judged("under", killed, runaway, ()).checks
    )


def test_where_only_a_warning_is_expected_the_limit_is_that_of_the_warning() -> None:
    silvergate = load(SCENARIOS / "silvergate-2023-03.yaml")
    loud = replace(QUIET, alerts=(alert("transfer_overdue", "alpha", "warning"),))
    assert boundary.judged("under", loud, silvergate, ()).verdict is Verdict.FAIL


@pytest.mark.parametrize("name", ["under", "over"])
def test_a_side_that_is_far_from_its_limit_is_invalid(name: str, crash: Scenario) -> None:
    judged = boundary.judged(name, QUIET, crash, (replace(FAR, near=True), FAR))
    assert judged.verdict is Verdict.INVALID
    (told,) = judged.reasons
    assert told == f"20% of the limit was reached, drawdown of firm above 4.5%: not just {name} it"
    failed = replace(QUIET, verdict=Verdict.FAIL, reasons=("missed",))
    assert boundary.judged(name, failed, crash, (FAR,)).verdict is Verdict.FAIL


def test_measuring_how_near_it_comes_changes_nothing_in_the_run(crash: Scenario) -> None:
    side = prepare(RunRequest(scenario_path=CRASH)).boundary["under"]
    bare = replace(side, scenario=replace(side.scenario, measured=()))
    assert len(side.scenario.measured) > 50
    assert len({execute(each, None, None).audit.digest for each in (side, bare)}) == 1


def test_on_recorded_prices_there_is_no_boundary(tmp_path: Path) -> None:
    rows = [f"2026-03-02T{at // 60:02d}:{at % 60:02d}:00Z,1,1,1,1" for at in range(180)]
    (tmp_path / "usdtusd.csv").write_text("\n".join(["time,open,high,low,close", *rows]) + "\n", encoding="utf-8")
    request = RunRequest(scenario_path=CRASH)
    assert prepare(replace(request, replay=tmp_path / "usdtusd.csv")).boundary == {}
    assert list(prepare(request).boundary) == ["under", "over"]


def test_every_other_scenario_is_told_with_its_reason() -> None:
    """The table of docs/suite.md is the list of those without a boundary, and no shipped scenario is in neither."""
    page = (SCENARIOS.parent / "docs" / "suite.md").read_text(encoding="utf-8")
    rows = page.partition("| without a boundary | why |")[2].partition("\n\n")[0].splitlines()[2:]
    told = [row.split("|")[1].strip().strip("`") for row in rows]
    assert told == [path.stem for path in sorted(SCENARIOS.glob("*.yaml")) if not load(path).boundary]
    assert all(row.split("|")[2].strip() for row in rows)


@pytest.mark.whole
@pytest.mark.parametrize(("number", "path"), list(enumerate(WITH_BOUNDARY)), ids=lambda each: getattr(each, "stem", ""))
def test_a_shipped_boundary_holds(number: int, path: Path) -> None:
    """Seeds 1 to 3 in turn; `make boundaries` runs all three of each."""
    seed = 1 + number % 3
    for side in run_boundary(prepare(RunRequest(scenario_path=path, seed=seed)), {}):
        assert side.judgement.verdict is Verdict.PASS, (side.side, side.judgement.reasons)
