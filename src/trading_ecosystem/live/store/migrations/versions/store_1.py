"""Tenure, journal, snapshots, memory; on PostgreSQL the function that gives up what snapshots have replaced.

The service adds to its journal and reads it; only this function, with its owner's rights, takes records away.
"""

import sqlalchemy
from alembic import op

from trading_ecosystem.live.store.tables import Whole

revision = "store_1"
down_revision = None
branch_labels = ("store",)
depends_on = None

PRUNE = """
CREATE FUNCTION prune() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE oldest bigint;
BEGIN
    SELECT sequence INTO oldest FROM snapshot ORDER BY sequence DESC OFFSET 1 LIMIT 1;
    IF oldest IS NOT NULL THEN
        DELETE FROM snapshot WHERE sequence < oldest;
        DELETE FROM journal WHERE sequence <= oldest;
    END IF;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "tenure",
        sqlalchemy.Column("instance", sqlalchemy.Text, primary_key=True),
        sqlalchemy.Column("epoch", Whole, nullable=False),
    )
    op.create_table(
        "journal",
        sqlalchemy.Column("sequence", Whole, primary_key=True, autoincrement=False),
        sqlalchemy.Column("now_ns", Whole, nullable=False),
        sqlalchemy.Column("kind", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("payload", sqlalchemy.LargeBinary, nullable=False),
        sqlalchemy.Column("checksum", Whole, nullable=False),
        sqlalchemy.Column("epoch", Whole, nullable=False),
    )
    op.create_table(
        "snapshot",
        sqlalchemy.Column("sequence", Whole, primary_key=True, autoincrement=False),
        sqlalchemy.Column("state", sqlalchemy.LargeBinary, nullable=False),
        sqlalchemy.Column("checksum", Whole, nullable=False),
    )
    op.create_table(
        "memory",
        sqlalchemy.Column("key", sqlalchemy.Text, primary_key=True),
        sqlalchemy.Column("text", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("checksum", Whole, nullable=False),
    )
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        schema = bind.execute(sqlalchemy.text("SELECT quote_ident(current_schema())")).scalar_one()
        op.execute(PRUNE.format(schema=schema))
        op.execute("REVOKE ALL ON FUNCTION prune() FROM PUBLIC")
