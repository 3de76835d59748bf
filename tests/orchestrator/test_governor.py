"""Time waits for a service that runs and lags, and for nobody else."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trading_ecosystem.live.pace import CONDITION, OLDEST_BY_LAG_NS, SIMULATED_LAG_NS, Pulse, SharedTime, lag_of
from trading_ecosystem.orchestrator.folder import RunFolder
from trading_ecosystem.orchestrator.governor import Governor
from trading_ecosystem.orchestrator.processes import State

START_NS, SPEED = 1_000_000_000_000, 60
LAG_S = lag_of(SPEED) / 1_000_000_000


class States:
    """What `Processes` says of each."""

    def __init__(self) -> None:
        self.of = {"exchange": State.RUNNING, "custodian": State.RUNNING}

    def state(self, instance: str) -> State:
        return self.of[instance]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    for instance in ("exchange", "custodian"):
        run.make_service(instance, {})
    return run


def seconds_passed(folder: RunFolder, act: Callable[[States, dict[str, Pulse]], set[str]]) -> float:
    """Simulated seconds of about ten lags, while those that `act` names stay awake."""

    async def watch() -> float:
        states = States()
        governor = Governor(folder, ["exchange", "custodian"], START_NS, SPEED)
        governor.start(states)
        pulses = {name: Pulse(folder.pulse(name)) for name in states.of}
        for pulse in pulses.values():
            pulse.beat()
        awake = act(states, pulses)
        shared = SharedTime(folder.clock)
        until_s = time.monotonic() + 10 * LAG_S
        while time.monotonic() < until_s:
            for name in awake:
                pulses[name].beat()
            await asyncio.sleep(LAG_S / 8)
        governor.stop()
        return (shared.now_ns() - START_NS) / 1_000_000_000

    return asyncio.run(watch())


FULL = 10 * LAG_S * SPEED  # What passes when nobody is waited for.


def test_time_runs_while_everybody_is_awake(folder: RunFolder) -> None:
    assert seconds_passed(folder, lambda states, pulses: {"exchange", "custodian"}) > FULL * 0.5


def test_time_waits_for_one_that_lags(folder: RunFolder) -> None:
    assert seconds_passed(folder, lambda states, pulses: {"exchange"}) < FULL * 0.35


def test_time_does_not_wait_for_one_that_was_killed(folder: RunFolder) -> None:
    def kill(states: States, pulses: dict[str, Pulse]) -> set[str]:
        states.of["custodian"] = State.DOWN
        pulses["custodian"].forget()
        return {"exchange"}

    assert seconds_passed(folder, kill) > FULL * 0.5


def test_time_does_not_wait_for_one_that_is_paused(folder: RunFolder) -> None:
    def pause(states: States, pulses: dict[str, Pulse]) -> set[str]:
        states.of["custodian"] = State.PAUSED
        return {"exchange"}

    assert seconds_passed(folder, pause) > FULL * 0.5


def test_time_does_not_wait_for_one_that_is_only_starting(folder: RunFolder) -> None:
    def start(states: States, pulses: dict[str, Pulse]) -> set[str]:
        pulses["custodian"].forget()
        return {"exchange"}

    assert seconds_passed(folder, start) > FULL * 0.5


def test_time_slows_down_while_messages_are_old_and_recovers(folder: RunFolder) -> None:
    def age(states: States, pulses: dict[str, Pulse]) -> set[str]:
        CONDITION.heard(10 * SIMULATED_LAG_NS)
        return {"exchange", "custodian"}

    slowed = seconds_passed(folder, age)
    assert FULL * 0.02 < slowed < FULL * 0.45


def test_what_was_held_back_on_purpose_slows_nothing_down(folder: RunFolder) -> None:
    def hold(states: States, pulses: dict[str, Pulse]) -> set[str]:
        CONDITION.heard(OLDEST_BY_LAG_NS)
        return {"exchange", "custodian"}

    assert seconds_passed(folder, hold) > FULL * 0.5
