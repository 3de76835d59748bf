"""Recorded prices as the core sees them: pieces of a stream that a shell reads, and the price at a moment.

Rule 1: a bar gives one price, its close, known with the last quote before the bar's end. When its high and low were
        traded is not recorded, and a replay invents nothing. A trade and a quote are known when they were made.
Rule 2: a price holds until the next one. Before the first, the first bar's open (or the first price) holds.
Rule 3: the price at a moment depends on the record and the moment alone, so what is saved of a replay is the time.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, final

NEVER_NS = -(1 << 62)


@final
class Piece:
    """Some rows of a record, in order of time: when (ns since 1970, UTC; a bar's opening), and which price."""

    __slots__ = ("prices", "times_ns")

    def __init__(self, times_ns: list[int], prices: list[float]) -> None:
        self.times_ns = times_ns
        self.prices = prices


class Source(Protocol):
    """Where a record comes from. It can be read as often as is wanted, each time from its first piece on."""

    def pieces(self) -> Iterator[Piece]: ...


@final
@dataclass(frozen=True, kw_only=True)
class Record:
    """The prices of one symbol, in quote units. `bar_ns` is 0 for trades and quotes."""

    bar_ns: int
    opening: float  # Holds before the first price is known.
    source: Source


@final
@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What is replayed, by symbol. `notes` tell what was used, what was left out, and where the record has gaps."""

    records: dict[str, Record] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@final
class Track:
    """Walks along a record, one piece in memory. Fast where the moments asked for go forward; right for any moment."""

    __slots__ = ("_at", "_lag_ns", "_next_ns", "_pieces", "_price", "_prices", "_record", "_since_ns", "_times_ns")

    def __init__(self, record: Record, step_ns: int) -> None:
        self._record = record
        self._lag_ns = max(0, record.bar_ns - step_ns)  # From a bar's opening until its close is known.
        self._begin()

    def _begin(self) -> None:
        self._pieces = self._record.source.pieces()
        self._price = self._record.opening
        self._since_ns = NEVER_NS
        self._next_piece()

    def _next_piece(self) -> None:
        piece = next(self._pieces, None)
        self._at = 0  # Of the first row of the piece that is not known yet.
        self._times_ns: list[int] = [] if piece is None else piece.times_ns
        self._prices: list[float] = [] if piece is None else piece.prices
        self._next_ns = -NEVER_NS if piece is None else self._times_ns[0]  # Its time.

    def price(self, at_ns: int) -> float:
        """The price at this moment."""
        until_ns = at_ns - self._lag_ns
        if until_ns < self._since_ns:
            self._begin()
        while self._next_ns <= until_ns:
            self._go(until_ns)
        return self._price

    def _go(self, until_ns: int) -> None:
        """Go on to the last row of the piece that is known by now, and to the next piece where that is its last."""
        times_ns, at = self._times_ns, self._at + 1
        if at < len(times_ns) and times_ns[at] <= until_ns:
            at = bisect_right(times_ns, until_ns, at)
        self._at = at
        self._price = self._prices[at - 1]
        self._since_ns = times_ns[at - 1]
        if at < len(times_ns):
            self._next_ns = times_ns[at]
        else:
            self._next_piece()
