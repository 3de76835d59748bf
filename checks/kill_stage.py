"""Where a service is killed: its real process, and all that it needs around it, hosted by the process that kills it.

Rule 1: what stands around the service speaks the same proto files as what it stands for.
Rule 2: a process ends by its own number, and never outlives this one.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import grpc
import yaml
from kill_load import DESK, KEEPER, READER, VENUE, ask
from kill_twin import words_of
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from trading_ecosystem import __version__
from trading_ecosystem.assembly import load_world
from trading_ecosystem.chance import Dice
from trading_ecosystem.configuration.document import read_document
from trading_ecosystem.core import Core, JournaledCore
from trading_ecosystem.live.clock import Clock, Tempo
from trading_ecosystem.live.engine import Engine
from trading_ecosystem.live.links import Reach
from trading_ecosystem.live.neighbours import TOKEN
from trading_ecosystem.live.security.tokens import SCOPES, Surface, issue_token
from trading_ecosystem.live.server import GrpcSurface
from trading_ecosystem.live.service import Service
from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.opening import parse
from trading_ecosystem.live.telemetry.spans import BODY, FIRST, KIND, SPOOL
from trading_ecosystem.messages.accounts import QueryAccount, QueryHoldings, QueryTrades, TradesReported
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import Side, TradeExecuted
from trading_ecosystem.messages.runtime import WakeAt
from trading_ecosystem.orchestrator.child import Command, launch
from trading_ecosystem.orchestrator.documents import DOCUMENT, documents_of
from trading_ecosystem.orchestrator.launch import environment_from
from trading_ecosystem.orchestrator.planes import module_of
from trading_ecosystem.orchestrator.registry import HostedRegistry
from trading_ecosystem.orchestrator.terms import Terms
from trading_ecosystem.simulators.custodian.server import SERVICE as CUSTODIAN_SERVICE
from trading_ecosystem.simulators.exchange.server import SERVICE as EXCHANGE_SERVICE
from trading_ecosystem.simulators.market_data.server import SERVICE as MARKET_DATA_SERVICE

ROOT = Path(__file__).parent.parent
WORLD = ROOT / "worlds" / "two-desks.yaml"
SPEED = 10
SECOND_NS, MILLISECOND_NS = 1_000_000_000, 1_000_000
READY_WITHIN_S = 30.0
EXPORT = "opentelemetry.proto.collector.trace.v1.TraceService"
OWN_KINDS = ("Wake", "Start")  # Traces of what a process did, not of what it said.
BATCH_NS, PER_BATCH = 200 * MILLISECOND_NS, 4  # Trades of the source, in simulated time.
LAST_TRADES = 20_000  # That the source still tells when it is asked.
ACCOUNTS = {VENUE: ("alpha", "beta", "background", "noise", "fees"), KEEPER: ("alpha", "beta", "fees", "external")}


@final
class TradeSource(Core):
    """A venue that only trades: batches in any order, with repetitions, as a bad network would bring them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._dice = Dice(1, "trades")
        self.trades: list[TradeExecuted] = []
        self.ended = False

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, QueryTrades):
            first = max(message.from_trade_id, len(self.trades) - LAST_TRADES + 1, 1)
            told = tuple(self.trades[first - 1 :])
            return [
                TradesReported(to=message.asker, venue=self._name, from_trade_id=first, trades=told, occurred_ns=now)
            ]
        batch: list[Message] = [] if self.ended else [self._trade(now) for _ in range(PER_BATCH)]
        if batch:
            at = self._dice.below(PER_BATCH, len(self.trades))
            batch[0], batch[at] = batch[at], batch[0]
            batch.append(self.trades[self._dice.below(len(self.trades), len(self.trades), 1)])
        return [*batch, WakeAt(now + BATCH_NS)]

    def _trade(self, now: int) -> TradeExecuted:
        number = len(self.trades) + 1
        buyer, seller = ("alpha", "beta") if number % 2 else ("beta", "alpha")
        trade = TradeExecuted(
            venue=self._name,
            trade_id=number,
            symbol="USDT/USD",
            price_ticks=9_900 + self._dice.below(200, number),
            quantity_lots=1 + self._dice.below(50, number, 1),
            taker_side=Side.BUY,
            buyer_account=buyer,
            seller_account=seller,
            buyer_order_id=2 * number - 1,
            seller_order_id=2 * number,
            buyer_fee_minor=number % 7,
            seller_fee_minor=number % 3,
            occurred_ns=now,
        )
        self.trades.append(trade)
        return trade


