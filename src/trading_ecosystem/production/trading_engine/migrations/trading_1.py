"""Orders that were sent, and orders that were held back."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "trading_1"
down_revision = None
branch_labels = ("trading",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "denial",
        sqlalchemy.Column("number", Whole, nullable=False),
        sqlalchemy.Column("account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("client_order_id", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("symbol", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("deny_reason", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("number"),
        sqlalchemy.UniqueConstraint("account", "client_order_id", name="denial_once"),
    )
    op.create_table(
        "sent_order",
        sqlalchemy.Column("number", Whole, nullable=False),
        sqlalchemy.Column("venue", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("client_order_id", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("symbol", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("side", sqlalchemy.Integer, nullable=False),
        sqlalchemy.Column("order_type", sqlalchemy.Integer, nullable=False),
        sqlalchemy.Column("time_in_force", sqlalchemy.Integer, nullable=False),
        sqlalchemy.Column("price_ticks", Whole, nullable=False),
        sqlalchemy.Column("quantity_lots", Whole, nullable=False),
        sqlalchemy.Column("post_only", sqlalchemy.Boolean, nullable=False),
        sqlalchemy.Column("leaves_quantity_lots", Whole, nullable=False),
        sqlalchemy.Column("order_id", Whole),
        sqlalchemy.Column("accepted_ns", Whole),
        sqlalchemy.Column("ended_ns", Whole),
        sqlalchemy.Column("cancel_reason", sqlalchemy.Text),
        sqlalchemy.Column("reject_reason", sqlalchemy.Text),
        sqlalchemy.PrimaryKeyConstraint("number"),
        sqlalchemy.UniqueConstraint("account", "client_order_id", name="sent_order_once"),
    )
