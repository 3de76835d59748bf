"""The journal keeps its promises on every kind of store, under the same tests."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import text

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.memory import MemoryJournal
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.live.store.ports import Damaged, Record, Store, StoreTaken
from trading_ecosystem.simulators.exchange.store import DESIGN

Opens = Callable[[str], Store[Any]]
Connects = Callable[[str], Database]
Makes = Callable[[int, int], list[Record]]


def test_it_tells_what_it_was_given_in_order(any_store_url: str, open_here: Opens, records: Makes) -> None:
    journal = open_here(any_store_url).journal
    assert journal.last_sequence() == 0
    journal.append(records(1, 3))
    journal.append([])
    journal.append(records(4, 4))
    assert journal.last_sequence() == 4
    assert list(journal.read(0)) == records(1, 4)
    assert list(journal.read(3)) == records(4, 4)
    assert list(journal.read(4)) == []


def test_a_record_may_be_given_again_with_more_behind_it(any_store_url: str, open_here: Opens, records: Makes) -> None:
    journal = open_here(any_store_url).journal
    journal.append(records(1, 3))
    journal.append(records(1, 3))
    journal.append(records(2, 5))
    assert list(journal.read(0)) == records(1, 5)


def test_another_record_under_the_same_sequence_is_another_writer(
    any_store_url: str, open_here: Opens, records: Makes
) -> None:
    journal = open_here(any_store_url).journal
    journal.append(records(1, 3))
    with pytest.raises(StoreTaken, match="record 3"):
        journal.append([Record(3, 1_003, "inputs", b"another")])
    assert list(journal.read(0)) == records(1, 3)


def test_a_gap_is_a_mistake_of_the_caller(any_store_url: str, open_here: Opens, records: Makes) -> None:
    journal = open_here(any_store_url).journal
    for wrong in (records(2, 2), [*records(1, 1), *records(3, 3)]):
        with pytest.raises(AssertionError):
            journal.append(wrong)
    assert journal.last_sequence() == 0


def test_a_payload_may_be_anything(any_store_url: str, open_here: Opens) -> None:
    journal = open_here(any_store_url).journal
    wild = [
        Record(1, 0, "", b""),
        Record(2, 2**63 - 1, "a 'quoted'; \x01 \N{SNOWMAN} kind", bytes(range(256))),
        Record(3, 5, "large", b"\x00" * 3_000_000),
    ]
    journal.append(wild)
    assert list(journal.read(0)) == wild


def test_pages_join_without_a_seam(
    durable_store_url: str, open_here: Opens, records: Makes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading_ecosystem.live.store.sql.PAGE", 7)
    journal = open_here(durable_store_url).journal
    journal.append(records(1, 30))
    assert list(journal.read(0)) == records(1, 30)
    assert list(journal.read(2)) == records(3, 30)


def test_two_snapshots_are_kept_and_what_they_need(any_store_url: str, open_here: Opens, records: Makes) -> None:
    journal = open_here(any_store_url).journal
    assert journal.snapshot() is None
    journal.append(records(1, 10))
    journal.save_snapshot(4, b"four")
    assert journal.snapshot() == (4, b"four")
    assert list(journal.read(0)) == records(1, 10), "there is no older snapshot, so all records are still needed"
    journal.save_snapshot(8, b"eight")
    journal.save_snapshot(8, b"eight")
    assert journal.snapshot() == (8, b"eight")
    assert list(journal.read(4)) == records(5, 10), "with the older snapshot they still make the whole state"
    journal.save_snapshot(10, b"ten")
    assert journal.snapshot() == (10, b"ten")
    assert list(journal.read(8)) == records(9, 10)
    assert journal.last_sequence() == 10
    journal.append(records(11, 12))
    assert list(journal.read(10)) == records(11, 12)


def test_what_snapshots_have_replaced_is_given_up_as_the_journal_grows(
    durable_store_url: str, open_here: Opens, connect: Connects, records: Makes, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = connect(durable_store_url)

    def kept() -> int:
        with database.engine.begin() as connection:
            return int(connection.execute(text("SELECT count(*) FROM journal")).scalar_one())

    monkeypatch.setattr("trading_ecosystem.live.store.sql.GIVEN_UP_AT_ONCE", 4)
    store = open_here(durable_store_url)
    journal = store.journal
    journal.append(records(1, 20))
    for sequence in (9, 15, 20):
        journal.save_snapshot(sequence, b"state")
    assert kept() == 20, "a snapshot keeps nobody waiting for what it replaces"
    for last, count in zip(range(21, 26), (20, 17, 14, 11, 9), strict=True):
        assert kept() == count
        assert list(journal.read(15)) == records(16, last - 1)
        journal.append(records(last, last))
    with pytest.raises(Damaged, match="record 15"):
        list(journal.read(14))
    assert next(iter(journal.read(15))).sequence == 16
    assert journal.snapshot() == (20, b"state")


def test_it_is_all_there_at_the_next_start(durable_store_url: str, records: Makes) -> None:
    for epoch in (1, 2, 3):
        store = open_store(durable_store_url, "exchange", DESIGN)
        assert store.epoch == epoch
        last = store.journal.last_sequence()
        assert last == 5 * (epoch - 1)
        assert list(store.journal.read(0)) == records(1, last)
        store.journal.append(records(last + 1, last + 5))
        store.close()


def test_memory_keeps_the_last_value(any_store_url: str, open_here: Opens) -> None:
    memory = open_here(any_store_url).memory
    assert memory.recall() == {}
    memory.remember([])
    memory.remember([("mark", "1"), ("mark", "2"), ("latch", "")])
    memory.remember([("mark", "3"), ("\N{SNOWMAN}'", '{"a": [1]}')])
    assert memory.recall() == {"mark": "3", "latch": "", "\N{SNOWMAN}'": '{"a": [1]}'}


Step = tuple[str, int]
STEPS = strategies.lists(
    strategies.one_of(
        strategies.tuples(strategies.just("append"), strategies.integers(0, 5)),
        strategies.tuples(strategies.just("again"), strategies.integers(1, 4)),
        strategies.tuples(strategies.just("snapshot"), strategies.integers(0, 3)),
        strategies.tuples(strategies.just("restart"), strategies.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_it_does_what_the_obvious_twin_does(
    tmp_path_factory: pytest.TempPathFactory, records: Makes, steps: list[Step]
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('twin')}/store.sqlite"
    store = open_store(url, "exchange", DESIGN)
    twin = MemoryJournal()
    for word, number in steps:
        last = twin.last_sequence()
        if word == "restart":
            store.close()
            store = open_store(url, "exchange", DESIGN)
        for journal in (store.journal, twin):
            if word == "append":
                journal.append(records(last + 1, last + number))
            elif word == "again":
                journal.append(list(twin.read(max(newest(twin), last - number))))
            elif word == "snapshot":
                sequence = max(newest(twin), last - number)
                journal.save_snapshot(sequence, f"state {sequence}".encode())
        assert store.journal.last_sequence() == twin.last_sequence()
        assert store.journal.snapshot() == twin.snapshot()
        assert list(store.journal.read(newest(twin))) == list(twin.read(newest(twin)))
    store.close()


def newest(journal: MemoryJournal) -> int:
    found = journal.snapshot()
    return 0 if found is None else found[0]
