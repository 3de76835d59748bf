"""Every fault does what a real store would do, and is undone by its word."""

import time
from collections.abc import Callable
from threading import Thread

import pytest

from trading_ecosystem.live.store.faults import StoreFault, StoreFaults, with_faults
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.live.store.ports import Record, StoreAway, StoreBroken
from trading_ecosystem.simulators.exchange.store import DESIGN, TradeHistory

Makes = Callable[[int, int], list[Record]]


@pytest.mark.parametrize("fault", [StoreFault.AWAY, StoreFault.FULL])
def test_what_is_away_or_full_has_written_nothing(fault: StoreFault, records: Makes) -> None:
    faults = StoreFaults()
    store = with_faults(open_store("memory:", "exchange", DESIGN), faults)
    store.journal.append(records(1, 2))
    faults.inject(fault)
    writes: list[Callable[[], None]] = [
        lambda: store.journal.append(records(3, 4)),
        lambda: store.journal.save_snapshot(2, b"two"),
        lambda: store.memory.remember([("mark", "1")]),
    ]
    for write in writes:
        with pytest.raises(StoreAway):
            write()
    faults.restore(fault)
    assert store.journal.last_sequence() == 2
    assert store.journal.snapshot() is None
    assert store.memory.recall() == {}
    store.journal.append(records(3, 4))
    assert list(store.journal.read(0)) == records(1, 4)


@pytest.mark.parametrize(
    ("fault", "readable"),
    [(StoreFault.FULL, True), (StoreFault.SLOW, True), (StoreFault.UNANSWERED, True), (StoreFault.AWAY, False)],
)
def test_what_can_still_be_read(fault: StoreFault, readable: bool, records: Makes) -> None:
    faults = StoreFaults()
    store = with_faults(open_store("memory:", "exchange", DESIGN), faults)
    store.journal.append(records(1, 2))
    faults.inject(fault)
    for read in (
        lambda: store.journal.read(0),
        store.journal.snapshot,
        store.journal.last_sequence,
        store.memory.recall,
    ):
        if readable:
            read()
        else:
            with pytest.raises(StoreAway):
                read()


def test_what_is_unanswered_was_written_and_is_not_written_twice(durable_store_url: str, records: Makes) -> None:
    faults = StoreFaults()
    store = with_faults(open_store(durable_store_url, "exchange", DESIGN), faults)
    faults.inject(StoreFault.UNANSWERED)
    for _ in range(2):
        with pytest.raises(StoreAway):
            store.journal.append(records(1, 3))
    with pytest.raises(StoreAway):
        store.memory.remember([("mark", "1")])
    faults.restore(StoreFault.UNANSWERED)
    store.journal.append(records(1, 4))
    assert list(store.journal.read(0)) == records(1, 4)
    assert store.memory.recall() == {"mark": "1"}
    store.close()


def test_what_is_slow_takes_longer_until_it_is_restored(records: Makes) -> None:
    faults = StoreFaults()
    store = with_faults(open_store("memory:", "exchange", DESIGN), faults)
    faults.inject(StoreFault.SLOW, delay_s=0.05)
    began = time.monotonic()
    store.journal.append(records(1, 1))
    assert time.monotonic() - began >= 0.05
    faults.inject(StoreFault.SLOW, delay_s=30)
    writer = Thread(target=lambda: store.journal.append(records(2, 2)))
    writer.start()
    faults.restore(StoreFault.SLOW)
    writer.join(5)
    assert not writer.is_alive()
    assert store.journal.last_sequence() == 2


def test_what_is_broken_stays_broken(records: Makes) -> None:
    faults = StoreFaults()
    store = with_faults(open_store("memory:", "exchange", DESIGN), faults)
    faults.inject(StoreFault.BROKEN)
    for _ in range(2):
        with pytest.raises(StoreBroken):
            store.journal.append(records(1, 1))
    with pytest.raises(StoreBroken):
        store.memory.recall()
    with pytest.raises(AssertionError):
        faults.restore(StoreFault.BROKEN)


@pytest.mark.parametrize(("after", "written"), [(False, 1), (True, 2)])
def test_a_crash_comes_at_its_commit_before_or_after(after: bool, written: int, records: Makes) -> None:
    class Crash(Exception):
        pass

    def crash() -> None:
        raise Crash

    faults = StoreFaults()
    store = with_faults(open_store("memory:", "exchange", DESIGN), faults)
    faults.crash_at(2, after=after, crash=crash)
    store.journal.append(records(1, 1))
    with pytest.raises(Crash):
        store.journal.append(records(2, 2))
    assert store.journal.last_sequence() == written
    assert faults.commits == 2


def test_the_history_is_the_same() -> None:
    store = open_store("memory:", "exchange", DESIGN)
    history = with_faults(store, StoreFaults()).history
    assert isinstance(history, TradeHistory)
    assert history.trades() == []
