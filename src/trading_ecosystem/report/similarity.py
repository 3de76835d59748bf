"""How much a world's market is like a recorded one: the figures side by side, and a page that shows them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import NormalDist
from typing import final

from trading_ecosystem.report.charts import Chart
from trading_ecosystem.report.figures import DASHES, INK, LINES, Figure, plain, tidy
from trading_ecosystem.report.markup import Child, join, raw, script_json, section, table, tag
from trading_ecosystem.report.page import document, figure, scripts
from trading_ecosystem.report.words import counted
from trading_ecosystem.simulators.market_data.likeness import (
    BANDS,
    Band,
    autocorrelations,
    centred,
    correlation,
    log_returns,
    measured,
)
from trading_ecosystem.simulators.market_data.samples import DAY_MINUTES, Paths

WIDEST, BIN = 20.0, 0.5  # Of the distribution, in standard deviations.
CHART_LAGS = (1, 2, 3, 5, 8, 12, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1080, 1440, 2160, 2880)
TAIL_POINTS = 120
PATH_POINTS = 1_500
SHARES = {"type": "log", "exponentformat": "power"}  # They are no micros and nanos of anything.
GAUSSIAN = "Gaussian"
NORMAL = NormalDist()


@final
@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure. NaN: not defined. None: nothing recorded for it, or no band."""

    name: str
    asset: str
    recorded: float | None
    generated: float
    band: Band | None

    @property
    def inside(self) -> bool:
        return self.band is None or self.band.holds(self.generated)


@final
@dataclass(frozen=True, kw_only=True)
class Similarity:
    """Closes of minutes, by asset, and what was measured on them."""

    world: str
    seed: int
    days: int
    control: str  # Empty: the world's own market.
    generated: Paths
    recorded: Paths
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def alike(self) -> bool:
        return all(row.inside for row in self.rows)

    @property
    def source(self) -> str:
        return "plain Gaussian walk" if self.control else f"market of {self.world}"

    @property
    def reason(self) -> str:
        wrong = sum(not row.inside for row in self.rows)
        of = counted(sum(row.band is not None for row in self.rows), "figure")
        what = f"{self.source}, {counted(self.days, 'day')}, seed {self.seed}"
        return f"{what}: {wrong or 'all'} of {of} {'outside their' if wrong else 'in their'} bands"


def compared(generated: Paths, recorded: Paths) -> tuple[Row, ...]:
    """Every figure of every generated asset, and every correlation of two."""
    ours = {asset: log_returns(path) for asset, path in generated.items()}
    theirs = {asset: log_returns(path) for asset, path in recorded.items()}
    rows: list[Row] = []
    for asset, returns in ours.items():
        found = measured(returns)
        real = measured(theirs[asset]) if asset in theirs else {}
        rows += [
            Row(name=name, asset=asset, recorded=real.get(name), generated=found[name], band=band)
            for name, band in BANDS.items()
        ]
    for first, second in combinations(ours, 2):
        both = correlation(theirs[first], theirs[second]) if first in theirs and second in theirs else None
        value = correlation(ours[first], ours[second])
        rows.append(Row(name="correlation", asset=f"{first}, {second}", recorded=both, generated=value, band=None))
    return tuple(rows)


# The page.


def render(similarity: Similarity) -> str:
    """The text of an HTML file that needs nothing else."""
    drawn = charts(similarity)
    verdict = "PASS" if similarity.alike else "FAIL"
    header = tag(
        "header",
        tag("h1", f"Similarity: {similarity.source}"),
        tag(
            "div",
            tag("p", tag("span", "✓ " if similarity.alike else "✗ ", aria_hidden="true"), verdict, class_="word"),
            tag("p", f"{similarity.reason}.", class_="reason"),
            class_=f"verdict {verdict.lower()}",
        ),
    )
    notes = tag("ul", *(tag("li", note) for note in (*MEANINGS, *similarity.notes)))
    body = join(
        header,
        section("figures-measured", "Figures", table(spans(similarity), HEADERS, written(similarity)), notes),
        section("charts", "Charts", *(figure(at, chart) for at, chart in enumerate(drawn))),
    )
    data = tag("script", raw(script_json([chart.figure for chart in drawn])), type="application/json", id="figures")
    return document(f"{verdict}: similarity", join(tag("main", body), data), scripts())


MEANINGS = (
    "Figures have no unit. A size is the absolute value of a return; a plain Gaussian walk has a kurtosis of 3.",
    "The tail index is of the largest hundredth of sizes: the lower, the more often the market moves very far.",
    "An autocorrelation tells how much a return or size is like one so many minutes earlier: 0 not at all, 1 exactly.",
)
HEADERS = ("Figure", "Asset", "Recorded", "Generated", "Band", "Inside")


def spans(similarity: Similarity) -> str:
    """How long each side of the comparison is."""
    said = f"Returns of one minute, of {counted(similarity.days, 'generated day')}"
    if not similarity.recorded:
        return f"{said}."
    recorded = min(len(path) for path in similarity.recorded.values()) / DAY_MINUTES
    return f"{said} and {recorded:.1f} recorded ones."


def written(similarity: Similarity) -> list[tuple[Child, ...]]:
    return [tuple(words_of(row)) for row in similarity.rows]


def words_of(row: Row) -> tuple[str, str, str, str, str, str]:
    """In the order of `HEADERS`."""
    inside = "no band" if row.band is None else "✓ yes" if row.inside else "✗ no"
    recorded = "none" if row.recorded is None else number(row.recorded)
    return row.name, row.asset, recorded, number(row.generated), str(row.band or ""), inside


def number(value: float) -> str:
    return f"{value:z.3f}" if abs(value) < 10 else f"{value:.1f}"


