"""The clock of a live service: wall time, or time that runs faster by a factor all services share.

Rule 1: what it tells never goes back, whatever the machine's wall clock does after the start.
Rule 2: nobody else in a live service asks for the time of day.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import final

from trading_ecosystem.live.pace import SharedTime

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Tempo:
    """How an ecosystem's time runs: it was `start_ns` (ns since 1970, UTC) when the wall clock said `epoch_ns`.

    From then on `speed` seconds pass in each second of the machine. While `epoch_ns` is 0 it stands still. `pace` is
    the file of a shared time (see `pace.py`) that all follow instead, on one machine; empty for none.
    """

    start_ns: int
    epoch_ns: int
    speed: int
    pace: str = ""


@final
class Clock:
    """Wall time where no tempo is given."""

    __slots__ = ("_began_ns", "_last_ns", "_offset_ns", "_shared", "_start_ns", "speed")

    def __init__(self, tempo: Tempo | None = None) -> None:
        self.speed = tempo.speed if tempo else 1
        self._start_ns = tempo.start_ns if tempo else time.time_ns()
        self._began_ns: int | None = None  # On the machine's monotonic clock.
        self._shared = SharedTime(Path(tempo.pace)) if tempo and tempo.pace else None
        self._offset_ns = 0  # What a clock fault adds.
        self._last_ns = 0
        if tempo is None:
            self._began_ns = time.monotonic_ns()
        elif tempo.epoch_ns:
            self.begin(tempo.epoch_ns)

    def begin(self, epoch_ns: int) -> None:
        """Run from now on: it was the tempo's start when the wall clock said `epoch_ns`."""
        self._began_ns = time.monotonic_ns() - (time.time_ns() - epoch_ns)

    @property
    def begun(self) -> bool:
        return self._began_ns is not None

    def now_ns(self) -> int:
        """Never less than what it said before."""
        if self._shared is not None:
            told = self._shared.now_ns() + self._offset_ns
        else:
            told = self._start_ns + self._offset_ns
            if self._began_ns is not None:
                told += max(0, time.monotonic_ns() - self._began_ns) * self.speed
        self._last_ns = max(self._last_ns, told)
        return self._last_ns

    def not_before(self, moment_ns: int) -> None:
        """Never tell a time before this one: what was journaled before a restart stays in the past."""
        self._last_ns = max(self._last_ns, moment_ns)

    def wall_seconds(self, at_ns: int) -> float:
        """How long, in seconds of the machine, until this moment comes; 0 if it has come."""
        return max(0, at_ns - self.now_ns()) / SECOND_NS / self.speed

    def shift(self, offset_ns: int) -> None:
        """A clock fault: tell the time with this offset from now on. 0 undoes it."""
        self._offset_ns = offset_ns
