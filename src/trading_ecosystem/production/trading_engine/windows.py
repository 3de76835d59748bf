"""What happened within a time that moves along: orders that left, by moment and by likeness."""

from collections import deque
from collections.abc import Sequence
from typing import final

from trading_ecosystem.production.trading_engine.orders import Order

Likeness = tuple[str, int, int, int]


@final
class Window:
    """How many moments of the last `length_ns` were noted. One that is as old as that counts no more."""

    __slots__ = ("_length_ns", "_moments")

    def __init__(self, length_ns: int) -> None:
        self._length_ns = length_ns
        self._moments: deque[int] = deque()

    def note(self, now: int) -> None:
        self._moments.append(now)

    def count(self, now: int) -> int:
        while self._moments and self._moments[0] + self._length_ns <= now:
            self._moments.popleft()
        return len(self._moments)


@final
class Repetitions:
    """How often orders of the same instrument, side, price and quantity have left within the last `length_ns`."""

    __slots__ = ("_counts", "_left", "_length_ns")

    def __init__(self, length_ns: int) -> None:
        self._length_ns = length_ns
        self._left: deque[tuple[int, Likeness]] = deque()
        self._counts: dict[Likeness, int] = {}

    def note(self, order: Order, now: int) -> None:
        likeness = likeness_of(order)
        self._left.append((now, likeness))
        self._counts[likeness] = self._counts.get(likeness, 0) + 1

    def count(self, order: Order, earlier: Sequence[Order], now: int) -> int:
        """Of this order; `earlier` ones would leave before it."""
        while self._left and self._left[0][0] + self._length_ns <= now:
            self._forget(self._left.popleft()[1])
        likeness = likeness_of(order)
        return self._counts.get(likeness, 0) + len([each for each in earlier if likeness_of(each) == likeness])

    def _forget(self, likeness: Likeness) -> None:
        self._counts[likeness] -= 1
        if not self._counts[likeness]:
            del self._counts[likeness]


def likeness_of(order: Order) -> Likeness:
    return order.symbol, int(order.side), order.price_ticks, order.quantity_lots
