"""A store that fails when it is told to: what chaos does to a real one, at the same two ports.

Rule 1: every fault but a broken store has its undo; a broken store stays broken until the process ends.
Rule 2: a fault answers as the real one does: what is away or full has written nothing, what is unanswered has.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from threading import Event
from typing import final

from trading_ecosystem.live.store.ports import (
    HistoryType,
    Journal,
    Memory,
    Record,
    Store,
    StoreAway,
    StoreBroken,
)


class StoreFault(StrEnum):
    AWAY = "away"  # Nothing reaches it.
    FULL = "full"  # It takes nothing more; it can still be read.
    SLOW = "slow"  # Every commit takes longer.
    UNANSWERED = "unanswered"  # It commits, and the answer is lost.
    BROKEN = "broken"  # An input or output error.


@final
class StoreFaults:
    """What is wrong with one store just now. May be told from any thread."""

    def __init__(self) -> None:
        self._wrong: set[StoreFault] = set()
        self._delay_s = 0.0
        self._restored = Event()
        self._crash: tuple[int, bool, Callable[[], None]] | None = None
        self.commits = 0  # That were begun.

    def inject(self, fault: StoreFault, delay_s: float = 0.0) -> None:
        """`delay_s` is for SLOW: how much longer a commit takes, in seconds of the machine."""
        if fault is StoreFault.SLOW:
            self._delay_s = delay_s
            self._restored.clear()
        self._wrong.add(fault)

    def restore(self, fault: StoreFault) -> None:
        """Undo `inject`; a commit that is being slowed down goes on at once."""
        assert fault is not StoreFault.BROKEN
        self._wrong.discard(fault)
        if fault is StoreFault.SLOW:
            self._restored.set()

    def crash_at(self, commit: int, *, after: bool, crash: Callable[[], None]) -> None:
        """Call `crash`, which should end the process, just before or just after this commit: 1, 2, 3, ..."""
        self._crash = (commit, after, crash)

    def around(self, commit: Callable[[], None]) -> None:
        """Commit, or fail as told. Raises StoreAway or StoreBroken."""
        self.commits += 1
        number = self.commits
        self.reach()
        if StoreFault.FULL in self._wrong:
            raise StoreAway("no space is left in the store")
        if StoreFault.SLOW in self._wrong:
            self._restored.wait(self._delay_s)
        self._maybe_crash(number, after=False)
        commit()
        self._maybe_crash(number, after=True)
        if StoreFault.UNANSWERED in self._wrong:
            raise StoreAway("the connection was lost during a commit")

    def reach(self) -> None:
        """Get through to the store at all."""
        if StoreFault.BROKEN in self._wrong:
            raise StoreBroken("an input or output error of the store")
        if StoreFault.AWAY in self._wrong:
            raise StoreAway("the store cannot be reached")

    def _maybe_crash(self, number: int, *, after: bool) -> None:
        if self._crash is not None and self._crash[:2] == (number, after):
            self._crash[2]()


def with_faults(store: Store[HistoryType], faults: StoreFaults) -> Store[HistoryType]:
    """The same store, which fails when it is told to. Its history is written and read as before."""
    return replace(store, journal=FaultyJournal(store.journal, faults), memory=FaultyMemory(store.memory, faults))


@final
class FaultyJournal:
    def __init__(self, journal: Journal, faults: StoreFaults) -> None:
        self._journal = journal
        self._faults = faults

    def append(self, records: Sequence[Record]) -> None:
        self._faults.around(lambda: self._journal.append(records))

    def read(self, after: int) -> Iterator[Record]:
        self._faults.reach()
        return self._journal.read(after)

    def last_sequence(self) -> int:
        self._faults.reach()
        return self._journal.last_sequence()

    def save_snapshot(self, sequence: int, state: bytes) -> None:
        self._faults.around(lambda: self._journal.save_snapshot(sequence, state))

    def snapshot(self) -> tuple[int, bytes] | None:
        self._faults.reach()
        return self._journal.snapshot()


@final
class FaultyMemory:
    def __init__(self, memory: Memory, faults: StoreFaults) -> None:
        self._memory = memory
        self._faults = faults

    def remember(self, items: Sequence[tuple[str, str]]) -> None:
        self._faults.around(lambda: self._memory.remember(items))

    def recall(self) -> dict[str, str]:
        self._faults.reach()
        return self._memory.recall()
