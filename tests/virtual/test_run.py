"""A run beside its twin: over the same time, told of together, and stopped together."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.preparation import RunRequest
from trading_ecosystem.validation.results import Verdict
from trading_ecosystem.virtual.children import deaf_children
from trading_ecosystem.virtual.interrupts import heard_later
from trading_ecosystem.virtual.kept import kept_trail
from trading_ecosystem.virtual.run import run, run_twin

SCENARIO = Path(__file__).parents[2] / "features" / "scenarios" / "usdt-cliff-9m.yaml"
MINUTE = 60_000_000_000
REQUEST = RunRequest(scenario_path=SCENARIO, settings=("quotes_every=5s",), twin_in_parallel=False)


class Stopped(Exception):
    """Somebody asked to stop."""


def test_one_after_the_other_the_twin_is_the_second_half_of_the_way() -> None:
    told: list[float] = []
    result = run(REQUEST, lambda done_ns, total_ns: told.append(done_ns / total_ns))
    assert result.judgement.verdict is Verdict.PASS
    assert told == sorted(told) and told[-1] == 1.0
    assert told.count(0.5) == 1 and len(told) % 2 == 0


def test_a_twin_hears_that_it_is_to_stop(tmp_path: Path) -> None:
    def stop_late(done_ns: int, total_ns: int) -> None:
        if done_ns * 4 > total_ns * 3:
            raise Stopped

    with pytest.raises(Stopped):
        run(replace(REQUEST, report_folder=tmp_path / "out"), stop_late)
    assert list(tmp_path.iterdir()) == []


def test_the_twin_of_a_replay_goes_over_the_time_of_the_replay(tmp_path: Path) -> None:
    """Recorded prices take the place of an injection, so without them the twin is that of the injection."""
    rows = [f"2026-03-02T00:{minute:02d}:00Z,1,1,1,1" for minute in range(10)]
    (tmp_path / "usdtusd.csv").write_text("\n".join(["time,open,high,low,close", *rows]) + "\n", encoding="utf-8")
    of_injection = run_twin(REQUEST, None)
    replayed = replace(REQUEST, replay=tmp_path / "usdtusd.csv")
    assert run_twin(replayed, None) == of_injection
    window = ("replay.from=2026-03-02T00:00:00Z", "replay.until=2026-03-02T00:04:00Z", "steady_state.for=1m")
    told: list[int] = []
    run_twin(replace(replayed, settings=(*REQUEST.settings, *window)), lambda done_ns, total_ns: told.append(total_ns))
    assert set(told) == {4 * MINUTE}


# Processes.


def test_children_are_deaf_and_the_parent_hears_afterwards() -> None:
    child = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('deaf')"
    with pytest.raises(KeyboardInterrupt), deaf_children():
        os.kill(os.getpid(), signal.SIGINT)
        done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "deaf\n", "")
    loud = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=False)
    assert loud.returncode != 0


# What is kept.


def test_a_trail_appears_when_it_is_whole(tmp_path: Path) -> None:
    with kept_trail(tmp_path / "out", "name") as (sink, path):
        assert sink is not None
        sink.write("line\n")
        assert not Path(path).exists()
    assert Path(path).read_text() == "line\n" and [each.name for each in Path(path).parent.iterdir()] == ["trail.jsonl"]


def test_a_run_that_does_not_end_leaves_what_was_there_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(Stopped), kept_trail(tmp_path / "out", "name") as (sink, _):
        assert sink is not None
        sink.write("line\n")
        raise Stopped
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("there", ["out", "out/name", "out/name/trail.jsonl/x"])
def test_a_place_that_is_taken_is_a_problem(there: str, tmp_path: Path) -> None:
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Problem, match=r"^--report .*: ") as raised, kept_trail(tmp_path / "out", "name") as (sink, _):
        assert sink is not None
        sink.write("line\n")
    assert "\n" not in str(raised.value) and sorted(tmp_path.rglob("*")) == before


# Ctrl-C.


def test_an_interrupt_waits_for_the_end_of_the_work() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), heard_later():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("all of it")
    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_is_heard_between_two_pieces_of_work() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), heard_later() as hear:
        hear()
        os.kill(os.getpid(), signal.SIGINT)
        done.append("the first piece")
        hear()
        done.append("the second")
    assert done == ["the first piece"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_an_interrupt_nothing_happens_and_an_error_stays_what_it_was() -> None:
    with heard_later():
        pass
    with pytest.raises(Stopped), heard_later():
        raise Stopped


def test_who_does_not_listen_is_not_interrupted() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with heard_later():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_may_run_a_scenario_too() -> None:
    verdicts: list[Verdict] = []
    thread = Thread(target=lambda: verdicts.append(run(replace(REQUEST, with_twin=False)).judgement.verdict))
    thread.start()
    thread.join()
    assert verdicts == [Verdict.PASS]
