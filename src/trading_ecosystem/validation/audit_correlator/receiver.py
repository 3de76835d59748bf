"""Takes in OTLP of everybody, over gRPC and over HTTP (protobuf and JSON).

Rule 1: a request is acknowledged when the messages that it told of are durable; what is around them is held in memory.
Rule 2: no input ends in an error of ours: its sender is told what is wrong with it, or to come again.
Rule 3: a message is never given up for want of room; its sender keeps it and comes again.
"""

import asyncio
import json
import time
import zlib
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, final

import grpc
from google.protobuf.json_format import MessageToJson, ParseDict, ParseError
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # It comes without stubs.
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from trading_ecosystem.live.clock import Clock
from trading_ecosystem.messages.message import Message
from trading_ecosystem.validation.audit_correlator.acceptance import Acceptance, Accepted
from trading_ecosystem.validation.audit_correlator.forwarding import Forwarder
from trading_ecosystem.validation.audit_correlator.intake import Fate, Intake
from trading_ecosystem.validation.audit_correlator.surroundings import Surroundings
from trading_ecosystem.validation.results import TimelineEntry

MOST_REQUEST_BYTES = 4 << 20
BODY_SECONDS = 10.0
RETRY_SECONDS = 1
PROTOBUF, JSON = "application/x-protobuf", "application/json"
ID_FIELDS = frozenset({"traceId", "spanId", "parentSpanId"})
GRPC_STATUS = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}

# Moment of arrival and request. Done when both are durable, in the order of the calls; raises `Refusal` 503.
Keep = Callable[[int, bytes], Awaitable[None]]
Tell = Callable[[Sequence[Message]], None]  # What the correlator found.
PeerOf = Callable[[Any], str]  # The caller's proven name, of a gRPC context or a Starlette request; "" for none.


