"""One run as one HTML file that needs nothing else: no network, no server, no other file.

Rule 1: a browser may run only the scripts that this module put in; the page's own policy says so, by their hashes.
Rule 2: two equal runs give two equal pages, but for the wall time.
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files

from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

from trading_ecosystem.report import sections
from trading_ecosystem.report.chain import chains
from trading_ecosystem.report.charts import Chart, charts
from trading_ecosystem.report.markup import Markup, folded, join, raw, script_json, section, tag
from trading_ecosystem.validation.results import RunResult

KEY = (
    "Times in UTC. ▼ ▽ an injection begins and ends, ◇ breach, ▲ alert, ○ resolved. "
    "Drag to zoom, double-click to reset."
)
CONTENTS = (
    ("detection", "Expected alerts"),
    ("charts", "Charts"),
    ("chains", "Causes"),
    ("timeline", "Timeline"),
    ("proof", "Replay and verify"),
    ("configuration", "Configuration"),
)


def render(result: RunResult) -> str:
    """The report of one run, as the text of an HTML file."""
    drawn = charts(result)
    body = join(
        sections.heading(result),
        contents(),
        sections.key_facts(result),
        sections.expectations(result),
        sections.twin(result),
        sections.boundary(result),
        sections.checks(result),
        sections.injections(result),
        chart_section(drawn),
        sections.alerts(result),
        section("chains", "What caused what", chains(result)),
        sections.timeline(result),
        sections.proof(result),
        sections.configuration(result),
    )
    data = script_json([chart.figure for chart in drawn])
    figures = tag("script", raw(data), type="application/json", id="figures")
    verdict = result.judgement.verdict.value
    return document(f"{verdict}: {result.title}", join(tag("main", body), figures), scripts())


def document(title: str, body: Markup, scripts_used: tuple[str, ...]) -> str:
    """A whole page around `body`."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(scripts_used)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", raw(packaged("style.css"))),
    )
    running = join(*(tag("script", raw(script)) for script in scripts_used))
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', body, running), lang='en')}\n"


def policy(scripts_used: tuple[str, ...]) -> str:
    """Nothing is loaded from anywhere, and no script runs but these."""
    hashes = " ".join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts_used)
    return "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src " + (hashes or "'none'")


@cache
def scripts() -> tuple[str, ...]:
    return get_plotlyjs(), packaged("page.js")


@cache
def packaged(name: str) -> str:
    return files("trading_ecosystem.report").joinpath(name).read_text(encoding="utf-8")


def contents() -> Markup:
    links = (tag("li", tag("a", title, href=f"#{anchor}")) for anchor, title in CONTENTS)
    return tag("nav", tag("ul", *links), aria_label="Contents")


def chart_section(drawn: list[Chart]) -> Markup:
    if not drawn:
        return section("charts", "Charts", tag("p", "This run kept no series."))
    numbered = list(enumerate(drawn))
    shown = (figure(at, chart) for at, chart in numbered if chart.primary)
    more = (folded(chart.title, figure(at, chart), class_="more") for at, chart in numbered if not chart.primary)
    without = tag("noscript", tag("p", "Charts need scripts; every figure that the verdict rests on is in the tables."))
    return section("charts", "Charts", tag("p", KEY, class_="note"), without, *shown, *more)


def figure(at: int, chart: Chart) -> Markup:
    place = tag("div", class_="plot", id=f"figure-{at}", data_figure=str(at), role="img", aria_label=chart.description)
    return tag("figure", tag("figcaption", tag("h3", chart.title), tag("p", chart.description)), place)
