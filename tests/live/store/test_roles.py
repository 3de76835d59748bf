"""What a service's role and user may, and what they try and may not."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from sqlalchemy import make_url

from trading_ecosystem.live.store.opening import Design, open_store
from trading_ecosystem.live.store.ports import Record, StoreRefused, StoreTaken
from trading_ecosystem.live.store.roles import access_list, prepare_servers

Makes = Callable[[int, int], list[Record]]
Designs = dict[str, Design[Any]]
PASSWORD = "long-enough-password"


@pytest.fixture
def prepared(make_postgresql: Callable[[], str], designs: Designs) -> Iterator[str]:
    url = make_postgresql()
    prepare_servers(url, designs, {})
    yield url
    with psycopg.connect(url, autocommit=True) as owner:
        for instance, design in designs.items():
            owner.execute(f"DROP OWNED BY {design.schema_of(instance)}".encode())
            owner.execute(f"DROP ROLE {design.schema_of(instance)}".encode())


def as_role(url: str, role: str) -> str:
    return make_url(url).set(username=role).render_as_string(hide_password=False)


def test_every_service_lives_with_the_rights_of_its_role(prepared: str, designs: Designs, records: Makes) -> None:
    for instance, design in designs.items():
        role = design.schema_of(instance)
        for _ in range(2):
            store = open_store(as_role(prepared, role), instance, design)
            last = store.journal.last_sequence()
            store.journal.append(records(last + 1, last + 4))
            for sequence in range(last + 1, last + 5):
                store.journal.save_snapshot(sequence, b"state")
            assert list(store.journal.read(last + 3)) == records(last + 4, last + 4)
            store.memory.remember([("mark", "1")])
            store.memory.remember([("mark", "2")])
            assert store.memory.recall() == {"mark": "2"}
            store.history.record([])
            store.close()
        assert store.epoch == 2


def test_preparing_again_changes_nothing_and_waits_for_no_one(prepared: str, designs: Designs) -> None:
    prepare_servers(prepared, designs, {})
    running = open_store(as_role(prepared, "exchange"), "exchange", designs["exchange"])
    with pytest.raises(StoreTaken, match="another process holds this store"):
        prepare_servers(prepared, {"exchange": designs["exchange"]}, {})
    running.close()


FORBIDDEN = [  # Who, and what that role tries.
    ("exchange", "UPDATE exchange.journal SET payload = ''"),
    ("exchange", "DELETE FROM exchange.journal"),
    ("exchange", "TRUNCATE exchange.journal"),
    ("exchange", "DELETE FROM exchange.snapshot"),
    ("exchange", "UPDATE exchange.snapshot SET state = ''"),
    ("exchange", "DELETE FROM exchange.memory"),
    ("exchange", "UPDATE exchange.trade SET price_ticks = 1"),
    ("exchange", "DELETE FROM exchange.placed_order"),
    ("exchange", "UPDATE exchange.schema_version SET version_num = 'store_0'"),
    ("exchange", "DROP TABLE exchange.journal"),
    ("exchange", "ALTER TABLE exchange.journal ADD COLUMN note text"),
    ("exchange", "CREATE TABLE exchange.own (line text)"),
    ("exchange", "CREATE TABLE public.own (line text)"),
    ("exchange", "CREATE TEMPORARY TABLE own (line text)"),
    ("exchange", "CREATE SCHEMA own"),
    ("exchange", "CREATE ROLE another"),
    ("exchange", "ALTER SYSTEM SET fsync = off"),
    ("exchange", "COPY exchange.trade TO PROGRAM 'cat'"),
    ("exchange", "SELECT pg_read_file('/etc/passwd')"),
    ("exchange", "SELECT custodian.prune(1)"),
    ("exchange", "SELECT * FROM custodian.journal"),
    ("audit", "UPDATE audit.entry SET line = ''"),
    ("audit", "DELETE FROM audit.entry"),
    ("trading_alpha", "SELECT * FROM custodian.posting"),
    ("trading_alpha", "SELECT * FROM exchange.placed_order"),
    ("risk", "SELECT * FROM test_coordination.run"),
    ("risk", "SELECT * FROM exchange.trade"),
    ("risk", "SELECT * FROM audit.entry"),
    ("risk", "INSERT INTO trading_alpha.memory VALUES ('mark', '1', 0)"),
]


def test_what_a_role_may_not(prepared: str) -> None:
    assert {attempt: outcome(prepared, role, attempt) for role, attempt in FORBIDDEN} == {
        attempt: "42501" for _, attempt in FORBIDDEN
    }


def outcome(url: str, role: str, attempt: str) -> str | None:
    """The state that PostgreSQL answers with; None if it does what it was told."""
    with psycopg.connect(as_role(url, role), autocommit=True) as connection:
        try:
            connection.execute(attempt.encode())
        except psycopg.Error as error:
            return error.sqlstate
    return None


def test_no_role_sees_any_table_of_another_schema(prepared: str, designs: Designs) -> None:
    roles = {design.schema_of(instance) for instance, design in designs.items()}
    with psycopg.connect(prepared) as owner:
        granted = owner.execute(
            "SELECT grantee, table_schema, privilege_type FROM information_schema.role_table_grants "
            "WHERE grantee = ANY(%s) OR (grantee = 'PUBLIC' AND table_schema = ANY(%s))",
            [list(roles), list(roles)],
        ).fetchall()
    assert {grantee for grantee, _, _ in granted} == roles
    assert all(grantee == schema for grantee, schema, _ in granted)
    assert {privilege for _, _, privilege in granted} == {"SELECT", "INSERT", "UPDATE"}


def test_a_service_whose_owner_has_not_prepared_its_schema_is_refused(prepared: str, designs: Designs) -> None:
    with pytest.raises(StoreRefused, match="42501"):
        open_store(as_role(prepared, "exchange"), "exchange.beta", designs["exchange"])


def test_preparing_is_for_postgresql(tmp_path: Path, designs: Designs) -> None:
    with pytest.raises(StoreRefused, match="only PostgreSQL has roles"):
        prepare_servers(f"sqlite:///{tmp_path}/store.sqlite", designs, {})


@pytest.mark.parametrize("password", ["", "short", "with a blank in it, quite long", "with-a-line\n-break-in-it"])
def test_a_weak_password_is_refused(designs: Designs, password: str) -> None:
    with pytest.raises(StoreRefused, match="the password of market_data needs at least 16"):
        access_list(designs, dict.fromkeys(designs, password))


def test_a_password_with_every_sign_is_kept_as_it_is(make_postgresql: Callable[[], str], designs: Designs) -> None:
    url = make_postgresql()
    wild = "'; DROP ROLE x; -- %s \\".replace(" ", "_")
    prepare_servers(url, {"custodian": designs["custodian"]}, {"custodian": wild})
    with psycopg.connect(url, autocommit=True) as owner:
        row = owner.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'custodian'").fetchone()
        assert row is not None and row[0].startswith("SCRAM-SHA-256$")
        owner.execute("DROP OWNED BY custodian")
        owner.execute("DROP ROLE custodian")


# Valkey.


@pytest.fixture
def users(valkey_server: Any, designs: Designs) -> Callable[[str], redis.Redis]:
    """Loads the list into the server, line by line, but for its first line: the test itself is the default user."""
    owner = valkey_server.client()
    lines = access_list(designs, dict.fromkeys(designs, PASSWORD)).splitlines()
    assert lines[0] == "user default off"
    for line in lines[1:]:
        owner.execute_command("ACL", "SETUSER", *line.split()[1:])

    def connect(user: str) -> redis.Redis:
        return redis.Redis(port=valkey_server.port, username=user, password=PASSWORD)

    return connect


def test_a_user_lives_within_its_prefix(users: Callable[[str], redis.Redis]) -> None:
    client = users("trading_alpha")
    assert client.ping()
    assert client.set("trading_alpha:mark", "1", ex=5)
    assert client.get("trading_alpha:mark") == b"1"
    assert client.hset("trading_alpha:book", "BTC", "1") in (0, 1)
    assert client.publish("trading_alpha:events", "line") == 0


@pytest.mark.parametrize(
    "attempt",
    [
        "FLUSHALL",
        "FLUSHDB",
        "CONFIG GET *",
        "CONFIG SET appendonly no",
        "KEYS *",
        "SCAN 0",
        "EVAL return(1) 0",
        "ACL LIST",
        "SHUTDOWN",
        "MODULE LIST",
        "MONITOR",
        "CLIENT LIST",
        "SAVE",
        "REPLICAOF 127.0.0.1 1",
        "GET risk:mark",
        "GET trading:mark",
        "SET exchange:mark 1",
        "DEL audit:entry",
        "PUBLISH market:quotes line",
        "SUBSCRIBE test:runs",
    ],
)
def test_what_a_user_may_not(users: Callable[[str], redis.Redis], attempt: str) -> None:
    client: Any = users("trading_alpha")
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*attempt.split())


def test_a_wrong_password_is_no_user(users: Callable[[str], redis.Redis], valkey_server: Any) -> None:
    assert users("risk").ping()
    with pytest.raises(redis.exceptions.AuthenticationError):
        redis.Redis(port=valkey_server.port, username="risk", password="another-password").ping()
