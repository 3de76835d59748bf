"""A suite of runs on one page, with a link to each report."""

from collections.abc import Sequence
from urllib.parse import quote

from trading_ecosystem.report.markup import Child, join, section, table, tag
from trading_ecosystem.report.page import document
from trading_ecosystem.report.words import (
    VERDICT_SYMBOLS,
    counted,
    decimal,
    duration,
    events_per_second,
    hours,
    latency_ns,
    tightest_expectation,
    verdict_sentence,
)
from trading_ecosystem.validation.results import ExpectationOutcome, RunResult, Verdict


def render_index(results: Sequence[RunResult]) -> str:
    """The text of an HTML file that lies in the folder above the reports: <scenario>/report.html."""
    passed = sum(result.judgement.verdict is Verdict.PASS for result in results)
    verdict = suite_verdict(results)
    words = f"{passed} of {counted(len(results), 'scenario')} passed."
    rows = [row(result) for result in results]
    headers = (
        "Scenario",
        "Verdict",
        "Why",
        "Worst latency",
        "Negative twin",
        "Simulated",
        "Wall time",
        "Events a second",
    )
    head = tag(
        "header",
        tag("h1", "Scenario suite"),
        tag(
            "div",
            tag("p", tag("span", f"{VERDICT_SYMBOLS[verdict]} ", aria_hidden="true"), verdict.value, class_="word"),
            tag("p", words, class_="reason"),
            class_=f"verdict {verdict.value.lower()}",
        ),
    )
    digests = [(result.scenario, tag("code", result.digest)) for result in results]
    body = tag(
        "main",
        head,
        section("scenarios", "Scenarios", table("One line for each scenario.", headers, rows)),
        section("digests", "Digests", table("Heads of the audit trails.", ("Scenario", "Digest"), list(digests))),
    )
    return document(f"{verdict.value}: scenario suite", join(body), ())


def suite_verdict(results: Sequence[RunResult]) -> Verdict:
    """PASS only if every scenario passed; INVALID if whatever did not pass tested nothing."""
    verdicts = {result.judgement.verdict for result in results}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.INVALID if Verdict.INVALID in verdicts or not results else Verdict.PASS


def latency(worst: ExpectationOutcome) -> str:
    return f"{duration(latency_ns(worst))} of {duration(worst.deadline_ns)}"


def row(result: RunResult) -> tuple[Child, ...]:
    verdict = result.judgement.verdict
    worst = tightest_expectation(result.judgement.expectations)
    twin = result.twin.verdict.value if result.twin else "not run"
    return (
        join(tag("a", result.scenario, href=f"{quote(result.scenario)}/report.html"), " ", result.title),
        tag("strong", f"{VERDICT_SYMBOLS[verdict]} {verdict.value}", class_=f"whole {verdict.value.lower()}"),
        verdict_sentence(result.judgement),
        latency(worst) if worst else "no alert",
        twin,
        hours(result.simulated_ns),
        f"{decimal(result.wall_s, 2)} s",
        events_per_second(result),
    )
