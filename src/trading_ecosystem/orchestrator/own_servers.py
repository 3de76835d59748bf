"""The servers of `tse up --profile servers`: a role for each service in PostgreSQL, a user for the registry in Valkey.

Rule 1: the owner's addresses stay with the supervisor; a service is told the address of its own role and no other.
Rule 2: only what bears our mark is ever taken away; a server that holds things of the same name of somebody else is
  refused before anything is made.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any, final
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection, text

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.opening import parse
from trading_ecosystem.live.store.ports import Damaged, StoreAway, StoreBroken, StoreRefused
from trading_ecosystem.live.store.roles import prepare_servers, quoted_database
from trading_ecosystem.orchestrator.deployment import REGISTRY_RIGHTS
from trading_ecosystem.orchestrator.planes import role_of
from trading_ecosystem.orchestrator.servers import DESIGNS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MARK = "made by tse up, and taken away by tse down"  # The comment of a role that is ours.
USER = PREFIX = "registry"  # In Valkey: who the registry is, and what its keys begin with.
LOOK_EVERY_S = 1.0
TIMEOUT_S = 2.0
AWAY = (RedisError, OSError)


@final
class OwnServers:
    """Raises `Problem` for an address that is none."""

    def __init__(self, postgres: str, valkey: str, instances: Sequence[str]) -> None:
        self._postgres, self._valkey = postgres, valkey
        self._designs = {instance: DESIGNS[role_of(instance)] for instance in instances}
        self._roles = {instance: design.schema_of(instance) for instance, design in self._designs.items()}
        self._passwords = {name: secrets.token_urlsafe(32) for name in (*instances, USER)}
        with explained():
            self.stores = {instance: self._store_of(instance) for instance in instances}
        self.registry = with_user(valkey, USER, self._passwords[USER])

    def _store_of(self, instance: str) -> str:
        server = parse(self._postgres)
        if server.get_backend_name() != "postgresql":
            raise StoreRefused("only PostgreSQL has roles")
        as_role = server.set(
            drivername="postgresql", username=self._roles[instance], password=self._passwords[instance]
        )
        return as_role.render_as_string(hide_password=False)

    async def open(self) -> None:
        """Make everything, after taking away what a supervisor left that died.

        Raises `Problem`, also where another ecosystem is using one of the servers; nothing is made then.
        """
        async with self._owner() as owner:
            if any(client["user"] == USER for client in await owner.client_list()):
                raise Problem(f"--valkey: another registry is there as the user {USER!r}; name another server")
        await asyncio.to_thread(self._replace, True)
        try:
            async with self._owner() as owner:
                await self._make_user(owner)
        except Problem:
            await asyncio.to_thread(self._clear, False)
            raise

    async def empty(self) -> None:
        """Begin anew, with nothing in the stores. Raises `Problem`."""
        await asyncio.to_thread(self._replace, False)

    async def close(self, tell: Callable[[str, str], None]) -> None:
        """Take everything away; what cannot be is told, by the name of its server and the reason."""
        try:
            await asyncio.to_thread(self._clear, False)
        except Problem as problem:
            tell("postgres", str(problem))
        try:
            async with self._owner() as owner:
                keys = [key async for key in owner.scan_iter(match=f"{PREFIX}:*", count=1_000)]
                if keys:
                    await owner.delete(*keys)
                await owner.acl_deluser(USER)
        except Problem as problem:
            tell("valkey", str(problem))

    # Valkey.

    async def keep_user(self, trouble: Callable[[], str]) -> None:
        """Make the user again where a Valkey has come back without it; until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if trouble():
                with suppress(Problem):  # Away: the registry says so, and goes on without it.
                    async with self._owner() as owner:
                        await self._make_user(owner)

    @asynccontextmanager
    async def _owner(self) -> "AsyncIterator[Redis]":
        """Raises `Problem` where it cannot be reached, or does not do what it is told."""
        owner = Redis.from_url(
            self._valkey, decode_responses=True, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        try:
            yield owner
        except AWAY as error:
            raise Problem(f"--valkey: {error}") from None
        finally:
            await owner.aclose()

    async def _make_user(self, owner: Redis) -> None:
        known = sha256(self._passwords[USER].encode()).hexdigest()
        rights = [f"+{command}" for command in REGISTRY_RIGHTS.split()]
        command: Any = owner.execute_command
        await command("ACL", "SETUSER", USER, "reset", "on", f"#{known}", f"~{PREFIX}:*", "resetchannels", *rights)

    # PostgreSQL. All of it blocks.

    def _replace(self, first: bool) -> None:
        """Everything new. `first`: nobody may be using it, for none of ours has been started."""
        self._clear(first)
        with self._connected() as connection:
            for role in self._roles.values():
                connection.exec_driver_sql(f"CREATE ROLE {role}")
                connection.exec_driver_sql(f"COMMENT ON ROLE {role} IS '{MARK}'")
        try:
            with explained():
                prepare_servers(self._postgres, self._designs, self._passwords)
        except Problem:
            self._clear(False)
            raise

    def _clear(self, first: bool) -> None:
        """Raises `Problem` for a role or a schema that is not ours."""
        roles = list(self._roles.values())
        with self._connected() as connection:
            ours = marked(connection, roles)
            refuse_schemas(connection, ours, roles)
            if first:
                refuse_sessions(connection, ours)
            database = quoted_database(connection)
            for role in ours:
                connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {role} CASCADE")
                connection.exec_driver_sql(f"REVOKE ALL ON DATABASE {database} FROM {role}")
                connection.exec_driver_sql(f"DROP ROLE {role}")

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """One transaction of the owner."""
        with explained():
            database = Database(parse(self._postgres), "public")
            try:
                with database.reading() as connection, connection.begin():
                    yield connection
            finally:
                database.close()


def marked(connection: Connection, roles: list[str]) -> list[str]:
    """Those of these roles that are there and ours. Raises `Problem` for one that is not."""
    found = connection.execute(
        text("SELECT rolname, shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = ANY(:roles)"),
        {"roles": roles},
    ).all()
    for role, mark in found:
        if mark != MARK:
            raise Problem(f"--postgres: has a role {role!r} that is not of tse up; name a server without one")
    return [role for role, _ in found]


def refuse_schemas(connection: Connection, ours: list[str], roles: list[str]) -> None:
    found = text("SELECT nspname FROM pg_namespace WHERE nspname = ANY(:roles) AND nspname <> ALL(:ours)")
    for schema in connection.execute(found, {"roles": roles, "ours": ours}).scalars():
        raise Problem(f"--postgres: holds a schema {schema!r} of somebody else; name another database")


def refuse_sessions(connection: Connection, ours: list[str]) -> None:
    found = text("SELECT DISTINCT usename FROM pg_stat_activity WHERE usename = ANY(:ours)")
    for role in connection.execute(found, {"ours": ours}).scalars():
        raise Problem(f"--postgres: another ecosystem is there as the role {role!r}; name another server")


@contextmanager
def explained() -> Iterator[None]:
    """What is wrong with the store, in one line for the person who named it."""
    try:
        yield
    except (StoreAway, StoreBroken, StoreRefused, Damaged) as trouble:
        raise Problem(f"--postgres: {trouble}") from None


def with_user(url: str, user: str, password: str) -> str:
    """Raises `Problem` for no address of a Valkey."""
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise Problem("--valkey: is no address such as redis://127.0.0.1:6379")
    return parts._replace(netloc=f"{user}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()
