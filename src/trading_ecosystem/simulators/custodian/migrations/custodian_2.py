"""How far an instruction has come, how old its fail is, and the parts in which it settled."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "custodian_2"
down_revision = "custodian_1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("instruction", sqlalchemy.Column("settlement_status", sqlalchemy.Text))
    op.add_column("instruction", sqlalchemy.Column("age_days", Whole))
    op.add_column("instruction", sqlalchemy.Column("retry_ns", Whole))
    op.execute(
        "UPDATE instruction SET settlement_status = CASE WHEN transaction_id IS NOT NULL THEN 'settled' "
        "WHEN ended_ns IS NOT NULL THEN 'canceled' ELSE 'matched' END"
    )
    op.create_table(
        "part",
        sqlalchemy.Column("transaction_id", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("line", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("custodian", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("instruction_id", Whole, nullable=False),
        sqlalchemy.Column("debit_account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("credit_account", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("asset", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("amount_minor", Whole, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("transaction_id", "line"),
    )
    op.create_index("part_of_instruction", "part", ["instruction_id"], unique=False)
