"""Spans on disk, until the audit has acknowledged them.

Rule 1: what `write` returns from survives the death of the process; what is written together survives together.
Rule 2: every span has a place: 1, 2, 3, ...; a span that no room was left for leaves a gap, so that it is missed.
Rule 3: one process and one thread use a spool.
"""

import os
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import NamedTuple, final
from zlib import crc32

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from trading_ecosystem.live.telemetry.segments import (
    MORE_FOLLOWS,
    frames,
    pack_frame,
    pack_prologue,
    read_prologue,
    segment_numbers,
    segment_path,
    take_over,
)
from trading_ecosystem.live.telemetry.spans import FIRST, Encode, SpanRecord, encode_spans, envelope_of

STATE = Struct(">16sQQQQ")  # Id, mark, last place, and the segment and the offset up to which all is acknowledged.
STATE_FILE = "state"
MOST_FRAME_BYTES = 1 << 20  # And the most that one span may have: no receiver takes a request of more than 4 MiB.
MOST_REQUEST_BYTES = 1 << 20
SEGMENT_BYTES = 4 << 20
FULL_PERCENT = 90


class Batch(NamedTuple):
    """Spans as an `ExportTraceServiceRequest`, and how far the spool is done when it is acknowledged."""

    request: bytes
    spans: int
    segment: int
    end: int


@final
class Segment:
    __slots__ = ("begin", "number", "size")

    def __init__(self, number: int, begin: int, size: int) -> None:
        self.number = number
        self.begin = begin  # Offset of the first frame.
        self.size = size


