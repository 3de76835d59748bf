"""Processes are moved by the table and by nothing else, and an exit that nobody asked for is put right."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.orchestrator import processes as module
from trading_ecosystem.orchestrator.child import Command
from trading_ecosystem.orchestrator.processes import (
    MOST_EXITS,
    NEXT,
    Notice,
    Processes,
    ProcessRefused,
    State,
    Step,
    exit_words,
)

Make = Callable[[str], Command]
Until = Callable[[Callable[[], bool]], Awaitable[None]]
Alive = Callable[[int], bool]


def watched(command: Command) -> tuple[Processes, list[Notice]]:
    notices: list[Notice] = []
    return Processes({"exchange": command}, notices.append), notices


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 30))


def said(log: Path) -> bool:
    return log.exists() and "\n" in log.read_text(encoding="utf-8")


def test_it_starts_stops_and_says_so(command: Make, until: Until, alive: Alive) -> None:
    async def work() -> None:
        processes, notices = watched(command("well behaved"))
        assert processes.state("exchange") is State.DOWN and processes.pid("exchange") is None
        processes.start("exchange")
        pid = processes.pid("exchange")
        assert pid is not None and alive(pid) and processes.state("exchange") is State.RUNNING
        await until(lambda: said(command("well behaved").log))
        await processes.stop("exchange")
        assert not alive(pid) and processes.state("exchange") is State.DOWN and processes.pid("exchange") is None
        assert [notice.state for notice in notices] == [State.RUNNING, State.DOWN]
        assert not any(notice.unexpected for notice in notices)
        assert notices[-1].detail == "ended by SIGTERM"
        assert command("well behaved").log.stat().st_mode & 0o777 == 0o600

    run(work())


def test_one_that_does_not_hear_is_killed_after_the_grace(command: Make, until: Until, alive: Alive) -> None:
    async def work() -> None:
        processes, notices = watched(command("deaf"))
        processes.start("exchange")
        pid = processes.pid("exchange")
        assert pid is not None
        await until(lambda: said(command("deaf").log))
        await processes.stop("exchange", grace_s=0.2)
        assert not alive(pid)
        assert "did not end within 0.2 s" in notices[1].detail and notices[1].unexpected
        assert notices[-1].detail == "ended by SIGKILL" and processes.state("exchange") is State.DOWN

    run(work())


def test_a_paused_process_does_nothing_and_can_still_be_stopped(command: Make, until: Until) -> None:
    async def work() -> None:
        processes, _ = watched(command("well behaved"))
        processes.start("exchange")
        await until(lambda: said(command("well behaved").log))
        stat = Path(f"/proc/{processes.pid('exchange')}/stat")
        processes.pause("exchange")
        await until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
        assert processes.state("exchange") is State.PAUSED
        processes.resume("exchange")
        await until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "S")
        processes.pause("exchange")
        await processes.stop("exchange", grace_s=5)
        assert processes.state("exchange") is State.DOWN

    run(work())


def test_one_killed_on_purpose_stays_down_until_it_is_started(command: Make, alive: Alive) -> None:
    async def work() -> None:
        processes, notices = watched(command("well behaved"))
        processes.start("exchange")
        pid = processes.pid("exchange")
        assert pid is not None
        await processes.kill("exchange")
        assert not alive(pid) and processes.state("exchange") is State.DOWN
        await asyncio.sleep(2 * module.FIRST_PAUSE_S)
        assert processes.state("exchange") is State.DOWN and not any(notice.unexpected for notice in notices)
        await processes.restart("exchange")
        assert processes.state("exchange") is State.RUNNING and processes.restarts("exchange") == 0
        await processes.stop("exchange")

    run(work())


def test_a_crash_is_told_and_put_right(command: Make, until: Until, alive: Alive) -> None:
    async def work() -> None:
        processes, notices = watched(command("well behaved"))
        processes.start("exchange")
        first = processes.pid("exchange")
        assert first is not None
        os.kill(first, signal.SIGSEGV)
        await until(lambda: processes.restarts("exchange") == 1)
        second = processes.pid("exchange")
        assert second not in (None, first) and not alive(first)
        crash = next(notice for notice in notices if notice.unexpected)
        assert crash.state is State.WAITING and crash.detail == "ended by SIGSEGV; restart in 0.2 s"
        await processes.stop("exchange")

    run(work())


def test_one_that_keeps_ending_is_left_alone(command: Make, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)

    async def work() -> None:
        processes, notices = watched(command("short"))
        processes.start("exchange")
        await until(lambda: processes.state("exchange") is State.HALTED)
        ended = [notice for notice in notices if notice.unexpected]
        assert len(ended) == MOST_EXITS and ended[-1].detail == "ended with code 3; 5 times within 60 s"
        pauses = [float(notice.detail.split()[-2]) for notice in ended[:-1]]
        assert pauses == [0.01, 0.02, 0.04, 0.08]
        with pytest.raises(ProcessRefused, match="exchange is halted: it cannot pause now"):
            processes.pause("exchange")
        await processes.stop("exchange")
        assert processes.state("exchange") is State.DOWN

    run(work())


def test_stopping_one_that_waits_for_its_restart_forgets_the_restart(command: Make, until: Until) -> None:
    async def work() -> None:
        processes, notices = watched(command("short"))
        processes.start("exchange")
        await until(lambda: processes.state("exchange") is State.WAITING)
        await processes.stop("exchange")
        await asyncio.sleep(2 * module.FIRST_PAUSE_S)
        assert processes.state("exchange") is State.DOWN
        assert [notice.state for notice in notices] == [State.RUNNING, State.WAITING]

    run(work())


def test_what_a_child_started_ends_with_it(command: Make, until: Until, alive: Alive) -> None:
    async def work() -> None:
        processes, _ = watched(command("parent"))
        processes.start("exchange")
        log = command("parent").log
        await until(lambda: said(log))
        grandchild = int(log.read_text(encoding="utf-8").split()[1])
        assert alive(grandchild)
        await processes.kill("exchange")
        await until(lambda: not alive(grandchild))

    run(work())


def test_a_program_in_a_folder_that_is_not_there_is_refused(command: Make, tmp_path: Path) -> None:
    async def work() -> None:
        nowhere = replace(command("short"), folder=tmp_path / "nowhere")
        processes, notices = watched(nowhere)
        with pytest.raises(ProcessRefused, match=r"exchange cannot be started: .*No such file"):
            processes.start("exchange")
        assert processes.state("exchange") is State.DOWN and notices == []

    run(work())


def test_a_program_that_is_not_there_says_so_in_its_log(command: Make, until: Until) -> None:
    async def work() -> None:
        gone = replace(command("short"), arguments=("/no/such/program",))
        processes, _ = watched(gone)
        processes.start("exchange")
        await until(lambda: processes.state("exchange") is State.WAITING)
        await processes.stop("exchange")
        assert "No such file or directory" in gone.log.read_text(encoding="utf-8")

    run(work())


ASKED = (Step.START, Step.PAUSE, Step.RESUME)
REFUSED = [(state, step) for state in State for step in ASKED if (state, step) not in NEXT]


@pytest.mark.parametrize(("state", "step"), REFUSED)
def test_what_the_table_does_not_have_is_refused(state: State, step: Step, command: Make) -> None:
    async def work() -> None:
        processes, notices = watched(command("short"))
        processes._processes["exchange"].state = state
        ask = {Step.PAUSE: processes.pause, Step.RESUME: processes.resume, Step.START: processes.start}[step]
        with pytest.raises(ProcessRefused, match=f"exchange is {state}: it cannot {step} now"):
            ask("exchange")
        assert processes.state("exchange") is state and notices == []

    run(work())


def test_every_state_is_left_and_reached() -> None:
    assert {state for state, _ in NEXT} == set(State) == set(NEXT.values())


def test_how_a_process_ended_is_said_in_words() -> None:
    assert (exit_words(1), exit_words(-9)) == ("ended with code 1", "ended by SIGKILL")
