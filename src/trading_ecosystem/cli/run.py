"""`tse run`: one scenario with its negative twin, judged and explained."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trading_ecosystem.cli import outputs, terminal
from trading_ecosystem.cli.exits import EXIT_OF, Interrupted
from trading_ecosystem.cli.json_output import run_object
from trading_ecosystem.cli.lookup import find_scenario
from trading_ecosystem.cli.places import FOLDER, Folder
from trading_ecosystem.validation.results import RunResult

if TYPE_CHECKING:
    from trading_ecosystem.preparation import RunRequest

Scenario = Annotated[str, typer.Argument(metavar="SCENARIO", help="A scenario file, or the name of a shipped one.")]
Seed = Annotated[int | None, typer.Option(metavar="N", min=0, max=1 << 31, help="Instead of the scenario's own seed.")]
Replay = Annotated[Path | None, typer.Option(metavar="FILE_OR_FOLDER", help="Recorded prices: bars, trades or quotes.")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the scenario.")]
Report = Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the report, the result and the trail here.")]
Boundary = Annotated[
    bool, typer.Option(help="Run the scenario just under its limits, and just over, where it says how.")
]
Live = Annotated[bool, typer.Option("--live", help="Against the services that `tse up` has brought up.")]
Speed = Annotated[int, typer.Option(metavar="N", min=0, max=3600, help="With --live: instead of that of `tse up`.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


def run(
    scenario: Scenario,
    seed: Seed = None,
    replay: Replay = None,
    settings: Settings = None,
    report: Report = None,
    json: Json = False,
    boundary: Boundary = True,
    live: Live = False,
    speed: Speed = 0,
    folder: Folder = FOLDER,
) -> None:
    """Run one scenario and judge it. Exit code: 0 PASS, 1 FAIL, 2 bad input, 3 INVALID."""
    from trading_ecosystem.preparation import RunRequest

    path = find_scenario(scenario)
    if report is not None:
        outputs.check_folder(report)
    request = RunRequest(
        scenario_path=path,
        seed=seed,
        replay=replay,
        settings=tuple(settings or ()),
        report_folder=report,
        with_boundary=boundary,
    )
    before = outputs.files_in(report)
    try:
        if live:
            result, page = run_live_and_keep(request, path.stem, folder.absolute(), speed)
        else:
            result, page = run_and_keep(request, path.stem)
    except KeyboardInterrupt:
        raise Interrupted(outputs.kept_since(report, before)) from None
    terminal.show_result(terminal.screen(), result, page)
    if json:
        terminal.print_object(run_object(result, page))
    raise typer.Exit(EXIT_OF[result.judgement.verdict])


def run_and_keep(request: "RunRequest", name: str) -> tuple[RunResult, str | None]:
    """The result, and the path of its report if one was asked for."""
    from trading_ecosystem.virtual.run import run as run_virtual

    with terminal.progress_on(terminal.screen(), name) as progress:
        result = run_virtual(request, progress)
    folder = request.report_folder
    return result, None if folder is None else str(outputs.write_run(result, folder))


def run_live_and_keep(request: "RunRequest", name: str, ecosystem: Path, speed: int) -> tuple[RunResult, str | None]:
    """The same of a run against the services that are up in the folder `ecosystem`."""
    from trading_ecosystem.orchestrator.live_run import LiveRequest, run_live

    with terminal.progress_on(terminal.screen(), name) as progress:
        result = run_live(LiveRequest(run=request, folder=ecosystem, speed=speed), progress)
    folder = request.report_folder
    return result, None if folder is None else str(outputs.write_run(result, folder))
