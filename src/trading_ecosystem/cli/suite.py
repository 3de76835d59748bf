"""`tse suite`: every shipped scenario, in several processes, judged together."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trading_ecosystem.cli import outputs, terminal
from trading_ecosystem.cli.exits import EXIT_OF, Interrupted
from trading_ecosystem.cli.json_output import run_object, suite_object
from trading_ecosystem.cli.lookup import every_scenario
from trading_ecosystem.cli.run import Boundary, Json, Report, Seed
from trading_ecosystem.cli.workers import Job, Workers
from trading_ecosystem.report.coverage import coverage, untried
from trading_ecosystem.report.index import latency, suite_verdict
from trading_ecosystem.report.latencies import latencies
from trading_ecosystem.report.words import (
    boundary_shares,
    boundary_verdict,
    counted,
    decimal,
    duration,
    events_per_second,
    tightest_expectation,
    verdict_sentence,
)
from trading_ecosystem.validation.results import RunResult, Verdict
from trading_ecosystem.validation.test_coordinator.scenario import load

Folder = Annotated[Path | None, typer.Argument(metavar="[FOLDER]", help="Of scenarios, instead of the shipped ones.")]
Jobs = Annotated[int, typer.Option(metavar="N", min=1, max=256, help="How many scenarios at a time.")]
Junit = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the verdicts as JUnit XML.")]
POLL_S = 0.2

HEADERS = ("Scenario", "Verdict", "Worst latency", "Negative twin", "Boundary", "Events/s", "Wall")


def suite(
    folder: Folder = None,
    jobs: Jobs = 1,
    report: Report = None,
    junit: Junit = None,
    json: Json = False,
    seed: Seed = None,
    boundary: Boundary = True,
) -> None:
    """Run every scenario. Exit code: 0 if all pass, 3 if what did not pass is INVALID, else 1."""
    paths = every_scenario(folder)
    refuse_broken(paths)
    if report is not None:
        outputs.check_folder(report)
    if junit is not None:
        outputs.check_file(junit, "--junit")
    started = time.monotonic()
    jobs_of = {
        name: Job(name=name, path=path, report=report, seed=seed, boundary=boundary) for name, path in paths.items()
    }
    board = Board(jobs_of, terminal.screen())
    try:
        board.run(jobs)
    except KeyboardInterrupt:
        raise Interrupted(board.what_finished()) from None
    results = [board.results[name] for name in paths]
    verdict = suite_verdict(results)
    index = None if report is None else str(outputs.write_index(results, report))
    wall_s = time.monotonic() - started
    if junit is not None:
        from trading_ecosystem.cli.junit import junit as junit_text

        outputs.write_whole(junit, junit_text(results, wall_s))
    board.show_end(verdict, wall_s, index)
    if json:
        objects = [run_object(board.results[name], board.pages.get(name)) for name in paths]
        terminal.print_object(suite_object(results, objects, verdict, wall_s, index))
    raise typer.Exit(EXIT_OF[verdict])


def refuse_broken(paths: dict[str, Path]) -> None:
    """Raises `Problem` for a scenario that cannot be run as it is, or that has the name of another."""
    from trading_ecosystem.preparation import RunRequest, prepare

    files: dict[str, Path] = {}
    for path in paths.values():
        scenario = prepare(RunRequest(scenario_path=path)).scenario
        if scenario.name in files:
            where = dict(scenario.document.entries())["name"]
            where.fail(f"a second scenario named {scenario.name!r}; the first is in {files[scenario.name]}")
        files[scenario.name] = path


def longest_first(jobs: list[Job]) -> list[Job]:
    """So that the last to end is a short one."""
    return sorted(jobs, key=lambda job: load(job.path).duration_ns, reverse=True)


class Board:
    """Where each scenario of the suite stands."""

    def __init__(self, jobs: dict[str, Job], console: terminal.Screen) -> None:
        self._jobs = jobs
        self._console = console
        self._states = dict.fromkeys(jobs, "waiting")
        self.results: dict[str, RunResult] = {}
        self.pages: dict[str, str] = {}

    def run(self, jobs: int) -> None:
        """Run all of it. Raises `Problem` of the first scenario that has one, and KeyboardInterrupt."""
        with Workers(min(jobs, len(self._jobs))) as workers:
            workers.start(longest_first(list(self._jobs.values())))
            if not self._console.is_terminal:
                self._follow(workers, None)
                return
            with Live(self.table(), console=self._console, refresh_per_second=5, transient=True) as live:
                self._follow(workers, live)

    def _follow(self, workers: Workers, live: Live | None) -> None:
        while len(self.results) < len(self._jobs):
            for name, (result, page) in workers.finished(POLL_S):
                self.results[name] = result
                if page is not None:
                    self.pages[name] = page
                if live is None:
                    self._console.print(Text(f"{name}: {result.judgement.verdict}: {sentence_of(result)}"))
            self._states |= {name: f"{share:.0%}" for name, share in workers.shares().items()}
            if live is not None:
                live.update(self.table())

    def table(self) -> Table:
        table = terminal.plain_table(*HEADERS)
        for name, state in self._states.items():
            result = self.results.get(name)
            if result is None:
                table.add_row(Text(name), Text(state, "dim"))
            else:
                table.add_row(Text(name), *row(result))
        return table

    def show_end(self, verdict: Verdict, wall_s: float, index: str | None) -> None:
        self._console.print(self.table())
        for name, result in self.results.items():
            if result.judgement.verdict is not Verdict.PASS:
                self._console.print(Text(f"  {name}: {sentence_of(result)}"))
        self._show_rules()
        kept = f"report {index}" if index else "no report kept (--report DIR keeps one)"
        passed = sum(result.judgement.verdict is Verdict.PASS for result in self.results.values())
        self._console.print()
        self._console.print(
            terminal.verdict_text(verdict),
            Text(f"{passed} of {counted(len(self.results), 'scenario')} passed, {decimal(wall_s, 1)} s wall, {kept}"),
        )

    def _show_rules(self) -> None:
        """The worst latency of each rule, and the rules that nobody expects."""
        results = list(self.results.values())
        table = terminal.plain_table("Rule", "Alerts", "Median", "Worst latency", "Missed", "Scenario of the worst")
        for each in latencies(results):
            median = duration(each.median_ns) if each.count else "-"
            words = (each.rule, str(each.count), median, each.words, str(each.missed), each.scenario)
            table.add_row(*(Text(word) for word in words))
        if table.row_count:
            self._console.print()
            self._console.print(table)
        missing = untried(coverage(results))
        if missing:
            self._console.print(Text(f"expected by no scenario: {', '.join(missing)}"))

    def what_finished(self) -> str:
        done = [f"{name} {result.judgement.verdict}" for name, result in self.results.items()]
        finished = f"finished: {', '.join(done)}" if done else "nothing had finished"
        pages = list(self.pages.values())
        return f"{finished}; kept: {', '.join(pages)}" if pages else f"{finished}; nothing was kept"


def row(result: RunResult) -> tuple[Text, ...]:
    worst = tightest_expectation(result.judgement.expectations)
    twin = Text("not run") if result.twin is None else terminal.verdict_text(result.twin.verdict)
    sides = boundary_verdict(result.boundary)
    return (
        terminal.verdict_text(result.judgement.verdict),
        Text(latency(worst) if worst else "no alert"),
        twin,
        Text("-") if sides is None else bounded(sides, boundary_shares(result.boundary)),
        Text(events_per_second(result)),
        Text(f"{decimal(result.wall_s, 1)} s"),
    )


def bounded(verdict: Verdict, shares: str) -> Text:
    """The verdict of the sides, and how far they went."""
    return terminal.verdict_text(verdict).append(f" {shares}" if shares else "", "not bold")


def sentence_of(result: RunResult) -> str:
    return verdict_sentence(result.judgement)
