"""Netting sets with their postings and what they settled, and comparisons of books with their breaks."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "custodian_4"
down_revision = "custodian_3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("instruction", sqlalchemy.Column("netting_id", Whole))
    op.create_table(
        "netting",
        sqlalchemy.Column("netting_id", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("custodian", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("transaction_id", Whole, nullable=False),
        sqlalchemy.Column("cut_off_ns", Whole, nullable=False),
        sqlalchemy.Column("instruction_count", Whole, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("netting_id"),
    )
    op.create_table(
        "netting_posting",
        sqlalchemy.Column("netting_id", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("line", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("debit_account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("credit_account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("asset", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("amount_minor", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("netting_id", "line"),
    )
    op.create_index(
        "netting_posting_of_debit_account", "netting_posting", ["debit_account", "netting_id"], unique=False
    )
    op.create_index(
        "netting_posting_of_credit_account", "netting_posting", ["credit_account", "netting_id"], unique=False
    )
    op.create_table(
        "comparison",
        sqlalchemy.Column("venue", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("custodian", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("last_trade_id", Whole, nullable=False),
        sqlalchemy.Column("last_movement_id", Whole, nullable=False),
        sqlalchemy.Column("entry_count", Whole, nullable=False),
        sqlalchemy.Column("break_count", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("venue", "occurred_ns"),
    )
    op.create_table(
        "comparison_break",
        sqlalchemy.Column("venue", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("asset", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("venue_minor", Whole, nullable=False),
        sqlalchemy.Column("custody_minor", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("venue", "occurred_ns", "account", "asset"),
    )
