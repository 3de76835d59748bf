"""Moments at which something is due, each with a number of what it is.

Rule 1: what is due at the same moment comes in the order of its number.
"""

from bisect import bisect_left, insort
from typing import Final, final

NEVER_NS: Final = (1 << 62) - 1  # The largest that is cheap to compare in the compiled build.


@final
class Deadlines:
    __slots__ = ("_entries", "next_ns")

    def __init__(self) -> None:
        self._entries: list[tuple[int, int]] = []
        self.next_ns: int = NEVER_NS

    def add(self, due_ns: int, number: int) -> None:
        insort(self._entries, (due_ns, number))
        self.next_ns = self._entries[0][0]

    def remove(self, due_ns: int, number: int) -> None:
        entry = (due_ns, number)
        place = bisect_left(self._entries, entry)
        assert self._entries[place] == entry
        del self._entries[place]
        self.next_ns = self._entries[0][0] if self._entries else NEVER_NS

    def due(self, now: int) -> list[int]:
        """The numbers of what is due, which stays until it is removed."""
        return [number for due_ns, number in self._entries[: bisect_left(self._entries, (now + 1, 0))]]
