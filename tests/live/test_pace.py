"""Accelerated time that waits: what the leader says is what everybody reads, and no word means no time."""

import time
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import make_url

from trading_ecosystem.live.clock import Clock, Tempo
from trading_ecosystem.live.pace import CONDITION, SIMULATED_LAG_NS, Leader, Pulse, SharedTime, lag_of
from trading_ecosystem.live.store.database import Database

START_NS = 1_772_409_600_000_000_000
SECOND_NS = 1_000_000_000


def test_time_stands_at_its_start_until_it_is_led_on(tmp_path: Path) -> None:
    Leader(tmp_path / "clock", START_NS, 60)
    shared = SharedTime(tmp_path / "clock")
    time.sleep(0.01)
    assert shared.now_ns() == START_NS


def test_time_goes_on_by_one_stretch_and_no_further(tmp_path: Path) -> None:
    leader = Leader(tmp_path / "clock", START_NS, 60)
    shared = SharedTime(tmp_path / "clock")
    leader.lead_on(60)
    time.sleep(lag_of(60) / SECOND_NS * 3)
    assert shared.now_ns() == START_NS + lag_of(60) // 2 * 60


def test_time_that_was_stopped_goes_on_from_where_it_stood(tmp_path: Path) -> None:
    leader = Leader(tmp_path / "clock", START_NS, 60)
    shared = SharedTime(tmp_path / "clock")
    leader.lead_on(60)
    time.sleep(0.005)
    leader.stand_still()
    stood_ns = shared.now_ns()
    time.sleep(0.02)
    assert shared.now_ns() == stood_ns > START_NS
    leader.lead_on(60)
    time.sleep(0.002)
    assert stood_ns < shared.now_ns() < stood_ns + SECOND_NS * 5


def test_a_lagging_leader_loses_no_time_that_was_told(tmp_path: Path) -> None:
    leader = Leader(tmp_path / "clock", START_NS, 60)
    shared = SharedTime(tmp_path / "clock")
    told: list[int] = []
    for _ in range(50):
        leader.lead_on(60)
        told.append(shared.now_ns())
        time.sleep(0.0005)
    assert told == sorted(told)


def test_no_reader_sees_half_a_word(tmp_path: Path) -> None:
    leader = Leader(tmp_path / "clock", START_NS, 60)
    shared = SharedTime(tmp_path / "clock")
    told: list[int] = []

    def read() -> None:
        while len(told) < 20_000:
            told.append(shared.now_ns())

    reader = Thread(target=read)
    reader.start()
    while reader.is_alive():
        leader.lead_on(60)
    reader.join()
    assert told == sorted(told)
    assert told[0] >= START_NS


@pytest.mark.parametrize(("speed", "lag_ns"), [(1, SIMULATED_LAG_NS), (50, 20_000_000), (3600, 8_000_000)])
def test_the_faster_time_runs_the_sooner_it_waits(speed: int, lag_ns: int) -> None:
    assert lag_of(speed) == lag_ns


def test_a_pulse_is_seen_by_another_process_and_can_be_forgotten(tmp_path: Path) -> None:
    own, seen = Pulse(tmp_path / "pulse"), Pulse(tmp_path / "pulse")
    assert seen.last()[0] == 0
    before_ns = time.monotonic_ns()
    own.beat()
    assert before_ns <= seen.last()[0] <= time.monotonic_ns()
    seen.forget()
    assert own.last()[0] == 0


def test_who_waits_for_its_disk_is_awake_again_afterwards(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path / "pulse")
    with CONDITION.waiting_for_the_disk():
        began_ns = time.monotonic_ns()
        time.sleep(0.01)
        pulse.beat()
        assert pulse.last()[0] <= began_ns
    pulse.beat()
    assert pulse.last()[0] >= began_ns + 10_000_000


def test_a_commit_is_waited_for(tmp_path: Path) -> None:
    database = Database(make_url(f"sqlite:///{tmp_path / 'store.db'}"), "")
    pulse = Pulse(tmp_path / "pulse")
    with database.writing() as connection:
        began_ns = time.monotonic_ns()
        connection.exec_driver_sql("CREATE TABLE known (number INTEGER)")
        pulse.beat()
        assert pulse.last()[0] < began_ns
    pulse.beat()
    assert pulse.last()[0] > began_ns
    database.close()


def test_the_oldest_message_is_told_and_fades(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path / "pulse")
    for age_ns in (5, 80, 6):
        CONDITION.heard(age_ns)
    told = []
    for _ in range(20):
        pulse.beat()
        told.append(pulse.last()[1])
    assert told[:3] == [80, 60, 45] and told[-1] == 0


def test_time_that_changes_its_speed_makes_no_leap(tmp_path: Path) -> None:
    leader = Leader(tmp_path / "clock", START_NS, 60)
    shared = SharedTime(tmp_path / "clock")
    for speed in (60, 1, 60, 1):
        leader.lead_on(speed)
        began_ns, before_ns = time.monotonic_ns(), shared.now_ns()
        time.sleep(0.001)
        passed_ns = shared.now_ns() - before_ns
        assert 0 <= passed_ns <= (time.monotonic_ns() - began_ns) * speed + 60_000


def test_a_clock_follows_the_shared_time_and_its_own_fault(tmp_path: Path) -> None:
    leader = Leader(tmp_path / "clock", START_NS, 60)
    clock = Clock(Tempo(start_ns=START_NS, epoch_ns=0, speed=60, pace=str(tmp_path / "clock")))
    assert clock.now_ns() == START_NS
    clock.shift(5)
    assert clock.now_ns() == START_NS + 5
    leader.lead_on(60)
    time.sleep(0.001)
    assert clock.now_ns() > START_NS + 5
