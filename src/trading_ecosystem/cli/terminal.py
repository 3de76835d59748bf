"""What people see while and after a scenario runs. Everything here goes to standard error."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from trading_ecosystem.cli.outputs import as_json
from trading_ecosystem.report.words import (
    BOUNDARY_WORDS,
    DETECTION_WORDS,
    HOUR_NS,
    TWIN_WORDS,
    VERDICT_SYMBOLS,
    counted,
    decimal,
    duration,
    events_per_second,
    hours,
    latency_ns,
    moment,
    side_share,
    verdict_sentence,
)
from trading_ecosystem.validation.results import AlertOutcome, BoundarySide, Detection, RunResult, Verdict

LINE_EVERY_S = 10.0
DRAW_EVERY_S = 0.1
MOST_CHAINS = 6
MOST_LINKS = 8
STYLES = {Verdict.PASS: "bold green", Verdict.FAIL: "bold red", Verdict.INVALID: "bold magenta"}


@final
class Screen(Console):
    """Standard error. When nobody reads it any more, it falls silent and the work goes on."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def screen() -> Screen:
    plain = not sys.stderr.isatty()
    return Screen(stderr=True, highlight=False, soft_wrap=plain, width=160 if plain else None)


def print_object(value: dict[str, object]) -> None:
    """One JSON object on standard output; a reader that has left is no error."""
    try:
        sys.stdout.write(as_json(value))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# While it runs.


@final
class ProgressLine:
    """A plain line now and then, for a log."""

    def __init__(self, console: Console, name: str) -> None:
        self._console, self._name, self._next_s = console, name, time.monotonic() + LINE_EVERY_S

    def __call__(self, done_ns: int, total_ns: int) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + LINE_EVERY_S
            self._console.print(f"{self._name}: {simulated(done_ns, total_ns)}", markup=False)


@final
class ProgressBar:
    """A bar in simulated time. It draws itself when it is told of progress: a thread that does would forbid a fork."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress, self._next_s = progress, time.monotonic()
        self._task = progress.add_task(escape(name), total=None, words="")

    def __call__(self, done_ns: int, total_ns: int) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + DRAW_EVERY_S
            words = simulated(done_ns, total_ns)
            self._progress.update(self._task, completed=done_ns, total=total_ns, words=words, refresh=True)


def simulated(done_ns: int, total_ns: int) -> str:
    return f"{done_ns / HOUR_NS:.1f} of {hours(total_ns)} simulated"


@contextmanager
def progress_on(console: Console, name: str) -> Iterator[ProgressBar | ProgressLine]:
    if not console.is_terminal:
        yield ProgressLine(console, name)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"))
    bar = Progress(*columns, TimeElapsedColumn(), console=console, transient=True, auto_refresh=False)
    with bar as progress:
        yield ProgressBar(progress, name)


# After it ran.


def show_result(console: Console, result: RunResult, report: str | None) -> None:
    judgement = result.judgement
    console.print(verdict_text(judgement.verdict), Text(result.scenario, "bold"), Text(f"- {result.title}"))
    console.print(Text(f"  {verdict_sentence(judgement)}"))
    for reason in judgement.reasons[1:]:
        console.print(Text(f"  {reason}"))
    console.print()
    if judgement.expectations:
        console.print(expectation_table(result))
    console.print(check_table(result))
    show_alerts(console, result)
    console.print(Text(last_line(result, report)))


def verdict_text(verdict: Verdict) -> Text:
    return Text(f"{VERDICT_SYMBOLS[verdict]} {verdict.value}", STYLES[verdict])


def expectation_table(result: RunResult) -> Table:
    table = plain_table("Expected alert", "Severity", "When", "Breach (UTC)", "Latency", "Deadline", "Outcome")
    for outcome in result.judgement.expectations:
        table.add_row(
            Text(f"{outcome.rule} on {outcome.subject}"),
            outcome.severity,
            Text(outcome.condition),
            moment(outcome.breach_ns),
            duration(latency_ns(outcome)),
            duration(outcome.deadline_ns),
            detection_text(outcome.detection),
        )
    return table


def plain_table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def detection_text(detection: Detection) -> Text:
    wrong = detection in (Detection.LATE, Detection.MISSED, Detection.FALSE_ALARM)
    return Text(DETECTION_WORDS[detection], "red" if wrong else "")


def check_table(result: RunResult) -> Table:
    """Failed checks one by one; of those that held, how many."""
    table = plain_table("Check", "Outcome", "Detail")
    checks = result.judgement.checks
    held = sum(check.passed for check in checks)
    if held:
        table.add_row(counted(held, "check"), "✓ held", Text(", ".join(sorted({check.kind for check in checks}))))
    for check in checks:
        if not check.passed:
            table.add_row(Text(f"{check.kind}: {check.text}"), Text("✗ failed", "red"), Text(check.detail))
    if result.twin is not None:
        table.add_row("negative twin", verdict_text(result.twin.verdict), TWIN_WORDS[result.twin.verdict])
    for side in result.boundary:
        verdict = side.judgement.verdict
        told = ", ".join(word for word in (side_share(side), changed_words(side)) if word)
        table.add_row(
            f"boundary, {side.side}",
            verdict_text(verdict),
            Text(f"{BOUNDARY_WORDS[side.side, verdict]} ({told})"),
        )
    return table


def changed_words(side: BoundarySide) -> str:
    if not side.changes:
        return "as written"
    return side.changes[0] if len(side.changes) == 1 else f"{len(side.changes)} keys changed"


def show_alerts(console: Console, result: RunResult) -> None:
    """What led to each alert, the unexpected and the critical ones first."""
    every = sorted(result.judgement.alerts, key=lambda alert: alert.detection is Detection.ALLOWED)
    for alert in every[:MOST_CHAINS]:
        console.print()
        console.print(alert_text(alert))
        links = result.chains.get(alert.alert_id, ())
        shown = links if len(links) <= MOST_LINKS else (links[0], *links[1 - MOST_LINKS :])
        before = None
        for link in shown:
            since = "" if before is None else f"+{duration(link.at_ns - before)}"
            console.print(Text(f"  {moment(link.at_ns)}  {since:>12}  {link.kind:<10}  {link.text}"))
            before = link.at_ns
    if len(every) > MOST_CHAINS:
        console.print(f"\n{counted(len(every) - MOST_CHAINS, 'more alert')} in the report")
    console.print()


def alert_text(alert: AlertOutcome) -> Text:
    text = Text(f"{alert.severity} {alert.rule} on {alert.subject}", "bold")
    text.append(f" at {moment(alert.fired_ns)}: ", "not bold")
    return text.append_text(detection_text(alert.detection))


def last_line(result: RunResult, report: str | None) -> str:
    kept = f"report {report}" if report else "no report kept (--report DIR keeps one)"
    return (
        f"{decimal(result.wall_s, 2)} s wall, {hours(result.simulated_ns)} simulated, {result.events:,} events, "
        f"{events_per_second(result)} events/s, digest {result.digest[:16]}, {kept}"
    )
