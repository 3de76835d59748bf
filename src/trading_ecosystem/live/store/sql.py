"""Journal and memory in a SQL database.

Rule 1: a record that is already there is compared, not written again; so an append can always be repeated.
Rule 2: whoever reads verifies every checksum, and that no sequence is missing.
Rule 3: what snapshots have replaced is given up a little with each append, because all of it at once would keep the
next commit waiting for a twentieth of a second.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import final

from sqlalchemy import Connection, delete, func, select, text

from trading_ecosystem.live.store import checksum
from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.ports import Damaged, Record, StoreAway, StoreTaken
from trading_ecosystem.live.store.tables import JOURNAL, MEMORY, SNAPSHOT, insert_new, insert_or_update

PAGE = 10_000  # Records that are read at once.
GIVEN_UP_AT_ONCE = 200
UNKNOWN = -1  # The last sequence, after an error.


@final
class SqlJournal:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = str(JOURNAL.insert().compile(dialect=database.engine.dialect))
        self._last = UNKNOWN
        self._gives_up = True  # There may be records that nobody needs.

    def append(self, records: Sequence[Record]) -> None:
        new = records[self._already_there(records) :]
        if not new:
            return
        assert new[0].sequence == self._last + 1 and new[-1].sequence == self._last + len(new), (self._last, new[0])
        self._last = UNKNOWN
        try:
            self._write(new)
        except StoreAway:
            if self._already_there(new) < len(new):
                raise
        self._last = new[-1].sequence

    def _write(self, records: Sequence[Record]) -> None:
        epoch = self._database.epoch
        rows = [(*record, checksum.of_record(record), epoch) for record in records]
        with self._database.writing() as connection:
            connection.exec_driver_sql(self._insert, rows)
            if self._gives_up:
                self._gives_up = give_up_some(self._database.dialect, connection)

    def _already_there(self, records: Sequence[Record]) -> int:
        """How many of these were written before. Raises StoreTaken where others stand in their place."""
        last = self.last_sequence()
        if not records or records[0].sequence > last:
            return 0
        there = [record for record in records if record.sequence <= last]
        self._compare(there)
        return len(there)

    def _compare(self, records: Sequence[Record]) -> None:
        statement = select(JOURNAL.c.sequence, JOURNAL.c.checksum).where(
            JOURNAL.c.sequence.between(records[0].sequence, records[-1].sequence)
        )
        with self._database.reading() as connection:
            kept = {row.sequence: row.checksum for row in connection.execute(statement)}
        for record in records:
            if kept.get(record.sequence) != checksum.of_record(record):
                raise StoreTaken(
                    f"{self._database.name}: journal record {record.sequence} is already there, and another one"
                )

    def last_sequence(self) -> int:
        if self._last == UNKNOWN:
            with self._database.writing() as connection:  # Whoever holds the lock knows that no commit is on its way.
                self._last = last_in(connection)
        return self._last

    def read(self, after: int) -> Iterator[Record]:
        last = self.last_sequence()
        while after < last:
            page = self._page(after)
            yield from page
            if not page:
                raise Damaged(self._database.name, "journal", f"record {after + 1}", "nothing")
            after = page[-1].sequence

    def _page(self, after: int) -> list[Record]:
        columns = (JOURNAL.c.sequence, JOURNAL.c.now_ns, JOURNAL.c.kind, JOURNAL.c.payload, JOURNAL.c.checksum)
        statement = select(*columns).where(JOURNAL.c.sequence > after).order_by(JOURNAL.c.sequence).limit(PAGE)
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return [self._verified(expected, *row) for expected, row in enumerate(rows, after + 1)]

    def _verified(self, expected: int, sequence: int, now_ns: int, kind: str, payload: bytes, written: int) -> Record:
        if sequence != expected:
            raise Damaged(self._database.name, "journal", f"record {expected}", f"record {sequence}")
        record = Record(sequence, now_ns, kind, payload)
        checksum.verify(self._database.name, "journal record", sequence, written, partial(checksum.of_record, record))
        return record

    def save_snapshot(self, sequence: int, state: bytes) -> None:
        assert sequence <= self.last_sequence(), (sequence, self._last)
        row = {"sequence": sequence, "state": state, "checksum": checksum.of_snapshot(sequence, state)}
        with self._database.writing() as connection:
            connection.execute(insert_new(self._database.dialect, SNAPSHOT), row)
            self._gives_up = True

    def snapshot(self) -> tuple[int, bytes] | None:
        with self._database.reading() as connection:
            row = connection.execute(select(SNAPSHOT).order_by(SNAPSHOT.c.sequence.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        actual = partial(checksum.of_snapshot, row.sequence, row.state)
        checksum.verify(self._database.name, "snapshot", row.sequence, row.checksum, actual)
        return row.sequence, row.state


def last_in(connection: Connection) -> int:
    ends = [connection.execute(select(func.max(table.c.sequence))).scalar_one() for table in (JOURNAL, SNAPSHOT)]
    return max(end or 0 for end in ends)


def give_up_some(dialect: str, connection: Connection) -> bool:
    """Take away some of what is older than the last two snapshots. False when that was all."""
    if dialect == "postgresql":  # By a function of its owner's: a service may only add to its journal.
        return bool(connection.execute(text("SELECT prune(:most)"), {"most": GIVEN_UP_AT_ONCE}).scalar_one())
    latest = select(SNAPSHOT.c.sequence).order_by(SNAPSHOT.c.sequence.desc()).limit(2)
    kept: list[int] = list(connection.execute(latest).scalars())
    if len(kept) < 2:
        return False
    connection.execute(delete(SNAPSHOT).where(SNAPSHOT.c.sequence < kept[1]))
    oldest: int = connection.execute(select(func.min(JOURNAL.c.sequence))).scalar_one()
    until: int = min(kept[1], oldest + GIVEN_UP_AT_ONCE - 1)
    connection.execute(delete(JOURNAL).where(JOURNAL.c.sequence <= until))
    return until != kept[1]


@final
class SqlMemory:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._write = insert_or_update(database.dialect, MEMORY, ("text", "checksum"))

    def remember(self, items: Sequence[tuple[str, str]]) -> None:
        latest = dict(items)
        rows = [
            {"key": key, "text": value, "checksum": checksum.of_memory(key, value)} for key, value in latest.items()
        ]
        if rows:
            with self._database.writing() as connection:
                connection.execute(self._write, rows)

    def recall(self) -> dict[str, str]:
        with self._database.reading() as connection:
            rows = connection.execute(select(MEMORY)).all()
        for row in rows:
            actual = partial(checksum.of_memory, row.key, row.text)
            checksum.verify(self._database.name, "memory of", repr(row.key), row.checksum, actual)
        return {row.key: row.text for row in rows}
