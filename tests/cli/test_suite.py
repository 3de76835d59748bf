"""The board of a suite: where each scenario stands, and what is said at its end or when it is stopped."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from trading_ecosystem.cli.lookup import every_scenario
from trading_ecosystem.cli.main import main
from trading_ecosystem.cli.suite import Board, refuse_broken, row
from trading_ecosystem.cli.terminal import Screen
from trading_ecosystem.cli.workers import Job
from trading_ecosystem.validation.results import BoundarySide, Nearness, RunResult, Verdict


@pytest.fixture
def console() -> Screen:
    return Screen(file=io.StringIO(), width=160, highlight=False)


@pytest.fixture
def board(console: Screen) -> Board:
    jobs = {name: Job(name=name, path=Path(f"{name}.yaml"), report=None, seed=None) for name in "ab"}
    return Board(jobs, console)


def written(console: Screen) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_shipped_scenario_goes_with_its_world() -> None:
    refuse_broken(every_scenario(Path(__file__).parents[2] / "scenarios"))


def test_a_row_tells_verdict_latency_twin_and_speed(result: RunResult) -> None:
    assert [str(cell) for cell in row(result)] == ["✓ PASS", "60.9 s of 65 s", "✓ PASS", "-", "865,162", "7.4 s"]
    side = BoundarySide(side="under", changes=("a: 1",), judgement=result.judgement, digest="")
    failed = replace(side, side="over", judgement=replace(result.judgement, verdict=Verdict.FAIL))
    assert str(row(replace(result, boundary=(side,)))[3]) == "✓ PASS"
    assert str(row(replace(result, boundary=(side, failed)))[3]) == "✗ FAIL"
    near = [Nearness(limit="x", percent=percent, near=True) for percent in (98, 91)]
    measured = (replace(side, nearness=tuple(near)), replace(side, side="over", nearness=tuple(near)))
    assert str(row(replace(result, boundary=measured))[3]) == "✓ PASS 91%, 98%"
    bare = replace(result, twin=None, judgement=replace(result.judgement, expectations=()), wall_s=0.0)
    assert [str(cell) for cell in row(bare)] == ["✓ PASS", "no alert", "not run", "-", "-", "0 s"]


def test_the_table_has_a_row_for_every_scenario(board: Board, console: Screen, result: RunResult) -> None:
    board.results["b"] = result
    console.print(board.table())
    lines = [re.split(r"\s{2,}", line.strip()) for line in written(console).splitlines()]
    assert lines[1] == ["a", "waiting"]
    assert lines[2] == ["b", "✓ PASS", "60.9 s of 65 s", "✓ PASS", "-", "865,162", "7.4 s"]


def test_the_end_names_what_did_not_pass(board: Board, console: Screen, result: RunResult) -> None:
    judged = replace(result.judgement, verdict=Verdict.FAIL, reasons=("the alert never came",))
    board.results |= {"a": result, "b": replace(result, judgement=judged)}
    board.show_end(Verdict.FAIL, 12.34, "out/index.html")
    text = written(console)
    assert "  b: the alert never came.\n" in text
    rules = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines() if line.startswith("peg_deviation ")]
    assert rules == [["peg_deviation", "2", "60.9 s", "60.9 s of 65 s", "0", result.scenario]]
    (missing,) = [line for line in text.splitlines() if line.startswith("expected by no scenario: ")]
    assert "venue_down" in missing and "peg_deviation" not in missing
    assert text.endswith("✗ FAIL 1 of 2 scenarios passed, 12.3 s wall, report out/index.html\n")


def test_an_interruption_tells_what_finished_and_what_was_kept(board: Board, result: RunResult) -> None:
    assert board.what_finished() == "nothing had finished; nothing was kept"
    board.results["a"] = result
    assert board.what_finished() == "finished: a PASS; nothing was kept"
    board.pages["a"] = "out/a/report.html"
    assert board.what_finished() == "finished: a PASS; kept: out/a/report.html"


def test_a_broken_scenario_stops_the_suite_before_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "00-broken.yaml").write_text("name: [\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["suite", "--report", "out"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("scenarios/00-broken.yaml:")
    assert len(captured.err.splitlines()) == 1 and not (tmp_path / "out").exists()


def test_a_junit_file_that_cannot_be_written_stops_the_suite_before_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for path, problem in ((".", "is a folder, not a file"), ("file/x.xml", "is a file, not a folder")):
        assert main(["suite", "--junit", path]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("--junit ") and line.endswith(problem)
