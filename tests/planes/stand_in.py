"""Services that say what they are handed and nothing of their own, and an audit that keeps what it is told.

Rule 1: what they say of the production stream is the same in every run; what is around it is the simulation's.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, final

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from tests.planes.simulation import Simulation

from trading_ecosystem.live.chaos_wire import CHAOS
from trading_ecosystem.live.codec import parse
from trading_ecosystem.live.host import OPTIONS
from trading_ecosystem.live.production_wire import CUSTODIAN, EXCHANGE, MARKET_DATA
from trading_ecosystem.live.speech import Speech, lines
from trading_ecosystem.live.telemetry.spans import BODY
from trading_ecosystem.messages.message import Message

ANY_PORT = "127.0.0.1:0"
TRACES = "opentelemetry.proto.collector.trace.v1.TraceService"
LOGS = "opentelemetry.proto.collector.logs.v1.LogsService"
SPEECHES = {"market_data": MARKET_DATA, "exchange": EXCHANGE, "custodian": CUSTODIAN}
REFUSED = 3  # Which question is refused, where one is.
LEASE_NS = 1_000_000_000

Context = grpc.aio.ServicerContext[Any, Any]


class StandIn(ABC):
    """A gRPC server of one service; `address` is there when it has started."""

    def __init__(self) -> None:
        self.address = ""
        self._server = grpc.aio.server(options=OPTIONS)

    @abstractmethod
    async def start(self) -> None:
        """Serve on a free port of this machine."""

    async def serve(self, full_name: str, handlers: dict[str, "grpc.RpcMethodHandler[Any, Any]"]) -> None:
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(full_name, handlers),))
        self.address = f"127.0.0.1:{self._server.add_insecure_port(ANY_PORT)}"
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(0.1)


@final
class Source(StandIn):
    """Market data, the exchange or the custodian, for one listener.

    `refusal`: why one of the questions is refused, empty where none is. A leak can be planted there, and by `change`,
    which is what becomes of a message.
    """

    def __init__(self, speech: Speech, simulation: Simulation) -> None:
        super().__init__()
        self.change: Callable[[Message], Message] = lambda message: message
        self.refusal = ""
        self.asked: list[str] = []  # The questions, in order.
        self.metadata: list[tuple[str, str | bytes]] = []  # Of everybody who called.
        self._speech, self._simulation = speech, simulation
        self._lines: asyncio.Queue[bytes] = asyncio.Queue()
        self._sequence = 0
        self._index = 0

    async def start(self) -> None:
        await self.serve(
            self._speech.full_name,
            {
                "Subscribe": grpc.unary_stream_rpc_method_handler(self._subscribe),
                "StreamCommands": grpc.stream_stream_rpc_method_handler(self._take_commands),
            },
        )

    def tell(self, messages: Sequence[Message]) -> None:
        number = self._speech.response_type("Subscribe").DESCRIPTOR.fields_by_name["events"].number
        self._lines.put_nowait(lines(number, [self._event(message) for message in messages]))

    def _event(self, message: Message) -> bytes:
        self._index += 1
        self._sequence += 1 + self._simulation.gap(self._index)
        event = self._speech.event(self.change(message), self._simulation.header(self._index), self._sequence)
        encoded: bytes = event.SerializeToString()
        return encoded + self._simulation.marks(self._index)

    async def _subscribe(self, _: bytes, context: Context) -> AsyncIterator[bytes]:
        await self._greet(context)
        first = self._speech.response_type("Subscribe")(incarnation=self._simulation.incarnation)
        yield first.SerializeToString() + self._simulation.marks(0)
        while True:
            yield await self._lines.get()

    async def _take_commands(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        await self._greet(context)
        async for data in requests:
            response = self._speech.response_type("StreamCommands")()
            for command in parse(self._speech.request_type("StreamCommands"), data).commands:
                self.asked.append(str(self._speech.read_command(command)[0]))
                if self.refusal and len(self.asked) == REFUSED:
                    response.refusals.add(detail=self.refusal)
            yield response.SerializeToString() + self._simulation.marks(len(self.asked))

    async def _greet(self, context: Context) -> None:
        self.metadata.extend(context.invocation_metadata() or ())
        await context.send_initial_metadata(self._simulation.metadata())
        context.set_trailing_metadata(self._simulation.metadata())


@final
class Audit(StandIn):
    """Takes traces and log lines in, and says of each what the simulation would say."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self.traces: list[str] = []  # What each span tells, but for its ids, which are drawn.
        self._simulation = simulation

    async def start(self) -> None:
        logs: dict[str, Any] = {"Export": grpc.unary_unary_rpc_method_handler(self._export_logs)}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(LOGS, logs),))
        await self.serve(TRACES, {"Export": grpc.unary_unary_rpc_method_handler(self._export)})

    async def _export(self, data: bytes, context: Context) -> bytes:
        await context.send_initial_metadata(self._simulation.metadata())
        for resource in ExportTraceServiceRequest.FromString(data).resource_spans:
            about = {each.key: each.value.string_value for each in resource.resource.attributes}
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                bodies = [each.value.bytes_value.hex() for each in span.attributes if each.key == BODY]
                names = sorted(each.key for each in span.attributes)
                self.traces.append(f"{about} {span.start_time_unix_nano} {span.name} {names} {bodies}")
        response = ExportTraceServiceResponse()
        response.partial_success.error_message = f"taken by {self._simulation.canary}"
        return response.SerializeToString() + self._simulation.marks(len(data))

    async def _export_logs(self, data: bytes, context: Context) -> bytes:
        """What they say is in the monitor's own log too, and is compared there."""
        await context.send_initial_metadata(self._simulation.metadata())
        response = ExportLogsServiceResponse()
        response.partial_success.error_message = f"taken by {self._simulation.canary}"
        return response.SerializeToString() + self._simulation.marks(len(data))


@final
class ChaosPort(StandIn):
    """An audit port at which leases are renewed."""

    def __init__(self) -> None:
        super().__init__()
        self.renewed = 0

    async def start(self) -> None:
        await self.serve(CHAOS.full_name, {"RenewLease": grpc.unary_unary_rpc_method_handler(self._renew)})

    async def _renew(self, data: bytes, context: Context) -> bytes:
        self.renewed += 1
        return b""

    async def renew_forever(self, simulation: Simulation) -> None:
        """What a coordinator does as long as something is broken."""
        request = CHAOS.request_type("RenewLease")(lease_ns=LEASE_NS).SerializeToString()
        async with grpc.aio.insecure_channel(self.address) as channel:
            call: Any = channel.unary_unary(CHAOS.path("RenewLease"))
            while True:
                await call(request, metadata=(("x-instance", "test_coordinator"), *simulation.metadata()))
                await asyncio.sleep(simulation.beats_every_s())
