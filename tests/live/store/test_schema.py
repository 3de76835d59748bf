"""The steps make the tables that the statements speak of, for every service, on both databases."""

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, inspect, select

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.migrations.environment import (
    COMMON_STEPS,
    VERSION_TABLE,
    VERSIONS,
    make_tables,
    revisions_in,
    upgrade,
)
from trading_ecosystem.live.store.opening import Design, open_store, parse
from trading_ecosystem.live.store.tables import COMMON

SERVICES = [
    "market_data",
    "exchange",
    "custodian",
    "trading_engine.alpha",
    "risk_monitor",
    "test_coordinator",
    "audit_correlator",
]


@pytest.mark.parametrize("instance", SERVICES)
def test_steps_and_tables_agree(durable_store_url: str, instance: str, designs: dict[str, Design[Any]]) -> None:
    design = designs[instance]
    open_store(durable_store_url, instance, design).close()
    whole = MetaData()
    for table in [*COMMON.tables.values(), *design.tables.tables.values()]:
        table.to_metadata(whole)
    database = Database(parse(durable_store_url), design.schema_of(instance))
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, whole) == []
    database.close()


@pytest.mark.parametrize("instance", SERVICES)
def test_a_new_file_is_as_the_steps_would_have_made_it(
    instance: str, designs: dict[str, Design[Any]], tmp_path: Path
) -> None:
    design = designs[instance]
    with create_engine(f"sqlite:///{tmp_path}/new.db").begin() as connection:
        make_tables(connection, design.tables, design.steps)
        new = shape_of(connection)
    with create_engine(f"sqlite:///{tmp_path}/old.db").begin() as connection:
        upgrade(connection, design.steps)
        assert shape_of(connection) == new


def shape_of(connection: Connection) -> dict[str, object]:
    found = inspect(connection)
    shape: dict[str, object] = {
        table: (
            [(each["name"], str(each["type"]), each["nullable"], each["default"]) for each in found.get_columns(table)],
            found.get_pk_constraint(table)["constrained_columns"],
            sorted(found.get_indexes(table), key=lambda index: str(index["name"])),
            sorted(found.get_unique_constraints(table), key=lambda constraint: str(constraint["name"])),
            found.get_foreign_keys(table),
            found.get_check_constraints(table),
        )
        for table in found.get_table_names()
    }
    return shape | {"versions": set(connection.execute(select(VERSIONS)).scalars())}


@pytest.mark.parametrize("instance", SERVICES)
def test_a_file_is_named_like_its_revision_and_the_last_is_the_head(
    instance: str, designs: dict[str, Design[Any]]
) -> None:
    for folder in (COMMON_STEPS, designs[instance].steps):
        script = ScriptDirectory(folder.parent, version_locations=[folder])
        chain = [revision.revision for revision in script.walk_revisions()]
        assert chain[::-1] == revisions_in(folder)
        assert list(script.get_heads()) == revisions_in(folder)[-1:]


def test_numbers_are_numbers(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        (tmp_path / f"line_{number}.py").touch()
    (tmp_path / "__init__.py").touch()
    assert revisions_in(tmp_path) == ["line_1", "line_2", "line_10"]


def test_no_two_services_share_a_schema_or_a_table_of_the_common_ones(designs: dict[str, Design[Any]]) -> None:
    schemas = [design.schema for design in designs.values()]
    assert len(set(schemas)) == len(schemas)
    for design in designs.values():
        assert not set(design.tables.tables) & set(COMMON.tables)