@final
class Spool:
    """`lost` counts spans that found no room, or whose body is over 1 MiB; raises OSError only while it is opened."""

    def __init__(self, folder: Path, bound_bytes: int, resource: Resource, encode: Encode) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.bound_bytes = bound_bytes
        self.lost = 0
        self.size_bytes = 0
        self._folder = folder
        self._encode = encode
        self._segment_bytes = min(SEGMENT_BYTES, bound_bytes // 8)
        self._state = os.open(folder / STATE_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        self._file = -1
        self._id, self._mark, self._last, self._done_segment, self._done = self._read_state()
        self._segments: deque[Segment] = deque()
        self._take_over()
        self._shared = envelope_of(resource, self._id.hex()).SerializeToString()
        self._write_state()

    # Writing.

    def write(self, spans: Sequence[SpanRecord], mark: int) -> None:
        """Keep these spans, and `mark` with them: up to where the journal is told. Never raises for want of room."""
        self._mark = mark
        parts = list(self._parts(spans))
        if not parts:
            self._append(pack_frame(mark, self._last + 1, 0, b""), 0)
            return
        packed: list[bytes] = []
        kept = 0
        for number, (first, count, payload) in enumerate(parts, 1):
            packed.append(pack_frame(mark if number == len(parts) else MORE_FOLLOWS, first, count, payload))
            kept += count
        self._append(b"".join(packed), kept)

    def last_mark(self) -> int:
        return self._mark

    def rewind(self, mark: int) -> None:
        """The journal ends earlier than it did, and shall."""
        self.write((), mark)
        self._write_state()

    def _parts(self, spans: Sequence[SpanRecord]) -> Iterator[tuple[int, int, bytes]]:
        """First place, number of spans, and payload; each within what one frame may hold."""
        payload = encode_spans(spans, self._encode) if spans else b""
        if len(payload) <= MOST_FRAME_BYTES:
            if spans:
                yield self._last + 1, len(spans), payload
                self._last += len(spans)
        elif len(spans) == 1:
            self._last += 1
            self._lose(1)
        else:
            middle = len(spans) // 2
            yield from self._parts(spans[:middle])
            yield from self._parts(spans[middle:])

    def _append(self, data: bytes, spans: int) -> None:
        if self.size_bytes + len(data) > self.bound_bytes or not self._put(data):
            self._lose(spans)

    def _put(self, data: bytes) -> bool:
        """One system call. False where the disk does not take all of it; then it has taken nothing."""
        try:
            if self._file < 0 or self._segments[-1].size >= self._segment_bytes:
                self._begin_segment()
            segment = self._segments[-1]
            written = os.write(self._file, data)
            if written < len(data):
                os.ftruncate(self._file, segment.size)
                return False
        except OSError:
            return False
        segment.size += written
        self.size_bytes += written
        return True

    def _lose(self, spans: int) -> None:
        """The mark and the gap are kept in a place that needs no room."""
        self.lost += spans
        self._write_state()

    def _begin_segment(self) -> None:
        number = self._segments[-1].number + 1 if self._segments else self._done_segment + 1
        prologue = pack_prologue(self._shared)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        file = os.open(segment_path(self._folder, number), flags, 0o600)
        if os.write(file, prologue) < len(prologue):
            os.close(file)
            raise OSError("no room for a new segment")
        if self._file >= 0:
            os.close(self._file)
        self._file = file
        self._segments.append(Segment(number, len(prologue), len(prologue)))
        self.size_bytes += len(prologue)

    # Reading.

    def next_batch(self) -> Batch | None:
        """The oldest spans that are not acknowledged, up to 1 MiB of them; None where all are."""
        while len(self._segments) > 1 and self._is_done(self._segments[0]):
            self._forget_oldest()
        if self.is_acknowledged:
            return None
        oldest = self._segments[0]
        start = max(self._done, oldest.begin) if oldest.number == self._done_segment else oldest.begin
        return self._read(oldest, start)

    def _read(self, segment: Segment, start: int) -> Batch:
        with segment_path(self._folder, segment.number).open("rb") as file:
            prologue = read_prologue(file.read(segment.begin))
            assert prologue is not None, f"the spool's segment {segment.number} was changed by somebody else"
            file.seek(start)
            data = file.read(min(2 * MOST_REQUEST_BYTES, segment.size - start))
        request = ExportTraceServiceRequest(resource_spans=[ResourceSpans.FromString(prologue[0])])
        scope_spans = request.resource_spans[0].scope_spans[0]
        first = end = taken = 0
        for frame in frames(data):
            if taken and (
                frame.first != first + len(scope_spans.spans) or taken + len(frame.payload) > MOST_REQUEST_BYTES
            ):
                break
            if frame.spans:
                first = first or frame.first
                scope_spans.MergeFromString(frame.payload)
                taken += len(frame.payload)
            end = frame.end
        assert end, f"the spool's segment {segment.number} was changed by somebody else"
        scope_spans.scope.attributes.add(key=FIRST).value.int_value = first
        return Batch(request.SerializeToString(), len(scope_spans.spans), segment.number, start + end)

    def acknowledge(self, batch: Batch) -> None:
        """The audit has these; they are forgotten here."""
        self._done_segment, self._done = batch.segment, batch.end
        self._write_state()
        while len(self._segments) > 1 and self._is_done(self._segments[0]):
            self._forget_oldest()

    def _is_done(self, segment: Segment) -> bool:
        return segment.number == self._done_segment and self._done >= segment.size

    def _forget_oldest(self) -> None:
        segment = self._segments.popleft()
        self.size_bytes -= segment.size
        segment_path(self._folder, segment.number).unlink()

    # What an earlier process left.

    def _take_over(self) -> None:
        """The mark is the newest segment's, or the one that found no room there."""
        newest = 0
        for number in segment_numbers(self._folder):
            found = take_over(self._folder, number)
            newest = found.mark if found.size > found.begin else newest
            self._last = max(self._last, found.last)
            done = number < self._done_segment or (number == self._done_segment and self._done >= found.size)
            if found.size <= found.begin or done:
                segment_path(self._folder, number).unlink()
            else:
                self._segments.append(Segment(number, found.begin, found.size))
                self.size_bytes += found.size
        self._mark = max(self._mark, newest)

    def _read_state(self) -> tuple[bytes, int, int, int, int]:
        data = os.pread(self._state, STATE.size + 4, 0)
        if len(data) == STATE.size + 4 and crc32(data[: STATE.size]) == int.from_bytes(data[STATE.size :], "big"):
            identity, mark, last, segment, offset = STATE.unpack(data[: STATE.size])
            return identity, mark, last, segment, offset
        return secrets.token_bytes(16), 0, 0, 0, 0

    def _write_state(self) -> None:
        data = STATE.pack(self._id, self._mark, self._last, self._done_segment, self._done)
        os.pwrite(self._state, data + crc32(data).to_bytes(4, "big"), 0)

    # What is to be known of it.

    @property
    def is_acknowledged(self) -> bool:
        """The audit has all that was ever written here."""
        return not self._segments or (len(self._segments) == 1 and self._is_done(self._segments[0]))

    @property
    def is_full(self) -> bool:
        """Nearly so: whoever can hold work back does it now, before a span is lost."""
        return self.size_bytes * 100 >= self.bound_bytes * FULL_PERCENT

    def close(self) -> None:
        """What is not acknowledged stays for the next process."""
        for file in (self._file, self._state):
            if file >= 0:
                os.close(file)
        self._file = self._state = -1
