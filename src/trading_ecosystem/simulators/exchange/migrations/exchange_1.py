"""Trades, and orders with what became of them."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "exchange_1"
down_revision = None
branch_labels = ("exchange",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "placed_order",
        sqlalchemy.Column("order_id", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("client_order_id", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("symbol", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("side", sqlalchemy.Integer, nullable=False),
        sqlalchemy.Column("price_ticks", Whole, nullable=False),
        sqlalchemy.Column("quantity_lots", Whole, nullable=False),
        sqlalchemy.Column("leaves_quantity_lots", Whole, nullable=False),
        sqlalchemy.Column("accepted_ns", Whole, nullable=False),
        sqlalchemy.Column("canceled_ns", Whole),
        sqlalchemy.Column("cancel_reason", sqlalchemy.Text),
        sqlalchemy.PrimaryKeyConstraint("order_id"),
    )
    op.create_index("placed_order_of_account", "placed_order", ["account", "order_id"], unique=False)
    op.create_table(
        "trade",
        sqlalchemy.Column("trade_id", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("venue", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("symbol", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("price_ticks", Whole, nullable=False),
        sqlalchemy.Column("quantity_lots", Whole, nullable=False),
        sqlalchemy.Column("taker_side", sqlalchemy.Integer, nullable=False),
        sqlalchemy.Column("buyer_account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("seller_account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("buyer_order_id", Whole, nullable=False),
        sqlalchemy.Column("seller_order_id", Whole, nullable=False),
        sqlalchemy.Column("buyer_fee_minor", Whole, nullable=False),
        sqlalchemy.Column("seller_fee_minor", Whole, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("trade_id"),
    )
    op.create_index("trade_of_symbol", "trade", ["symbol", "trade_id"], unique=False)
