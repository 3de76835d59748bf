"""Transfers, all their changes, and the postings of their steps."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "custodian_3"
down_revision = "custodian_2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "transfer",
        sqlalchemy.Column("transfer_id", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("custodian", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("request_id", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("operator", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("transfer_kind", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("debit_account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("credit_account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("place", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("asset", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("amount_minor", Whole, nullable=False),
        sqlalchemy.Column("approvals_needed", Whole, nullable=False),
        sqlalchemy.Column("digest", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("requested_ns", Whole, nullable=False),
        sqlalchemy.Column("approvals_missing", Whole, nullable=False),
        sqlalchemy.Column("transfer_status", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("movement_refusal", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("expected_ns", Whole, nullable=False),
        sqlalchemy.Column("changed_ns", Whole, nullable=False),
        sqlalchemy.Column("change_number", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("transfer_id"),
        sqlalchemy.UniqueConstraint("request_id"),
    )
    op.create_index("transfer_of_debit_account", "transfer", ["debit_account", "transfer_id"], unique=False)
    op.create_index("transfer_of_credit_account", "transfer", ["credit_account", "transfer_id"], unique=False)
    op.create_table(
        "transfer_change",
        sqlalchemy.Column("transfer_id", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("change_number", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("transfer_status", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, nullable=False),
        sqlalchemy.Column("operator", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("movement_refusal", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("expected_ns", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("transfer_id", "change_number"),
    )
    op.create_table(
        "transfer_posting",
        sqlalchemy.Column("transaction_id", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("line", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("transfer_id", Whole, nullable=False),
        sqlalchemy.Column("movement_id", Whole, nullable=False),
        sqlalchemy.Column("debit_account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("credit_account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("asset", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("amount_minor", Whole, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("transaction_id", "line"),
    )
    op.create_index(
        "transfer_posting_of_debit_account", "transfer_posting", ["debit_account", "transaction_id"], unique=False
    )
    op.create_index(
        "transfer_posting_of_credit_account", "transfer_posting", ["credit_account", "transaction_id"], unique=False
    )
