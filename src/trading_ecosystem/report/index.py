"""A suite of runs on one page, with a link to each report: what is proved, how closely, and by whom."""

from collections.abc import Sequence
from itertools import groupby
from urllib.parse import quote

from trading_ecosystem.report.coverage import COVER_SYMBOLS, Cover, coverage, untried
from trading_ecosystem.report.latencies import latencies
from trading_ecosystem.report.markup import Child, Markup, folded, join, section, table, tag
from trading_ecosystem.report.page import document, packaged
from trading_ecosystem.report.sections import latency_bar, latency_table
from trading_ecosystem.report.words import (
    VERDICT_SYMBOLS,
    boundary_shares,
    boundary_verdict,
    counted,
    decimal,
    duration,
    hours,
    latency_ns,
    tightest_expectation,
    verdict_sentence,
)
from trading_ecosystem.validation.results import ExpectationOutcome, RunResult, Verdict

HEADERS = ("Scenario", "Verdict", "What it proves", "Worst latency", "Twin", "Boundary", "Simulated", "Wall time")


def render_index(results: Sequence[RunResult]) -> str:
    """The text of an HTML file that lies in the folder above the reports: <scenario>/report.html."""
    verdict = suite_verdict(results)
    body = tag("main", heading(results, verdict), scenarios(results), rules(results), matrix(results), digests(results))
    return document(f"{verdict.value}: scenario suite", body, (packaged("index.js"),))


def suite_verdict(results: Sequence[RunResult]) -> Verdict:
    """PASS only if every scenario passed; INVALID if whatever did not pass tested nothing."""
    verdicts = {result.judgement.verdict for result in results}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.INVALID if Verdict.INVALID in verdicts or not results else Verdict.PASS


def latency(worst: ExpectationOutcome) -> str:
    return f"{duration(latency_ns(worst))} of {duration(worst.deadline_ns)}"


def heading(results: Sequence[RunResult], verdict: Verdict) -> Markup:
    passed = sum(result.judgement.verdict is Verdict.PASS for result in results)
    with_boundary = sum(bool(result.boundary) for result in results)
    words = f"{passed} of {counted(len(results), 'scenario')} passed."
    more = f"{counted(with_boundary, 'scenario')} with a boundary: once more just under the limit, and just over it."
    return tag(
        "header",
        tag("h1", "Scenario suite"),
        tag(
            "div",
            tag("p", tag("span", f"{VERDICT_SYMBOLS[verdict]} ", aria_hidden="true"), verdict.value, class_="word"),
            tag("p", words, class_="reason"),
            class_=f"verdict {verdict.value.lower()}",
        ),
        tag("p", more, class_="note") if with_boundary else None,
    )


# One line for each scenario.


def scenarios(results: Sequence[RunResult]) -> Markup:
    ordered = sorted(results, key=lambda result: result.family)
    families = [(family, list(runs)) for family, runs in groupby(ordered, lambda result: result.family)]
    head = tag("thead", tag("tr", *(tag("th", header, scope="col") for header in HEADERS)))
    bodies = (family_rows(family, runs) for family, runs in families)
    caption = tag("caption", "One line for each scenario, by family. The tick of a bar is the deadline.")
    verdicts = [verdict.value for verdict in Verdict if any(run.judgement.verdict is verdict for run in results)]
    return section(
        "scenarios",
        "Scenarios",
        tag(
            "p",
            choice("verdict", "Verdict", verdicts),
            choice("family", "Family", [family for family, _ in families]),
            class_="filters",
            hidden=True,
        ),
        tag("table", caption, head, *bodies, class_="suite"),
    )


def choice(name: str, label: str, values: Sequence[str]) -> Markup:
    """A filter; the script that ships with the page shows it and listens to it."""
    options = [tag("option", value, value=value) for value in values]
    return tag("label", f"{label} ", tag("select", tag("option", "all", value=""), *options, data_filter=name))


def family_rows(family: str, runs: Sequence[RunResult]) -> Markup:
    title = tag("tr", tag("th", family, colspan=str(len(HEADERS)), scope="rowgroup"), class_="family")
    return tag("tbody", title, *(scenario_row(run) for run in runs))


def scenario_row(result: RunResult) -> Markup:
    first, *rest = zip(HEADERS, row(result), strict=True)
    cells = (tag("td", cell, data_label=header) for header, cell in rest)
    return tag(
        "tr",
        tag("th", first[1], scope="row", data_label=first[0]),
        *cells,
        data_verdict=result.judgement.verdict.value,
        data_family=result.family,
    )


def row(result: RunResult) -> tuple[Child, ...]:
    worst = tightest_expectation(result.judgement.expectations)
    return (
        join(tag("a", result.scenario, href=f"{quote(result.scenario)}/report.html"), tag("p", result.title)),
        mark(result.judgement.verdict),
        proof(result),
        latency_bar(worst, max(latency_ns(worst) or 0, worst.deadline_ns)) if worst else "no alert",
        mark(result.twin.verdict) if result.twin else "not run",
        bounded(result),
        hours(result.simulated_ns),
        tag("span", f"{decimal(result.wall_s, 2)} s", class_="whole"),
    )


def bounded(result: RunResult) -> Child:
    """The verdict of the sides, and how far they went."""
    verdict = boundary_verdict(result.boundary)
    if verdict is None:
        return "-"
    return join(mark(verdict), tag("p", boundary_shares(result.boundary), class_="whole"))


def mark(verdict: Verdict) -> Markup:
    return tag("strong", f"{VERDICT_SYMBOLS[verdict]} {verdict.value}", class_=f"whole {verdict.value.lower()}")


def proof(result: RunResult) -> Markup:
    """The alerts that it owes, or why it did not pass."""
    if result.judgement.verdict is not Verdict.PASS:
        return tag("p", verdict_sentence(result.judgement))
    owed = [f"{each.rule} on {each.subject}, {each.severity}" for each in result.judgement.expectations]
    return tag("ul", *(tag("li", words) for words in owed or ["no alert fires"]), class_="proof")


# Across all of them.


def rules(results: Sequence[RunResult]) -> Markup:
    return section("latencies", "Latencies by rule", latency_table(latencies(results), with_scenario=True))


def matrix(results: Sequence[RunResult]) -> Markup:
    found = coverage(results)
    names = tuple(result.scenario for result in results)
    rows: list[tuple[Child, ...]] = [
        (rule, *(cell(scenarios.get(name)) for name in names)) for rule, scenarios in found.items()
    ]
    note = "● a critical alert, ○ a warning alone: expected and in time. ✗ expected, and not in time."
    missing = ", ".join(untried(found))
    return section(
        "coverage",
        "Which scenario tries which rule",
        tag("div", table(note, ("Rule", *names), rows, "matrix"), class_="wide-table"),
        tag("p", f"Expected by no scenario of this suite: {missing}.", class_="note") if missing else None,
    )


def cell(covered: Cover | None) -> Child:
    if covered is None:
        return ""
    return tag("span", COVER_SYMBOLS[covered], title=covered.value, class_=covered.value)


def digests(results: Sequence[RunResult]) -> Markup:
    rows = [(result.scenario, tag("code", result.digest)) for result in results]
    shown = table("Heads of the audit trails.", ("Scenario", "Digest"), list(rows))
    return section("digests", "Digests", folded("The digest of each run", shown))
