"""Alerts and reports."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "risk_1"
down_revision = None
branch_labels = ("risk",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert",
        sqlalchemy.Column("number", Whole, nullable=False),
        sqlalchemy.Column("alert_id", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("rule", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("subject", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("severity", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("episode", Whole, nullable=False),
        sqlalchemy.Column("value", Whole, nullable=False),
        sqlalchemy.Column("limit", Whole, nullable=False),
        sqlalchemy.Column("unit", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("breached_ns", Whole, nullable=False),
        sqlalchemy.Column("fired_ns", Whole, nullable=False),
        sqlalchemy.Column("acknowledged_ns", Whole),
        sqlalchemy.Column("operator", sqlalchemy.Text),
        sqlalchemy.Column("resolved_ns", Whole),
        sqlalchemy.PrimaryKeyConstraint("number"),
        sqlalchemy.UniqueConstraint("alert_id"),
    )
    op.create_table(
        "report",
        sqlalchemy.Column("occurred_ns", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("equity_minor", Whole, nullable=False),
        sqlalchemy.Column("high_water_mark_minor", Whole, nullable=False),
        sqlalchemy.Column("drawdown_ppm", Whole, nullable=False),
        sqlalchemy.Column("realised_minor", Whole, nullable=False),
        sqlalchemy.Column("unrealised_minor", Whole, nullable=False),
        sqlalchemy.Column("exposures", sqlalchemy.JSON, nullable=False),
        sqlalchemy.Column("certain", sqlalchemy.Boolean, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("occurred_ns"),
    )
