"""What a risk monitor tells about its past: every alert with its life, and the firm's figures over time.

Rule 1: an alert is known by its id; that it was acknowledged or resolved may be told again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from sqlalchemy import JSON, Boolean, Column, MetaData, Table, Text, bindparam, select, update

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.history import insert_all, of_type, row_of, write_all
from trading_ecosystem.live.store.opening import Design
from trading_ecosystem.live.store.tables import UPDATED, Coded, Whole
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.risk import (
    AlertAcknowledged,
    AlertFired,
    AlertResolved,
    Exposure,
    RiskReported,
    Severity,
)

TABLES = MetaData()
ALERT = Table(
    "alert",
    TABLES,
    Column("number", Whole, primary_key=True),
    Column("alert_id", Text, nullable=False, unique=True),
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("severity", Coded(Severity), nullable=False),
    Column("episode", Whole, nullable=False),
    Column("value", Whole, nullable=False),
    Column("limit", Whole, nullable=False),
    Column("unit", Text, nullable=False),
    Column("breached_ns", Whole, nullable=False),
    Column("fired_ns", Whole, nullable=False),
    Column("acknowledged_ns", Whole),
    Column("operator", Text),
    Column("resolved_ns", Whole),
    info=UPDATED,
)
REPORT = Table(
    "report",
    TABLES,
    Column("occurred_ns", Whole, primary_key=True, autoincrement=False),
    Column("equity_minor", Whole, nullable=False),
    Column("high_water_mark_minor", Whole, nullable=False),
    Column("drawdown_ppm", Whole, nullable=False),
    Column("realised_minor", Whole, nullable=False),
    Column("unrealised_minor", Whole, nullable=False),
    Column("exposures", JSON, nullable=False),  # One list of values per line, in the order of the fields.
    Column("certain", Boolean, nullable=False),
)
THIS_ALERT = ALERT.c.alert_id == bindparam("of_alert")
ACKNOWLEDGE = update(ALERT).where(THIS_ALERT).values(acknowledged_ns=bindparam("at_ns"), operator=bindparam("who"))
RESOLVE = update(ALERT).where(THIS_ALERT).values(resolved_ns=bindparam("at_ns"))


@final
@dataclass(frozen=True, kw_only=True)
class Alert:
    """Firing while `resolved_ns` is None."""

    number: int
    alert_id: str
    rule: str
    subject: str
    severity: Severity
    episode: int
    value: int
    limit: int
    unit: str
    breached_ns: int
    fired_ns: int
    acknowledged_ns: int | None
    operator: str | None
    resolved_ns: int | None


@final
class AlertHistory:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, messages: Sequence[Message]) -> None:
        fired, reports = of_type(messages, AlertFired), of_type(messages, RiskReported)
        acknowledged, resolved = of_type(messages, AlertAcknowledged), of_type(messages, AlertResolved)
        if not (fired or reports or acknowledged or resolved):
            return
        dialect = self._database.dialect
        with self._database.writing() as connection:
            insert_all(connection, dialect, ALERT, map(new_alert, fired))
            insert_all(connection, dialect, REPORT, map(new_report, reports))
            write_all(
                connection,
                ACKNOWLEDGE,
                [{"of_alert": each.alert_id, "at_ns": each.occurred_ns, "who": each.operator} for each in acknowledged],
            )
            write_all(
                connection, RESOLVE, [{"of_alert": each.alert_id, "at_ns": each.occurred_ns} for each in resolved]
            )

    def alerts(self, *, firing: bool = False, after: int = 0, limit: int = 1000) -> list[Alert]:
        """In the order in which they fired; `after` is a number. `firing`: only those not resolved yet."""
        statement = select(ALERT).where(ALERT.c.number > after)
        if firing:
            statement = statement.where(ALERT.c.resolved_ns.is_(None))
        with self._database.reading() as connection:
            rows = connection.execute(statement.order_by(ALERT.c.number).limit(limit)).mappings().all()
        return [Alert(**row) for row in rows]

    def reports(self, *, after_ns: int = 0, limit: int = 1000) -> list[RiskReported]:
        """Those after this moment, oldest first."""
        statement = select(REPORT).where(REPORT.c.occurred_ns > after_ns).order_by(REPORT.c.occurred_ns).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(statement).mappings().all()
        return [RiskReported(**{**row, "exposures": exposures_of(row["exposures"])}) for row in rows]


def new_alert(fired: AlertFired) -> dict[str, object]:
    row = row_of(fired)
    row["fired_ns"] = row.pop("occurred_ns")
    return row


def new_report(report: RiskReported) -> dict[str, object]:
    lines = [[line.measure, line.subject, line.value, line.limit, line.unit, line.certain] for line in report.exposures]
    return {**row_of(report), "exposures": lines}


def exposures_of(lines: list[tuple[str, str, int, int, str, bool]]) -> tuple[Exposure, ...]:
    return tuple(
        Exposure(measure=measure, subject=subject, value=value, limit=limit, unit=unit, certain=certain)
        for measure, subject, value, limit, unit, certain in lines
    )


DESIGN = Design(
    schema="risk", prefix="risk", tables=TABLES, steps=Path(__file__).parent / "migrations", history=AlertHistory
)
