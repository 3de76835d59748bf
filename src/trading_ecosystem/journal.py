"""The journal's bytes: one record per input of a core, framed so that a torn tail can be told from damage.

A record is length (4 bytes), CRC-32 of the body (4 bytes), body: JSON of [now, type, values].
Rule 1: only the last record may be incomplete; anything wrong before it is damage, and named.
"""

import json
from binascii import crc32
from struct import Struct

from trading_ecosystem.messages.codec import from_plain, to_plain
from trading_ecosystem.messages.message import Message

FRAME = Struct(">II")


class DamagedJournal(Exception):
    """A record that is not the last one does not read as it was written."""


def encode_record(now: int, message: Message) -> bytes:
    body = json.dumps([now, type(message).__name__, to_plain(message)], separators=(",", ":")).encode()
    return FRAME.pack(len(body), crc32(body)) + body


def read_records(data: bytes) -> tuple[list[tuple[int, Message]], int]:
    """All whole records and how many bytes of a torn last one were left out."""
    records: list[tuple[int, Message]] = []
    at = 0
    while at < len(data):
        body = whole_body(data, at)
        if body is None:
            break
        now, type_name, values = json.loads(body)
        records.append((now, from_plain(type_name, values)))
        at += FRAME.size + len(body)
    return records, len(data) - at


def whole_body(data: bytes, at: int) -> bytes | None:
    """The body of the record at this offset; None if it is the torn last one."""
    start = at + FRAME.size
    if start > len(data):
        return None
    length, checksum = FRAME.unpack_from(data, at)
    if start + length > len(data):
        return None
    body = data[start : start + length]
    if crc32(body) == checksum:
        return body
    if start + length == len(data):
        return None
    raise DamagedJournal(f"the record at byte {at} fails its checksum, and more records follow")
