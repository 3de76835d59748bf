"""What is taken from an export request and what is not: the rules for spans and log records of anybody.

Rule 1: what is refused is refused alone, counted, and named to its sender; the rest of the request is taken.
Rule 2: nobody tells the ground truth by an attribute: names that are ours are refused on what others send.
Rule 3: secrets are hidden, and what is too long is cut, before anything is kept, hashed or forwarded.

The request itself is changed: afterwards it holds nothing foreign but what was taken, and can be forwarded as it is.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, final

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from trading_ecosystem.live.telemetry.redaction import Redaction
from trading_ecosystem.live.telemetry.spans import (
    BODY,
    FIRST,
    KIND,
    SERVICE_INSTANCE,
    SERVICE_NAME,
    SPOOL,
    STORY_FRONT,
)
from trading_ecosystem.validation.audit_correlator.intake import MessageSpan

TRACE_BYTES, SPAN_BYTES = 16, 8
MOST_ID = 1 << 63
RESERVED = frozenset({"plane", "event_id", KIND, BODY})
RESERVED_FRONTS = ("fault.", "spool.")
MOST_ATTRIBUTES_READ = 1_000  # A span with more is refused.
MOST_ATTRIBUTES = 128  # Of those, as many are kept.
MOST_VALUE_CHARACTERS = 4_096
MOST_VALUE_PARTS = 64  # Of an array or a map.
MOST_DEPTH = 4
MOST_NAME_CHARACTERS = 256
SKEW_NS = 86_400_000_000_000  # A day.
MOST_REASONS = 5

Attributes = RepeatedCompositeFieldContainer[KeyValue]
Owns = Callable[[str, str], bool]  # Whether a peer (by its certificate, "" for none) may speak for an instance.


class Unacceptable(Exception):
    """Why one span or log record is not taken."""


@dataclass(frozen=True, kw_only=True)
class ForeignSpan:
    """A span of whoever is no service of ours. `skewed`: its clock is more than a day from the ecosystem's."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    start_ns: int
    end_ns: int
    attributes: tuple[tuple[str, str], ...]
    dropped_attributes: int
    skewed: bool


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A log record of anybody, with the span that it was written under, "" for none."""

    at_ns: int
    service: str
    severity: str
    text: str
    attributes: tuple[tuple[str, str], ...]
    trace_id: str
    span_id: str


@dataclass
class Accepted:
    messages: list[MessageSpan] = field(default_factory=list)
    foreign: list[ForeignSpan] = field(default_factory=list)
    logs: list[LogLine] = field(default_factory=list)
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)  # The first few that differ.

    def reject(self, reason: str) -> None:
        self.rejected += 1
        if reason not in self.reasons and len(self.reasons) < MOST_REASONS:
            self.reasons.append(reason)


@final
class Acceptance:
    """`senders` are the instances whose messages are taken; `owns` says who may speak for them."""

    def __init__(self, senders: Iterable[str], owns: Owns, redaction: Redaction) -> None:
        self._senders = frozenset(senders)
        self._owns = owns
        self._redaction = redaction

    # Traces.

    def spans(self, request: ExportTraceServiceRequest, peer: str, now_ns: int, kept: bool = False) -> Accepted:
        """`kept`: it was accepted from its peer before, and comes from our own store."""
        accepted = Accepted()
        for resource_spans in request.resource_spans:
            reader = self._reader(resource_spans.resource, peer, now_ns, kept)
            for scope_spans in resource_spans.scope_spans:
                reader.take_spans(scope_spans, accepted)
        return accepted

    def _reader(self, resource: Resource, peer: str, now_ns: int, kept: bool = False) -> "Reader":
        told = {each.key: each.value.string_value for each in resource.attributes[:MOST_ATTRIBUTES]}
        instance = told.get(SERVICE_INSTANCE, "")
        problem = reserved_name(resource.attributes)
        self.clean(resource.attributes)
        trusted = instance in self._senders and (kept or self._owns(peer, instance))
        service = instance if trusted else told.get(SERVICE_NAME, "unknown")
        return Reader(self, service[:MOST_NAME_CHARACTERS], trusted, problem, now_ns)

    # Logs.

    def logs(self, request: ExportLogsServiceRequest, peer: str, now_ns: int) -> Accepted:
        accepted = Accepted()
        for resource_logs in request.resource_logs:
            reader = self._reader(resource_logs.resource, peer, now_ns)
            for scope_logs in resource_logs.scope_logs:
                self.clean(scope_logs.scope.attributes)
                keep(scope_logs.log_records, reader.log, accepted.logs, accepted)
        return accepted

    # Metrics.

    def metrics(self, request: ExportMetricsServiceRequest, peer: str, now_ns: int) -> Accepted:
        """Data points are checked, to be forwarded; none is kept."""
        accepted = Accepted()
        for resource_metrics in request.resource_metrics:
            reader = self._reader(resource_metrics.resource, peer, now_ns)
            for scope_metrics in resource_metrics.scope_metrics:
                self.clean(scope_metrics.scope.attributes)
                for metric in scope_metrics.metrics:
                    kind = metric.WhichOneof("data")
                    if kind is not None:
                        keep(getattr(metric, kind).data_points, reader.point, [], accepted)
        return accepted

    # Parts.

    def clean(self, attributes: Attributes) -> int:
        """Hide secrets and cut what is too long, in place. Returns how many attributes were dropped."""
        dropped = max(0, len(attributes) - MOST_ATTRIBUTES)
        if dropped:
            del attributes[MOST_ATTRIBUTES:]
        for at in range(len(attributes) - 1, -1, -1):
            attribute = attributes[at]
            if depth_over(attribute.value, MOST_DEPTH):
                del attributes[at]
                dropped += 1
            else:
                attribute.key = attribute.key[:MOST_NAME_CHARACTERS]
                self.clean_value(attribute.key, attribute.value)
        return dropped

    def clean_value(self, name: str, value: AnyValue) -> None:
        kind = value.WhichOneof("value")
        if kind == "string_value":
            value.string_value = self._redaction.value(name, value.string_value[:MOST_VALUE_CHARACTERS])
        elif kind == "bytes_value":
            value.bytes_value = value.bytes_value[:MOST_VALUE_CHARACTERS]
        elif kind == "array_value":
            del value.array_value.values[MOST_VALUE_PARTS:]
            for part in value.array_value.values:
                self.clean_value(name, part)
        elif kind == "kvlist_value":
            del value.kvlist_value.values[MOST_VALUE_PARTS:]
            for pair in value.kvlist_value.values:
                self.clean_value(f"{name}.{pair.key}", pair.value)

    def text(self, text: str, most: int) -> str:
        return self._redaction.text(text[:most])


@final
class Reader:
    """Reads what one resource tells. `trusted`: it is an instance of ours, and its peer may speak for it."""

    def __init__(self, acceptance: Acceptance, service: str, trusted: bool, problem: str, now_ns: int) -> None:
        self._acceptance = acceptance
        self._service = service
        self._trusted = trusted
        self._problem = problem
        self._now_ns = now_ns

    def take_spans(self, scope_spans: ScopeSpans, accepted: Accepted) -> None:
        told = spool_place(scope_spans) if self._trusted and not self._problem else None
        if told is None:
            self._acceptance.clean(scope_spans.scope.attributes)
            keep(scope_spans.spans, self.foreign, accepted.foreign, accepted)
            return
        spool, first = told
        for span, place in zip(scope_spans.spans, range(first, MOST_ID), strict=False):
            try:
                accepted.messages.append(self.message(span, spool, place))
            except Unacceptable as reason:
                accepted.reject(str(reason))  # It stays in the request: the places of the others depend on it.

    def message(self, span: Span, spool: str, place: int) -> MessageSpan:
        """Raises `Unacceptable`."""
        told = {each.key: each.value for each in span.attributes}
        if len(told) != 2 or KIND not in told or BODY not in told:
            raise Unacceptable(f"a message's span carries {KIND} and {BODY} and nothing else")
        story = span.trace_id.removeprefix(STORY_FRONT)
        if len(story) != SPAN_BYTES or len(span.trace_id) != TRACE_BYTES or len(span.span_id) != SPAN_BYTES:
            raise Unacceptable("a trace id or a span id that is not ours")
        message_id = int.from_bytes(span.span_id, "big")
        correlation_id = int.from_bytes(story, "big")
        causation_id = int.from_bytes(span.parent_span_id, "big")
        if not (0 < message_id < MOST_ID and 0 < correlation_id < MOST_ID and 0 <= causation_id < MOST_ID):
            raise Unacceptable("a trace id or a span id that is not ours")
        sent_ns = span.start_time_unix_nano
        if not 0 < sent_ns == span.end_time_unix_nano < MOST_ID:
            raise Unacceptable("a message is sent at one moment")
        kind, body = told[KIND].string_value, told[BODY].bytes_value
        return MessageSpan(message_id, causation_id, correlation_id, self._service, sent_ns, kind, body, spool, place)

    def foreign(self, span: Span) -> ForeignSpan:
        """Raises `Unacceptable`."""
        self._refuse_attributes(span.attributes)
        check_ids(span.trace_id, span.span_id, span.parent_span_id)
        if span.start_time_unix_nano == 0 or span.end_time_unix_nano < span.start_time_unix_nano:
            raise Unacceptable("a span that ends before it starts, or has no start")
        clean, text = self._acceptance.clean, self._acceptance.text
        span.dropped_attributes_count += clean(span.attributes)
        del span.events[MOST_ATTRIBUTES:]
        for event in span.events:
            event.name = text(event.name, MOST_NAME_CHARACTERS)
            event.dropped_attributes_count += clean(event.attributes)
        del span.links[MOST_ATTRIBUTES:]
        for link in span.links:
            link.dropped_attributes_count += clean(link.attributes)
        span.name = text(span.name, MOST_NAME_CHARACTERS)
        span.status.message = text(span.status.message, MOST_VALUE_CHARACTERS)
        return ForeignSpan(
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            service=self._service,
            name=span.name,
            start_ns=span.start_time_unix_nano,
            end_ns=span.end_time_unix_nano,
            attributes=tuple((each.key, plain_text(each.value)) for each in span.attributes),
            dropped_attributes=span.dropped_attributes_count,
            skewed=abs(span.start_time_unix_nano - self._now_ns) > SKEW_NS,
        )

    def log(self, record: LogRecord) -> LogLine:
        """Raises `Unacceptable`."""
        self._refuse_attributes(record.attributes)
        if record.trace_id or record.span_id:
            check_ids(record.trace_id, record.span_id, b"")
        if depth_over(record.body, MOST_DEPTH):
            raise Unacceptable(f"a log record nested deeper than {MOST_DEPTH} levels")
        record.dropped_attributes_count += self._acceptance.clean(record.attributes)
        self._acceptance.clean_value("body", record.body)
        return LogLine(
            at_ns=record.time_unix_nano or record.observed_time_unix_nano or self._now_ns,
            service=self._service,
            severity=record.severity_text[:MOST_NAME_CHARACTERS],
            text=plain_text(record.body),
            attributes=tuple((each.key, plain_text(each.value)) for each in record.attributes),
            trace_id=record.trace_id.hex(),
            span_id=record.span_id.hex(),
        )

    def point(self, point: Any) -> None:
        """Of any kind of metric. Raises `Unacceptable`."""
        self._refuse_attributes(point.attributes)
        self._acceptance.clean(point.attributes)

    def _refuse_attributes(self, attributes: Attributes) -> None:
        if len(attributes) > MOST_ATTRIBUTES_READ:
            raise Unacceptable(f"more than {MOST_ATTRIBUTES_READ} attributes")
        problem = self._problem or reserved_name(attributes)
        if problem:
            raise Unacceptable(f"the attribute {problem!r} is reserved")


def keep(items: Any, read: Callable[[Any], Any], kept: list[Any], accepted: Accepted) -> None:
    """Read each item; what cannot be accepted is taken out of the request and counted."""
    refused: list[int] = []
    for at, item in enumerate(items):
        try:
            kept.append(read(item))
        except Unacceptable as reason:
            accepted.reject(str(reason))
            refused.append(at)
    for at in reversed(refused):
        del items[at]


def spool_place(scope_spans: ScopeSpans) -> tuple[str, int] | None:
    """Which spool these spans lay in, and the place of the first; None for spans of a stock exporter."""
    told = {each.key: each.value for each in scope_spans.scope.attributes}
    if SPOOL not in told or FIRST not in told or told[FIRST].int_value < 1:
        return None
    return told[SPOOL].string_value, told[FIRST].int_value


def reserved_name(attributes: Attributes) -> str:
    """The first name that only we may use; empty where there is none."""
    for attribute in attributes[:MOST_ATTRIBUTES_READ]:
        if attribute.key in RESERVED or attribute.key.startswith(RESERVED_FRONTS):
            return attribute.key[:MOST_NAME_CHARACTERS]
    return ""


def check_ids(trace_id: bytes, span_id: bytes, parent_id: bytes) -> None:
    """Raises `Unacceptable`."""
    if len(trace_id) != TRACE_BYTES or not any(trace_id):
        raise Unacceptable("a trace id is 16 bytes that are not all zero")
    if len(span_id) != SPAN_BYTES or not any(span_id):
        raise Unacceptable("a span id is 8 bytes that are not all zero")
    if len(parent_id) not in (0, SPAN_BYTES):
        raise Unacceptable("a parent span id is 8 bytes or none")


def depth_over(value: AnyValue, most: int) -> bool:
    """Whether what is kept of a value is nested deeper than this."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return most == 0 or any(depth_over(part, most - 1) for part in value.array_value.values[:MOST_VALUE_PARTS])
    if kind == "kvlist_value":
        pairs = value.kvlist_value.values[:MOST_VALUE_PARTS]
        return most == 0 or any(depth_over(pair.value, most - 1) for pair in pairs)
    return False


def plain_text(value: AnyValue) -> str:
    """A value as a person reads it."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return "[" + ", ".join(plain_text(part) for part in value.array_value.values) + "]"
    if kind == "kvlist_value":
        return "{" + ", ".join(f"{pair.key}: {plain_text(pair.value)}" for pair in value.kvlist_value.values) + "}"
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return "" if kind is None else str(getattr(value, kind))
