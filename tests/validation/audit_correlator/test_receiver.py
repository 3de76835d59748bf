"""What the receiver answers to everything that an OTLP sender may send, and what it keeps of it."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
import pytest
import uvicorn
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

from trading_ecosystem.core import Core
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.door import Header, RefusalCode, Refused
from trading_ecosystem.live.flat import varint
from trading_ecosystem.live.telemetry.logs import record_of
from trading_ecosystem.live.telemetry.redaction import HIDDEN, Redaction
from trading_ecosystem.live.telemetry.spans import SpanRecord, encode_spans, envelope_of, service_resource
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.audit import Envelope, InvariantViolated
from trading_ecosystem.messages.codec import from_plain, to_plain
from trading_ecosystem.messages.message import Message
from trading_ecosystem.validation.audit_correlator.acceptance import MOST_ATTRIBUTES, Acceptance
from trading_ecosystem.validation.audit_correlator.forwarding import Forwarder
from trading_ecosystem.validation.audit_correlator.intake import Intake
from trading_ecosystem.validation.audit_correlator.receiver import (
    LOGS,
    METRICS,
    MOST_REQUEST_BYTES,
    TRACES,
    Receiver,
    Refusal,
    grpc_handlers,
    http_app,
)
from trading_ecosystem.validation.audit_correlator.surroundings import Surroundings

PROTOBUF, JSON = "application/x-protobuf", "application/json"
CANARY = "canary-4711-secret"
NOW_NS = 1_772_409_600_000_000_000
LAST_NS = 1 << 62


class Listener(Core):
    """Hears envelopes; finds something wrong with session 13."""

    def __init__(self) -> None:
        self.heard: list[Envelope] = []

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        assert isinstance(message, Envelope)
        self.heard.append(message)
        if isinstance(message.message, VenueHeartbeat) and message.message.session == 13:
            return [InvariantViolated(invariant="luck", detail="", message_id=message.message_id, occurred_ns=now)]
        return []


class Desk:
    """A receiver with all that is behind it."""

    def __init__(
        self, most_waiting: int = 100_000, forwarder: Forwarder | None = None, keep: Any = None, owner: str = ""
    ) -> None:
        self.listener = Listener()
        self.kept: list[tuple[int, bytes]] = []
        self.found: list[Message] = []
        self.redaction = Redaction((CANARY,))
        self.surroundings = Surroundings(1_000)
        self.intake = Intake(self.listener, decode, ("exchange", "custodian"), 1_000_000_000, 1_000_000_000)
        self.receiver = Receiver(
            Acceptance(("exchange", "custodian"), lambda peer, instance: peer in ("", instance), self.redaction),
            self.intake,
            self.surroundings,
            Clock(),
            keep or self.keep,
            self.found.extend,
            most_waiting,
            forwarder,
        )
        self.owner = owner
        self.http = ""
        self.grpc = ""

    async def _nothing(self) -> None:
        pass

    def keep(self, wall_ns: int, request: bytes) -> Awaitable[None]:
        self.kept.append((wall_ns, request))
        return self._nothing()

    def peer_of(self, call: Any) -> str:
        return self.owner

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["Desk"]:
        server = grpc.aio.server(options=(("grpc.max_receive_message_length", 8 << 20),))
        server.add_generic_rpc_handlers(grpc_handlers(self.receiver, self.peer_of))
        self.grpc = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        config = uvicorn.Config(http_app(self.receiver, self.peer_of), port=0, log_level="critical", lifespan="off")
        web = uvicorn.Server(config)
        task = asyncio.create_task(web.serve())
        while not web.started:
            await asyncio.sleep(0.01)
        self.http = f"http://127.0.0.1:{web.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            web.should_exit = True
            await task
            await server.stop(0)

    async def export(self, data: bytes, method: str = TRACES.method) -> bytes:
        async with grpc.aio.insecure_channel(self.grpc) as channel:
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
            return await call(data, timeout=10)

    async def post(self, data: bytes, path: str = "/v1/traces", **headers: str) -> httpx.Response:
        named = {"content-type": PROTOBUF} | {key.replace("_", "-"): value for key, value in headers.items()}
        async with httpx.AsyncClient() as client:
            return await client.post(self.http + path, content=data, headers=named, timeout=20)

    @property
    def sessions(self) -> list[int]:
        beats = [each.message for each in self.listener.heard]
        return [each.session for each in beats if isinstance(each, VenueHeartbeat)]

    @property
    def texts(self) -> list[str]:
        return [entry.text for entry in self.receiver.timeline(0, LAST_NS)]


def encode(message: Message) -> tuple[str, bytes]:
    return type(message).__name__, json.dumps(to_plain(message)).encode()


def decode(kind: str, body: bytes) -> Message:
    try:
        return from_plain(kind, json.loads(body))
    except KeyError:
        raise Refused(RefusalCode.MALFORMED, kind) from None


def ours(*sessions: int, first: int = 1, instance: str = "exchange") -> ExportTraceServiceRequest:
    """What a service of ours sends: heartbeats whose sessions are their message ids."""
    around = envelope_of(service_resource(instance, "1"), "spool")
    scope_spans = around.scope_spans[0]
    scope_spans.scope.attributes.add(key="spool.first").value.int_value = first
    records = [
        SpanRecord(
            Header(message_id=number, correlation_id=number),
            0,
            NOW_NS + number,
            instance,
            VenueHeartbeat(venue="exchange", session=number, occurred_ns=1),
        )
        for number in sessions
    ]
    scope_spans.MergeFromString(encode_spans(records, encode))
    return ExportTraceServiceRequest(resource_spans=[around])


def foreign(change: Callable[[Span], object] = lambda span: None, name: str = "GET /") -> ExportTraceServiceRequest:
    """One good span of a stranger after one that is changed."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name").value.string_value = "shop"
    spans = resource_spans.scope_spans.add().spans
    for number, text in ((1, name), (2, "good")):
        spans.add(
            trace_id=bytes([number]) * 16,
            span_id=bytes([number]) * 8,
            name=text,
            start_time_unix_nano=NOW_NS,
            end_time_unix_nano=NOW_NS + 1_000_000,
        )
    change(spans[0])
    return request