class Refusal(Exception):
    """Nothing of a request was taken. `status` is that of HTTP."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Signal(NamedTuple):
    """One of the three kinds of telemetry: where it arrives and what it is made of."""

    path: str
    method: str
    request: type[Any]
    response: type[Any]
    rejected: str  # The field of the answer that counts what was refused.


TRACES = Signal(
    "/v1/traces",
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    traces.ExportTraceServiceRequest,
    traces.ExportTraceServiceResponse,
    "rejected_spans",
)
LOGS = Signal(
    "/v1/logs",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    logs.ExportLogsServiceRequest,
    logs.ExportLogsServiceResponse,
    "rejected_log_records",
)
METRICS = Signal(
    "/v1/metrics",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    metrics.ExportMetricsServiceRequest,
    metrics.ExportMetricsServiceResponse,
    "rejected_data_points",
)
SIGNALS = (TRACES, LOGS, METRICS)


@final
class Receiver:
    """`most_waiting`: spans in the intake from which on requests are asked to come again."""

    def __init__(
        self,
        acceptance: Acceptance,
        intake: Intake,
        surroundings: Surroundings,
        clock: Clock,
        keep: Keep,
        tell: Tell,
        most_waiting: int,
        forwarder: Forwarder | None = None,
    ) -> None:
        self._acceptance = acceptance
        self._intake = intake
        self._surroundings = surroundings
        self._clock = clock
        self._keep = keep
        self._tell = tell
        self._most_waiting = most_waiting
        self._forwarder = forwarder
        self._wall_offset_ns = 0
        self._wall_ns = 0
        self.requests = 0
        self.rejected = 0
        self.overloads = 0

    async def take(self, signal: Signal, request: Any, peer: str) -> Any:
        """The answer to a parsed request, when it is durable. Raises `Refusal`."""
        if self._intake.waiting >= self._most_waiting:
            self.overloads += 1
            raise Refusal(503, "too much waits to be put in order; come again")
        self.requests += 1
        accepted = self._accept(signal, request, peer)
        if accepted.messages:
            wall_ns = self._note_arrival()
            durable = self._keep(wall_ns, request.SerializeToString())
            self._take_messages(accepted, wall_ns)
            await durable
        for span in accepted.foreign:
            self._surroundings.add_span(span)
        for line in accepted.logs:
            self._surroundings.add_log(line)
        if self._forwarder is not None:
            self._forwarder.offer(signal.method, request.SerializeToString())
        return self._answer(signal, accepted)

    def replay(self, wall_ns: int, request: bytes) -> None:
        """Take in again, after a restart and in the same order, what `keep` was given."""
        parsed = traces.ExportTraceServiceRequest.FromString(request)
        accepted = self._acceptance.spans(parsed, "", self._clock.now_ns(), kept=True)
        self._wall_ns = wall_ns
        self._wall_offset_ns = wall_ns - time.monotonic_ns()
        self._take_messages(accepted, wall_ns)

    def move_on(self) -> None:
        """Let go on what has waited long enough. To be called several times per second."""
        self._say(self._intake.release(self._note_arrival()))

    def drain(self, until_ns: int) -> None:
        """The end of a run: nothing sent up to this moment waits any longer."""
        self._say(self._intake.drain(until_ns))

    def timeline(self, from_ns: int, until_ns: int) -> tuple[TimelineEntry, ...]:
        """What is known beside the correlator's own timeline: foreign spans, log lines and conflicting spans."""
        return self._surroundings.timeline(from_ns, until_ns, tuple(self._intake.conflicts))

    def _accept(self, signal: Signal, request: Any, peer: str) -> Accepted:
        now_ns = self._clock.now_ns()
        if signal is TRACES:
            return self._acceptance.spans(request, peer, now_ns)
        if signal is LOGS:
            return self._acceptance.logs(request, peer, now_ns)
        return self._acceptance.metrics(request, peer, now_ns)

    def _take_messages(self, accepted: Accepted, wall_ns: int) -> None:
        for span in accepted.messages:
            if self._intake.add(span, wall_ns) is Fate.UNREADABLE:
                accepted.reject(f"no message can be read from a {span.kind[:80]}")
        self._say(self._intake.release(wall_ns))

    def _answer(self, signal: Signal, accepted: Accepted) -> Any:
        answer = signal.response()
        if accepted.rejected:
            self.rejected += accepted.rejected
            setattr(answer.partial_success, signal.rejected, accepted.rejected)
            answer.partial_success.error_message = "; ".join(accepted.reasons)
        return answer

    def _say(self, found: Sequence[Message]) -> None:
        if found:
            self._tell(found)

    def _note_arrival(self) -> int:
        """Wall time that goes on where it stood before a restart, and never goes back."""
        self._wall_ns = max(self._wall_ns, time.monotonic_ns() + self._wall_offset_ns)
        return self._wall_ns


def parse(signal: Signal, data: bytes) -> Any:
    """Raises `Refusal`."""
    try:
        return signal.request.FromString(data)
    except DecodeError:
        raise Refusal(400, f"not an {signal.request.DESCRIPTOR.name}") from None


def parse_json(signal: Signal, data: bytes) -> Any:
    """In JSON ids are hexadecimal, and bytes are base64. Raises `Refusal`."""
    try:
        return ParseDict(with_ids_in_base64(json.loads(data)), signal.request(), ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, AttributeError, RecursionError):
        raise Refusal(400, f"not an {signal.request.DESCRIPTOR.name} in JSON") from None


def with_ids_in_base64(value: Any) -> Any:
    if isinstance(value, list):
        return [with_ids_in_base64(part) for part in value]
    if isinstance(value, dict):
        return {
            key: b64encode(bytes.fromhex(part)).decode() if key in ID_FIELDS else with_ids_in_base64(part)
            for key, part in value.items()
        }
    return value


# Over gRPC.


