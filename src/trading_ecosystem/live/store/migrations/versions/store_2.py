"""On PostgreSQL, what snapshots have replaced is given up a little at a time: no commit waits for the whole of it."""

import sqlalchemy
from alembic import op

revision = "store_2"
down_revision = "store_1"
branch_labels = None
depends_on = None

PRUNE = """
CREATE FUNCTION prune(most bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    kept bigint;
    final bigint;
BEGIN
    SELECT sequence INTO kept FROM snapshot ORDER BY sequence DESC OFFSET 1 LIMIT 1;
    IF kept IS NULL THEN
        RETURN false;
    END IF;
    DELETE FROM snapshot WHERE sequence < kept;
    SELECT least(kept, min(sequence) + most - 1) INTO final FROM journal;
    DELETE FROM journal WHERE sequence <= final;
    RETURN final < kept;
END $$
"""


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        schema = bind.execute(sqlalchemy.text("SELECT quote_ident(current_schema())")).scalar_one()
        op.execute("DROP FUNCTION prune()")
        op.execute(PRUNE.format(schema=schema))
        op.execute("REVOKE ALL ON FUNCTION prune(bigint) FROM PUBLIC")
