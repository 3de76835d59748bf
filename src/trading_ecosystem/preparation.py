"""Reads and checks everything that a run needs, whichever mode runs it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from trading_ecosystem.assembly import WorldPlan, load_world
from trading_ecosystem.simulators.market_data import replay
from trading_ecosystem.simulators.market_data.recorded import Recorded
from trading_ecosystem.validation.test_coordinator import boundary
from trading_ecosystem.validation.test_coordinator.scenario import Scenario, load


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What to run. `settings` are KEY=VALUE changes of the scenario; the trail is kept under `report_folder`."""

    scenario_path: Path
    seed: int | None = None
    replay: Path | None = None
    settings: tuple[str, ...] = ()
    report_folder: Path | None = None
    with_twin: bool = True
    twin_in_parallel: bool = True
    with_boundary: bool = True


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A request whose files have been read and checked, and fit together."""

    scenario: Scenario
    plan: WorldPlan
    recorded: Recorded | None
    seed: int
    boundary: Mapping[str, "Prepared"] = field(default_factory=dict)  # What is run for it, by side.


def prepare(request: RunRequest) -> Prepared:
    """Read and check everything that a run needs. Raises `Problem`.

    On recorded prices there is no boundary: what it changes is mostly what they take the place of.
    """
    scenario = load(request.scenario_path).with_settings(request.settings)
    worlds = Worlds()
    prepared = fitted(request, scenario, worlds)
    if not request.with_boundary or request.replay is not None:
        return prepared
    sides = {side: fitted(request, varied, worlds) for side, varied in boundary.sides(scenario).items()}
    return replace(prepared, boundary=sides)


class Worlds:
    """The worlds of a scenario and of both sides of its boundary, which seldom have another: each is read once."""

    def __init__(self) -> None:
        self._plans: dict[Path, WorldPlan] = {}

    def plan(self, path: Path) -> WorldPlan:
        """Raises `Problem`."""
        if path not in self._plans:
            self._plans[path] = load_world(path)
        return self._plans[path]


def fitted(request: RunRequest, scenario: Scenario, worlds: Worlds) -> Prepared:
    """The scenario with its world and its prices. Raises `Problem` where they do not fit together."""
    plan = worlds.plan(find_world(request.scenario_path, scenario))
    scenario.check(plan.reference, plan.instances(), plan.firm_accounts, plan.limits.subjects())
    if scenario.start_ns is not None:
        plan = replace(plan, start_ns=scenario.start_ns)
    if scenario.quotes_every_ns is not None:
        market = replace(plan.market_data, quotes_every_ns=scenario.quotes_every_ns)
        plan = replace(plan, market_data=market)
    seed = scenario.seed if request.seed is None else request.seed
    if request.replay is None:
        return Prepared(scenario=scenario, plan=plan, recorded=None, seed=seed)
    return with_recording(request.replay, scenario, plan, seed)


def with_recording(path: Path, scenario: Scenario, plan: WorldPlan, seed: int) -> Prepared:
    """The scenario and world as they are when recorded prices take the place of generated ones."""
    wanted = scenario.replay
    from_ns = wanted.from_ns if wanted and wanted.from_ns is not None else plan.start_ns
    until_ns = wanted.until_ns if wanted and wanted.until_ns is not None else from_ns + scenario.duration_ns
    recorded = replay.load(
        [path],
        plan.reference,
        columns=dict(wanted.columns) if wanted and wanted.columns else None,
        symbols=dict(wanted.symbols) if wanted and wanted.symbols else None,
        from_ns=from_ns,
        until_ns=until_ns,
        longest_gap_ns=plan.market_data.longest_gap_ns,
    )
    scenario = scenario.replayed(list(recorded.records))
    plan = replace(plan, start_ns=scenario.start_ns if scenario.start_ns is not None else plan.start_ns)
    return Prepared(scenario=scenario, plan=plan, recorded=recorded, seed=seed)


def find_world(scenario_path: Path, scenario: Scenario) -> Path:
    """The file of a world: beside the scenario, in a folder `worlds` beside or above it, or in the source tree."""
    here = scenario_path.resolve().parent
    shipped = Path(__file__).resolve().parents[2]
    folders = [here, here / "worlds", *(parent / "worlds" for parent in here.parents), shipped / "worlds"]
    for folder in folders:
        path = folder / f"{scenario.world}.yaml"
        if path.is_file():
            return path
    known = {path.stem for folder in folders if folder.name == "worlds" for path in folder.glob("*.yaml")}
    dict(scenario.document.entries())["world"].fail_word(
        f"no such world in {here} or a folder 'worlds':", scenario.world, known
    )


def command_of(request: RunRequest, seed: int) -> str:
    words = ["tse", "run", str(request.scenario_path), "--seed", str(seed)]
    if request.replay is not None:
        words += ["--replay", str(request.replay)]
    for setting in request.settings:
        words += ["--set", setting]
    if not request.with_boundary:
        words.append("--no-boundary")
    return shlex.join(words)
