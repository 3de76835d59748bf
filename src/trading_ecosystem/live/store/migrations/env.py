"""What Alembic runs around the steps: on the connection, and in the transaction, that `environment.py` hands over."""

from alembic import context

from trading_ecosystem.live.store.migrations.environment import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], version_table=VERSION_TABLE, transactional_ddl=False
)
context.run_migrations()
