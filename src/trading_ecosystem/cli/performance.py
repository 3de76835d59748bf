"""`tse performance`: what each desk of a run brought, from the run's trail."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from trading_ecosystem.cli import outputs, terminal
from trading_ecosystem.cli.exits import Exit
from trading_ecosystem.cli.places import find_world
from trading_ecosystem.cli.verify import Trail as TrailArgument, trail_of
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.configuration.scalars import duration_ns

if TYPE_CHECKING:
    from trading_ecosystem.reference import ReferenceData
    from trading_ecosystem.report.performance.page import Money
    from trading_ecosystem.report.performance.reading import Performance

PAGE = "performance.html"
SECOND_NS = 1_000_000_000

World = Annotated[str, typer.Option("--world", metavar="WORLD", help="A world file; by default the trail names it.")]
Every = Annotated[str, typer.Option("--every", metavar="TIME", help="The period of a return, such as 5m or 1h.")]
Plots = Annotated[Path | None, typer.Option(metavar="DIR", help=f"Write the curves here, as {PAGE}.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


def performance(
    trail: TrailArgument, every: Every = "5m", world: World = "", plots: Plots = None, json: Json = False
) -> None:
    """Reckon profit, Sharpe ratio, drawdown, turnover and hits of each desk. Exit code: 0, or 2 for bad input."""
    from trading_ecosystem.assembly import load_world
    from trading_ecosystem.report.performance import page, reading

    period_ns = read_period(every)
    path = trail_of(trail)
    told = reading.Trail(path)
    plan = load_world(find_world(world or str(told.facts["world"])))
    if not plan.desks:
        raise Problem(f"{plan.name}: this world has no desk")
    if plots is not None:
        outputs.check_folder(plots, "--plots")
    desks = tuple(reading.Desk(desk.name, desk.account, desk.venue) for desk in plan.desks)
    found = reading.read(told, plan.reference, desks, period_ns)
    money = money_of(plan.reference)
    written = None if plots is None else plots / PAGE
    if written is not None:
        outputs.write_whole(written, page.render(str(told.facts["scenario"]), found, money))
    show(found, money, written)
    if json:
        terminal.print_object(performance_object(told.facts, found, money, written))
    raise typer.Exit(Exit.PASS)


def read_period(every: str) -> int:
    try:
        period_ns = duration_ns(every)
    except ValueError as problem:
        raise Problem(f"--every {every}: {problem}") from None
    if period_ns < SECOND_NS:
        raise Problem(f"--every {every}: the shortest period is 1s")
    return period_ns


def money_of(reference: "ReferenceData") -> "Money":
    from trading_ecosystem.report.performance.page import Money

    decimals = {name: asset.decimals for name, asset in reference.assets.items()}
    decimals |= {symbol: decimals[each.base] for symbol, each in reference.perpetuals.items()}
    return Money(numeraire=reference.numeraire, decimals=decimals)


def show(found: tuple["Performance", ...], money: "Money", written: Path | None) -> None:
    from trading_ecosystem.report.performance.page import ASSET_HEADERS, HEADERS, asset_rows, notes, row_of

    console = terminal.screen()
    desks, assets = terminal.plain_table(*HEADERS), terminal.plain_table(*ASSET_HEADERS)
    for each in found:
        desks.add_row(*row_of(each, money))
    for row in asset_rows(found, money):
        assets.add_row(*row)
    console.print(desks)
    console.print(assets)
    for note in notes(found, money):
        console.print(Text(note, "dim"))
    if written is not None:
        console.print(Text(f"curves in {written}"))


def performance_object(
    facts: dict[str, object], found: tuple["Performance", ...], money: "Money", written: Path | None
) -> dict[str, object]:
    """Amounts are text, exact, in units of the numeraire and of what was traded."""
    return {
        "scenario": facts["scenario"],
        "world": facts["world"],
        "seed": facts["seed"],
        "numeraire": money.numeraire,
        "desks": {each.desk: desk_object(each, money) for each in found},
        "plots": None if written is None else str(written),
    }


def desk_object(each: "Performance", money: "Money") -> dict[str, object]:
    amount = money.exact
    return {
        "account": each.account,
        "profit": amount(money.numeraire, each.profit_minor),
        "realised": amount(money.numeraire, each.realised_minor),
        "unrealised": amount(money.numeraire, each.unrealised_minor),
        "fees": amount(money.numeraire, each.fees_minor),
        "traded": amount(money.numeraire, each.traded_minor),
        "worth": amount(money.numeraire, each.points[-1].worth_minor),
        "return": each.total_return,
        "sharpe": each.sharpe,
        "max_drawdown": each.max_drawdown,
        "turnover": each.turnover,
        "hit_rate": each.hit_rate,
        "trades": each.trades,
        "closing_trades": each.closings,
        "every_s": each.every_ns / SECOND_NS,
        "returns": list(each.returns),
        "assets": {
            line.asset: {
                "position": amount(line.asset, line.position_minor),
                "realised": amount(money.numeraire, line.realised_minor),
                "unrealised": amount(money.numeraire, line.unrealised_minor),
                "fees": amount(money.numeraire, line.fees_minor),
            }
            for line in each.assets
        },
    }
