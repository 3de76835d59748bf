"""`tse similarity`: whether a world's market is like a recorded one, in figures and as a page of charts."""

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from trading_ecosystem.cli import outputs, terminal
from trading_ecosystem.cli.exits import Exit
from trading_ecosystem.cli.places import find_world
from trading_ecosystem.configuration.document import Problem

if TYPE_CHECKING:
    from trading_ecosystem.assembly import WorldPlan
    from trading_ecosystem.report.similarity import Row, Similarity
    from trading_ecosystem.simulators.market_data.samples import Paths

PAGE = "similarity.html"
DAYS = 90  # Of a sample in which the luck of the largest hundredth no longer decides.


class Control(StrEnum):
    GAUSSIAN = "gaussian"


Data = Annotated[Path | None, typer.Argument(metavar="[DATA]", help="Recorded prices: a file or a folder.")]
World = Annotated[str, typer.Option("--world", metavar="WORLD", help="A world file, or the name of a shipped one.")]
Seed = Annotated[int, typer.Option(metavar="N", min=0, max=1 << 31)]
Days = Annotated[int, typer.Option(metavar="D", min=5, max=3_660, help="How much is generated.")]
ControlOption = Annotated[Control | None, typer.Option("--control", help="Measure a plain walk instead of the market.")]
Plots = Annotated[Path | None, typer.Option(metavar="DIR", help=f"Write the charts here, as {PAGE}.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


def similarity(
    data: Data = None,
    world: World = "two-desks",
    seed: Seed = 7,
    days: Days = DAYS,
    control: ControlOption = None,
    plots: Plots = None,
    json: Json = False,
) -> None:
    """Compare generated returns of one minute with recorded ones. Exit code: 0 in all bands, 1 not, 2 bad input."""
    from trading_ecosystem.assembly import load_world
    from trading_ecosystem.report import similarity as report

    plan = load_world(find_world(world))
    if not plan.market_data.cryptos:
        raise Problem(f"{world}: no crypto asset in this world, so there is nothing to compare")
    if plots is not None:
        outputs.check_folder(plots, "--plots")
    recorded, notes = recorded_paths(data, plan) if data is not None else ({}, [])
    generated = sample(plan, seed, days, control)
    found = report.Similarity(
        world=plan.name,
        seed=seed,
        days=days,
        control=control or "",
        generated=generated,
        recorded=recorded,
        rows=report.compared(generated, recorded),
        notes=tuple(notes),
    )
    page = None if plots is None else plots / PAGE
    if page is not None:
        outputs.write_whole(page, report.render(found))
    show(found, page)
    if json:
        terminal.print_object(similarity_object(found, page))
    raise typer.Exit(Exit.PASS if found.alike else Exit.FAIL)


def sample(plan: "WorldPlan", seed: int, days: int, control: Control | None) -> "Paths":
    from trading_ecosystem.simulators.market_data import samples

    if control is not None:
        return samples.gaussian(plan.market_data, plan.reference, seed, days)
    return samples.generated(plan.market_data, plan.reference, seed, plan.start_ns, days)


def recorded_paths(data: Path, plan: "WorldPlan") -> tuple["Paths", list[str]]:
    """Closes of minutes by crypto asset, from its pair with the numeraire or from another, and notes on the record."""
    from trading_ecosystem.simulators.market_data import replay, samples
    from trading_ecosystem.simulators.market_data.likeness import LEAST_RETURNS
    from trading_ecosystem.simulators.market_data.process import MINUTE_NS

    record = replay.load([data], plan.reference, longest_gap_ns=plan.market_data.longest_gap_ns)
    minutes: dict[str, samples.Minutes] = {}
    for symbol, found in sorted(
        record.records.items(), key=lambda item: not item[0].endswith(plan.reference.numeraire)
    ):
        asset = plan.reference.instruments[symbol].base
        if asset in plan.market_data.cryptos and asset not in minutes:
            if found.bar_ns > MINUTE_NS:
                raise Problem(f"{data}: {symbol} has bars longer than a minute; returns of one minute are compared")
            minutes[asset] = samples.minutes_of(found)
    if not minutes:
        raise Problem(f"{data}: no price of {' or '.join(plan.market_data.cryptos)} in it, so nothing to compare with")
    paths = samples.together(minutes)
    shortest = min((len(path) for path in paths.values()), default=0)
    if shortest <= LEAST_RETURNS:
        raise Problem(f"{data}: {shortest} minutes; a comparison needs more than {LEAST_RETURNS}, which is two days")
    return paths, record.notes


def show(found: "Similarity", page: Path | None) -> None:
    from trading_ecosystem.report.similarity import HEADERS, words_of

    console = terminal.screen()
    for note in found.notes:
        console.print(Text(note, "dim"))
    table = terminal.plain_table(*HEADERS)
    for row in found.rows:
        table.add_row(*(Text(word, "" if row.inside else "red") for word in words_of(row)))
    console.print(table)
    mark = Text("✓", "green") if found.alike else Text("✗", "red")
    console.print(mark, Text(found.reason + (f"; charts in {page}" if page else "")))


def similarity_object(found: "Similarity", page: Path | None) -> dict[str, object]:
    return {
        "world": found.world,
        "seed": found.seed,
        "days": found.days,
        "control": found.control or None,
        "alike": found.alike,
        "figures": [row_object(row) for row in found.rows],
        "notes": list(found.notes),
        "plots": None if page is None else str(page),
    }


def row_object(row: "Row") -> dict[str, object]:
    bounds = (row.band.low, row.band.high) if row.band else (None, None)
    return {
        "figure": row.name,
        "asset": row.asset,
        "recorded": finite(row.recorded),
        "generated": finite(row.generated),
        "above": bounds[0],
        "below": finite(bounds[1]),
        "inside": row.inside if row.band else None,
    }


def finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
