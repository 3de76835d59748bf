"""Every error of a database has one meaning, and what nobody expected is the worst one."""

import sqlite3

import psycopg
import pytest
from psycopg import errors
from sqlalchemy.exc import InvalidRequestError

from trading_ecosystem.live.store.ports import Damaged, StoreAway, StoreBroken, StoreRefused
from trading_ecosystem.live.store.troubles import trouble_of


def of_sqlite(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("what it said")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (of_sqlite(sqlite3.SQLITE_BUSY), StoreAway),
        (of_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), StoreAway),
        (of_sqlite(sqlite3.SQLITE_FULL), StoreAway),
        (of_sqlite(sqlite3.SQLITE_CANTOPEN), StoreAway),
        (of_sqlite(sqlite3.SQLITE_READONLY), StoreAway),
        (of_sqlite(sqlite3.SQLITE_READONLY_DBMOVED), StoreBroken),
        (of_sqlite(sqlite3.SQLITE_IOERR), StoreBroken),
        (of_sqlite(sqlite3.SQLITE_IOERR_FSYNC), StoreBroken),
        (of_sqlite(sqlite3.SQLITE_IOERR_WRITE), StoreBroken),
        (of_sqlite(sqlite3.SQLITE_CORRUPT), Damaged),
        (of_sqlite(sqlite3.SQLITE_NOTADB), Damaged),
        (of_sqlite(sqlite3.SQLITE_AUTH), StoreRefused),
        (of_sqlite(sqlite3.SQLITE_ERROR), StoreBroken),
        (sqlite3.ProgrammingError("no code at all"), StoreBroken),
        (psycopg.OperationalError("the server closed the connection"), StoreAway),
        (psycopg.InterfaceError("a use that is wrong"), StoreBroken),
        (errors.ConnectionFailure(), StoreAway),
        (errors.AdminShutdown(), StoreAway),
        (errors.CrashShutdown(), StoreAway),
        (errors.CannotConnectNow(), StoreAway),
        (errors.TooManyConnections(), StoreAway),
        (errors.DiskFull(), StoreAway),
        (errors.LockNotAvailable(), StoreAway),
        (errors.QueryCanceled(), StoreAway),
        (errors.SerializationFailure(), StoreAway),
        (errors.DeadlockDetected(), StoreAway),
        (errors.IoError(), StoreBroken),
        (errors.UniqueViolation(), StoreBroken),
        (errors.InternalError_(), StoreBroken),
        (errors.DataCorrupted(), Damaged),
        (errors.InsufficientPrivilege(), StoreRefused),
        (errors.InvalidPassword(), StoreRefused),
        (errors.InvalidCatalogName(), StoreRefused),
        (InvalidRequestError("nobody expected this"), StoreBroken),
    ],
    ids=lambda value: getattr(value, "__name__", None) or repr(value),
)
def test_what_an_error_means(error: Exception, meaning: type[Exception]) -> None:
    trouble = trouble_of("the-store", error)
    assert type(trouble) is meaning
    assert "the-store" in str(trouble)