def attribute(key: str, text: str = "x") -> Callable[[Span], None]:
    def change(span: Span) -> None:
        span.attributes.add(key=key).value.string_value = text

    return change


def test_messages_reach_the_core_once(make_desk: Callable[..., Desk]) -> None:
    async def scenario() -> None:
        async with make_desk().serve() as desk:
            request = ours(1, 2, 13)
            for _ in range(2):
                assert await desk.export(request.SerializeToString()) == b""
                assert (await desk.post(request.SerializeToString())).content == b""
            desk.receiver.drain(LAST_NS)
            assert desk.sessions == [1, 2, 13]
            assert [type(each) for each in desk.found] == [InvariantViolated]
            (exchange,) = [each for each in desk.intake.completeness() if each.sender == "exchange"]
            assert (exchange.taken, exchange.repeated, exchange.missing) == (3, 9, 0)

    asyncio.run(scenario())


def test_what_was_kept_makes_the_same_again(make_desk: Callable[..., Desk]) -> None:
    async def scenario() -> tuple[Desk, Desk]:
        async with make_desk().serve() as desk:
            broken = ours(3, 4, 5, first=3)
            broken.resource_spans[0].scope_spans[0].spans[0].span_id = bytes(8)
            for request in (ours(1, 2), broken, foreign()):
                await desk.export(request.SerializeToString())
            again = make_desk()
            for wall_ns, kept in desk.kept:
                again.receiver.replay(wall_ns, kept)
            await again.receiver.take(TRACES, ours(6, first=6), "")
            await desk.receiver.take(TRACES, ours(6, first=6), "")
            for each in (desk, again):
                each.receiver.drain(LAST_NS)
            return desk, again

    desk, again = asyncio.run(scenario())
    assert again.sessions == desk.sessions == [1, 2, 4, 5, 6]
    assert again.intake.completeness() == desk.intake.completeness()


