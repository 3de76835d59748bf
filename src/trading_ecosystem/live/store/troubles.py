"""What the errors of SQLite and PostgreSQL mean for a store: it is away, broken, taken, damaged, or not ours to use.

Rule 1: what nobody expected is `StoreBroken`: the process ends and recovers rather than guess.
"""

import sqlite3

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from trading_ecosystem.live.store.ports import Damaged, StoreAway, StoreBroken, StoreRefused

PRIMARY = 0xFF  # The part of a SQLite result code that tells the family.
SQLITE_AWAY = {  # Nothing was written; it may go later.
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_NOMEM,
}
SQLITE_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
SQLITE_FORBIDDEN = {sqlite3.SQLITE_AUTH, sqlite3.SQLITE_PERM}

POSTGRESQL_AWAY = (
    "08",  # The connection.
    "53",  # Resources: disk full, out of memory, too many connections.
    "57P",  # The server is stopping, starting, or has ended this session.
    "57014",  # A statement ran into its deadline.
    "55P03",  # A lock could not be had in time.
    "40",  # Serialization failure, deadlock.
    "25P03",  # An idle transaction was ended.
)
POSTGRESQL_FORBIDDEN = ("28", "42501", "3D000")  # Who we are, what we may, and what there is.
POSTGRESQL_DAMAGED = ("XX001", "XX002")

Trouble = StoreAway | StoreBroken | StoreRefused | Damaged


def trouble_of(store: str, error: Exception) -> Trouble:
    """What to raise instead of this error, which has come from the database or from its driver."""
    if isinstance(error, DBAPIError) and isinstance(error.orig, Exception):
        if error.connection_invalidated:
            return StoreAway(f"{store}: the connection was lost: {one_line(error.orig)}")
        return trouble_of(store, error.orig)
    text = f"{store}: {one_line(error)}"
    if isinstance(error, sqlite3.Error):
        return of_sqlite(store, error, text)
    if hasattr(error, "sqlstate"):
        return of_postgresql(store, error, error.sqlstate, text)
    return StoreBroken(text)


def of_sqlite(store: str, error: sqlite3.Error, text: str) -> Trouble:
    code = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return StoreBroken(text)
    if code & PRIMARY in SQLITE_AWAY:
        return StoreAway(text)
    if code & PRIMARY in SQLITE_DAMAGED:
        return Damaged(store, "the file", "a SQLite database", one_line(error))
    if code & PRIMARY in SQLITE_FORBIDDEN:
        return StoreRefused(text)
    return StoreBroken(text)


def of_postgresql(store: str, error: Exception, state: str | None, text: str) -> Trouble:
    if state is None:  # The client library itself: no server, a connection cut off.
        from psycopg import OperationalError  # Here, because who has no PostgreSQL need not load its driver.

        return StoreAway(text) if isinstance(error, OperationalError) else StoreBroken(text)
    text = f"{text} ({state})"
    if state.startswith(POSTGRESQL_AWAY):
        return StoreAway(text)
    if state.startswith(POSTGRESQL_FORBIDDEN):
        return StoreRefused(text)
    if state in POSTGRESQL_DAMAGED:
        return Damaged(store, "the database", "sound pages", one_line(error))
    return StoreBroken(text)


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def errors_of(engine: Engine) -> tuple[type[Exception], ...]:
    """What a use of this database may raise that `trouble_of` knows."""
    return (DBAPIError, InvalidRequestError, engine.dialect.loaded_dbapi.Error)
