"""Builders shared by the tests of this folder: spans of a small service, and an audit that answers as it is told."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from trading_ecosystem.live.door import Header
from trading_ecosystem.live.telemetry.spans import SpanRecord, service_resource
from trading_ecosystem.live.telemetry.spool import Spool
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.codec import to_plain
from trading_ecosystem.messages.message import Message

START_NS = 1_772_409_600_000_000_000  # 2026-03-02T00:00:00Z
TRACES = "opentelemetry.proto.collector.trace.v1.TraceService"
LOGS = "opentelemetry.proto.collector.logs.v1.LogsService"


def encode(message: Message) -> tuple[str, bytes]:
    return type(message).__name__, json.dumps(to_plain(message)).encode()


def span(message_id: int, causation_id: int = 0, text: str = "exchange") -> SpanRecord:
    beat = VenueHeartbeat(venue=text, session=message_id, occurred_ns=START_NS + message_id)
    header = Header(message_id=message_id, correlation_id=causation_id or message_id)
    return SpanRecord(header, causation_id, START_NS + message_id, "exchange", beat)


def spans_of(request: bytes) -> list[int]:
    """The message ids in a request, in order."""
    parsed = ExportTraceServiceRequest.FromString(request)
    return [
        int.from_bytes(each.span_id, "big")
        for resource in parsed.resource_spans
        for scope in resource.scope_spans
        for each in scope.spans
    ]


class StandIn:
    """An OTLP endpoint that keeps what it is sent. `answers` are codes to be given first, one per request."""

    def __init__(self, answers: Sequence[grpc.StatusCode] = ()) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.logs: list[ExportLogsServiceRequest] = []
        self.rejected = 0
        self.port = 0

    @property
    def ids(self) -> list[int]:
        return [message_id for request in self.requests for message_id in spans_of(request)]

    async def export(self, data: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        if self.answers:
            await context.abort(self.answers.pop(0), "as told")
        self.requests.append(data)
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = self.rejected
        return answer.SerializeToString()

    async def export_logs(self, data: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        if self.answers:
            await context.abort(self.answers.pop(0), "as told")
        self.logs.append(ExportLogsServiceRequest.FromString(data))
        return b""

    @asynccontextmanager
    async def serve(self, port: int = 0) -> AsyncIterator["StandIn"]:
        server = grpc.aio.server()
        handlers = [
            grpc.method_handlers_generic_handler(service, {"Export": grpc.unary_unary_rpc_method_handler(handler)})
            for service, handler in ((TRACES, self.export), (LOGS, self.export_logs))
        ]
        server.add_generic_rpc_handlers(tuple(handlers))
        self.port = server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        try:
            yield self
        finally:
            await server.stop(0)


OpenSpool = Callable[..., Spool]
Serve = Callable[..., AbstractAsyncContextManager[StandIn]]


@pytest.fixture
def open_spool(tmp_path: Path) -> OpenSpool:
    """A spool in the test's folder, the same one each time."""

    def build(bound_bytes: int = 64 << 20, version: str = "1") -> Spool:
        return Spool(tmp_path / "spool", bound_bytes, service_resource("exchange", version), encode)

    return build


@pytest.fixture
def make_span() -> Callable[..., SpanRecord]:
    return span


@pytest.fixture
def ids_in() -> Callable[[bytes], list[int]]:
    return spans_of


@pytest.fixture
def make_stand_in() -> Callable[..., StandIn]:
    return StandIn
