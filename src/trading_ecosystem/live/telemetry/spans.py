"""A message as an OpenTelemetry span: the one place that says how the two are the same.

Rule 1: span id = message id, trace id = story, parent = cause, start = end = when it was sent on the ecosystem's clock.
Rule 2: the span carries the message whole; whoever has all spans of a run has all of its messages.
"""

from collections.abc import Callable, Sequence
from typing import final

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from trading_ecosystem.live.door import Header
from trading_ecosystem.messages.message import Message

SCOPE = "trading_ecosystem.messages"
KIND = "messaging.message.kind"  # The type of the message.
BODY = "messaging.message.body"  # The message in its protobuf encoding.
SPOOL = "spool.id"  # Which spool, of all that ever were, a span lay in.
FIRST = "spool.first"  # The place in that spool of the first span of its scope; the others follow without a gap.
SERVICE_NAME = "service.name"
SERVICE_INSTANCE = "service.instance.id"
SERVICE_VERSION = "service.version"
ID_BYTES = 8
STORY_FRONT = bytes(ID_BYTES)  # The upper half of every trace id; a story is told by the lower half alone.

Encode = Callable[[Message], tuple[str, bytes]]  # A message's kind and body.


@final
class SpanRecord:
    """A message that leaves a process (or a timer that it sets, or its start), with its delivery facts."""

    __slots__ = ("causation_id", "header", "message", "sender", "sent_ns")

    def __init__(self, header: Header, causation_id: int, sent_ns: int, sender: str, message: Message) -> None:
        self.header = header
        self.causation_id = causation_id  # 0: nothing here caused it.
        self.sent_ns = sent_ns
        self.sender = sender
        self.message = message


def encode_spans(records: Sequence[SpanRecord], encode: Encode) -> bytes:
    """The spans as a `ScopeSpans` without its scope: what two calls give, joined, is one that holds both."""
    scope_spans = ScopeSpans()
    add = scope_spans.spans.add
    for record in records:
        kind, body = encode(record.message)
        span = add(
            trace_id=STORY_FRONT + record.header.correlation_id.to_bytes(ID_BYTES, "big"),
            span_id=record.header.message_id.to_bytes(ID_BYTES, "big"),
            name=kind,
            kind=Span.SPAN_KIND_PRODUCER,
            start_time_unix_nano=record.sent_ns,
            end_time_unix_nano=record.sent_ns,
        )
        if record.causation_id:
            span.parent_span_id = record.causation_id.to_bytes(ID_BYTES, "big")
        add_attribute = span.attributes.add
        add_attribute(key=KIND).value.string_value = kind
        add_attribute(key=BODY).value.bytes_value = body
    return scope_spans.SerializeToString()


def service_resource(instance: str, version: str) -> Resource:
    """Who tells: an instance such as `exchange` or `trading_engine.alpha`, and the version it runs."""
    resource = Resource()
    told = ((SERVICE_NAME, instance.partition(".")[0]), (SERVICE_INSTANCE, instance), (SERVICE_VERSION, version))
    for key, value in told:
        resource.attributes.add(key=key).value.string_value = value
    return resource


def envelope_of(resource: Resource, spool_id: str) -> ResourceSpans:
    """What is around all spans of one spool: the resource, and a scope that still lacks its first place."""
    scope = InstrumentationScope(name=SCOPE)
    scope.attributes.add(key=SPOOL).value.string_value = spool_id
    return ResourceSpans(resource=resource, scope_spans=[ScopeSpans(scope=scope)])
