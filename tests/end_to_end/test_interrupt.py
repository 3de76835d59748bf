"""Ctrl-C: it ends within seconds, says what was kept, and leaves neither half a file nor a process."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import trading_ecosystem

PACKAGE = Path(trading_ecosystem.__file__).parents[1]
SCENARIO = "usdt-cliff-9m.yaml"
PATIENCE_S = 60.0
AT_MOST_S = 5.0  # From Ctrl-C to the end, on a busy machine.
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(place: Path) -> Iterator[Start]:
    """Starts the command as the leader of a process group, as a shell does."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "trading_ecosystem.cli.main", *arguments],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(seen: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < until, "it never got so far"
        time.sleep(0.02)


def interrupted(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Code and streams after Ctrl-C, which every process of the group hears."""
    os.killpg(process.pid, signal.SIGINT)
    began = time.monotonic()
    output, error = process.communicate(timeout=PATIENCE_S)
    assert time.monotonic() - began < AT_MOST_S
    assert living(process.pid) == []
    return process.returncode, output, error


def living(group: int) -> list[str]:
    """The processes of the group that still run; a dead one that nobody has buried does not."""
    wait_until = time.monotonic() + AT_MOST_S
    while found := [line for line in listed() if line[1] == str(group) and not line[2].startswith("Z")]:
        if time.monotonic() > wait_until:
            return [" ".join(line) for line in found]
        time.sleep(0.05)
    return []


def listed() -> list[list[str]]:
    done = subprocess.run(["ps", "-eo", "pid=,pgid=,stat=,args="], capture_output=True, text=True, check=True)
    return [line.split(maxsplit=3) for line in done.stdout.splitlines()]


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.5], ids=["at once", "while the twin starts", "on the way"])
def test_a_run_keeps_nothing_of_what_was_not_finished(after_s: float, place: Path, start: Start) -> None:
    process = start("run", SCENARIO, "--set", "duration=90h", "--report", "out", "--json")
    wait_for(lambda: (place / "out" / "usdt-cliff-9m" / ".trail.jsonl.partial").exists())
    time.sleep(after_s)
    assert interrupted(process) == (130, "", "interrupted; nothing was kept\n")
    assert not (place / "out").exists()


def test_a_run_says_so_while_it_still_reads(place: Path, start: Start) -> None:
    os.mkfifo(place / "usdtusd.csv")
    process = start("run", SCENARIO, "--replay", "usdtusd.csv", "--report", "out")
    ends: list[int] = []
    wait_for(lambda: is_read(place / "usdtusd.csv", ends))
    assert interrupted(process) == (130, "", "interrupted; nothing was kept\n")
    os.close(ends[0])
    assert not (place / "out").exists()


def is_read(pipe: Path, ends: list[int]) -> bool:
    """Whether somebody waits for what comes out of the pipe; its other end is then open, and nothing comes."""
    try:
        ends.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        assert error.errno == errno.ENXIO
        return False
    return True


@pytest.mark.parametrize("words", [("run", SCENARIO), ("suite", "suite", "--jobs", "2"), ("suite", "suite")])
def test_a_killed_command_leaves_no_process(words: tuple[str, ...], place: Path, start: Start) -> None:
    """Nobody can stop what runs on; so what was started ends with the one who started it."""
    text = (place / SCENARIO).read_text(encoding="utf-8").replace("duration: 9m", "duration: 90h")
    (place / SCENARIO).write_text(text, encoding="utf-8")
    (place / "suite").mkdir()
    (place / "suite" / SCENARIO).write_text(text, encoding="utf-8")
    process = start(*words, "--report", "out")
    wait_for(lambda: (place / "out" / "usdt-cliff-9m" / ".trail.jsonl.partial").exists())
    time.sleep(1.0)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert living(process.pid) == []


def test_a_suite_keeps_what_had_finished(place: Path, start: Start) -> None:
    folder = place / "suite"
    folder.mkdir()
    short = (place / SCENARIO).read_text(encoding="utf-8")
    (folder / "a.yaml").write_text(short, encoding="utf-8")
    long = short.replace("name: usdt-cliff-9m", "name: long").replace("duration: 9m", "duration: 90h")
    (folder / "b.yaml").write_text(long, encoding="utf-8")
    process = start("suite", "suite", "--jobs", "2", "--report", "out", "--json")
    page = place / "out" / "usdt-cliff-9m" / "result.json"
    wait_for(page.exists)
    time.sleep(0.5)
    code, output, error = interrupted(process)
    assert (code, output) == (130, "")
    said = "interrupted; finished: a PASS; kept: out/usdt-cliff-9m/report.html"
    assert error.splitlines()[-1] == said and "Traceback" not in error
    assert files(place / "out") == [f"usdt-cliff-9m/{name}" for name in ("report.html", "result.json", "trail.jsonl")]
