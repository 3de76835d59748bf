"""Five real service processes in a world whose time stands still: whatever changes in them, a call has changed.

No desk trades there. Quotes have come for a few seconds, so that there are books; then the clock was stopped.
"""

import asyncio
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from trading_ecosystem.assembly import load_world
from trading_ecosystem.live.clock import Clock, Tempo
from trading_ecosystem.live.pace import Leader, lag_of
from trading_ecosystem.live.security.tokens import Scope, Surface, issue_token, read_token
from trading_ecosystem.orchestrator.child import launch
from trading_ecosystem.orchestrator.documents import documents_of
from trading_ecosystem.orchestrator.folder import TOKENS, RunFolder
from trading_ecosystem.orchestrator.identities import issue_tokens
from trading_ecosystem.orchestrator.launch import Places, command_for
from trading_ecosystem.orchestrator.registry import ADMINISTRATOR, HostedRegistry
from trading_ecosystem.orchestrator.request import UpRequest
from trading_ecosystem.orchestrator.terms import Terms
from trading_ecosystem.wire.exchange.v1 import exchange_pb2 as wire

WORLD = Path(__file__).parents[3] / "worlds" / "two-desks.yaml"
TIERS = (("audit_correlator", "market_data"), ("exchange",), ("custodian",), ("risk_monitor",))
DESK = "trading_engine.alpha"
SPEED = 5
BEFORE_IT_STANDS_S = 1.5
READY_WITHIN_S = 120.0
DEADLINE_S = 5.0  # Of every call in these tests: an answer that takes longer is a hang.


class Stage:
    """`addresses`: instance -> surface -> host:port."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.addresses: dict[str, dict[str, str]] = {}
        self.pids: dict[str, int] = {}
        self._instances = [name for tier in TIERS for name in tier]
        self._processes: list[subprocess.Popen[bytes]] = []
        self._loop = asyncio.new_event_loop()  # Of the registry, which must answer while tests run loops of their own.
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._registry = HostedRegistry(self._instances, 0, "")

    def open(self) -> None:
        plan = load_world(WORLD)
        self._thread.start()
        self._in_loop(self._registry.start())
        leader = Leader(self.folder.clock, plan.start_ns, SPEED)
        tempo = Tempo(start_ns=plan.start_ns, epoch_ns=Clock().now_ns(), speed=SPEED, pace=str(self.folder.clock))
        self._in_loop(publish(self._registry, tempo))
        commands = self._commands(Terms(seed=7, start_ns=plan.start_ns))
        for tier in TIERS:
            for instance in tier:
                self._processes.append(launch(commands[instance]))
                self.pids[instance] = self._processes[-1].pid
            self._until_ready(tier)
        ends_s = time.monotonic() + BEFORE_IT_STANDS_S
        while time.monotonic() < ends_s:
            leader.lead_on(SPEED)
            time.sleep(lag_of(SPEED) / 4e9)
        leader.stand_still()
        self._until_quiet()

    def _commands(self, terms: Terms) -> dict[str, Any]:
        places = Places(folder=self.folder, registry=self._registry.url, telemetry="")
        request = UpRequest(
            folder=self.folder.path,
            world=WORLD,
            seed=terms.seed,
            speed=SPEED,
        )
        files = documents_of(WORLD, terms)
        tokens = self._registry.tokens
        made = {name: command_for(places, name, files[name], tokens[name], request) for name in self._instances}
        issue_tokens(self.folder, self._instances, tokens[ADMINISTRATOR])
        issue_token(
            self.folder.service("exchange") / TOKENS,
            Surface.REST,
            DESK,
            (Scope.READ, Scope.TRADE),
            self.folder.operator / "desk.token",
        )
        return made

    def _until_ready(self, tier: tuple[str, ...]) -> None:
        ends_s = time.monotonic() + READY_WITHIN_S
        while not set(tier) <= self._registry.ready().keys():
            assert time.monotonic() < ends_s, f"{tier} is not ready: {[self.log(name)[-1500:] for name in tier]}"
            time.sleep(0.05)
        for name in tier:
            self.addresses[name] = dict(self._registry.ready()[name].addresses)

    def _until_quiet(self) -> None:
        """Nothing is on its way any more: what each holds is the same, twice."""
        digests = ["", "-"]
        while digests[-1] != digests[-2]:
            time.sleep(0.5)
            digests.append("".join(self.digest(name) for name in ("exchange", "custodian", "risk_monitor")))

    def close(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._in_loop(self._registry.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _in_loop(self, work: Any) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(20)

    # What tests ask.

    def log(self, instance: str) -> str:
        return self.folder.log(instance).read_text("utf-8") if self.folder.log(instance).exists() else ""

    def alive(self) -> bool:
        return all(process.poll() is None for process in self._processes)

    def token(self, name: str) -> str:
        return read_token(self.folder.operator / f"{name}.token")

    def url(self, instance: str, surface: str = "rest") -> str:
        return f"http://{self.addresses[instance][surface]}"

    def state(self, instance: str) -> Any:
        """All that the core of a simulator holds, as its audit API tells it."""
        bearer = {"Authorization": f"Bearer {self.token(f'{instance}.audit')}"}
        answer = httpx.get(f"{self.url(instance, 'audit_rest')}/audit/v1/state", headers=bearer, timeout=DEADLINE_S)
        assert answer.status_code == 200, answer.text
        return answer.json()["state"]

    def digest(self, instance: str) -> str:
        """Of all that may not change when a call is refused: the core, or where no audit is, all rows of its store."""
        if "audit_rest" in self.addresses[instance]:
            held = json.dumps(self.state(instance), sort_keys=True)
        else:
            held = "\n".join(rows_of(self.folder.service(instance) / "data" / "store.db"))
        return hashlib.sha256(held.encode()).hexdigest()

    def channel(self, instance: str, surface: str = "grpc") -> grpc.aio.Channel:
        options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        return grpc.aio.insecure_channel(self.addresses[instance][surface], options=options)

    @staticmethod
    def good_order(name: str) -> bytes:
        """The request for one that rests far below the market."""
        return wire.SubmitOrderRequest(
            command=wire.SubmitOrder(
                to="exchange",
                account="alpha",
                client_order_id=name,
                symbol="ETH/USD",
                side=wire.SIDE_BUY,
                order_type=wire.ORDER_TYPE_LIMIT,
                time_in_force=wire.TIME_IN_FORCE_GTC,
                price_ticks=100,
                quantity_lots=1,
            )
        ).SerializeToString()


async def publish(registry: HostedRegistry, tempo: Tempo) -> None:
    registry.publish(tempo)


def rows_of(store: Path) -> Iterator[str]:
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1").fetchall():
            for row in connection.execute(f"SELECT * FROM {table}"):
                yield f"{table} {row}"
    finally:
        connection.close()


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = RunFolder(tmp_path_factory.mktemp("bad-input") / "run")
    folder.path.mkdir(mode=0o700)
    made = Stage(folder)
    try:
        made.open()
        yield made
    finally:
        made.close()


@pytest.fixture
def unchanged(stage: Stage) -> Iterator[Callable[[], None]]:
    """After the test, and whenever it is called: no core holds anything that it did not hold before."""
    names = ("exchange", "custodian", "market_data", "risk_monitor")
    before = {name: stage.digest(name) for name in names}

    def check() -> None:
        assert stage.alive(), "a process has ended"
        assert {name: stage.digest(name) for name in names} == before

    yield check
    check()


@pytest.fixture
def resident_mib() -> Callable[[int], float]:
    """The memory that a process holds, in MiB."""

    def look(pid: int) -> float:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

    return look
