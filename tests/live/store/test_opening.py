"""A store that is not right is refused before anything is served, and the reason is said without a secret."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from trading_ecosystem.live.store.database import Database, assert_durable
from trading_ecosystem.live.store.opening import open_store, parse
from trading_ecosystem.live.store.ports import Store, StoreAway, StoreRefused, StoreTaken
from trading_ecosystem.simulators.exchange.store import DESIGN

Opens = Callable[[str], Store[Any]]
Connects = Callable[[str], Database]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "this is no store"),
        ("memory", "this is no store"),
        ("sqlite://", "sqlite: is no store"),
        ("mysql://me:secret-password@there/db", "mysql: is no store"),
        ("postgresql+asyncpg://me:secret-password@there/db", "postgresql\\+asyncpg: is no store"),
        ("redis://:secret-password@there", "redis: is no store"),
    ],
)
def test_a_url_that_is_no_store_is_refused(url: str, reason: str) -> None:
    with pytest.raises(StoreRefused, match=reason) as caught:
        open_store(url, "exchange", DESIGN)
    assert "secret-password" not in str(caught.value)


@pytest.mark.parametrize("instance", ["", "Exchange", "exchange.", "exchange.a.b", "exchange; DROP TABLE x", "a" * 80])
def test_a_name_that_is_no_instance_is_refused(instance: str) -> None:
    if instance == "a" * 80:
        instance = f"exchange.{instance}"
    with pytest.raises(StoreRefused):
        open_store("memory:", instance, DESIGN)


@pytest.mark.parametrize(
    ("instance", "schema", "prefix"),
    [
        ("exchange", "exchange", "exchange:"),
        ("exchange.alpha", "exchange_alpha", "exchange_alpha:"),
        ("exchange.l-h", "exchange_l_h", "exchange_l_h:"),
    ],
)
def test_schema_and_prefix_come_from_the_name(instance: str, schema: str, prefix: str) -> None:
    assert DESIGN.schema_of(instance) == schema
    assert DESIGN.prefix_of(instance) == prefix


def test_a_password_is_never_told() -> None:
    database = Database(
        parse("postgresql://me:secret-password@127.0.0.1:1/nowhere?password=secret-password"), "exchange"
    )
    assert "secret-password" not in database.name
    with pytest.raises(StoreAway) as caught, database.writing():
        pass
    assert "secret-password" not in str(caught.value)
    database.close()


def test_a_second_process_is_refused(durable_store_url: str, open_here: Opens) -> None:
    first = open_here(durable_store_url)
    with pytest.raises(StoreTaken, match="another process holds this store"):
        open_here(durable_store_url)
    first.close()
    assert open_here(durable_store_url).epoch == 2


def test_the_store_of_another_instance_is_refused(tmp_path: Path, open_here: Opens) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite"
    open_here(url).close()
    with pytest.raises(StoreRefused, match=r"the store of exchange, not of exchange\.alpha"):
        open_store(url, "exchange.alpha", DESIGN)
    assert open_here(url).epoch == 2, "a refused start leaves nothing behind"


def test_instances_live_side_by_side_in_one_database(make_postgresql: Callable[[], str]) -> None:
    url = make_postgresql()
    stores = [open_store(url, instance, DESIGN) for instance in ("exchange", "exchange.alpha")]
    stores[0].memory.remember([("mark", "1")])
    assert stores[1].memory.recall() == {}
    for store in stores:
        store.close()


def test_files_are_for_their_owner_alone(tmp_path: Path, open_here: Opens) -> None:
    open_here(f"sqlite:///{tmp_path}/new/store.sqlite").memory.remember([("mark", "1")])
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()}
    assert set(modes) == {"store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "store.sqlite.lock"}
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(
    ("pragma", "reason"),
    [
        ("synchronous = OFF", "synchronous is off; it must be full or extra"),
        ("synchronous = NORMAL", "synchronous is normal"),
        ("journal_mode = MEMORY", "journal_mode is memory; it must be wal"),
        ("journal_mode = OFF", "journal_mode is off"),
    ],
)
def test_sqlite_settings_under_which_a_commit_may_be_lost_are_refused(
    tmp_path: Path, connect: Connects, pragma: str, reason: str
) -> None:
    database = connect(f"sqlite:///{tmp_path}/store.sqlite")
    with database.engine.connect() as connection:
        assert_durable(database, connection)
        connection.exec_driver_sql(f"PRAGMA {pragma}")
        with pytest.raises(StoreRefused, match=reason):
            assert_durable(database, connection)


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
def test_postgresql_settings_under_which_a_commit_may_be_lost_are_refused(
    make_postgresql: Callable[[], str], open_here: Opens, setting: str
) -> None:
    url = make_postgresql()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        owner.execute("SELECT pg_reload_conf()")
        try:
            wait_for(owner, setting, "off")
            with pytest.raises(StoreRefused, match=f"{setting} is off; it must be on"):
                open_here(url)
        finally:
            owner.execute(f"ALTER SYSTEM RESET {setting}".encode())
            owner.execute("SELECT pg_reload_conf()")
            wait_for(owner, setting, "on")
    assert open_here(url).epoch == 1


def wait_for(connection: psycopg.Connection[Any], setting: str, value: str) -> None:
    for _ in range(200):
        connection.execute("SELECT pg_sleep(0.01)")
        row = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
        if row == (value,):
            return
    raise AssertionError(f"{setting} did not become {value}")


def test_a_newer_schema_is_left_alone(durable_store_url: str, open_here: Opens, connect: Connects) -> None:
    open_here(durable_store_url).close()
    with connect(durable_store_url).engine.begin() as connection:
        connection.execute(text("UPDATE schema_version SET version_num = 'store_99' WHERE version_num = 'store_2'"))
    with pytest.raises(StoreRefused, match="its schema is at store_99, which this version does not know"):
        open_here(durable_store_url)


def test_a_file_that_is_another_program_s_is_left_as_it_was(tmp_path: Path, open_here: Opens) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE journal (line TEXT)")
    with pytest.raises(Exception, match="journal"):
        open_here(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"journal"}, "the steps that went before the one that failed are undone"


def test_a_start_without_a_step_to_take_does_not_load_the_tool_for_it(tmp_path: Path, open_here: Opens) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite"
    open_here(url).close()
    program = (
        "import sys; from trading_ecosystem.live.store.opening import open_store;"
        "from trading_ecosystem.simulators.exchange.store import DESIGN;"
        f"open_store({url!r}, 'exchange', DESIGN).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "False\n"