@final
class Audit:
    """Takes in the traces of the service: how often each message was told, by its words."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()
        self._seen: set[tuple[str, int]] = set()  # A batch that was not answered comes again.

    def handler(self) -> grpc.GenericRpcHandler:
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(self._export)
        return grpc.method_handlers_generic_handler(EXPORT, {"Export": method})

    async def _export(self, data: bytes, _: object) -> bytes:
        for place, words in words_in(ExportTraceServiceRequest.FromString(data)):
            if place not in self._seen:
                self._seen.add(place)
                self.told[words] += 1
        return ExportTraceServiceResponse().SerializeToString()


def words_in(request: ExportTraceServiceRequest) -> Iterator[tuple[tuple[str, int], str]]:
    """Each message that the traces tell of, and the place of its trace: a spool, and a number in it."""
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            facts: dict[str, Any] = {each.key: each.value for each in scope.scope.attributes}
            for number, span in enumerate(scope.spans, facts[FIRST].int_value):
                told: dict[str, Any] = {each.key: each.value for each in span.attributes}
                if told[KIND].string_value not in OWN_KINDS:
                    words = words_of(told[KIND].string_value, told[BODY].bytes_value)
                    yield (facts[SPOOL].string_value, number), words


@final
class Stage:
    """`service` is the one that is killed; `store` is where it keeps everything."""

    def __init__(self, service: str, store: str, folder: Path) -> None:
        self.service, self.folder = service, folder
        self.store = store
        self.audit = Audit()
        self.source = TradeSource(VENUE)
        self.address = ""
        self._around = "market_data" if service == VENUE else VENUE
        self._registry = HostedRegistry([service, self._around], 0, "")
        self._process: subprocess.Popen[bytes] | None = None
        self._undo = AsyncExitStack()
        self.described: Service = EXCHANGE_SERVICE if service == VENUE else CUSTODIAN_SERVICE

    async def open(self) -> None:
        plan = load_world(WORLD)
        tempo = Tempo(start_ns=plan.start_ns, epoch_ns=Clock().now_ns(), speed=SPEED)
        documents = documents_of(WORLD, Terms(seed=7, start_ns=plan.start_ns))
        for instance in (self.service, self._around):
            place = self.folder / instance
            place.mkdir(parents=True)
            for name, text in documents[instance].items():
                (place / name).write_text(text)
        self._adapt(self.folder / self.service / DOCUMENT)
        await self._registry.start()
        self._undo.push_async_callback(self._registry.stop)
        self._registry.publish(tempo)
        self._write_settings(await self._serve([self.audit.handler()]))
        await self._open_around(Clock(tempo))

    def _adapt(self, path: Path) -> None:
        """The client may use every account; a settlement takes a second."""
        document = yaml.safe_load(path.read_text())
        accounts = list(ACCOUNTS[self.service])
        document["clients"] = {name: {"sees": accounts, "trades": accounts} for name in (DESK, READER)}
        if "custodian" in document:
            document["custodian"] |= {"same_day_delay": "1s", "cycles": {}}
        path.write_text(json.dumps(document, default=str))

    def _write_settings(self, audit: str) -> None:
        place = self.folder / self.service
        (place / "tokens").mkdir(mode=0o700)
        (place / "tokens" / TOKEN).write_text(self._registry.tokens[self.service])
        for surface in Surface:
            issue_token(place / "tokens", surface, READER, SCOPES[surface], self.folder / f"{surface}.token")
        settings = {
            "instance": self.service,
            "document": DOCUMENT,
            "registry": self._registry.url,
            "store": self.store,
            "data": "data",
            "tokens": "tokens",
            "telemetry": audit,
        }
        (place / "settings.yaml").write_text(json.dumps(settings))

    async def _serve(self, handlers: Sequence[grpc.GenericRpcHandler]) -> str:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers(tuple(handlers))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        self._undo.push_async_callback(server.stop, None)
        return f"127.0.0.1:{port}"

    async def _open_around(self, clock: Clock) -> None:
        """The one service that this one listens to, in this process."""
        described = MARKET_DATA_SERVICE
        if self._around == VENUE:
            described = replace(EXCHANGE_SERVICE, build=lambda document, instance: self.source, hears=(), breaking=None)
        place = self.folder / self._around
        document = read_document(place / DOCUMENT).section(described.keys, described.optional)
        engine = Engine(
            service=described,
            core=described.build(document, self._around),
            instance=self._around,
            version=__version__,
            store_url="memory:",
            data=place,
            clock=clock,
            targets={},
            reach=Reach(find=find_none, connect=connect_none),
        )
        surface = GrpcSurface(engine.runner, described.speech, described.access(document))
        await engine.connect()
        await engine.runner.start()
        self._undo.push_async_callback(engine.stop)
        self._registry.host(self._around, {"grpc": await self._serve([surface.handler()])})

    # The process.

    def start(self) -> None:
        place = self.folder / self.service
        command = Command(
            arguments=(sys.executable, "-P", "-m", module_of(self.service), "--config", "settings.yaml"),
            folder=place,
            environment=environment_from(os.environ, tls=False),
            log=place / "log",
        )
        self._process = launch(command)

    async def until_serving(self) -> None:
        """Raises AssertionError with the end of the log where it ends or takes too long."""
        began_s = time.monotonic()
        while True:
            assert self._process is not None
            code = self._process.poll()
            assert code is None, f"{self.service} ended by itself with {code}:\n{self.log_end()}"
            assert time.monotonic() - began_s < READY_WITHIN_S, f"{self.service} does not serve:\n{self.log_end()}"
            found = self._registry.ready().get(self.service)
            if found is not None:
                self.address = found.addresses["grpc"]
                if await self.ask_all():
                    return
            await asyncio.sleep(0.02)

    async def ask_all(self) -> list[str]:
        """What the service says of every account; nothing while it does not serve."""
        said: list[str] = []
        async with grpc.aio.insecure_channel(self.address) as channel:
            for account in ACCOUNTS[self.service]:
                try:
                    said += await ask(channel, question_of(self.service, account))
                except grpc.aio.AioRpcError as error:
                    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                        return []
                    raise
        return said

    async def end(self, number: signal.Signals) -> int:
        """Returns its exit code, below 0 for a signal."""
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(number)
        code = await asyncio.to_thread(process.wait)
        self._registry.forget(self.service)
        return code

    def log_end(self) -> str:
        return (self.folder / self.service / "log").read_text(errors="replace")[-3000:]

    # The second look.

    def build(self) -> JournaledCore:
        document = read_document(self.folder / self.service / DOCUMENT)
        core = self.described.build(document.section(self.described.keys, self.described.optional), self.service)
        assert isinstance(core, JournaledCore)
        return core

    def database(self) -> Database:
        """The tables of the service. Those who write through it wait until the service is gone."""
        url = self.store.replace("sqlite:///", f"sqlite:///{self.folder / self.service}/")
        return Database(parse(url), self.described.design.schema_of(self.service))

    async def close(self) -> None:
        if self._process is not None:
            await self.end(signal.SIGKILL)
        await self._undo.aclose()


async def find_none(instance: str, surface: str) -> str:
    raise AssertionError(f"{instance} is not to be found here")


def connect_none(address: str, instance: str, caller: str) -> grpc.aio.Channel:
    raise AssertionError(f"nobody is to be called here, and not {instance}")


def question_of(service: str, account: str) -> QueryAccount | QueryHoldings:
    if service == VENUE:
        return QueryAccount(to=VENUE, asker=DESK, account=account)
    return QueryHoldings(to=KEEPER, asker=READER, account=account)
