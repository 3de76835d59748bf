"""The first quote of each minute."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "market_data_1"
down_revision = None
branch_labels = ("market_data",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quote",
        sqlalchemy.Column("symbol", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("minute_ns", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("bid_ticks", Whole, nullable=False),
        sqlalchemy.Column("bid_lots", Whole, nullable=False),
        sqlalchemy.Column("ask_ticks", Whole, nullable=False),
        sqlalchemy.Column("ask_lots", Whole, nullable=False),
        sqlalchemy.Column("sequence", Whole, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("symbol", "minute_ns"),
    )
