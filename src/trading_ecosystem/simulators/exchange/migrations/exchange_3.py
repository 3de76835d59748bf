"""Halts and auctions."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "exchange_3"
down_revision = "exchange_2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "market_phase",
        sqlalchemy.Column("number", Whole, nullable=False),
        sqlalchemy.Column("venue", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("symbol", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("market_phase", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("phase_reason", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("until_ns", Whole, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("number"),
        sqlalchemy.UniqueConstraint("venue", "symbol", "occurred_ns", "market_phase", name="market_phase_once"),
    )
