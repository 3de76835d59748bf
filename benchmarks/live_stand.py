"""A stand for live figures: service processes as `tse up` starts them. Where none of them has prices, this one has.

Rule 1: what is measured is a real process, started with the command, settings and store of a real run.
Rule 2: nothing of a stand is left behind, whatever ends it.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import grpc

from trading_ecosystem.assembly import load_world
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.clock import Clock, Tempo
from trading_ecosystem.live.discovery.server import own_address
from trading_ecosystem.live.door import Header, Listener, RefusalCode, Refused
from trading_ecosystem.live.hub import Hub
from trading_ecosystem.live.production_wire import MARKET_DATA
from trading_ecosystem.live.server import GrpcSurface
from trading_ecosystem.messages.health import HealthStatus
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.orchestrator.documents import documents_of
from trading_ecosystem.orchestrator.folder import RunFolder
from trading_ecosystem.orchestrator.identities import issue_tokens
from trading_ecosystem.orchestrator.launch import Places, command_for
from trading_ecosystem.orchestrator.processes import Notice, Processes, State
from trading_ecosystem.orchestrator.registry import ADMINISTRATOR, HostedRegistry
from trading_ecosystem.orchestrator.request import Stores, UpRequest
from trading_ecosystem.orchestrator.terms import Terms

ROOT = Path(__file__).parent.parent
WORLD = ROOT / "worlds" / "two-desks.yaml"
SEED = 7
LOOK_EVERY_S = 0.01
READY_WITHIN_S = 60
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
EMBEDDED = "embedded"  # A SQLite file.
FEED = "market_data"
RICH = {
    "alpha: {USD: 3000000, USDT: 1000000, BTC: 20, ETH: 400}": "alpha: {USD: 2000000000, USDT: 2000000000, BTC: 10000}",
    "beta: {USD: 2000000, USDT: 1500000, BTC: 15, ETH: 300}": "beta: {USD: 2000000000, USDT: 2000000000, BTC: 10000}",
}


@final
class Feed:
    """A market-data provider that says what it is told to say. It has no core; what is asked of it is refused."""

    instance = FEED

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.hub = Hub(time.time_ns())
        self._sequences: dict[str, int] = {}

    def tell(self, prices: Sequence[tuple[str, int, int]]) -> None:
        """Publish a quote for each symbol, bid and ask; 1,000 lots on each side."""
        now_ns = self.clock.now_ns()
        told: list[tuple[Header, Message]] = []
        for symbol, bid_ticks, ask_ticks in prices:
            sequence = self._sequences[symbol] = self._sequences.get(symbol, 0) + 1
            header = Header(message_id=self.hub.sequence + len(told) + 1, correlation_id=self.hub.sequence + 1)
            told.append((header, QuotePublished(symbol, bid_ticks, 1000, ask_ticks, 1000, sequence, now_ns)))
        self.hub.publish(told)

    async def ask(self, message: Message, cause: Header | None = None) -> Sequence[Message]:
        raise Refused(RefusalCode.NOT_SERVING, "prices only")

    def take_commands(self, messages: Sequence[tuple[Message, Header]]) -> "asyncio.Future[Sequence[Message]]":
        raise Refused(RefusalCode.NOT_SERVING, "prices only")

    def listen(self, listener: Listener) -> Callable[[], None]:
        return self.hub.listen(listener)

    def health(self) -> tuple[HealthStatus, str]:
        return HealthStatus.SERVING, ""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which services, in the order of their start. `store`: what all of them keep theirs in, a URL or `embedded`."""

    instances: tuple[str, ...]
    store: str = EMBEDDED
    world: Path = WORLD


