"""Bad OTLP, sent to the real process that takes it in, beside its own REST surface: it is refused, and goes on.

What the receiver answers to every kind of it is said in the tests of the audit correlator; here its way through the
process is tested.
"""

import asyncio
import gzip
import json
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from trading_ecosystem.live.door import Header
from trading_ecosystem.live.production_wire import CODEC
from trading_ecosystem.live.telemetry.spans import FIRST, SpanRecord, encode_spans, envelope_of, service_resource
from trading_ecosystem.messages.accounts import VenueHeartbeat

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
DEADLINE_S = 10.0
SECOND_NS = 1_000_000_000
MEBIBYTE = 1 << 20


def spans(count: int = 1, **changes: Any) -> bytes:
    """Of a stranger."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    scope = resource.scope_spans.add()
    for number in range(1, count + 1):
        usual = {
            "trace_id": number.to_bytes(16),
            "span_id": number.to_bytes(8),
            "name": "GET /",
            "start_time_unix_nano": SECOND_NS,
            "end_time_unix_nano": 2 * SECOND_NS,
        }
        scope.spans.add(**{**usual, **changes})
    return request.SerializeToString()


CASES: list[tuple[str, bytes, dict[str, str], int, grpc.StatusCode | None]] = [
    ("no protobuf", b"\xff\xff\xff", {}, 400, grpc.StatusCode.INVALID_ARGUMENT),
    ("truncated", spans()[:-3], {}, 400, grpc.StatusCode.INVALID_ARGUMENT),
    ("too large", bytes(5 * MEBIBYTE), {}, 413, grpc.StatusCode.RESOURCE_EXHAUSTED),
    ("a bomb", gzip.compress(bytes(64 * MEBIBYTE)), {"content-encoding": "gzip"}, 413, None),
    ("half a gzip", gzip.compress(spans())[:-9], {"content-encoding": "gzip"}, 400, None),
    ("another encoding", spans(), {"content-encoding": "br"}, 415, None),
    ("another type", spans(), {"content-type": "text/plain"}, 415, None),
    ("no type", spans(), {"content-type": ""}, 415, None),
    ("no JSON", b"{", {"content-type": JSON}, 400, None),
    ("deep JSON", b"[" * 100_000, {"content-type": JSON}, 400, None),
    ("empty", b"", {}, 200, grpc.StatusCode.OK),
    ("good", spans(3), {}, 200, grpc.StatusCode.OK),
]


@pytest.mark.parametrize(("name", "data", "headers", "status", "code"), CASES, ids=[case[0] for case in CASES])
def test_every_request_has_its_answer(
    name: str, data: bytes, headers: dict[str, str], status: int, code: grpc.StatusCode | None, stage: Any
) -> None:
    answer = post(stage, data, headers)
    assert answer.status_code == status, answer.text
    assert "Traceback" not in answer.text
    if code is not None:
        assert asyncio.run(exported(stage, data))[0] is code
    assert stage.alive() and post(stage, spans()).status_code == 200


BAD_SPANS: dict[str, dict[str, Any]] = {
    "no trace id": {"trace_id": b""},
    "a trace id of zeros": {"trace_id": bytes(16)},
    "a short span id": {"span_id": b"abc"},
    "ends before it starts": {"end_time_unix_nano": 1},
}


@pytest.mark.parametrize("name", BAD_SPANS)
def test_a_bad_span_is_refused_by_count(name: str, stage: Any) -> None:
    data = spans(2, **BAD_SPANS[name])
    code, answer = asyncio.run(exported(stage, data))
    for told in (answer, post(stage, data).content):
        partial = ExportTraceServiceResponse.FromString(told).partial_success
        assert code is grpc.StatusCode.OK and partial.rejected_spans == 2 and partial.error_message


def test_a_span_that_claims_to_be_of_ours_is_refused(stage: Any) -> None:
    """Ground truth comes from our own services; a stranger's attributes are none."""
    request = ExportTraceServiceRequest.FromString(spans())
    request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="fault.kind").value.string_value = "x"
    answer = post(stage, request.SerializeToString())
    assert ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans == 1


def test_over_http_nobody_speaks_for_one_of_our_services(stage: Any) -> None:
    """They come over gRPC, where a certificate can say who they are."""
    beat = VenueHeartbeat(venue="exchange", session=77, occurred_ns=SECOND_NS)
    record = SpanRecord(Header(message_id=77, correlation_id=77), 0, SECOND_NS, "exchange", beat)
    around = envelope_of(service_resource("exchange", "0"), "spool")
    around.scope_spans[0].scope.attributes.add(key=FIRST).value.int_value = 1
    around.scope_spans[0].MergeFromString(encode_spans([record], CODEC.encode))
    request = ExportTraceServiceRequest(resource_spans=[around])
    told = ExportTraceServiceResponse.FromString(post(stage, request.SerializeToString()).content)
    assert told.partial_success.rejected_spans == 1, told


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/traces"), ("PUT", "/v1/traces"), ("POST", "/v1/nothing")])
def test_what_is_no_export_is_no_fault_of_ours(method: str, path: str, stage: Any) -> None:
    answer = httpx.request(method, stage.url("audit_correlator") + path, content=b"x", timeout=DEADLINE_S)
    assert answer.status_code in (404, 405)


def post(stage: Any, data: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    told = {"content-type": PROTOBUF} | (headers or {})
    return httpx.post(stage.url("audit_correlator") + "/v1/traces", content=data, headers=told, timeout=DEADLINE_S)


async def exported(stage: Any, data: bytes) -> tuple[grpc.StatusCode, bytes]:
    async with stage.channel("audit_correlator") as channel:
        call: Any = channel.unary_unary(EXPORT)
        try:
            return grpc.StatusCode.OK, await call(data, timeout=DEADLINE_S, metadata=(("x-instance", "shop"),))
        except grpc.aio.AioRpcError as error:
            return error.code(), b""


def test_an_empty_json_request_is_a_success(stage: Any) -> None:
    answer = post(stage, json.dumps({}).encode(), {"content-type": JSON})
    assert answer.status_code == 200 and answer.json() == {}
