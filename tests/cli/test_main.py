"""Exit codes and streams of the whole command, in a process of its own where streams matter."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trading_ecosystem.cli import doctor, main as door
from trading_ecosystem.cli.exits import EXIT_OF, Exit, Interrupted
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.validation.results import Verdict

COMMAND = [sys.executable, "-m", "trading_ecosystem.cli.main"]


def tse(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["frobnicate"],
        ["run", "x", "--seed", "minus"],
        ["suite", "--jobs", "0"],
        ["verify"],
        ["run", "x", "--no"],
    ],
)
def test_usage_errors_are_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err


@pytest.mark.parametrize("arguments", [["validate", "no-such"], ["verify", "no-such.jsonl"], ["run", "no-such"]])
def test_bad_input_is_one_line_on_standard_error(arguments: list[str], tmp_path: Path) -> None:
    done = tse(*arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1 and "no-such" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_broken_scenario_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("name: x\nname: y\n", encoding="utf-8")
    done = tse("validate", str(file), folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{file}:2: the key 'name' is there twice (first in line 1)\n"


def test_a_report_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("name: x\n", encoding="utf-8")
    done = tse("run", "s.yaml", "--report", "s.yaml", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "--report s.yaml: is a file, not a folder\n")


def test_schema_is_one_object_on_standard_output(tmp_path: Path) -> None:
    done = tse("schema", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["type"] == "object"


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m trading_ecosystem.cli.main schema | head -c 1; exit ${{PIPESTATUS[0]}}",
        shell=True, executable="/bin/bash", cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "{", "")


def test_version_and_help_are_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["--version"]) == 0
    assert capsys.readouterr() == ("", "tse 0.1.0\n")
    assert door.main(["--help"]) == 0


def raising(error: BaseException) -> Callable[..., None]:
    def app(**_: object) -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (Problem("file:1: wrong"), 2, "file:1: wrong\n"),
        (Interrupted("kept: a, b"), 130, "interrupted; kept: a, b\n"),
        (KeyboardInterrupt(), 130, "interrupted; nothing was kept\n"),
    ],
)
def test_what_goes_wrong_is_one_line(
    error: BaseException, code: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(door, "app", raising(error))
    assert door.main([]) == code
    assert capsys.readouterr() == ("", words)


def test_an_error_of_ours_is_no_verdict(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(door, "app", raising(AssertionError("impossible")))
    assert door.main(["run", "a b"]) == 70
    assert capsys.readouterr().err.endswith(
        "AssertionError: impossible\nthis is an error of tse; it was: tse run 'a b'\n"
    )


def test_every_verdict_has_its_own_code() -> None:
    assert {verdict: int(EXIT_OF[verdict]) for verdict in Verdict} == {"PASS": 0, "FAIL": 1, "INVALID": 3}
    assert len(set(Exit)) == len(Exit.__members__)


# The doctor.


def test_doctor_examines_everything(capsys: pytest.CaptureFixture[str]) -> None:
    needed = {finding.what: finding.good for finding in doctor.examine() if finding.needed}
    assert {"Python", "64 bit", "plotly", "pyarrow", "typer", "disk", "memory"} <= set(needed)
    assert door.main(["doctor"]) == (0 if all(needed.values()) else 1)
    captured = capsys.readouterr()
    assert captured.out == "" and "time zone data" in captured.err and "C compiler" in captured.err


def test_doctor_says_what_is_missing_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(doctor.PACKAGES, "no-such-package", "no_such_package")
    assert door.main(["doctor"]) == 1
    error = capsys.readouterr().err
    assert "Missing: no-such-package." in error and "✗ missing" in error and "pip install" in error


def test_doctor_does_not_fail_for_what_is_only_useful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    finding = doctor.compiler()
    assert not finding.good and not finding.needed
    monkeypatch.setenv("PYTHONTZPATH", "")
    assert doctor.python().good