def test_no_acknowledgement_before_it_is_durable(make_desk: Callable[..., Desk]) -> None:
    async def scenario() -> None:
        durable = asyncio.Event()

        async def keep_now(wall_ns: int, request: bytes) -> None:
            await durable.wait()

        desk = make_desk(keep=keep_now)
        answer = asyncio.ensure_future(desk.receiver.take(TRACES, ours(1), ""))
        await asyncio.sleep(0.05)
        assert not answer.done()
        durable.set()
        await answer

        async def keep_never(wall_ns: int, request: bytes) -> None:
            raise Refusal(503, "the store is away")

        async with make_desk(keep=keep_never).serve() as away:
            assert (await away.post(ours(1).SerializeToString())).status_code == 503

    asyncio.run(scenario())


Bad = tuple[Callable[[Span], object], str]

REFUSED_SPANS: dict[str, Bad] = {
    "trace id of zeros": (lambda span: setattr(span, "trace_id", bytes(16)), "trace id"),
    "short trace id": (lambda span: setattr(span, "trace_id", b"abc"), "trace id"),
    "span id of zeros": (lambda span: setattr(span, "span_id", bytes(8)), "span id"),
    "no span id": (lambda span: setattr(span, "span_id", b""), "span id"),
    "short parent": (lambda span: setattr(span, "parent_span_id", b"abc"), "parent"),
    "ends before it starts": (lambda span: setattr(span, "end_time_unix_nano", NOW_NS - 1), "ends before"),
    "no start": (lambda span: setattr(span, "start_time_unix_nano", 0), "no start"),
    "plane": (attribute("plane"), "'plane' is reserved"),
    "fault": (attribute("fault.kind"), "'fault.kind' is reserved"),
    "event id": (attribute("event_id"), "'event_id' is reserved"),
    "a message of ours": (attribute("messaging.message.body"), "reserved"),
    "a million attributes": (
        lambda span: span.MergeFromString(bytes.fromhex("4a00") * 200_000),
        "more than 1000 attributes",
    ),
}


@pytest.mark.parametrize("name", REFUSED_SPANS)
def test_a_bad_span_is_refused_alone(name: str, make_desk: Callable[..., Desk]) -> None:
    change, reason = REFUSED_SPANS[name]

    async def scenario() -> None:
        async with make_desk().serve() as desk:
            data = foreign(change).SerializeToString()
            for answer in (await desk.export(data), (await desk.post(data)).content):
                partial = ExportTraceServiceResponse.FromString(answer).partial_success
                assert partial.rejected_spans == 1
                assert reason in partial.error_message
            assert [text.split()[0] for text in desk.texts] == ["good"]

    asyncio.run(scenario())


def deep(levels: int) -> AnyValue:
    value = AnyValue(string_value="deep")
    for _ in range(levels):
        value = AnyValue(array_value=ArrayValue(values=[value]))
    return value


CUT_SPANS: dict[str, tuple[Callable[[Span], object], int]] = {
    "too many attributes": (lambda span: [attribute(f"a{each}")(span) for each in range(300)], 172),
    "a nested value": (lambda span: span.attributes.add(key="deep").value.CopyFrom(deep(20)), 1),
    "long value": (attribute("long", "x" * (1 << 20)), 0),
    "long array": (
        lambda span: (
            [
                span.attributes.add(key="many") and span.attributes[0].value.array_value.values.add(int_value=1)
                for _ in range(1)
            ]
            + [span.attributes[0].value.array_value.values.add(int_value=1) for _ in range(10_000)]
        ),
        0,
    ),
}


