"""A record as a stream: its files are read and checked once, and what a run uses of them is spooled for the replay.

Rule 1: what stays in memory of a record is one piece, however long its files are.
Rule 2: the spool has no name and is gone with its process; the files may change once they have been read.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import Any, final

import pyarrow as arrow  # type: ignore[import-untyped]
from pyarrow import compute

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.configuration.scalars import UNITS_NS, instant_text
from trading_ecosystem.simulators.market_data.record_blocks import Block, Doubtful, blocks, row_blocks
from trading_ecosystem.simulators.market_data.record_columns import bytes_of
from trading_ecosystem.simulators.market_data.record_layouts import Kind, Layout
from trading_ecosystem.simulators.market_data.recorded import Piece, Record

PIECE_ROWS = 1 << 13
VALUE_BYTES = 8


@final
@dataclass(frozen=True, kw_only=True)
class Window:
    """The part of a record that a run needs: from its start, until its end. None: unbounded."""

    from_ns: int | None
    until_ns: int | None
    longest_gap_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class Part:
    """One file of a record."""

    path: Path
    layout: Layout
    rows: int


@final
class Spool:
    """Times and prices of the rows that a run uses, in two nameless files."""

    def __init__(self) -> None:
        # Open for as long as the record is, and gone with it.
        self._times, self._prices = TemporaryFile(buffering=0), TemporaryFile(buffering=0)  # noqa: SIM115
        self.rows = 0

    def __del__(self) -> None:
        self._times.close()
        self._prices.close()

    def write(self, at: int, times: Any, prices: Any) -> None:
        """Put these rows at this place; what was there and behind it is gone."""
        try:
            for file, column in ((self._times, times), (self._prices, prices)):
                file.seek(at * VALUE_BYTES)
                if file.write(bytes_of(column)) < len(column) * VALUE_BYTES:
                    raise OSError(errno.ENOSPC, "no space left")
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise Problem(
                f"{gettempdir()}: {error.strerror}; a replay needs 16 bytes a row there, or elsewhere with TMPDIR"
            ) from None
        self.rows = at + len(times)

    def pieces(self) -> Iterator[Piece]:
        for at in range(0, self.rows, PIECE_ROWS):
            size, place = min(PIECE_ROWS, self.rows - at) * VALUE_BYTES, at * VALUE_BYTES
            times = memoryview(os.pread(self._times.fileno(), size, place)).cast("q")
            prices: Any = memoryview(os.pread(self._prices.fileno(), size, place)).cast("d")
            assert len(times) == len(prices) == size // VALUE_BYTES, "a spool is written before it is read"
            yield Piece(times.tolist(), prices.tolist())


@final
class Measures:
    """What is known of a record after all blocks so far, whatever their number."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.rows = self.until = self.before = 0  # Rows: all, at or before the end, at or before the start.
        self.first_ns = self.last_ns = -1
        self.opening = 0.0
        self.shortest_ns = 0  # Of all steps from a row to the next; 0: no step yet.
        self.used_shortest_ns = self.used_shortest = 0  # Of those in the window, and how many are as short.
        self.longest_ns, self.longest_at = -1, 0  # In the window, and the place of the row before it
        self.longest_after_ns = -1  # and its time.
        self.held_ns = -1  # Time of the last row in the window.
        self.next_ns = -1  # Time of the first row after it.
        self.kept = 0  # Rows that are used: those in the window, and the last at or before its start.

    def add(self, block: Block, spool: Spool) -> None:
        times = block.times
        self._keep(block, *self._find_ends(block), spool)
        if self.rows:
            times = arrow.concat_arrays([arrow.array([self.last_ns], arrow.int64()), times])
        else:
            self.first_ns = times[0].as_py()
        self.rows += len(block.times)
        self.last_ns = times[-1].as_py()
        if len(times) > 1:
            self._measure_steps(times[1:], compute.subtract(times[1:], times[:-1]))

    def _keep(self, block: Block, before: int, until: int, spool: Spool) -> None:
        """Spool what is used of the block, of which so many rows are at or before the start and the end."""
        if before:
            self.kept = 0
        first = max(0, before - 1)
        if first < until:
            spool.write(self.kept, block.times[first:until], prices_of(block)[first:until])
            self.kept += until - first

    def _find_ends(self, block: Block) -> tuple[int, int]:
        window = self.window
        before = 0 if window.from_ns is None else count_until(block.times, window.from_ns)
        until = len(block.times) if window.until_ns is None else count_until(block.times, window.until_ns)
        if before or (window.from_ns is None and not self.rows):
            self.opening = opening_of(block, max(0, before - 1))
        self.before += before
        self.until += until
        if until:
            self.held_ns = block.times[until - 1].as_py()
        if until < len(block.times) and self.next_ns < 0:
            self.next_ns = block.times[until].as_py()
        return before, until

    def _measure_steps(self, after: Any, steps: Any) -> None:
        shortest = compute.min(steps).as_py()
        self.shortest_ns = min(self.shortest_ns or shortest, shortest)
        window = self.window
        first = 0 if window.from_ns is None else count_until(after, window.from_ns)
        last = len(after) if window.until_ns is None else count_until(after, window.until_ns)
        if last <= first:
            return
        used = steps[first:last]
        longest = compute.max(used).as_py()
        if longest > self.longest_ns:
            self.longest_ns = longest
            place = first + compute.index(used, longest).as_py()
            self.longest_at = self.rows - len(after) + place - 1
            self.longest_after_ns = after[place].as_py() - longest
        shortest = compute.min(used).as_py()
        if not self.used_shortest or shortest < self.used_shortest_ns:
            self.used_shortest_ns, self.used_shortest = shortest, 0
        if shortest == self.used_shortest_ns:
            self.used_shortest += compute.sum(compute.equal(used, shortest)).as_py()


