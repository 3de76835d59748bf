"""One file of a spool: what all its spans share, then frames of spans.

Rule 1: a frame is whole, or it and all after it do not count when another process takes the file over.
Rule 2: frames that were written together count together: the last of them carries the mark, the others wait for it.
"""

from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import crc32

MAGIC = b"SPOOL\x00\x00\x01"
PROLOGUE = Struct(">8sII")  # Magic, length and checksum of what all spans share.
FRAME = Struct(">IIQQI")  # Length of the payload, checksum of all that follows it here, mark, first place, spans.
CHECKED_FROM = 8
MORE_FOLLOWS = (1 << 64) - 1  # In the place of the mark: this frame is not the last of those written together.
SUFFIX = ".spans"


class Frame(NamedTuple):
    """`first` is the place of its first span in the spool: 1, 2, 3, ...; `end` the offset behind the frame."""

    mark: int
    first: int
    spans: int
    payload: bytes
    end: int


def segment_path(folder: Path, number: int) -> Path:
    return folder / f"{number:012d}{SUFFIX}"


def segment_numbers(folder: Path) -> list[int]:
    return sorted(int(path.name.removesuffix(SUFFIX)) for path in folder.glob(f"*{SUFFIX}"))


def pack_prologue(shared: bytes) -> bytes:
    return PROLOGUE.pack(MAGIC, len(shared), crc32(shared)) + shared


def pack_frame(mark: int, first: int, spans: int, payload: bytes) -> bytes:
    facts = FRAME.pack(len(payload), 0, mark, first, spans)
    checksum = crc32(payload, crc32(facts[CHECKED_FROM:]))
    return facts[:4] + checksum.to_bytes(4, "big") + facts[CHECKED_FROM:] + payload


def read_prologue(data: bytes) -> tuple[bytes, int] | None:
    """What all spans share, and the offset of the first frame; None where it is damaged or torn."""
    if len(data) < PROLOGUE.size:
        return None
    magic, length, checksum = PROLOGUE.unpack_from(data)
    shared = data[PROLOGUE.size : PROLOGUE.size + length]
    if magic != MAGIC or len(shared) < length or crc32(shared) != checksum:
        return None
    return shared, PROLOGUE.size + length


def frames(data: bytes, start: int = 0) -> Iterator[Frame]:
    """The whole frames from here on; ends at the first that is torn or damaged. Offsets count from `data`'s start."""
    at = start
    while at + FRAME.size <= len(data):
        length, checksum, mark, first, spans = FRAME.unpack_from(data, at)
        end = at + FRAME.size + length
        if end > len(data) or crc32(data[at + CHECKED_FROM : end]) != checksum:
            return
        yield Frame(mark, first, spans, data[at + FRAME.size : end], end)
        at = end


class Found(NamedTuple):
    """What a segment holds that was left by an earlier process. `size` 0: nothing that can be read."""

    number: int
    size: int
    begin: int  # Of the first frame.
    mark: int  # The last one, 0 for none.
    last: int  # The place of the last span, 0 for none.


def take_over(folder: Path, number: int) -> Found:
    """Read a segment, and leave out what was being written when its process died."""
    data = segment_path(folder, number).read_bytes()
    prologue = read_prologue(data)
    if prologue is None:
        return Found(number, 0, 0, 0, 0)
    _, begin = prologue
    size, mark, last = begin, 0, 0
    for frame in frames(data, begin):
        if frame.mark == MORE_FOLLOWS:
            continue
        size, mark = frame.end, frame.mark
        last = frame.first + frame.spans - 1
    return Found(number, size, begin, mark, last)
