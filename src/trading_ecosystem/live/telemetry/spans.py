"""A message as an OpenTelemetry span: the one place that says how the two are the same.

Rule 1: span id = message id, trace id = story, parent = cause, start = end = when it was sent on the ecosystem's clock.
Rule 2: the span carries the message whole; whoever has all spans of a run has all of its messages.
"""

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final, final

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from trading_ecosystem.live.door import Header
from trading_ecosystem.live.flat import framed, varint
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

# The fields of a span, as opentelemetry/proto/trace/v1/trace.proto numbers them.
SPAN_TAG: Final = b"\x12"
TRACE_ID: Final = b"\x0a\x10"
SPAN_ID: Final = b"\x12\x08"
PARENT_ID: Final = b"\x22\x08"
NAME_TAG: Final = b"\x2a"
SPAN_KIND_TAG: Final = b"\x30"
START_TAG: Final = b"\x39"
END_TAG: Final = b"\x41"
ATTRIBUTE_TAG: Final = b"\x4a"
KEY_TAG: Final = b"\x0a"
VALUE_TAG: Final = b"\x12"
STRING_VALUE_TAG: Final = b"\x0a"
BYTES_VALUE_TAG: Final = b"\x3a"
BODY_KEY: Final = framed(KEY_TAG, BODY.encode())
CAUSED: Final = Struct(">2sQQ2sQ2sQ")
FIRST_OF_ALL: Final = Struct(">2sQQ2sQ")
TIMES: Final = Struct("<cQcQ")

frames_of_kinds: dict[str, tuple[bytes, bytes]] = {}

Encode = Callable[[Message], tuple[str, bytes]]  # A message's kind and body.


@final
class SpanRecord:
    """A message that leaves a process (or a timer that it sets, or its start), with its delivery facts."""

    __slots__ = ("_encoded", "causation_id", "header", "message", "sender", "sent_ns")

    def __init__(self, header: Header, causation_id: int, sent_ns: int, sender: str, message: Message) -> None:
        self.header = header
        self.causation_id = causation_id  # 0: nothing here caused it.
        self.sent_ns = sent_ns
        self.sender = sender
        self.message = message
        self._encoded: tuple[str, bytes] | None = None

    def encoded(self, encode: Encode) -> tuple[str, bytes]:
        """Kind and body of the message, which are made once."""
        if self._encoded is None:
            self._encoded = encode(self.message)
        return self._encoded

    def body(self) -> bytes | None:
        """Where it was made."""
        return None if self._encoded is None else self._encoded[1]


def encode_spans(records: Sequence[SpanRecord], encode: Encode) -> bytes:
    """The spans as a `ScopeSpans` without its scope: what two calls give, joined, is one that holds both.

    Written as bytes: as objects of the library they would cost more than all else that becomes of a message.
    """
    parts: list[bytes] = []
    for record in records:
        kind, body = record.encoded(encode)
        frame = frames_of_kinds.get(kind)
        if frame is None:
            frame = frames_of_kinds[kind] = frame_of(kind)
        span = ids_of(record) + frame[0] + TIMES.pack(START_TAG, record.sent_ns, END_TAG, record.sent_ns) + frame[1]
        value = framed(BYTES_VALUE_TAG, body)
        span += framed(ATTRIBUTE_TAG, BODY_KEY + framed(VALUE_TAG, value))
        parts.append(framed(SPAN_TAG, span))
    return b"".join(parts)


def ids_of(record: SpanRecord) -> bytes:
    story, own = record.header.correlation_id, record.header.message_id
    if record.causation_id:
        return CAUSED.pack(TRACE_ID, 0, story, SPAN_ID, own, PARENT_ID, record.causation_id)
    return FIRST_OF_ALL.pack(TRACE_ID, 0, story, SPAN_ID, own)


def frame_of(kind: str) -> tuple[bytes, bytes]:
    """What all spans of one kind have before and behind their times: name and kind of span, kind of message."""
    name = kind.encode()
    before = framed(NAME_TAG, name) + SPAN_KIND_TAG + varint(Span.SPAN_KIND_PRODUCER)
    value = framed(STRING_VALUE_TAG, name)
    return before, framed(ATTRIBUTE_TAG, framed(KEY_TAG, KIND.encode()) + framed(VALUE_TAG, value))


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
