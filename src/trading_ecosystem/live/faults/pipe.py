"""One direction of one connection through a proxy: bytes in, and out when and as the faults of the moment allow.

Rule 1: what is written is what was read, in order and whole; only dropping leaves something out, and counts it.
Rule 2: no more than `MOST_WAITING` bytes and one read wait here; then the source is not read.
"""

from asyncio import AbstractEventLoop, TimerHandle, Transport
from collections import deque
from typing import Protocol, final

from trading_ecosystem.live.faults.terms import SOUND, Draws, StreamFault

MOST_WAITING = 256 * 1024
SECOND_NS = 1_000_000_000
MICROSECOND_NS = 1_000
PIECES_PER_SECOND = 100  # How finely a limited stream flows.
END = b""  # Stands in the queue for the end of the stream.


class Owner(Protocol):
    """The connection of a pipe."""

    def sever(self) -> None:
        """A byte, or the end of the stream, was dropped."""

    def end(self) -> None:
        """The end of the stream was written."""


@final
class Pipe:
    """`number` is the connection's, for the address of its draws."""

    def __init__(self, loop: AbstractEventLoop, draws: Draws, number: int, owner: Owner) -> None:
        self._loop = loop
        self._draws = draws
        self._number = number
        self._owner = owner
        self._terms = SOUND
        self._sound = True
        self._queue: deque[tuple[float, bytes | memoryview]] = deque()
        self._waiting = 0
        self._reads = 0
        self._last_due = 0.0
        self._free_at = 0.0  # When a limited stream may go on.
        self._timer: TimerHandle | None = None
        self._source: Transport | None = None
        self._sink: Transport | None = None
        self._sink_full = False
        self._read_all = False
        self.ended = False  # The end of the stream has been written.
        self.dropped_bytes = 0

    def join(self, source: Transport, sink: Transport | None) -> None:
        """Where bytes come from and go to. Without a sink, which is still to be dialled, they wait."""
        self._source, self._sink = source, sink
        self._flow()

    def impose(self, terms: StreamFault) -> None:
        """From now on, these terms; what waits already waits no longer than they say."""
        self._terms = terms
        self._sound = terms == SOUND
        latest = self._loop.time() + (terms.latency_ns + terms.jitter_ns) / SECOND_NS
        self._queue = deque((min(due, latest), data) for due, data in self._queue)
        self._last_due = min(self._last_due, latest)
        self._free_at = 0.0
        self._flow()

    def feed(self, data: bytes) -> None:
        """Take what was read; `END` for the end of the stream."""
        self._read_all = data == END
        if self._terms.dropped:
            self.dropped_bytes += len(data)
            self._owner.sever()
        elif self._sound and not self._queue and self._sink is not None and data:
            self._sink.write(data)
        else:
            self._queue.append((self._due(), memoryview(data)))
            self._waiting += len(data)
            self._flow()

    def sink_full(self, full: bool) -> None:
        """The sink takes no more for now, or takes again."""
        self._sink_full = full
        self._flow()

    def close(self) -> None:
        """What waits is forgotten."""
        self._queue.clear()
        self._sink = None
        if self._timer is not None:
            self._timer.cancel()

    def _due(self) -> float:
        self._reads += 1
        later_ns = self._terms.latency_ns
        if self._terms.jitter_ns:
            bound = min(self._terms.jitter_ns // MICROSECOND_NS + 1, (1 << 31) - 1)
            later_ns += self._draws.below(bound, self._number, self._reads) * MICROSECOND_NS
        self._last_due = max(self._last_due, self._loop.time() + later_ns / SECOND_NS)
        return self._last_due

    def _flow(self) -> None:
        """Write what is due, and come back for the rest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue and self._sink is not None and not self._terms.held and not self._sink_full:
            due, data = self._queue[0]
            wait = max(due, self._free_at) - self._loop.time()
            if wait > 0:
                self._timer = self._loop.call_later(wait, self._flow)
                break
            self._write(data)
            if self._terms.slice_bytes and self._queue:
                self._timer = self._loop.call_later(0, self._flow)  # Others have their turn between two slices.
                break
        self._read_or_wait()

    def _write(self, data: bytes | memoryview) -> None:
        assert self._sink is not None
        due, _ = self._queue.popleft()
        if data == END:
            self.ended = True
            if self._sink.can_write_eof() and not self._sink.is_closing():
                self._sink.write_eof()
            self._owner.end()
            return
        size = self._most_at_once(len(data))
        if size < len(data):
            self._queue.appendleft((due, data[size:]))
        self._waiting -= size
        if self._terms.bytes_per_second:
            self._free_at = max(self._free_at, self._loop.time()) + size / self._terms.bytes_per_second
        self._sink.write(data[:size])

    def _most_at_once(self, size: int) -> int:
        if self._terms.bytes_per_second:
            size = min(size, max(1, self._terms.bytes_per_second // PIECES_PER_SECOND))
        return min(size, self._terms.slice_bytes or size)

    def _read_or_wait(self) -> None:
        source = self._source
        if source is None or source.is_closing() or self._read_all:
            return
        if self._sink_full or self._waiting > MOST_WAITING:
            source.pause_reading()
        elif not source.is_reading():
            source.resume_reading()
