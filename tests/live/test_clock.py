"""Time in a live service goes on, whatever is done to it."""

import time

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.live.clock import SECOND_NS, Clock, Tempo

START_NS = 1_772_409_600_000_000_000
YEAR_NS = 365 * 86_400 * SECOND_NS
STANDING = Tempo(start_ns=START_NS, epoch_ns=0, speed=60)
CHANGES = st.lists(st.tuples(st.sampled_from(["shift", "not_before"]), st.integers(-YEAR_NS, YEAR_NS)), max_size=30)


@given(CHANGES)
@settings(max_examples=100, deadline=None)
def test_it_never_goes_back(changes: list[tuple[str, int]]) -> None:
    clock = Clock(STANDING)
    last = clock.now_ns()
    for what, by_ns in changes:
        clock.shift(by_ns) if what == "shift" else clock.not_before(START_NS + by_ns)
        now = clock.now_ns()
        assert now >= last
        if what == "not_before":
            assert now >= START_NS + by_ns
        last = now


def test_it_stands_still_until_it_is_begun_and_then_runs_at_its_speed() -> None:
    clock = Clock(STANDING)
    assert not clock.begun and clock.now_ns() == START_NS == clock.now_ns()
    clock.begin(time.time_ns() - 2 * SECOND_NS)
    assert clock.begun
    passed_ns = clock.now_ns() - START_NS
    assert 120 * SECOND_NS <= passed_ns < 180 * SECOND_NS


def test_two_services_that_share_a_tempo_tell_the_same_time() -> None:
    begun = Tempo(start_ns=START_NS, epoch_ns=time.time_ns() - SECOND_NS, speed=60)
    first, second = Clock(begun), Clock(begun)
    assert abs(first.now_ns() - second.now_ns()) < 6 * SECOND_NS  # A tenth of a second of the machine.


@pytest.mark.parametrize(("ahead_s", "wall_s"), [(0, 0.0), (-5, 0.0), (60, 1.0), (90, 1.5)])
def test_it_says_how_long_a_moment_is_away_on_the_machine(ahead_s: int, wall_s: float) -> None:
    assert Clock(STANDING).wall_seconds(START_NS + ahead_s * SECOND_NS) == pytest.approx(wall_s)


def test_without_a_tempo_it_tells_wall_time() -> None:
    assert abs(Clock().now_ns() - time.time_ns()) < SECOND_NS


def test_a_shift_back_holds_time_until_it_is_caught_up() -> None:
    clock = Clock(STANDING)
    clock.shift(10)
    assert clock.now_ns() == START_NS + 10
    clock.shift(-1_000)
    assert clock.now_ns() == START_NS + 10
    clock.shift(11)
    assert clock.now_ns() == START_NS + 11
