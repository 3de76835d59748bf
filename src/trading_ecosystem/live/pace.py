"""Accelerated time that waits for whoever lags, so that a busy machine does not eat simulated deadlines.

One process leads: it writes into a file how far time is, again and again; the others read it there, and each shows
in a file of its own that it is awake, and how old what it hears is. While one that should be awake is not, the leader
lets time stand still; where messages grow old on their way, it slows time down.

Rule 1: from one word of the leader to the next, time goes on by a bounded amount: no leader, no time.
Rule 2: a reader never sees half a word: the version behind it is written first, the one before it last.
Rule 3: who waits for its disk is not awake, though its loop turns: what rests on the disk has not left.
Rule 4: a new word never takes back what a reader was told, but for the moment in which it is written to stop time.
"""

import mmap
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import final

WORD = Struct("<6q")  # Version, moment of the machine, moment told, speed, longest stretch, version again.
PULSE = "pulse"  # The file in which a process shows that it is awake, in the folder of its data.
BEAT = Struct("<2q")
SIMULATED_LAG_NS = 1_000_000_000  # How far time may go on while somebody is not awake.
SHORTEST_LAG_NS = 8_000_000  # Of the machine; no process can promise less.
OLD_NS = 2_000_000_000  # As old as a message may be when it comes.
OLDEST_BY_LAG_NS = 20_000_000_000  # What is older when it comes was held back on purpose.


def lag_of(speed: int) -> int:
    """How long, in ns of the machine, a process may be silent before time waits for it."""
    return max(SHORTEST_LAG_NS, SIMULATED_LAG_NS // speed)


@final
class SharedTime:
    """The leader's word, as everybody reads it."""

    __slots__ = ("_map",)

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), WORD.size, access=mmap.ACCESS_READ)

    def now_ns(self) -> int:
        while True:
            first, at_ns, told_ns, speed, stretch_ns, last = WORD.unpack_from(self._map)
            if first == last:
                elapsed_ns = time.monotonic_ns() - at_ns
                now_ns: int = told_ns + min(max(0, elapsed_ns), stretch_ns) * speed
                return now_ns


@final
class Leader:
    """Writes the word. Time stands at `start_ns` until it is led on."""

    def __init__(self, path: Path, start_ns: int, speed: int) -> None:
        self._speed = speed
        self._version = 0
        self._longest_ns = lag_of(speed) // 2
        self._at_ns, self._told_ns, self._stretch_ns = time.monotonic_ns(), start_ns, 0
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.ftruncate(descriptor, WORD.size)
        self._map = mmap.mmap(descriptor, WORD.size)
        os.close(descriptor)
        self._write()

    def lead_on(self, speed: int) -> None:
        """Time goes on from where it is, for a stretch."""
        self._say(self._longest_ns, speed)

    def stand_still(self) -> None:
        self._say(0, self._speed)

    def _say(self, stretch_ns: int, speed: int) -> None:
        """The new word and the old one say the same of this moment."""
        at_ns = time.monotonic_ns()
        self._told_ns += min(at_ns - self._at_ns, self._stretch_ns) * self._speed
        self._at_ns, self._stretch_ns, self._speed = at_ns, stretch_ns, speed
        self._write()

    def _write(self) -> None:
        self._version += 1
        word = WORD.pack(self._version, self._at_ns, self._told_ns, self._speed, self._stretch_ns, self._version)
        self._map[WORD.size - 8 :] = word[WORD.size - 8 :]
        self._map[8 : WORD.size - 8] = word[8 : WORD.size - 8]
        self._map[:8] = word[:8]


@final
class Condition:
    """How this process keeps up. Any of its threads may say so."""

    def __init__(self) -> None:
        self._waits_since_ns = 0
        self._oldest_ns = 0

    @contextmanager
    def waiting_for_the_disk(self) -> Iterator[None]:
        self._waits_since_ns = time.monotonic_ns()
        try:
            yield
        finally:
            self._waits_since_ns = 0

    def heard(self, age_ns: int) -> None:
        """A message has come that is so old, in simulated time."""
        if self._oldest_ns < age_ns < OLDEST_BY_LAG_NS:
            self._oldest_ns = age_ns

    def tell(self) -> tuple[int, int]:
        """When it was awake last, and the age of the oldest message of late, which fades from one time to the next."""
        oldest_ns, self._oldest_ns = self._oldest_ns, self._oldest_ns * 3 // 4
        return self._waits_since_ns or time.monotonic_ns(), oldest_ns


CONDITION = Condition()  # Of this process.


@final
class Pulse:
    """How a process shows that it is awake."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(descriptor, BEAT.size)
        self._map = mmap.mmap(descriptor, BEAT.size)
        os.close(descriptor)

    def beat(self) -> None:
        BEAT.pack_into(self._map, 0, *CONDITION.tell())

    def last(self) -> tuple[int, int]:
        """When it was awake last, on the machine's monotonic clock, 0 if it never was; and the age of what it heard."""
        awake_ns, age_ns = BEAT.unpack_from(self._map)
        return awake_ns, age_ns

    def forget(self) -> None:
        """Its process is gone: nobody waits for it."""
        BEAT.pack_into(self._map, 0, 0, 0)
