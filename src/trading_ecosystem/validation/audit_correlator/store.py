"""What an audit correlator tells about the past: the lines of its trails, and what must never be and was.

Rule 1: a line is kept byte for byte, with its seal; the columns beside it are for finding it and prove nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from sqlalchemy import Column, Index, MetaData, Table, Text, select

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.history import insert_all, of_type, row_of
from trading_ecosystem.live.store.opening import Design
from trading_ecosystem.live.store.tables import Whole
from trading_ecosystem.messages.audit import InvariantViolated
from trading_ecosystem.messages.message import Message

TABLES = MetaData()
ENTRY = Table(
    "entry",
    TABLES,
    Column("trail", Text, primary_key=True),
    Column("sequence", Whole, primary_key=True, autoincrement=False),
    Column("at_ns", Whole, nullable=False),
    Column("message_id", Whole, nullable=False),
    Column("causation_id", Whole, nullable=False),
    Column("sender", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("line", Text, nullable=False),
    Index("entry_of_type", "trail", "type", "sequence"),
    Index("entry_of_message", "trail", "message_id"),
    Index("entry_of_cause", "trail", "causation_id"),
)
FINDING = Table(
    "finding",
    TABLES,
    Column("number", Whole, primary_key=True),
    Column("invariant", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("message_id", Whole, nullable=False),
    Column("occurred_ns", Whole, nullable=False),
    Index("finding_once", "message_id", "invariant", unique=True),
)
FINDING_FIELDS = [column for column in FINDING.columns if column.name != "number"]


@final
@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a trail. Line 0 is its header: at 0, of no message."""

    trail: str
    sequence: int
    at_ns: int
    message_id: int
    causation_id: int
    sender: str
    type: str
    line: str


@final
class TrailHistory:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, trail: str, lines: Sequence[str]) -> None:
        """Keep lines of the trail of this name, as its sink was given them. Again is as good as once.

        Raises ValueError for what is no line of a trail; then none is kept.
        """
        rows = [entry_of(trail, line) for line in lines]
        if rows:
            with self._database.writing() as connection:
                insert_all(connection, self._database.dialect, ENTRY, rows)

    def record(self, messages: Sequence[Message]) -> None:
        findings = of_type(messages, InvariantViolated)
        if findings:
            with self._database.writing() as connection:
                insert_all(connection, self._database.dialect, FINDING, map(row_of, findings))

    def trails(self) -> list[str]:
        """The names of all trails."""
        with self._database.reading() as connection:
            return list(connection.execute(select(ENTRY.c.trail).distinct().order_by(ENTRY.c.trail)).scalars())

    def entries(
        self, trail: str, *, type_name: str = "", caused_by: int = 0, after: int = -1, limit: int = 1000
    ) -> list[Entry]:
        """In the order of the trail. `caused_by` is the id of a message; empty and 0: all."""
        statement = select(ENTRY).where(ENTRY.c.trail == trail, ENTRY.c.sequence > after)
        if type_name:
            statement = statement.where(ENTRY.c.type == type_name)
        if caused_by:
            statement = statement.where(ENTRY.c.causation_id == caused_by)
        with self._database.reading() as connection:
            rows = connection.execute(statement.order_by(ENTRY.c.sequence).limit(limit)).mappings().all()
        return [Entry(**row) for row in rows]

    def findings(self, *, limit: int = 1000) -> list[InvariantViolated]:
        """In the order in which they were found."""
        statement = select(*FINDING_FIELDS).order_by(FINDING.c.number).limit(limit)
        with self._database.reading() as connection:
            return [InvariantViolated(**row) for row in connection.execute(statement).mappings().all()]


def entry_of(trail: str, line: str) -> dict[str, object]:
    values = json.loads(line)
    if not isinstance(values, list) or len(values) not in (3, 9):
        raise ValueError(f"{line[:60]!r} is no line of a trail")
    header = len(values) == 3
    at_ns, message_id, causation_id, _, sender, type_name = (0, 0, 0, "", "", "") if header else values[1:7]
    return {
        "trail": trail,
        "sequence": values[0],
        "at_ns": at_ns,
        "message_id": message_id,
        "causation_id": causation_id,
        "sender": sender,
        "type": type_name,
        "line": line,
    }


DESIGN = Design(
    schema="audit", prefix="audit", tables=TABLES, steps=Path(__file__).parent / "migrations", history=TrailHistory
)
