"""`tse equivalence`: the same scenarios in virtual time and against the live services, compared."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from trading_ecosystem.cli import terminal
from trading_ecosystem.cli.exits import Exit
from trading_ecosystem.cli.lookup import every_scenario, find_scenario
from trading_ecosystem.cli.places import FOLDER, Folder

if TYPE_CHECKING:
    from trading_ecosystem.report.equivalence import Comparison

Scenarios = Annotated[list[str] | None, typer.Argument(metavar="[SCENARIO]...", help="All that are shipped, if none.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of each scenario.")
]
Speed = Annotated[int, typer.Option(metavar="N", min=0, max=3600, help="Instead of that of `tse up`.")]
TableFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the comparison here, as Markdown.")]


def equivalence(
    scenarios: Scenarios = None,
    settings: Settings = None,
    speed: Speed = 0,
    folder: Folder = FOLDER,
    table: TableFile = None,
) -> None:
    """Compare both modes on the ecosystem that is up. Exit code: 0 no difference, 1 a difference, 2 bad input."""
    from trading_ecosystem.report.equivalence import table as as_table

    paths = [find_scenario(word) for word in scenarios] if scenarios else list(every_scenario().values())
    console = terminal.screen()
    compared: list[Comparison] = []
    for path in paths:
        each = compare_modes(path, tuple(settings or ()), folder.absolute(), speed)
        compared.append(each)
        show(console, each)
        if table is not None:
            table.write_text(as_table(compared), encoding="utf-8")
    different = sum(1 for each in compared if each.differences)
    console.print(f"{len(compared)} scenarios in both modes, {different} with differences")
    raise typer.Exit(Exit.FAIL if different else Exit.PASS)


def compare_modes(path: Path, settings: tuple[str, ...], ecosystem: Path, speed: int) -> "Comparison":
    from trading_ecosystem.orchestrator.live_run import LiveRequest, run_live
    from trading_ecosystem.preparation import RunRequest
    from trading_ecosystem.report.equivalence import compare
    from trading_ecosystem.virtual.run import run

    request = RunRequest(scenario_path=path, settings=settings, with_twin=False)
    with terminal.progress_on(terminal.screen(), f"{path.stem}, virtual") as progress:
        virtual = run(request, progress)
    with terminal.progress_on(terminal.screen(), f"{path.stem}, live") as progress:
        live = run_live(LiveRequest(run=request, folder=ecosystem, speed=speed), progress)
    return compare(virtual, live)


def show(console: terminal.Screen, each: "Comparison") -> None:
    mark = Text("✗", "red") if each.differences else Text("✓", "green")
    console.print(
        mark,
        Text(
            f"{each.scenario}: virtual {each.virtual.judgement.verdict} in {each.virtual.wall_s:.1f} s, "
            f"live {each.live.judgement.verdict} in {each.live.wall_s:.1f} s, {each.alerts} alerts"
        ),
    )
    for line in each.differences:
        console.print(Text(f"  {line}", "red"))
