"""Who may do what in the servers of a deployment: one role and one schema in PostgreSQL, one user and one prefix in
Valkey, for each instance. An owner runs this once before the services start, and again with each new version.

Rule 1: a service adds to its tables and reads them; it changes rows only where its tables say so, and deletes none.
Rule 2: it sees nothing of any other instance, and makes no tables.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from psycopg.sql import Literal
from sqlalchemy import Connection, Table, text

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.migrations.environment import VERSION_TABLE, migrate
from trading_ecosystem.live.store.opening import Design, make_schema, parse
from trading_ecosystem.live.store.ports import StoreRefused
from trading_ecosystem.live.store.tables import COMMON

CONNECTIONS_PER_ROLE = 12  # Two processes' worth, and a few for people.
PASSWORD = re.compile(r"[!-~]{16,}")  # Visible ASCII.
COMMANDS = (  # What a cache and a stream of events need, of keys and channels that carry the instance's prefix.
    "ping hello client|setname client|setinfo get set del exists expire pexpire ttl pttl mget hset hget hgetall hdel "
    "publish subscribe unsubscribe xadd xread xrange xtrim multi exec discard"
)

Instances = Mapping[str, Design[Any]]  # By name, such as `exchange` or `trading_engine.alpha`.


def prepare_servers(url: str, instances: Instances, passwords: Mapping[str, str]) -> None:
    """Make or bring up to date the schema and the role of each instance. `url` is for an owner who may create both.

    An instance without a password is one that the server knows by other means (a socket's peer, a certificate).
    Raises what `open_store` raises: StoreTaken where an instance is running.
    """
    for instance, design in instances.items():
        schema = design.schema_of(instance)
        database = Database(parse(url), schema)
        if database.dialect != "postgresql":
            raise StoreRefused(f"{database.name}: only PostgreSQL has roles")
        try:
            with database.writing() as connection:
                close_public(connection)
                make_schema(connection, schema)
                migrate(database.name, connection, design.steps)
                make_role(connection, schema, passwords.get(instance))
                for statement in grants(schema, [*COMMON.tables.values(), *design.tables.tables.values()]):
                    connection.execute(text(statement))
        finally:
            database.close()


def close_public(connection: Connection) -> None:
    """What PostgreSQL allows everybody, is allowed nobody."""
    database = quoted_database(connection)
    connection.execute(text("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
    connection.execute(text(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC"))


def make_role(connection: Connection, role: str, password: str | None) -> None:
    there = text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if connection.execute(there, {"role": role}).scalar_one_or_none() is None:
        connection.execute(text(f"CREATE ROLE {role}"))
    limits = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS"
    connection.execute(text(f"ALTER ROLE {role} {limits} CONNECTION LIMIT {CONNECTIONS_PER_ROLE}"))
    connection.execute(text(f"GRANT CONNECT ON DATABASE {quoted_database(connection)} TO {role}"))
    if password is not None:
        verify_password(role, password)
        connection.exec_driver_sql(f"ALTER ROLE {role} PASSWORD {Literal(password).as_string()}".replace("%", "%%"))


def grants(schema: str, tables: Sequence[Table]) -> list[str]:
    """The rights of the role of this schema, which bears its name. They replace those that it had."""
    changed = [f"{schema}.{table.name}" for table in tables if table.info.get("updated")]
    return [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {schema}",
        f"GRANT USAGE ON SCHEMA {schema} TO {schema}",
        f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {schema} TO {schema}",
        f"REVOKE INSERT ON {schema}.{VERSION_TABLE} FROM {schema}",
        f"GRANT UPDATE ON {', '.join(changed)} TO {schema}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {schema}",
        f"GRANT EXECUTE ON FUNCTION {schema}.prune(bigint) TO {schema}",
    ]


def quoted_database(connection: Connection) -> str:
    return str(connection.execute(text("SELECT quote_ident(current_database())")).scalar_one())


def access_list(instances: Instances, passwords: Mapping[str, str]) -> str:
    """The ACL file of a Valkey: nobody by default, and each instance within its own prefix.

    Raises StoreRefused for an instance without a password, or with a weak one.
    """
    lines = ["user default off"]
    for instance, design in instances.items():
        user, prefix = design.schema_of(instance), design.prefix_of(instance)
        digest = sha256(verify_password(user, passwords.get(instance, "")).encode()).hexdigest()
        rights = " ".join(f"+{command}" for command in COMMANDS.split())
        lines.append(
            f"user {user} on #{digest} resetkeys ~{prefix}* resetchannels &{prefix}* -@all {rights} -@dangerous -@admin"
        )
    return "\n".join(lines) + "\n"


def verify_password(user: str, password: str) -> str:
    if PASSWORD.fullmatch(password) is None:
        raise StoreRefused(f"the password of {user} needs at least 16 visible ASCII characters")
    return password