# The charts.


def charts(similarity: Similarity) -> list[Chart]:
    samples = dict(named(similarity))
    returns = {name: log_returns(path) for name, path in samples.items()}
    return [distribution(returns), tails(returns), memory(returns), prices(samples)]


def named(similarity: Similarity) -> Iterator[tuple[str, list[float]]]:
    for asset, path in similarity.generated.items():
        yield f"{asset} generated", path
    for asset, path in similarity.recorded.items():
        if asset in similarity.generated:
            yield f"{asset} recorded", path


def distribution(returns: dict[str, list[float]]) -> Chart:
    """Density of returns over their standard deviation, beside the Gaussian one."""
    middles = [BIN * (at + 0.5) - WIDEST for at in range(int(2 * WIDEST / BIN))]
    traces = [line(name, middles, densities(values), at, "hvh") for at, (name, values) in enumerate(returns.items())]
    near = [0.1 * at for at in range(-55, 56)]
    traces.append(gaussian(near, [NORMAL.pdf(x) for x in near]))
    return chart(
        "Distribution of returns",
        "Returns of one minute in standard deviations, on a logarithmic scale: a high middle and fat tails.",
        traces,
        {"title": {"text": "standard deviations"}},
        {"title": {"text": "density per standard deviation"}, **SHARES},
    )


def densities(values: list[float]) -> list[float | None]:
    scaled = in_deviations(values)
    counts = [0] * int(2 * WIDEST / BIN)
    for value in scaled:
        if -WIDEST <= value < WIDEST:
            counts[int((value + WIDEST) / BIN)] += 1
    return [count / (len(scaled) * BIN) if count else None for count in counts]


def in_deviations(values: list[float]) -> list[float]:
    steps = centred(values)
    deviation = math.sqrt(math.fsum(step * step for step in steps) / len(steps)) or 1.0
    return [step / deviation for step in steps]


def tails(returns: dict[str, list[float]]) -> Chart:
    """How many returns are larger than a size, on two logarithmic scales: a power law is a straight line."""
    traces = []
    for at, (name, values) in enumerate(returns.items()):
        sizes = sorted((abs(value) for value in in_deviations(values)), reverse=True)
        ranks = sorted({round(math.exp(math.log(len(sizes)) * i / TAIL_POINTS)) for i in range(TAIL_POINTS + 1)})
        kept = [rank for rank in ranks if sizes[rank - 1] > 0.1]
        traces.append(line(name, [sizes[rank - 1] for rank in kept], [rank / len(sizes) for rank in kept], at))
    near = [0.1 * at for at in range(1, 45)]
    traces.append(gaussian(near, [2.0 * NORMAL.cdf(-x) for x in near]))
    return chart(
        "Tails",
        "The share of returns of one minute that are larger than a size: a power law is a straight line here.",
        traces,
        {"title": {"text": "size in standard deviations"}, "type": "log"},
        {"title": {"text": "share of returns that are larger"}, **SHARES},
    )


def memory(returns: dict[str, list[float]]) -> Chart:
    traces: list[Figure] = []
    for at, (name, values) in enumerate(returns.items()):
        lags = [lag for lag in CHART_LAGS if lag < len(values) // 2]
        found = autocorrelations([abs(value) for value in values], lags)
        traces.append(line(name, list(lags), list(found), at) | {"mode": "lines+markers"})
    traces.append(gaussian([CHART_LAGS[0], CHART_LAGS[-1]], [0.0, 0.0]))
    return chart(
        "Memory of sizes",
        "Autocorrelation of absolute returns: a large move is followed by large ones for days.",
        traces,
        {"title": {"text": "lag in minutes (1440 are a day)"}, "type": "log"},
        {"title": {"text": "autocorrelation of sizes"}},
    )


def prices(samples: dict[str, list[float]]) -> Chart:
    traces = []
    for at, (name, path) in enumerate(samples.items()):
        every = max(1, len(path) // PATH_POINTS)
        kept = path[::every]
        days = [step * every / DAY_MINUTES for step in range(len(kept))]
        traces.append(line(name, days, [100.0 * price / path[0] for price in kept], at))
    return chart(
        "Prices",
        "Each begins at 100. Recorded and generated days have nothing to do with each other.",
        traces,
        {"title": {"text": "days"}},
        {"title": {"text": "price, 100 at the start"}, "type": "log"},
    )


def line(name: str, x: Sequence[float], y: Sequence[float | None], at: int, shape: str = "linear") -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(name),
        "x": [tidy(value) for value in x],
        "y": [None if value is None else tidy(value) for value in y],
        "line": {"color": LINES[at % 6], "width": 1.6, "dash": DASHES[at % 6], "shape": shape},
        "hovertemplate": "%{x:.4g}: %{y:.4g}<extra></extra>",
    }


def gaussian(x: Sequence[float], y: Sequence[float]) -> Figure:
    return line(GAUSSIAN, x, y, 0) | {"line": {"color": INK, "width": 1.2, "dash": "dash"}}


def chart(title: str, description: str, traces: Sequence[Figure], x: Figure, y: Figure) -> Chart:
    grid = {"gridcolor": "#e3e6ea", "linecolor": "#9aa3ad", "zeroline": False, "ticks": "outside", "automargin": True}
    layout: Figure = {
        "height": 380,
        "margin": {"l": 72, "r": 16, "t": 16, "b": 80},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "legend": {"orientation": "h", "y": -0.22, "x": 0},
        "xaxis": grid | x,
        "yaxis": grid | y,
    }
    return Chart(
        name=title, title=title, description=description, figure={"data": list(traces), "layout": layout}, primary=True
    )
