"""What moved into an account, out of it and between its wallets, besides trades and changes of positions."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "exchange_5"
down_revision = "exchange_4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_movement",
        sqlalchemy.Column("account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("account_sequence", Whole, nullable=False),
        sqlalchemy.Column("line", Whole, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, nullable=False),
        sqlalchemy.Column("kind", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("wallet", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("symbol", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("asset", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("amount_minor", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("account", "account_sequence", "line"),
    )