@pytest.mark.parametrize("name", CUT_SPANS)
def test_what_is_too_much_is_cut_and_said(name: str, make_desk: Callable[..., Desk]) -> None:
    change, dropped = CUT_SPANS[name]

    async def scenario() -> None:
        desk = make_desk()
        answer = await desk.receiver.take(TRACES, foreign(change), "")
        assert answer.partial_success.rejected_spans == 0
        cut, _ = desk.surroundings._spans.values()
        assert cut.dropped_attributes == dropped
        assert len(cut.attributes) <= MOST_ATTRIBUTES
        assert sum(len(value) for _, value in cut.attributes) < 5_000

    asyncio.run(scenario())


def test_what_no_service_of_ours_may_send_is_refused_and_leaves_a_gap(make_desk: Callable[..., Desk]) -> None:
    changes: list[Callable[[Span], object]] = [
        lambda span: setattr(span, "trace_id", b"\xff" * 16),
        lambda span: setattr(span, "span_id", b"\xff" * 8),
        lambda span: setattr(span, "end_time_unix_nano", NOW_NS + 9),
        attribute("plane"),
        lambda span: span.ClearField("attributes"),
        lambda span: setattr(span.attributes[0].value, "string_value", "NoMessage"),
    ]

    async def scenario() -> None:
        for change in changes:
            desk = make_desk()
            request = ours(1, 2, 3)
            change(request.resource_spans[0].scope_spans[0].spans[1])
            answer = await desk.receiver.take(TRACES, request, "")
            assert answer.partial_success.rejected_spans == 1
            desk.receiver.drain(LAST_NS)
            assert desk.sessions == [1, 3]
            (told,) = [each for each in desk.intake.completeness() if each.sender == "exchange"]
            assert told.missing + told.unreadable == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(("peer", "instance"), [("custodian", "exchange"), ("", "stranger"), ("stranger", "exchange")])
def test_nobody_speaks_for_another(peer: str, instance: str, make_desk: Callable[..., Desk]) -> None:
    async def scenario() -> None:
        async with make_desk(owner=peer).serve() as desk:
            answer = await desk.export(ours(1, 2, instance=instance).SerializeToString())
            assert ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans == 2
            desk.receiver.drain(LAST_NS)
            assert desk.listener.heard == []

    asyncio.run(scenario())


def bottomless() -> bytes:
    """A request whose only attribute is nested in 500 arrays; such a one cannot be made but by hand."""
    data = b""
    for _ in range(500):
        data = field(5, field(1, data))
    for number in (2, 9, 2, 2, 1):  # Value, attribute, span, scope, resource.
        data = field(number, data)
    return data


def field(number: int, data: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + varint(len(data)) + data


GZIP_BOMB = gzip.compress(bytes(64 << 20))
BAD_REQUESTS: dict[str, tuple[bytes, dict[str, str], int]] = {
    "no protobuf": (b"\xff\xff\xff", {}, 400),
    "truncated": (ours(1).SerializeToString()[:-5], {}, 400),
    "nested too deep for any parser": (
        bottomless(),
        {},
        400,
    ),
    "too large": (bytes(MOST_REQUEST_BYTES + 1), {}, 413),
    "gzip bomb": (GZIP_BOMB, {"content_encoding": "gzip"}, 413),
    "not gzip": (b"plain", {"content_encoding": "gzip"}, 400),
    "half a gzip": (gzip.compress(ours(1).SerializeToString())[:-4], {"content_encoding": "gzip"}, 400),
    "another encoding": (b"", {"content_encoding": "br"}, 415),
    "text": (b"", {"content_type": "text/plain"}, 415),
    "no json": (b"{", {"content_type": JSON}, 400),
    "json of something else": (b'{"resourceSpans": 7}', {"content_type": JSON}, 400),
    "json list": (b"[1]", {"content_type": JSON}, 400),
    "json nested deep": (b"[" * 100_000, {"content_type": JSON}, 400),
    "json with a bad id": (
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}',
        {"content_type": JSON},
        400,
    ),
    "json not utf-8": (b"\xff\xfe{", {"content_type": JSON}, 400),
}
GRPC_CODES = {400: grpc.StatusCode.INVALID_ARGUMENT, 413: grpc.StatusCode.RESOURCE_EXHAUSTED}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_has_its_answer(name: str, make_desk: Callable[..., Desk]) -> None:
    data, headers, status = BAD_REQUESTS[name]

    async def scenario() -> None:
        async with make_desk().serve() as desk:
            response = await desk.post(data, **headers)
            assert response.status_code == status
            if response.headers["content-type"] == PROTOBUF:
                assert Status.FromString(response.content).message
            else:
                assert response.json()["message"]
            if not headers:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await desk.export(data)
                assert caught.value.code() is GRPC_CODES[status]
            assert (await desk.post(ours(1).SerializeToString())).status_code == 200, "it serves on"

    asyncio.run(scenario())


