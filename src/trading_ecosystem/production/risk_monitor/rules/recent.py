"""How many things happened within the last while, on the clock of who told of them. What is told twice counts once."""

from heapq import heappop, heappush
from typing import final


@final
class Recent:
    """Over the last `window_ns`. What comes late does not turn the time back."""

    __slots__ = ("_counted", "_known", "_latest_ns", "_window_ns")

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._latest_ns = 0
        self._counted: list[tuple[int, str]] = []  # A heap: the moment of each, and its key.
        self._known: set[str] = set()

    def note(self, key: str, at_ns: int) -> None:
        if key not in self._known:
            self._known.add(key)
            heappush(self._counted, (at_ns, key))

    def count(self, at_ns: int) -> int:
        self._latest_ns = max(at_ns, self._latest_ns)
        while self._counted and self._counted[0][0] + self._window_ns <= self._latest_ns:
            self._known.remove(heappop(self._counted)[1])
        return len(self._counted)

    def latest_ns(self, at_ns: int) -> int:
        """The moment as of which is counted."""
        return max(at_ns, self._latest_ns)
