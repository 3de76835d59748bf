"""The lines of trails, and findings."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "audit_1"
down_revision = None
branch_labels = ("audit",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "entry",
        sqlalchemy.Column("trail", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("sequence", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("at_ns", Whole, nullable=False),
        sqlalchemy.Column("message_id", Whole, nullable=False),
        sqlalchemy.Column("causation_id", Whole, nullable=False),
        sqlalchemy.Column("sender", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("type", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("line", sqlalchemy.Text, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("trail", "sequence"),
    )
    op.create_index("entry_of_cause", "entry", ["trail", "causation_id"], unique=False)
    op.create_index("entry_of_message", "entry", ["trail", "message_id"], unique=False)
    op.create_index("entry_of_type", "entry", ["trail", "type", "sequence"], unique=False)
    op.create_table(
        "finding",
        sqlalchemy.Column("number", Whole, nullable=False),
        sqlalchemy.Column("invariant", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("detail", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("message_id", Whole, nullable=False),
        sqlalchemy.Column("occurred_ns", Whole, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("number"),
    )
    op.create_index("finding_once", "finding", ["message_id", "invariant"], unique=True)
