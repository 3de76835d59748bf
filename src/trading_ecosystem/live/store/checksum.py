"""CRC-32 of what stands in a row, over all of its columns, so that a row in the wrong place is damage too."""

from binascii import crc32
from collections.abc import Callable
from struct import Struct, error as StructError  # noqa: N812

from trading_ecosystem.live.store.ports import Damaged, Record

HEAD = Struct(">QQ")
UNREADABLE = (AttributeError, TypeError, StructError)  # What comes of values of other types than were written.


def of_record(record: Record) -> int:
    sequence, now_ns, kind, payload = record
    return crc32(payload, crc32(kind.encode(), crc32(HEAD.pack(sequence, now_ns))))


def of_snapshot(sequence: int, state: bytes) -> int:
    return crc32(state, crc32(HEAD.pack(sequence, len(state))))


def of_memory(key: str, text: str) -> int:
    body = text.encode()
    return crc32(body, crc32(key.encode(), crc32(HEAD.pack(len(key), len(body)))))


def verify(store: str, where: str, which: object, written: object, actual: Callable[[], int]) -> None:
    """Raises Damaged unless the checksum that was written is the one that the row has, and the row can be read at all.

    SQLite keeps values of any type in any column, so a damaged row may hold what no checksum can be made of.
    """
    try:
        found = actual()
    except UNREADABLE as reason:
        raise Damaged(store, f"{where} {which}", f"checksum {in_hex(written)}", f"what has none: {reason}") from None
    if found != written:
        raise Damaged(store, f"{where} {which}", f"checksum {in_hex(written)}", in_hex(found))


def in_hex(value: object) -> str:
    return f"{value:08x}" if isinstance(value, int) else repr(value)