def grpc_handlers(receiver: Receiver, peer_of: PeerOf) -> tuple[grpc.GenericRpcHandler, ...]:
    """The three services, for `server.add_generic_rpc_handlers`. They read bytes, to say themselves what is wrong."""
    return tuple(grpc_handler(receiver, signal, peer_of) for signal in SIGNALS)


def grpc_handler(receiver: Receiver, signal: Signal, peer_of: PeerOf) -> grpc.GenericRpcHandler:
    async def export(data: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        try:
            if len(data) > MOST_REQUEST_BYTES:
                raise Refusal(413, f"more than {MOST_REQUEST_BYTES} bytes")
            answer = await receiver.take(signal, parse(signal, data), peer_of(context))
        except Refusal as refusal:
            if refusal.status == 503:
                context.set_trailing_metadata((("grpc-status-details-bin", retry_details(refusal)),))
            await context.abort(GRPC_STATUS[refusal.status], refusal.detail)
        encoded: bytes = answer.SerializeToString()
        return encoded

    service, name = signal.method.strip("/").split("/")
    return grpc.method_handlers_generic_handler(service, {name: grpc.unary_unary_rpc_method_handler(export)})


def retry_details(refusal: Refusal) -> bytes:
    status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=refusal.detail)
    pause = RetryInfo()
    pause.retry_delay.FromSeconds(RETRY_SECONDS)
    status.details.add().Pack(pause)
    encoded: bytes = status.SerializeToString()
    return encoded


# Over HTTP.


def http_app(receiver: Receiver, peer_of: PeerOf) -> Starlette:
    """An ASGI application with `/v1/traces`, `/v1/logs` and `/v1/metrics`, to be mounted."""
    return Starlette(
        routes=[Route(each.path, http_endpoint(receiver, each, peer_of), methods=["POST"]) for each in SIGNALS]
    )


def http_endpoint(receiver: Receiver, signal: Signal, peer_of: PeerOf) -> Callable[[Request], Awaitable[Response]]:
    async def export(request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            if media_type not in (PROTOBUF, JSON):
                raise Refusal(415, f"send {PROTOBUF} or {JSON}")
            data = await read_body(request)
            parsed = parse(signal, data) if media_type == PROTOBUF else parse_json(signal, data)
            answer = await receiver.take(signal, parsed, peer_of(request))
        except Refusal as refusal:
            return http_answer(Status(message=refusal.detail), media_type, refusal.status)
        return http_answer(answer, media_type, 200)

    return export


def http_answer(message: Any, media_type: str, status: int) -> Response:
    """In the encoding of the request; protobuf where that is unknown."""
    headers = {"retry-after": str(RETRY_SECONDS)} if status == 503 else None
    if media_type == JSON:
        return Response(MessageToJson(message, indent=None), status, headers, JSON)
    return Response(message.SerializeToString(), status, headers, PROTOBUF)


async def read_body(request: Request) -> bytes:
    """The body, decompressed. Raises `Refusal` before more than the limit is held."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise Refusal(415, "send gzip or no content encoding")
    received = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                received += chunk
                if len(received) > MOST_REQUEST_BYTES:
                    raise Refusal(413, f"more than {MOST_REQUEST_BYTES} bytes")
    except TimeoutError:
        raise Refusal(408, f"no whole body within {BODY_SECONDS:.0f} s") from None
    except ClientDisconnect:
        raise Refusal(400, "the body is not whole") from None
    return bytes(received) if encoding == "identity" else unzip(bytes(received))


def unzip(data: bytes) -> bytes:
    """Raises `Refusal`."""
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(data, MOST_REQUEST_BYTES + 1)
    except zlib.error:
        raise Refusal(400, "not gzip") from None
    if len(plain) > MOST_REQUEST_BYTES:
        raise Refusal(413, f"more than {MOST_REQUEST_BYTES} bytes when decompressed")
    if not inflater.eof:
        raise Refusal(400, "the gzip stream is not whole")
    return plain