@pytest.mark.parametrize("signal", [TRACES, LOGS, METRICS], ids=lambda signal: signal.path)
def test_an_empty_request_is_a_success(signal: Any, make_desk: Callable[..., Desk]) -> None:
    async def scenario() -> None:
        async with make_desk().serve() as desk:
            assert await desk.export(b"", signal.method) == b""
            assert (await desk.post(b"", signal.path)).status_code == 200
            answer = await desk.post(b"{}", signal.path, content_type=JSON)
            assert (answer.status_code, answer.text) == (200, "{}")
            async with httpx.AsyncClient() as client:
                assert (await client.get(desk.http + signal.path)).status_code == 405

    asyncio.run(scenario())


def test_overload_asks_to_come_again(make_desk: Callable[..., Desk]) -> None:
    async def scenario() -> None:
        async with make_desk(most_waiting=1).serve() as desk:
            assert await desk.export(ours(1).SerializeToString()) == b""
            response = await desk.post(ours(2, first=2).SerializeToString())
            assert (response.status_code, response.headers["retry-after"]) == (503, "1")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await desk.export(ours(2, first=2).SerializeToString())
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            metadata = dict(caught.value.trailing_metadata() or ())
            pause = RetryInfo()
            status = Status.FromString(metadata["grpc-status-details-bin"])
            assert status.details[0].Unpack(pause)
            assert pause.retry_delay.seconds == 1
            desk.receiver.drain(LAST_NS)
            await desk.export(ours(2, first=2).SerializeToString())
            desk.receiver.drain(LAST_NS)
            assert desk.sessions == [1, 2]
            assert desk.receiver.overloads == 2

    asyncio.run(scenario())


def test_secrets_are_hidden_before_they_are_kept_or_forwarded(make_desk: Callable[..., Desk]) -> None:
    offered: list[bytes] = []

    class Basket:
        def offer(self, method: str, request: bytes) -> None:
            offered.append(request)

    def change(span: Span) -> None:
        for key, text in (
            ("http.authorization", "whatever"),
            ("note", f"the {CANARY} is out"),
            ("url", "https://user:hunter22@host/path"),
            ("header", "Bearer abcdefghijklmnop"),
        ):
            attribute(key, text)(span)
        span.events.add(name=f"event {CANARY}")

    async def scenario() -> None:
        desk = make_desk(forwarder=Basket())
        await desk.receiver.take(TRACES, foreign(change, name=f"GET {CANARY}"), "")
        logs = ExportLogsServiceRequest()
        record = logs.resource_logs.add().scope_logs.add().log_records.add()
        record.body.string_value = f"password=hunter22 {CANARY}"
        await desk.receiver.take(LOGS, logs, "")
        everything = " ".join(desk.texts) + repr(offered)
        for secret in (CANARY, "hunter22", "abcdefghijklmnop", "whatever"):
            assert secret not in everything
        assert everything.count(HIDDEN) >= 6

    asyncio.run(scenario())


def test_a_foreign_span_of_another_content_is_a_conflict(make_desk: Callable[..., Desk]) -> None:
    async def scenario() -> None:
        desk = make_desk()
        for name in ("GET /", "GET /", "POST /"):
            await desk.receiver.take(TRACES, foreign(name=name), "")
        assert (desk.surroundings.repeated, desk.surroundings.conflicts) == (4 - 1, 1)
        kinds = [entry.kind for entry in desk.receiver.timeline(0, LAST_NS)]
        assert sorted(kinds) == ["conflict", "span", "span"]

    asyncio.run(scenario())


