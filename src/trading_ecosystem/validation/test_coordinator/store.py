"""What a coordinator tells about its past: every run with its verdict, and what was injected into it.

Rule 1: a run begins before anything is injected; its verdict is written once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from sqlalchemy import JSON, Column, MetaData, Table, Text, bindparam, func, select, update

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.history import insert_all, of_type, write_all
from trading_ecosystem.live.store.opening import Design
from trading_ecosystem.live.store.tables import UPDATED, Coded, Whole
from trading_ecosystem.messages.chaos import InjectionEnded, InjectionRefused, InjectionStarted
from trading_ecosystem.messages.message import Message
from trading_ecosystem.validation.results import Verdict

TABLES = MetaData()
RUN = Table(
    "run",
    TABLES,
    Column("run_id", Whole, primary_key=True),
    Column("scenario", Text, nullable=False),
    Column("seed", Whole, nullable=False),
    Column("began_ns", Whole, nullable=False),
    Column("ended_ns", Whole),
    Column("verdict", Coded(Verdict)),
    Column("reason", Text, nullable=False),
    info=UPDATED,
)
INJECTION = Table(
    "injection",
    TABLES,
    Column("run_id", Whole, primary_key=True, autoincrement=False),
    Column("injection_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("subjects", JSON, nullable=False),
    Column("began_ns", Whole, nullable=False),
    Column("ended_ns", Whole),
    Column("refused", Text, nullable=False),  # Why, if it was; else empty.
    info=UPDATED,
)
END = (
    update(INJECTION)
    .where(INJECTION.c.run_id == bindparam("of_run"), INJECTION.c.injection_id == bindparam("of_injection"))
    .values(ended_ns=bindparam("at_ns"))
)


@final
@dataclass(frozen=True, kw_only=True)
class Run:
    """`verdict` and `ended_ns` are None while it runs, and for good if the coordinator died during it."""

    run_id: int
    scenario: str
    seed: int
    began_ns: int
    ended_ns: int | None
    verdict: Verdict | None
    reason: str


@final
@dataclass(frozen=True, kw_only=True)
class Injection:
    run_id: int
    injection_id: str
    kind: str
    target: str
    subjects: tuple[str, ...]
    began_ns: int
    ended_ns: int | None
    refused: str


@final
class RunHistory:
    def __init__(self, database: Database) -> None:
        self._database = database
        with database.reading() as connection:
            newest = connection.execute(select(func.max(RUN.c.run_id))).scalar_one()
        self._run_id: int = newest or 0  # Receipts belong to the run that began last.

    def begin(self, scenario: str, seed: int, began_ns: int) -> int:
        """A new run. Returns its id: 1, 2, 3, ..."""
        run_id = self._run_id + 1
        row = {"run_id": run_id, "scenario": scenario, "seed": seed, "began_ns": began_ns, "reason": ""}
        with self._database.writing() as connection:
            insert_all(connection, self._database.dialect, RUN, [row])
        self._run_id = run_id
        return run_id

    def end(self, run_id: int, verdict: Verdict, reason: str, ended_ns: int) -> None:
        ended = update(RUN).where(RUN.c.run_id == run_id, RUN.c.verdict.is_(None))
        with self._database.writing() as connection:
            connection.execute(ended.values(verdict=verdict, reason=reason, ended_ns=ended_ns))

    def record(self, messages: Sequence[Message]) -> None:
        started, refused = of_type(messages, InjectionStarted), of_type(messages, InjectionRefused)
        ended = of_type(messages, InjectionEnded)
        if not (started or refused or ended):
            return
        rows = [self._started(each) for each in started] + [self._refused(each) for each in refused]
        ends = [
            {"of_run": self._run_id, "of_injection": each.injection_id, "at_ns": each.occurred_ns} for each in ended
        ]
        with self._database.writing() as connection:
            insert_all(connection, self._database.dialect, INJECTION, rows)
            write_all(connection, END, ends)

    def _started(self, started: InjectionStarted) -> dict[str, object]:
        return {
            "run_id": self._run_id,
            "injection_id": started.injection_id,
            "kind": started.kind,
            "target": started.target,
            "subjects": list(started.subjects),
            "began_ns": started.occurred_ns,
            "refused": "",
        }

    def _refused(self, refused: InjectionRefused) -> dict[str, object]:
        return {
            "run_id": self._run_id,
            "injection_id": refused.injection_id,
            "kind": "",
            "target": "",
            "subjects": [],
            "began_ns": refused.occurred_ns,
            "refused": refused.detail,
        }

    def runs(self, *, after: int = 0, limit: int = 1000) -> list[Run]:
        """In the order in which they began."""
        statement = select(RUN).where(RUN.c.run_id > after).order_by(RUN.c.run_id).limit(limit)
        with self._database.reading() as connection:
            return [Run(**row) for row in connection.execute(statement).mappings().all()]

    def injections(self, run_id: int) -> list[Injection]:
        """Of one run, in the order in which they began."""
        statement = select(INJECTION).where(INJECTION.c.run_id == run_id)
        ordered = statement.order_by(INJECTION.c.began_ns, INJECTION.c.injection_id)
        with self._database.reading() as connection:
            rows = connection.execute(ordered).mappings().all()
        return [Injection(**{**row, "subjects": tuple(row["subjects"])}) for row in rows]


DESIGN = Design(
    schema="test_coordination",
    prefix="test",
    tables=TABLES,
    steps=Path(__file__).parent / "migrations",
    history=RunHistory,
)
