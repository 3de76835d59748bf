"""Runs and what was injected into them."""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "test_coordination_1"
down_revision = None
branch_labels = ("test_coordination",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "injection",
        sqlalchemy.Column("run_id", Whole, autoincrement=False, nullable=False),
        sqlalchemy.Column("injection_id", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("kind", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("target", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("subjects", sqlalchemy.JSON, nullable=False),
        sqlalchemy.Column("began_ns", Whole, nullable=False),
        sqlalchemy.Column("ended_ns", Whole),
        sqlalchemy.Column("refused", sqlalchemy.Text, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("run_id", "injection_id"),
    )
    op.create_table(
        "run",
        sqlalchemy.Column("run_id", Whole, nullable=False),
        sqlalchemy.Column("scenario", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("seed", Whole, nullable=False),
        sqlalchemy.Column("began_ns", Whole, nullable=False),
        sqlalchemy.Column("ended_ns", Whole),
        sqlalchemy.Column("verdict", sqlalchemy.Text),
        sqlalchemy.Column("reason", sqlalchemy.Text, nullable=False),
        sqlalchemy.PrimaryKeyConstraint("run_id"),
    )