def test_a_clock_a_day_off_is_kept_and_flagged(make_desk: Callable[..., Desk]) -> None:
    async def scenario() -> None:
        desk = make_desk()
        await desk.receiver.take(TRACES, foreign(), "")
        assert all("more than a day away" in text for text in desk.texts)

    asyncio.run(scenario())


def test_the_newest_surroundings_are_kept() -> None:
    desk = Desk()
    surroundings = Surroundings(2)
    accepted = Acceptance((), lambda peer, instance: True, desk.redaction).spans(foreign(), "", NOW_NS)
    for number in range(5):
        surroundings.add_span(type(accepted.foreign[0])(**{**vars(accepted.foreign[0]), "span_id": str(number)}))
    assert len(surroundings.timeline(0, LAST_NS)) == 2
    assert surroundings.dropped == 3


def test_json_is_read_with_hexadecimal_ids(make_desk: Callable[..., Desk]) -> None:
    document = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": "5b8efff798038103d269b633813fc60c",
                                "spanId": "eee19b7ec3c1b174",
                                "name": "I'm a server span",
                                "startTimeUnixNano": "1544712660000000000",
                                "endTimeUnixNano": 1544712661000000000,
                                "kind": 2,
                                "unknownField": True,
                            }
                        ]
                    }
                ],
            }
        ]
    }

    async def scenario() -> None:
        async with make_desk().serve() as desk:
            answer = await desk.post(json.dumps(document).encode(), content_type=f"{JSON}; charset=utf-8")
            assert (answer.status_code, answer.json()) == (200, {})
            ((trace_id, span_id),) = desk.surroundings._spans
            assert (trace_id, span_id) == ("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174")

    asyncio.run(scenario())


def stock_exporters(desk: Desk) -> dict[str, SpanExporter]:
    return {
        "gRPC": GrpcSpanExporter(endpoint=desk.grpc, insecure=True),
        "HTTP": HttpSpanExporter(endpoint=f"{desk.http}/v1/traces"),
        "HTTP, gzip": HttpSpanExporter(endpoint=f"{desk.http}/v1/traces", compression=Compression.Gzip),
    }


def send_stock_spans(desk: Desk, name: str) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(stock_exporters(desk)[name]))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("checkout", attributes={"items": 3}), tracer.start_as_current_span("payment"):
        pass
    provider.shutdown()


@pytest.mark.parametrize("name", ["gRPC", "HTTP", "HTTP, gzip"])
def test_a_stock_exporter_is_seen_in_the_timeline(name: str, make_desk: Callable[..., Desk]) -> None:
    async def scenario() -> None:
        async with make_desk().serve() as desk:
            await asyncio.to_thread(send_stock_spans, desk, name)
            entries = desk.receiver.timeline(0, LAST_NS)
            assert [entry.subject for entry in entries] == ["shop", "shop"]
            assert [entry.text.split()[0] for entry in entries] == ["checkout", "payment"]
            assert "items=3" in entries[0].text

    asyncio.run(scenario())


def send_stock_logs_and_metrics(desk: Desk) -> None:
    provider = LoggerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(endpoint=desk.grpc, insecure=True)))
    provider.get_logger("test").emit(
        timestamp=NOW_NS, severity_number=SeverityNumber.WARN, severity_text="WARN", body="low stock"
    )
    provider.shutdown()
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=desk.grpc, insecure=True))
    meters = MeterProvider(metric_readers=[reader])
    meters.get_meter("test").create_counter("sales").add(1, {"item": "tea"})
    meters.shutdown()


