"""The connections of one store: one that writes, and a few that others read through.

Rule 1: a connection that writes holds the store's lock, and checks whose turn it is before it writes anything.
Rule 2: after any error the connection is given up; the next write makes a new one and claims the store again.
Rule 3: what the service promises as durable rests on settings that are asserted, not hoped for.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import final

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, select, text, update
from sqlalchemy.exc import TimeoutError as PoolTimeout

from trading_ecosystem.live.pace import CONDITION
from trading_ecosystem.live.store.ports import StoreAway, StoreRefused, StoreTaken
from trading_ecosystem.live.store.tables import TENURE
from trading_ecosystem.live.store.troubles import errors_of, trouble_of

PATIENCE_S = 2  # How long to wait for a lock, a connection of the pool, or another process to let go.
STATEMENT_S = 10
CONNECTIONS = 4
PAGES_PER_CHECKPOINT = 4_000  # Of a SQLite file: 16 MiB between two copies of the log into it.
SESSION = {  # A session that lost its client ends by itself, and its lock with it.
    "lock_timeout": f"{PATIENCE_S}s",
    "statement_timeout": f"{STATEMENT_S}s",
    "idle_in_transaction_session_timeout": f"{2 * STATEMENT_S}s",
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
}
DURABLE = {  # What PostgreSQL must be told for a commit to be one.
    "fsync": ("on",),
    "synchronous_commit": ("on", "remote_apply"),
    "full_page_writes": ("on",),
    "data_checksums": ("on",),
}


@final
class Database:
    """`schema` is where the tables stand on PostgreSQL; `path` is the file of SQLite, None for one in memory."""

    def __init__(self, url: URL, schema: str) -> None:
        self.name = url.set(query={}).render_as_string(hide_password=True)
        self.dialect = url.get_backend_name()
        self.schema = schema
        self.path = Path(url.database) if self.dialect == "sqlite" and url.database else None
        self.epoch = 0
        self.engine = make_engine(url, schema)
        self._errors = errors_of(self.engine)
        self._writer: Connection | None = None
        self._turn = Lock()
        self._held: int | None = None  # The open lock file.

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, committed and durable when it ends. Raises what `trouble_of` says."""
        with self._turn:
            try:
                if self._writer is None:
                    self._writer = self._connect()
                with CONDITION.waiting_for_the_disk(), self._writer.begin():
                    yield self._writer
            except self._errors as error:
                self._give_up()
                raise trouble_of(self.name, error) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for questions, for any thread. Raises what `trouble_of` says."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except PoolTimeout as error:
            raise StoreAway(f"{self.name}: all connections are in use") from error
        except self._errors as error:
            raise trouble_of(self.name, error) from error

    def hold(self, instance: str) -> None:
        """Take the store for this process, and count up the epoch. The tables must be there.

        Raises StoreRefused where it is another instance's.
        """
        with self.writing() as connection:
            row = connection.execute(select(TENURE.c.instance, TENURE.c.epoch)).one_or_none()
            if row is None:
                connection.execute(TENURE.insert(), {"instance": instance, "epoch": 1})
            elif row.instance != instance:
                raise StoreRefused(f"{self.name}: this is the store of {row.instance}, not of {instance}")
            else:
                connection.execute(update(TENURE).values(epoch=row.epoch + 1))
            self.epoch = 1 if row is None else row.epoch + 1

    def close(self) -> None:
        with self._turn:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        self.engine.dispose()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _connect(self) -> Connection:
        self._lock_file()
        connection = self.engine.connect()
        try:
            self._claim(connection)
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        return connection

    def _claim(self, connection: Connection) -> None:
        with connection.begin():
            if self.dialect == "postgresql" and not self._lock_session(connection):
                self._explain_lock(connection)
            if self.epoch and self._epoch_there(connection) != self.epoch:
                raise StoreTaken(f"{self.name}: another process has taken this store over")

    def _lock_session(self, connection: Connection) -> bool:
        """Wait for the lock that goes with the session, so that a write of an earlier session can no longer come."""
        key = {"schema": self.schema}
        nested = connection.begin_nested()
        try:
            connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:schema, 0))"), key)
        except self._errors as error:
            nested.rollback()
            if not isinstance(trouble_of(self.name, error), StoreAway):
                raise
            return False
        nested.commit()
        return True

    def _explain_lock(self, connection: Connection) -> None:
        """Raises StoreTaken where another process has the lock, StoreAway where it is an earlier session of ours."""
        if self.epoch and self._epoch_there(connection) == self.epoch:
            raise StoreAway(f"{self.name}: the session that was lost has not ended yet")
        raise StoreTaken(f"{self.name}: another process holds this store")

    def _epoch_there(self, connection: Connection) -> int:
        epoch = connection.execute(select(TENURE.c.epoch)).scalar_one_or_none()
        return 0 if epoch is None else int(epoch)

    def _lock_file(self) -> None:
        """Hold a file beside the database for as long as this process lives."""
        if self.path is None or self._held is not None:
            return
        held = os.open(f"{self.path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            raise StoreTaken(f"{self.name}: another process holds this store") from None
        self._held = held

    def _give_up(self) -> None:
        if self._writer is not None:
            self._writer.invalidate()
            self._writer.close()
            self._writer = None


def make_engine(url: URL, schema: str) -> Engine:
    if url.get_backend_name() == "postgresql":
        return postgresql_engine(url, schema)
    return sqlite_engine(url)


def sqlite_engine(url: URL) -> Engine:
    if not url.database:
        return create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    engine = create_engine(
        url, connect_args={"timeout": PATIENCE_S}, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=PATIENCE_S
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {PAGES_PER_CHECKPOINT}")

    return engine


def postgresql_engine(url: URL, schema: str) -> Engine:
    told = url.query.get("options", "")
    options = [told if isinstance(told, str) else " ".join(told), f"-c search_path={schema}"]
    options += [f"-c {name}={value}" for name, value in SESSION.items()]
    return create_engine(
        url,
        paramstyle="format",
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=PATIENCE_S,
        pool_pre_ping=True,
        connect_args={
            "options": " ".join(options),
            "connect_timeout": PATIENCE_S,
            "application_name": schema,
            "keepalives_idle": 3,
            "keepalives_interval": 1,
            "keepalives_count": 3,
            "tcp_user_timeout": 1000 * STATEMENT_S,
        },
    )


def assert_durable(database: Database, connection: Connection) -> None:
    """Raises StoreRefused, with its name, for a setting under which a commit may be lost or a page be torn."""
    for name, wanted, actual in settings_of(database, connection):
        if actual not in wanted:
            raise StoreRefused(f"{database.name}: {name} is {actual}; it must be {' or '.join(wanted)}")


def settings_of(database: Database, connection: Connection) -> list[tuple[str, tuple[str, ...], str]]:
    if database.dialect == "postgresql":
        return [
            (name, wanted, str(connection.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one()))
            for name, wanted in DURABLE.items()
        ]
    if database.path is None:
        return []
    levels = {"0": "off", "1": "normal", "2": "full", "3": "extra"}
    level = str(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())
    mode = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())
    return [("journal_mode", ("wal",), mode), ("synchronous", ("full", "extra"), levels[level])]
