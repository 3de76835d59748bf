"""The injector as the test coordinator sees it: one more instance with an audit port, in the supervisor's process.

Rule 1: its receipts are in the audit as any message is: in its spool first, then told.
Rule 2: nobody but the coordinator commands it, and it commands nobody but the audit ports of this ecosystem.
Rule 3: what it has begun to do it does to its end, also when the one who ordered it is gone by then.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

import grpc

from trading_ecosystem import __version__, routes
from trading_ecosystem.chance import Dice
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.chaos_wire import CHAOS, CODEC
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.door import Header, Listener, RefusalCode, Refused
from trading_ecosystem.live.faults.chaos_surface import LONGEST_LEASE_NS
from trading_ecosystem.live.faults.leases import Leases
from trading_ecosystem.live.faults.proxy import Address
from trading_ecosystem.live.hub import Hub
from trading_ecosystem.live.identifiers import Identifiers
from trading_ecosystem.live.links import ALIVE
from trading_ecosystem.live.security.allow_list import load_allow_list
from trading_ecosystem.live.security.binding import bind, open_channel
from trading_ecosystem.live.security.guard import Guard
from trading_ecosystem.live.security.handshakes import channel_credentials
from trading_ecosystem.live.server import GrpcSurface
from trading_ecosystem.live.telemetry.exporter import Exporter
from trading_ecosystem.live.telemetry.spans import SpanRecord, service_resource
from trading_ecosystem.live.telemetry.spool import Spool
from trading_ecosystem.messages.health import HealthStatus
from trading_ecosystem.messages.message import Message
from trading_ecosystem.orchestrator.injector import Impossible, Injector
from trading_ecosystem.orchestrator.links import Links
from trading_ecosystem.orchestrator.planes import role_of
from trading_ecosystem.orchestrator.processes import Processes

SPOOL_BYTES = 16 << 20
DEADLINE_S = 3.0
LEASE_NS = 15_000_000_000
RENEW_EVERY_S = 5.0

Lookup = Callable[[str, str], Address | None]


@final
class AuditPorts:
    """The audit ports of the services, as the registry tells them."""

    def __init__(self, lookup: Lookup, tls: Path | None) -> None:
        self._lookup, self._tls = lookup, tls

    def has(self, instance: str) -> bool:
        return self._lookup(instance, "audit") is not None

    async def send(self, instance: str, command: Message) -> None:
        line = CHAOS.command(command, Header(message_id=0, correlation_id=0))
        await self._call(instance, "Inject", command=line)

    async def renew(self, instance: str) -> None:
        await self._call(instance, "RenewLease")

    async def _call(self, instance: str, method: str, **fields: Any) -> None:
        found = self._lookup(instance, "audit")
        if found is None:
            raise Impossible(f"{instance} has no audit port now")
        request = CHAOS.request_type(method)(lease_ns=LEASE_NS, coordinator=routes.INJECTOR, **fields)
        try:
            async with open_channel(f"{found[0]}:{found[1]}", instance, tls=self._tls, options=ALIVE) as channel:
                call: Any = channel.unary_unary(CHAOS.path(method))
                await call(request.SerializeToString(), timeout=DEADLINE_S, metadata=(("x-instance", routes.INJECTOR),))
        except grpc.aio.AioRpcError as error:
            raise Impossible(f"{instance} does not take it: {error.code().name}: {error.details()}") from None


@final
class InjectorDoor:
    """Its receipts are listened to; commands come over its own RPCs."""

    instance = routes.INJECTOR

    def __init__(self, clock: Clock, hub: Hub) -> None:
        self.clock, self.hub = clock, hub

    async def ask(self, message: Message, cause: Header | None = None) -> Sequence[Message]:
        raise Refused(RefusalCode.INVALID, "commands come by Inject")

    def take_commands(self, messages: Sequence[tuple[Message, Header]]) -> "asyncio.Future[Sequence[Message]]":
        raise Refused(RefusalCode.INVALID, "commands come by Inject")

    def listen(self, listener: Listener) -> Callable[[], None]:
        return self.hub.listen(listener)

    def health(self) -> tuple[HealthStatus, str]:
        return HealthStatus.SERVING, ""


@final
class InjectorService:
    """`instances`: all that links join, and that may be killed."""

    def __init__(
        self,
        instances: Sequence[str],
        processes: Processes,
        lookup: Lookup,
        clock: Clock,
        seed: int,
        data: Path,
        telemetry: str,
        tls: Path | None,
    ) -> None:
        self.address = ""
        self.links = Links(lookup, lambda name: Dice(seed, name))
        self._clock, self._tls = clock, tls
        self._injector = Injector(
            instances,
            instances,
            touchable_of(instances),
            processes,
            self.links,
            AuditPorts(lookup, tls),
            Leases(),
            clock.speed,
        )
        self._hub = Hub(secrets.randbits(62) | 1)
        self._spool = Spool(data, SPOOL_BYTES, service_resource(routes.INJECTOR, __version__), CODEC.encode)
        self._exporter = Exporter(self._spool, lambda: telemetry, channel_credentials(tls) if tls else None)
        self._identifiers = Identifiers()
        self._server: grpc.aio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._under_way: set[asyncio.Task[list[Message]]] = set()

    async def start(self) -> None:
        allowed = load_allow_list(routes.INJECTOR, "audit", production=False)
        guard = Guard(allowed, secured=self._tls is not None, denied=lambda denial: None)
        self._server = grpc.aio.server(interceptors=(guard,), options=[("grpc.so_reuseport", 0)])
        door = InjectorDoor(self._clock, self._hub)
        answers = {"Inject": self._inject, "RenewLease": self._renew}
        self._server.add_generic_rpc_handlers((GrpcSurface(door, CHAOS, Access(), answers).handler(),))
        bound = bind(
            self._server, "the injector", "127.0.0.1:0", tls=self._tls, exposed=False, tell=lambda problem: None
        )
        self.address = str(bound)
        await self._server.start()
        guarding = self._injector.guard(self._clock.now_ns, lambda receipts: self._tell(receipts, None))
        work = (self._exporter.run(), guarding, self._renew_told())
        self._tasks = [asyncio.create_task(each) for each in work]

    async def stop(self) -> None:
        """Whatever is still broken goes with the ecosystem that it was broken in."""
        tasks = [*self._tasks, *self._under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.stop(0)
        await self.links.close()
        self._spool.close()

    async def _inject(self, request: Any, caller: str) -> Any:
        if not 0 < request.lease_ns <= LONGEST_LEASE_NS:
            raise Refused(RefusalCode.INVALID, f"is not between 1 and {LONGEST_LEASE_NS}", "lease_ns")
        command, header = CHAOS.read_command(request.command)
        doing = asyncio.create_task(self._do(command, header, caller, request.lease_ns))
        self._under_way.add(doing)
        doing.add_done_callback(self._under_way.discard)
        receipts = await asyncio.shield(doing)  # A call ends with its caller, who may be the one that is killed.
        told = [CHAOS.event(receipt, header, 0) for receipt in receipts]
        return CHAOS.response_type("Inject")(receipts=told)

    async def _do(self, command: Message, cause: Header, holder: str, lease_ns: int) -> list[Message]:
        receipts = await self._injector.handle(command, self._clock.now_ns(), holder, lease_ns)
        self._tell(receipts, cause)
        return receipts

    async def _renew(self, request: Any, caller: str) -> Any:
        held = self._injector.renew(caller, request.lease_ns)
        return CHAOS.response_type("RenewLease")(injection_ids=held)

    async def _renew_told(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            await self._injector.renew_told()

    def _tell(self, receipts: Sequence[Message], cause: Header | None) -> None:
        now_ns = self._clock.now_ns()
        spans = [
            SpanRecord(self._identifiers.header(cause), cause.message_id if cause else 0, now_ns, routes.INJECTOR, each)
            for each in receipts
        ]
        if spans:
            self._spool.write(spans, 0)
            self._hub.publish([(span.header, span.message) for span in spans])


def touchable_of(instances: Sequence[str]) -> list[str]:
    """Who judges may be killed, and is started again; what it stands on is left alone."""
    return [name for name in instances if role_of(name) not in routes.VALIDATION]
