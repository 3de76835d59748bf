"""Lives of a real exchange in this process: its runner on a real store, a real spool and a real history."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from trading_ecosystem.assembly import load_world
from trading_ecosystem.configuration.document import Section, parse_document
from trading_ecosystem.core import Core
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.clock import Clock, Tempo
from trading_ecosystem.live.commits import Commits
from trading_ecosystem.live.door import Header, Told
from trading_ecosystem.live.engine import Engine
from trading_ecosystem.live.historian import Historian
from trading_ecosystem.live.hub import Hub
from trading_ecosystem.live.links import Reach
from trading_ecosystem.live.production_wire import CODEC, EXCHANGE
from trading_ecosystem.live.runner import Runner
from trading_ecosystem.live.server import Answer, GrpcSurface
from trading_ecosystem.live.service import Service
from trading_ecosystem.live.store.faults import StoreFaults, with_faults
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.live.store.ports import Store
from trading_ecosystem.live.telemetry.spans import service_resource
from trading_ecosystem.live.telemetry.spool import Spool
from trading_ecosystem.messages.message import Addressed, Message
from trading_ecosystem.messages.orders import OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.orchestrator.documents import DOCUMENT, documents_of
from trading_ecosystem.orchestrator.terms import Terms
from trading_ecosystem.simulators.exchange.server import SERVICE
from trading_ecosystem.simulators.exchange.store import TradeHistory

WORLD = Path(__file__).parents[2] / "worlds" / "two-desks.yaml"
START_NS = load_world(WORLD).start_ns
DOCUMENTS = documents_of(WORLD, Terms(seed=7, start_ns=START_NS))


def document_of(service: Service) -> Section:
    return parse_document("document", DOCUMENTS[service.role][DOCUMENT]).section(service.keys, service.optional)


@dataclass
class Life:
    """One life of a core. `said` is what it published, `posted` what it sent to other processes."""

    folder: Path
    core: Core
    runner: Runner
    store: Store[TradeHistory]
    spool: Spool
    historian: Historian
    faults: StoreFaults
    keeps_store: bool
    said: list[Told] = field(default_factory=list)
    posted: list[Addressed] = field(default_factory=list)

    @property
    def words(self) -> list[Message]:
        return [told.message for told in self.said]

    async def begin(self) -> "Life":
        self.runner.recover(self.store.history.record)
        await self.runner.start()
        await self.runner._idle.wait()
        return self

    async def end(self) -> None:
        """In order: everything becomes durable and leaves."""
        await self.runner.settle()
        await self.historian.write()
        await self.runner.close()
        self._let_go()

    def die(self) -> None:
        """As at a crash: what is not durable by now never will be, and nothing more leaves."""
        assert self.runner._committing is not None
        self.runner._committing.cancel()
        for timer in self.runner._timers:
            timer.cancel()
        self.runner._commits._writer.shutdown(wait=True, cancel_futures=True)
        self._let_go()

    def _let_go(self) -> None:
        self.spool.close()
        if not self.keeps_store:
            self.store.close()


Live = Callable[..., Life]


@pytest.fixture
def live(tmp_path: Path) -> Live:
    """A new life on the store and the spool of the one before it, not begun yet."""

    def make(
        url: str = "",
        core: Core | None = None,
        mine: Callable[[Addressed], bool] = lambda message: False,
        folder: Path = tmp_path,
        kept: Store[TradeHistory] | None = None,
    ) -> Life:
        """`mine`: what goes to another process. `kept`: a store that stays open from life to life."""
        faults = StoreFaults()
        opened = kept or open_store(url or f"sqlite:///{folder}/store.db", "exchange", SERVICE.design)
        store = with_faults(opened, faults)
        spool = Spool(folder / "spool", 16 << 20, service_resource("exchange", "0"), CODEC.encode)
        hub = Hub(len(list(folder.glob("life*"))) + 1)
        (folder / f"life{hub.incarnation}").touch()

        async def record(messages: Sequence[Message]) -> None:
            await commits.on_store(lambda: store.history.record(messages))

        def post(message: Addressed, header: Header) -> bool:
            if mine(message):
                life.posted.append(message)
            return mine(message)

        historian = Historian(record)
        clock = Clock(Tempo(start_ns=START_NS, epoch_ns=0, speed=1))
        made = core or SERVICE.build(document_of(SERVICE), "exchange")
        commits = Commits(store.journal, store.memory, clock)
        runner = Runner("exchange", made, clock, CODEC, commits, spool, hub, post, historian)
        life = Life(folder, made, runner, store, spool, historian, faults, kept is not None)
        hub.listen(life.said.extend)
        hub.listen(historian.take)
        return life

    return make


Assemble = Callable[..., Engine]


async def find_nobody(instance: str, surface: str) -> str:
    raise AssertionError(f"{instance} is not to be looked for")


def connect_nobody(address: str, instance: str, caller: str) -> grpc.aio.Channel:
    raise AssertionError(f"{instance} is not to be called")


NOBODY = Reach(find=find_nobody, connect=connect_nobody)


@pytest.fixture
def assemble(tmp_path: Path) -> Assemble:
    """A service of the small world, whole as its process has it, not begun yet."""

    def make(
        service: Service = SERVICE, store: str = "", reach: Reach = NOBODY, accept_rollback: bool = False
    ) -> Engine:
        name = service.role
        return Engine(
            service=service,
            core=service.build(document_of(service), name),
            instance=name,
            version="0",
            store_url=store or f"sqlite:///{tmp_path}/{name}.db",
            data=tmp_path / name,
            clock=Clock(Tempo(start_ns=START_NS, epoch_ns=0, speed=1)),
            targets={},
            reach=reach,
            accept_rollback=accept_rollback,
        )

    return make


Submit = Callable[..., SubmitOrder]


@pytest.fixture
def submit() -> Submit:
    """An order that rests far from the market, unless told otherwise."""

    def make(
        name: str, account: str = "alpha", side: Side = Side.BUY, ticks: int = 3_000_000, lots: int = 5
    ) -> SubmitOrder:
        order = ("BTC/USD", side, OrderType.LIMIT, TimeInForce.GTC, ticks, lots)
        return SubmitOrder("exchange", account, name, *order)

    return make


Serve = Callable[..., Any]


@pytest.fixture
def serve() -> Serve:
    """Open the gRPC surface of a life on a free port; a channel to it is what one gets."""

    @asynccontextmanager
    async def serving(
        life: Life, answers: dict[str, Answer] | None = None, port: int = 0, access: Access | None = None
    ) -> AsyncIterator[grpc.aio.Channel]:
        surface = GrpcSurface(life.runner, EXCHANGE, access or SERVICE.access(document_of(SERVICE)), answers)
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((surface.handler(),))
        address = f"127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
        await server.start()
        try:
            async with grpc.aio.insecure_channel(address) as channel:
                yield channel
        finally:
            await server.stop(None)

    return serving


async def soon(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    """Return when it holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.fixture
def until() -> Callable[..., Any]:
    return soon


def unused_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def free_port() -> Callable[[], int]:
    return unused_port


@pytest.fixture
def port() -> int:
    """One on which a service may come back."""
    return unused_port()
