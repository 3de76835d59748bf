"""The tables that every store has. The same statements run on SQLite and on PostgreSQL.

`Whole` holds any number below 2**63; `Coded` holds an enum by its value; both are plain in the database.
"""

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, final

from sqlalchemy import BigInteger, Column, Dialect, Insert, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.types import TypeDecorator, TypeEngine

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

Whole = BigInteger().with_variant(Integer(), "sqlite")

UPDATED = {"updated": True}  # The `info` of a table whose rows change; to all others rows are only added.

COMMON = MetaData()

TENURE = Table(  # One row: whose store this is, and how many processes have held it.
    "tenure",
    COMMON,
    Column("instance", Text, primary_key=True),
    Column("epoch", Whole, nullable=False),
    info=UPDATED,
)
JOURNAL = Table(
    "journal",
    COMMON,
    Column("sequence", Whole, primary_key=True, autoincrement=False),
    Column("now_ns", Whole, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("checksum", Whole, nullable=False),
    Column("epoch", Whole, nullable=False),  # Of the process that wrote it.
)
SNAPSHOT = Table(
    "snapshot",
    COMMON,
    Column("sequence", Whole, primary_key=True, autoincrement=False),
    Column("state", LargeBinary, nullable=False),
    Column("checksum", Whole, nullable=False),
)
MEMORY = Table(
    "memory",
    COMMON,
    Column("key", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("checksum", Whole, nullable=False),
    info=UPDATED,
)


@final
class Coded(TypeDecorator[Enum]):
    """A member of an enum of integers or texts, kept as its value."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok = True

    def __init__(self, members: type[Enum]) -> None:
        super().__init__()
        self.members = members
        self.impl = Integer() if issubclass(members, int) else Text()

    def process_bind_param(self, value: Enum | None, dialect: Dialect) -> object:
        return None if value is None else value.value

    def process_result_value(self, value: object, dialect: Dialect) -> Enum | None:
        return None if value is None else self.members(value)


def insert_or_update(dialect: str, table: Table, updated: Sequence[str]) -> Insert:
    """Insert a row, or replace these columns of the one that has its primary key."""
    keys = [column.name for column in table.primary_key]
    into = insert_into(dialect, table)
    return into.on_conflict_do_update(index_elements=keys, set_=excluded(into.excluded, updated))


def excluded(columns: ReadOnlyColumnCollection[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: columns[name] for name in names}


def insert_new(dialect: str, table: Table) -> Insert:
    """Insert a row, unless one with its key is there."""
    return insert_into(dialect, table).on_conflict_do_nothing()


def insert_into(dialect: str, table: Table) -> "sqlite.Insert | postgresql.Insert":
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # Here, because who has no PostgreSQL need not load it.

        return postgresql.insert(table)
    return sqlite.insert(table)
