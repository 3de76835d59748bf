"""Orders that were amended: up to which event of the account the row knows of it."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "exchange_2"
down_revision = "exchange_1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("placed_order", sqlalchemy.Column("amended_sequence", Whole, nullable=False, server_default="0"))