@final
class Stand:
    """Service processes that are up. `folder` is where their files are."""

    def __init__(self, folder: RunFolder, registry: HostedRegistry, processes: Processes, feed: Feed) -> None:
        self.folder, self.registry, self.processes, self.feed = folder, registry, processes, feed

    def address(self, instance: str, surface: str = "grpc") -> str:
        return self.registry.ready()[instance].addresses[surface]

    def cpu_s(self, instance: str) -> float:
        pid = self.processes.pid(instance)
        assert pid is not None, f"{instance} is {self.processes.state(instance)}"
        return cpu_s(pid)

    async def until_ready(self, instance: str) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while instance not in self.registry.ready():
            down = self.processes.state(instance) is not State.RUNNING
            if down or time.monotonic() > deadline:
                raise SystemExit(f"{instance} is not ready:\n{self.folder.log(instance).read_text(encoding='utf-8')}")
            await asyncio.sleep(LOOK_EVERY_S)


@asynccontextmanager
async def stand(wanted: Wanted) -> AsyncIterator[Stand]:
    async with AsyncExitStack() as undo:
        place = undo.enter_context(tempfile.TemporaryDirectory(prefix="tse-bench-"))
        world = Path(place) / wanted.world.name
        write_world(wanted.world, world)
        plan = load_world(world)
        tempo = Tempo(start_ns=time.time_ns() // 1_000_000 * 1_000_000, epoch_ns=time.time_ns(), speed=1)
        files = documents_of(world, Terms(seed=SEED, start_ns=tempo.start_ns))
        registry = HostedRegistry(plan.instances(), 0, "", own_address)
        await registry.start()
        undo.push_async_callback(registry.stop)
        registry.publish(tempo)
        feed = Feed(Clock(tempo))
        if FEED not in wanted.instances:
            registry.host(FEED, {"grpc": await serve_feed(feed, undo)})
        folder = RunFolder(Path(place) / "run")
        undo.enter_context(folder.held())
        request = request_for(folder, world, wanted.store)
        stores = {} if wanted.store == EMBEDDED else dict.fromkeys(wanted.instances, wanted.store)
        places = Places(folder=folder, registry=registry.url, telemetry="", stores=stores)
        commands = {
            name: command_for(places, name, files[name], registry.tokens[name], request) for name in wanted.instances
        }
        issue_tokens(folder, list(wanted.instances), registry.tokens[ADMINISTRATOR])
        processes = Processes(commands, ignore)
        made = Stand(folder, registry, processes, feed)
        for name in wanted.instances:
            undo.push_async_callback(processes.stop, name)
            processes.start(name)
            await made.until_ready(name)
        yield made


def write_world(source: Path, target: Path) -> None:
    """With accounts that no load of a benchmark empties."""
    text = source.read_text(encoding="utf-8")
    for usual, rich in RICH.items():
        assert usual in text, usual
        text = text.replace(usual, rich)
    target.write_text(text, encoding="utf-8")
    limits = source.with_name("two-desks-limits.yaml")
    target.with_name(limits.name).write_text(limits.read_text(encoding="utf-8"), encoding="utf-8")


async def serve_feed(feed: Feed, undo: AsyncExitStack) -> str:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((GrpcSurface(feed, MARKET_DATA, Access()).handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    undo.push_async_callback(server.stop, None)
    return f"127.0.0.1:{port}"


def request_for(folder: RunFolder, world: Path, store: str) -> UpRequest:
    return UpRequest(
        folder=folder.path,
        world=world,
        seed=SEED,
        speed=1,
        profile=Stores.EMBEDDED if store == EMBEDDED else Stores.SERVERS,
        postgres=store,
        valkey="valkey://nowhere" if store != EMBEDDED else "",
        port=0,
        tls=False,
        ready_within_s=READY_WITHIN_S,
    )


def cpu_s(pid: int) -> float:
    """The time that all threads of a process have spent on a core."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def ignore(notice: Notice) -> None:
    """What becomes of a process is asked for where it matters."""


def as_caller(instance: str) -> Any:
    """The metadata of a call by this instance."""
    return (("x-instance", instance),)
