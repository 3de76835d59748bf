"""What the desks of a run brought, as one HTML file that needs nothing else: the figures, and curves of each desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import final

from trading_ecosystem.configuration.scalars import duration_text
from trading_ecosystem.report.charts import Chart
from trading_ecosystem.report.figures import Figure, line_trace, plain, thinned
from trading_ecosystem.report.markup import Child, join, raw, script_json, section, table, tag
from trading_ecosystem.report.page import document, figure, scripts
from trading_ecosystem.report.performance.formulas import drawdowns, growth
from trading_ecosystem.report.performance.reading import AssetLine, Performance
from trading_ecosystem.report.similarity import chart
from trading_ecosystem.report.words import moment

HEADERS = (
    *("Desk", "Profit", "Realised", "Unrealised", "Fees"),
    *("Return", "Sharpe", "Drawdown", "Turnover", "Hits", "Trades"),
)
ASSET_HEADERS = ("Desk", "Traded", "Position", "Realised", "Unrealised", "Fees", "Profit")
UNDEFINED = "-"


@final
@dataclass(frozen=True, kw_only=True)
class Money:
    """How amounts in minor units of the numeraire, and of what was traded, are written."""

    numeraire: str
    decimals: dict[str, int]  # By asset and perpetual.

    def exact(self, asset: str, amount_minor: int) -> str:
        return f"{Decimal(amount_minor).scaleb(-self.decimals[asset]):f}"

    def cents(self, amount_minor: int) -> str:
        return f"{Decimal(amount_minor).scaleb(-self.decimals[self.numeraire]):z,.2f}"

    def units(self, asset: str, amount_minor: int) -> str:
        return f"{Decimal(amount_minor).scaleb(-self.decimals[asset]):z,.4f}"


def row_of(each: Performance, money: Money) -> tuple[str, ...]:
    """In the order of `HEADERS`."""
    amounts = (each.profit_minor, each.realised_minor, each.unrealised_minor, each.fees_minor)
    return (
        each.desk,
        *(money.cents(amount) for amount in amounts),
        f"{each.total_return:z.4%}",
        UNDEFINED if each.sharpe is None else f"{each.sharpe:z.2f}",
        f"{each.max_drawdown:z.4%}",
        UNDEFINED if each.turnover is None else f"{each.turnover:.3f}",
        UNDEFINED if each.hit_rate is None else f"{each.hit_rate:.1%}",
        f"{each.trades:,}",
    )


def asset_row(desk: str, line: AssetLine, money: Money) -> tuple[str, ...]:
    """In the order of `ASSET_HEADERS`."""
    amounts = (line.realised_minor, line.unrealised_minor, line.fees_minor, line.profit_minor)
    position = money.units(line.asset, line.position_minor)
    return desk, line.asset, position, *(money.cents(amount) for amount in amounts)


def asset_rows(performances: Sequence[Performance], money: Money) -> list[tuple[str, ...]]:
    return [asset_row(each.desk, line, money) for each in performances for line in each.assets]


def notes(performances: Sequence[Performance], money: Money) -> tuple[str, ...]:
    every = duration_text(performances[0].every_ns)
    return (
        f"Amounts in {money.numeraire}, at last trades and marks. What a desk had at its start is no part of them.",
        f"Returns are of {every}, over what the account was worth; the Sharpe ratio is that of a year of 365 days.",
        "Turnover is what was traded over the mean worth; hits are the trades that closed something at a gain.",
    )


def render(title: str, performances: Sequence[Performance], money: Money) -> str:
    """The text of the file."""
    drawn = [found for each in performances for found in charts(each, money)]
    figures: list[tuple[Child, ...]] = [row_of(each, money) for each in performances]
    assets: list[tuple[Child, ...]] = [*asset_rows(performances, money)]
    first, last = performances[0].points[0].ns, performances[0].points[-1].ns
    span = f"From {moment(first)} to {moment(last)} UTC."
    body = join(
        tag("header", tag("h1", f"Performance: {title}"), tag("p", span)),
        section("desks", "Desks", table("What each desk brought.", HEADERS, figures)),
        section("assets", "Assets", table("Of it, by what was traded.", ASSET_HEADERS, assets)),
        section("charts", "Charts", *(figure(at, found) for at, found in enumerate(drawn))),
        tag("ul", *(tag("li", note) for note in notes(performances, money))),
    )
    data = tag("script", raw(script_json([found.figure for found in drawn])), type="application/json", id="figures")
    return document(f"Performance: {title}", join(tag("main", body), data), scripts())


def charts(each: Performance, money: Money) -> list[Chart]:
    scale = 10.0 ** -money.decimals[money.numeraire]
    profit = [(point.ns, point.profit_minor * scale) for point in each.points]
    worth = [(point.ns, point.worth_minor * scale) for point in each.points]
    below = drawdowns(growth(each.returns))
    fallen = [(point.ns, 100.0 * share) for point, share in zip(each.points, below, strict=True)]
    return [
        curve(
            f"Profit of {each.desk}", f"What its trades have brought, in {money.numeraire}.", profit, money.numeraire
        ),
        curve(
            f"Equity of {each.desk}", f"All that its account is worth, in {money.numeraire}.", worth, money.numeraire
        ),
        curve(
            f"Drawdown of {each.desk}",
            "How far what its trades brought is below its highest, as a share of what it had.",
            fallen,
            "%",
        ),
    ]


def curve(title: str, description: str, points: list[tuple[int, float]], unit: str) -> Chart:
    trace = line_trace(title, list(thinned(tuple(points))), 0, filled=unit == "%")
    x: Figure = {"type": "date", "hoverformat": "%Y-%m-%d %H:%M:%S UTC"}
    return chart(title, description, [trace], x, {"title": {"text": plain(unit)}})
