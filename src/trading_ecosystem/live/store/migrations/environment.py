"""Brings the tables of a store to the schema of this version. Each service adds its own steps to the common ones.

Rule 1: all steps are one transaction: a store is at the old schema or at the new one.
Rule 2: a store with a step that this version does not know is left alone.
Rule 3: a new SQLite file gets all tables at once, and counts as one that took every step.
Rule 4: a step's file is named like its revision, `<line>_<number>.py`, and each line is a chain: 1, 2, 3, ...
"""

import os
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, text

from trading_ecosystem.live.store.ports import StoreRefused
from trading_ecosystem.live.store.tables import COMMON

HERE = Path(__file__).parent
COMMON_STEPS = HERE / "versions"
VERSION_TABLE = "schema_version"
VERSIONS = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))  # As Alembic has it.


def migrate(store: str, connection: Connection, steps: Path) -> None:
    """Within the caller's transaction. `steps` is the service's folder of steps.

    Raises StoreRefused where the store is newer than this version.
    """
    lines = [revisions_in(COMMON_STEPS), revisions_in(steps)]
    there = revisions_there(connection)
    unknown = there - {revision for line in lines for revision in line}
    if unknown:
        newer = ", ".join(sorted(unknown))
        raise StoreRefused(f"{store}: its schema is at {newer}, which this version does not know")
    if there != {line[-1] for line in lines}:
        upgrade(connection, steps)


def make_tables(connection: Connection, tables: MetaData, steps: Path) -> None:
    """Those of a service and the common ones, as they are now, in a file that is empty."""
    for each in (COMMON, tables, VERSIONS.metadata):
        each.create_all(connection, checkfirst=False)
    heads = [revisions_in(folder)[-1] for folder in (COMMON_STEPS, steps)]
    connection.execute(VERSIONS.insert(), [{"version_num": head} for head in heads])


def revisions_in(folder: Path) -> list[str]:
    """The revisions of one line, oldest first."""
    names = [path.stem for path in folder.glob("*_*.py") if path.stem != "__init__"]
    return sorted(names, key=lambda name: int(name.rpartition("_")[2]))


def revisions_there(connection: Connection) -> set[str]:
    if not inspect(connection).has_table(VERSION_TABLE):
        return set()
    return set(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars())  # noqa: S608


def upgrade(connection: Connection, steps: Path) -> None:
    """Imports Alembic only here: a service whose store is up to date need not hold it in its memory."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    folders = os.pathsep.join([str(COMMON_STEPS), str(steps)])
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", folders.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "heads")
