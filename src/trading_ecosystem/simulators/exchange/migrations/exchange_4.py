"""Changes of positions in perpetuals."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "exchange_4"
down_revision = "exchange_3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "position_change",
        sqlalchemy.Column("account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("venue", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("account_sequence", Whole, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, nullable=False),
        sqlalchemy.Column("symbol", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("position_lots", Whole, nullable=False),
        sqlalchemy.Column("cost_minor", Whole, nullable=False),
        sqlalchemy.Column("realised_minor", Whole, nullable=False),
        sqlalchemy.Column("funding_minor", Whole, nullable=False),
        sqlalchemy.Column("fee_minor", Whole, nullable=False),
        sqlalchemy.Column("wallet_minor", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("account", "account_sequence"),
    )
    columns = ["account", "symbol", "account_sequence"]
    op.create_index("position_change_of_symbol", "position_change", columns, unique=False)
