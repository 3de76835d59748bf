"""What a core was given, as the bytes of one journal record: all inputs of one commit, in the order of their handling.

Rule 1: an input is kept with its moment and its cause, so that handling it again gives the same outputs.
Rule 2: a record is read back whole or not at all; the journal's checksum guards it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from trading_ecosystem.live.door import Header

FRAME = Struct(">QQQBI")  # Moment, id and story of the cause, length of the kind, length of the body.
KIND = "inputs"  # What the journal calls such a record.


@dataclass(slots=True)
class Input:
    """`kind` and `body` are the message as the codec writes it."""

    now_ns: int
    cause: Header
    kind: str
    body: bytes


def pack(now_ns: int, cause: Header, kind: str, body: bytes) -> bytes:
    name = kind.encode()
    return FRAME.pack(now_ns, cause.message_id, cause.correlation_id, len(name), len(body)) + name + body


def unpack(payload: bytes) -> Iterator[Input]:
    at = 0
    while at < len(payload):
        now_ns, message_id, correlation_id, name_length, body_length = FRAME.unpack_from(payload, at)
        name_from = at + FRAME.size
        body_from = name_from + name_length
        at = body_from + body_length
        cause = Header(message_id=message_id, correlation_id=correlation_id)
        yield Input(now_ns, cause, payload[name_from:body_from].decode(), payload[body_from:at])