def test_stock_logs_and_metrics_are_taken(make_desk: Callable[..., Desk]) -> None:
    async def scenario() -> None:
        async with make_desk().serve() as desk:
            logging.getLogger("opentelemetry").setLevel(logging.ERROR)
            await asyncio.to_thread(send_stock_logs_and_metrics, desk)
            assert "WARN: low stock" in desk.texts
            assert desk.receiver.requests == 2
            assert desk.receiver.rejected == 0

    asyncio.run(scenario())


def test_data_points_with_reserved_names_are_refused(make_desk: Callable[..., Desk]) -> None:
    async def scenario() -> None:
        request = ExportMetricsServiceRequest()
        metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="sales")
        for key in ("plane", "item"):
            metric.sum.data_points.add(as_int=1).attributes.add(key=key).value.string_value = "x"
        answer = await make_desk().receiver.take(METRICS, request, "")
        assert answer.partial_success.rejected_data_points == 1
        assert [each.attributes[0].key for each in metric.sum.data_points] == ["item"]

    asyncio.run(scenario())


def test_what_was_taken_is_forwarded_and_what_finds_no_room_is_counted(make_desk: Callable[..., Desk]) -> None:
    async def scenario() -> None:
        async with make_desk().serve() as behind:
            forwarder = Forwarder(behind.grpc, bound_bytes=1_000)
            front = make_desk(forwarder=forwarder)
            await front.receiver.take(TRACES, foreign(attribute("plane")), "")
            for _ in range(20):
                await front.receiver.take(TRACES, foreign(), "")
            assert forwarder.dropped > 5
            task = asyncio.create_task(forwarder.run())
            while forwarder.waiting_bytes:
                await asyncio.sleep(0.01)
            task.cancel()
            assert forwarder.sent + forwarder.dropped == 21
            assert behind.receiver.requests == forwarder.sent
            assert behind.receiver.rejected == 0

    asyncio.run(scenario())


def test_what_the_next_endpoint_never_takes_is_told_once(
    make_desk: Callable[..., Desk], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        server = grpc.aio.server()  # It answers UNIMPLEMENTED to everything.
        forwarder = Forwarder(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", bound_bytes=100_000)
        await server.start()
        front = make_desk(forwarder=forwarder)
        for _ in range(3):
            await front.receiver.take(TRACES, foreign(), "")
            await front.receiver.take(LOGS, logged("exchange"), "exchange")
        task = asyncio.create_task(forwarder.run())
        while forwarder.waiting_bytes:
            await asyncio.sleep(0.01)
        task.cancel()
        await server.stop(0)
        assert (forwarder.sent, forwarder.dropped) == (0, 6)
        assert len([each for each in caplog.messages if "UNIMPLEMENTED" in each]) == 2

    asyncio.run(scenario())


# Log lines.


def logged(instance: str) -> ExportLogsServiceRequest:
    """What a service of ours logs, sent as its outlet sends it."""
    line = {"at_ns": NOW_NS, "instance": instance, "level": "error", "event": "broken", "password": "x", "cause": 3}
    record = record_of(line | {"trace_id": f"{2:032x}", "span_id": f"{1:016x}"})
    told = ResourceLogs(resource=service_resource(instance, "1"), scope_logs=[ScopeLogs(log_records=[record])])
    return ExportLogsServiceRequest(resource_logs=[told])


def test_a_line_of_our_own_is_kept_with_its_fields_and_its_span(make_desk: Callable[..., Desk]) -> None:
    async def scenario() -> None:
        async with make_desk(owner="exchange").serve() as desk:
            data = logged("exchange").SerializeToString()
            await desk.export(data, LOGS.method)
            await desk.post(data, "/v1/logs")
            text = f"ERROR: broken (password={HIDDEN}, cause=3) under span {1:016x} of trace {2:032x}"
            assert [each.text for each in desk.receiver.timeline(0, LAST_NS)] == [text, text]
            assert {each.subject for each in desk.receiver.timeline(0, LAST_NS)} == {"exchange"}

    asyncio.run(scenario())


@pytest.fixture
def make_desk() -> Callable[..., Desk]:
    return Desk
