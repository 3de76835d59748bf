"""Faults of a running service's store and clock: each kind, several at once, each undone by itself."""

import time

import pytest

from trading_ecosystem.live.clock import Clock, Tempo
from trading_ecosystem.live.faults.running import KINDS, OF_STORES, RunningFaults
from trading_ecosystem.live.store.faults import StoreFault, StoreFaults
from trading_ecosystem.live.store.ports import StoreAway
from trading_ecosystem.messages.chaos import ServiceFault

HOUR = 3_600_000_000_000
SPEED = 60


class Stand:
    def __init__(self) -> None:
        self.store = StoreFaults()
        self.clock = Clock(Tempo(start_ns=0, epoch_ns=time.time_ns(), speed=SPEED))
        self.faults = RunningFaults(self.store, self.clock)

    def commits(self) -> bool:
        done: list[bool] = []
        try:
            self.store.around(lambda: done.append(True))
        except StoreAway:
            assert not done
            return False
        return bool(done)

    def commit_s(self) -> float:
        began = time.monotonic()
        assert self.commits()
        return time.monotonic() - began


def test_its_kinds_are_those_that_go_to_the_audit_port() -> None:
    assert set(KINDS) == {each.value for each in ServiceFault} - {ServiceFault.PAUSE.value}
    with pytest.raises(KeyError):
        Stand().faults.inject("a", ServiceFault.PAUSE.value, 0)


@pytest.mark.parametrize("kind", [kind for kind, fault in OF_STORES.items() if fault is not StoreFault.SLOW])
def test_a_store_fails_until_the_last_of_its_faults_ends(kind: str) -> None:
    stand = Stand()
    assert [stand.faults.inject(name, kind, 0) for name in ("a", "b", "b")] == [True, True, False]
    assert not stand.commits()
    assert stand.faults.restore("a")
    assert not stand.commits()
    assert [stand.faults.restore(name) for name in ("b", "b", "c")] == [True, False, False]
    assert stand.commits()


def test_a_slow_store_is_slow_in_simulated_time_and_delays_add_up() -> None:
    stand = Stand()
    stand.faults.inject("a", "store.slow", 3_000_000_000)  # 50 ms at sixty times the speed.
    assert 0.05 <= stand.commit_s() < 0.1
    stand.faults.inject("b", "store.slow", 3_000_000_000)
    assert 0.1 <= stand.commit_s() < 0.15
    stand.faults.restore("a")
    assert 0.05 <= stand.commit_s() < 0.1
    stand.faults.restore("b")
    assert stand.commit_s() < 0.05


def test_a_clock_jumps_ahead_and_never_back() -> None:
    stand = Stand()
    before = stand.clock.now_ns()
    stand.faults.inject("a", "clock.jump", HOUR)
    stand.faults.inject("b", "clock.jump", HOUR)
    ahead = stand.clock.now_ns()
    assert 2 * HOUR <= ahead - before < 2 * HOUR + HOUR // 60
    stand.faults.restore("a")
    stand.faults.restore("b")
    assert stand.clock.now_ns() == ahead
