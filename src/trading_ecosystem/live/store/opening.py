"""Opens the store of one instance: whatever is wrong with it is said before anything is served.

Rule 1: lock, then settings, then schema, then tenure: nobody changes a store that another process holds.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, final

from sqlalchemy import URL, Connection, MetaData, inspect, make_url, text
from sqlalchemy.exc import ArgumentError

from trading_ecosystem.live.store.database import Database, assert_durable
from trading_ecosystem.live.store.memory import MemoryJournal, MemoryMemory
from trading_ecosystem.live.store.migrations.environment import make_tables, migrate
from trading_ecosystem.live.store.ports import HistoryType, Store, StoreRefused
from trading_ecosystem.live.store.sql import SqlJournal, SqlMemory

INSTANCE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_-]*)?")
LONGEST_NAME = 63  # Of a schema or role in PostgreSQL.
KINDS = "memory:, sqlite:///PATH or postgresql://..."


@final
@dataclass(frozen=True, kw_only=True)
class Design(Generic[HistoryType]):
    """What a service keeps beside its journal and memory, and the names that its schemas and keys begin with."""

    schema: str  # In PostgreSQL, such as `trading`.
    prefix: str  # In Valkey, such as `trading`.
    tables: MetaData
    steps: Path
    history: Callable[[Database], HistoryType]

    def schema_of(self, instance: str) -> str:
        """`trading` for `trading_engine`, `trading_alpha` for `trading_engine.alpha`. Raises StoreRefused."""
        if INSTANCE.fullmatch(instance) is None:
            raise StoreRefused(f"{instance!r} is no name of an instance, such as exchange or trading_engine.alpha")
        name = instance.partition(".")[2].replace("-", "_")
        schema = f"{self.schema}_{name}" if name else self.schema
        if len(schema) > LONGEST_NAME:
            raise StoreRefused(f"the schema name {schema} has more than {LONGEST_NAME} characters")
        return schema

    def prefix_of(self, instance: str) -> str:
        """`trading:` for `trading_engine`, `trading_alpha:` for `trading_engine.alpha`: neither begins the other."""
        return f"{self.prefix}{self.schema_of(instance).removeprefix(self.schema)}:"


def open_store(url: str, instance: str, design: Design[HistoryType]) -> Store[HistoryType]:
    """The store of this instance, for this process alone.

    Raises StoreRefused, StoreTaken, StoreAway, StoreBroken or Damaged; nothing is left open then.
    """
    schema = design.schema_of(instance)
    if url == "memory:":
        return memory_store(design)
    database = Database(parse(url), schema)
    try:
        prepare(database, instance, design)
    except BaseException:
        database.close()
        raise
    return Store(
        name=database.name,
        epoch=database.epoch,
        journal=SqlJournal(database),
        memory=SqlMemory(database),
        history=design.history(database),
        close=database.close,
    )


def memory_store(design: Design[HistoryType]) -> Store[HistoryType]:
    """Gone with the process. The history is a SQLite database in memory, so that its questions are the same."""
    database = Database(make_url("sqlite://"), "")
    with database.writing() as connection:
        design.tables.create_all(connection)
    return Store(
        name="memory:",
        epoch=1,
        journal=MemoryJournal(),
        memory=MemoryMemory(),
        history=design.history(database),
        close=database.close,
        keeps=False,
    )


def parse(url: str) -> URL:
    """Raises StoreRefused, and never shows a password."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreRefused(f"this is no store; a store is {KINDS}") from None
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "sqlite" and parsed.database:
        return parsed
    raise StoreRefused(f"{parsed.drivername}: is no store; a store is {KINDS}")


def prepare(database: Database, instance: str, design: Design[HistoryType]) -> None:
    if database.path is not None:
        make_file(database.path)
    with database.writing() as connection:
        assert_durable(database, connection)
    with database.writing() as connection:
        if database.dialect == "postgresql":
            make_schema(connection, database.schema)
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # Else each statement that makes a table is one transaction.
            if not inspect(connection).get_table_names():
                make_tables(connection, design.tables, design.steps)
        migrate(database.name, connection, design.steps)
    database.hold(instance)


def make_file(path: Path) -> None:
    """For its owner's eyes alone; SQLite gives the files beside it the same mode."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def make_schema(connection: Connection, schema: str) -> None:
    """Where the role may; in a deployment the owner has made it before (see `roles.py`)."""
    there = connection.execute(text("SELECT to_regnamespace(:schema) IS NOT NULL"), {"schema": schema}).scalar_one()
    if not there:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
