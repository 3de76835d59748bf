"""Time waits for a service that runs and lags, and for nobody else."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trading_ecosystem.live.clock import SECOND_NS
from trading_ecosystem.live.pace import CONDITION, OLD_NS, OLDEST_BY_LAG_NS, Pulse, SharedTime, lag_of
from trading_ecosystem.orchestrator.folder import RunFolder
from trading_ecosystem.orchestrator.governor import DOUBLES_IN_NS, ENOUGH, SEEN_TWICE_WITHIN_NS, SLOW, Governor
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


def test_time_slows_down_when_messages_are_old_and_stays_slow_for_a_while(folder: RunFolder) -> None:
    def age(states: States, pulses: dict[str, Pulse]) -> set[str]:
        CONDITION.heard(6 * OLD_NS)
        return {"exchange", "custodian"}

    slowed = seconds_passed(folder, age)
    assert FULL * 0.1 < slowed < FULL * 0.45
    again = seconds_passed(folder, lambda states, pulses: {"exchange", "custodian"})
    assert again > FULL * 0.5, "another run does not know of it"


def test_time_recovers_by_and_by(folder: RunFolder) -> None:
    governor = Governor(folder, ["exchange"], START_NS, SPEED)
    governor._adapt(3 * OLD_NS, 0)
    slow = governor.speed
    assert slow == SPEED / 3
    for faded_ns in (2 * OLD_NS, OLD_NS + 1):  # The same message, a little later.
        governor._adapt(faded_ns, DOUBLES_IN_NS)
        assert governor.speed == slow
    governor._adapt(OLD_NS, DOUBLES_IN_NS)
    assert governor.speed == 2 * slow
    governor._adapt(0, DOUBLES_IN_NS)
    assert governor.speed == SPEED, "no faster than it was asked to run"
    governor._adapt(1 << 62, 0)
    assert governor.speed == 1.0


def test_what_was_held_back_on_purpose_slows_nothing_down(folder: RunFolder) -> None:
    def hold(states: States, pulses: dict[str, Pulse]) -> set[str]:
        CONDITION.heard(OLDEST_BY_LAG_NS)
        return {"exchange", "custodian"}

    assert seconds_passed(folder, hold) > FULL * 0.5


def hear(governor: Governor, age_ns: int, times: int, every_ns: int) -> None:
    """Messages of this age, at these intervals of the machine, and young ones between them."""
    for _ in range(times):
        governor._adapt(0, every_ns // 2)
        governor._adapt(OLD_NS // 100, every_ns // 2)
        governor._adapt(age_ns, 0)


def test_what_is_as_old_in_slow_time_was_held_back_on_purpose(folder: RunFolder) -> None:
    governor = Governor(folder, ["exchange"], START_NS, SPEED)
    held_ns = OLD_NS * 3 // 2
    hear(governor, held_ns, 15, SECOND_NS // 10)
    assert governor.speed <= SLOW
    hear(governor, held_ns, 100, SECOND_NS // 2)
    assert governor.speed == SPEED, "slower would not be sooner"
    hear(governor, held_ns + OLD_NS // 2, 3, SECOND_NS // 2)
    assert governor.speed == SPEED
    hear(governor, held_ns + 3 * OLD_NS, 1, SECOND_NS // 2)
    assert governor.speed == SPEED / 3, "what is late beside that slows time down"

    governor._adapt(0, 10 * DOUBLES_IN_NS)
    assert governor.speed == SPEED
    hear(governor, held_ns, 1, 0)
    assert governor.speed < SPEED, "it is forgotten when it is over"


def test_what_is_old_in_fast_time_alone_was_not_held_back(folder: RunFolder) -> None:
    governor = Governor(folder, ["exchange"], START_NS, SPEED)
    for _ in range(200):
        hear(governor, round(governor.speed * OLD_NS / 10), 1, SECOND_NS // 10)  # A fifth of a second of the machine.
    assert SLOW < governor.speed < SPEED / 4


def test_one_message_that_is_late_in_slow_time_is_no_purpose(folder: RunFolder) -> None:
    governor = Governor(folder, ["exchange"], START_NS, SPEED)
    governor._adapt(1 << 62, 0)
    for _ in range(2 * ENOUGH):
        hear(governor, 2 * OLD_NS, ENOUGH - 1, SECOND_NS // 10)
        assert governor.speed <= SLOW
        governor._adapt(0, SEEN_TWICE_WITHIN_NS + 1)
    assert governor.speed < SPEED
