"""Settlement instructions, their postings, and the trades that were refused."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "custodian_1"
down_revision = None
branch_labels = ("custodian",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "instruction",
        sqlalchemy.Column("instruction_id", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("custodian", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("trade_id", Whole, nullable=False),
        sqlalchemy.Column("venue", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("due_ns", Whole, nullable=False),
        sqlalchemy.Column("instructed_ns", Whole, nullable=False),
        sqlalchemy.Column("ended_ns", Whole),
        sqlalchemy.Column("transaction_id", Whole),
        sqlalchemy.Column("fail_reason", sqlalchemy.Text),
        sqlalchemy.PrimaryKeyConstraint("instruction_id"),
        sqlalchemy.UniqueConstraint("transaction_id"),
    )
    op.create_table(
        "posting",
        sqlalchemy.Column("instruction_id", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("line", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("debit_account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("credit_account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("asset", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("amount_minor", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("instruction_id", "line"),
    )
    op.create_index("posting_of_credit_account", "posting", ["credit_account", "instruction_id"], unique=False)
    op.create_index("posting_of_debit_account", "posting", ["debit_account", "instruction_id"], unique=False)
    op.create_table(
        "refusal",
        sqlalchemy.Column("trade_id", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("fail_reason", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("trade_id", "fail_reason"),
    )