def count_until(times: Any, at_ns: int) -> int:
    """How many of these times, which are in order, are not after this one."""
    return int(compute.sum(compute.less_equal(times, at_ns), min_count=0).as_py())


def opening_of(block: Block, row: int) -> float:
    """What holds before the first price is known: a bar's open, a trade's price, the middle of a quote."""
    values = [column[row].as_py() for column in block.prices]
    return float((values[0] + values[1]) / 2.0 if len(values) == 2 else values[0])


def prices_of(block: Block) -> Any:
    """The price of each row: a bar's close, a trade's price, the middle of a quote."""
    if len(block.prices) == 2:
        return compute.multiply(compute.add(*block.prices), 0.5)
    return block.prices[-1]


# Going through.


@final
@dataclass(frozen=True, kw_only=True)
class Examined:
    """Files of one record that follow each other, gone through."""

    parts: tuple[Part, ...]
    measures: Measures
    spool: Spool

    @property
    def kind(self) -> Kind:
        return self.parts[0].layout.kind

    @property
    def bar_ns(self) -> int:
        return (self.measures.shortest_ns or UNITS_NS["m"]) if self.kind is Kind.BARS else 0

    @property
    def first(self) -> int:
        """The place of the first row that is used."""
        return 0 if self.measures.window.from_ns is None else self.measures.before - 1

    @property
    def last(self) -> int:
        """The place after the last row that is used."""
        return max(self.first + 1, self.measures.until)

    def place(self, row: int) -> str:
        """Where a row is, counted from 0 through all files, in words."""
        for part in self.parts:
            if row < part.rows:
                return f"{part.path}: row {row + 1}"
            row -= part.rows
        raise AssertionError("beyond the record")


def examined(files: Sequence[tuple[Path, Layout]], window: Window) -> Examined:
    """Go through files of one record, in order of time. Raises `Problem` for whatever is wrong in them."""
    measures, spool = Measures(window), Spool()
    parts: list[Part] = []
    for path, layout in files:
        if parts and layout.kind is not parts[0].layout.kind:
            raise Problem(f"{path}: its rows are {layout.kind.name.lower()}, those of {parts[0].path.name} are not")
        part, measures = gone_through(path, layout, measures, spool, parts[-1] if parts else None)
        parts.append(part)
    return Examined(parts=tuple(parts), measures=measures, spool=spool)


def gone_through(
    path: Path, layout: Layout, before: Measures, spool: Spool, previous: Part | None
) -> tuple[Part, Measures]:
    """One file, in blocks or, where these are in doubt, row by row; and the measures with it."""
    for read in (blocks, row_blocks):
        measures = copy(before)
        try:
            for block in read(path, layout):
                if previous is not None and measures.rows == before.rows:
                    check_succession(path, layout, block.times[0].as_py(), previous, before.last_ns)
                measures.add(block, spool)
        except Doubtful:
            continue
        if measures.rows == before.rows:
            raise Problem(f"{path}: no rows; a record has at least one")
        return Part(path=path, layout=layout, rows=measures.rows - before.rows), measures
    raise AssertionError("rows are never in doubt")


def check_succession(path: Path, layout: Layout, first_ns: int, previous: Part, last_ns: int) -> None:
    if first_ns < last_ns or (layout.kind is Kind.BARS and first_ns == last_ns):
        raise Problem(
            f"{path}: row 1: it begins at {instant_text(first_ns)}, before {previous.path.name} ends at "
            f"{instant_text(last_ns)}; files of one record follow each other in order of their names"
        )


def record_of(found: Examined) -> Record:
    assert found.spool.rows == found.last - found.first, "what is used has been spooled"
    return Record(bar_ns=found.bar_ns, opening=found.measures.opening, source=found.spool)
