"""Recorded bars from Parquet and CSV files. The only file of this service that touches the disk.

Rule 1: a record is refused with one line (file, row, what would be right) or taken whole; nothing in it is repaired.
Rule 2: minutes without a trade have no bar. Such gaps hold the last price; they are counted in the notes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.configuration.scalars import UNITS_NS, duration_text, instant_text
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.market_data.bar_files import SUFFIXES, read_bars
from trading_ecosystem.simulators.market_data.config import LONGEST_GAP_NS
from trading_ecosystem.simulators.market_data.file_symbols import assign
from trading_ecosystem.simulators.market_data.recorded import Bars, Recorded


@dataclass(frozen=True, kw_only=True)
class Window:
    """The part of a record that a run needs: from its start, until its end. None: unbounded."""

    from_ns: int | None
    until_ns: int | None
    longest_gap_ns: int


def load(
    paths: Sequence[Path],
    reference: ReferenceData,
    columns: Mapping[str, str] | None = None,
    symbols: Mapping[str, str] | None = None,
    from_ns: int | None = None,
    until_ns: int | None = None,
    longest_gap_ns: int = LONGEST_GAP_NS,
) -> Recorded:
    """Read files, or all Parquet and CSV files of folders.

    `columns` maps our names (time, open, high, low, close) to those of the files; `symbols` maps file names to
    symbols. Raises `Problem` for whatever is wrong. Of two files for one symbol the first by name is used,
    unless one of them is mapped.
    """
    files = listed(paths)
    assigned, notes = assign(files, list(reference.instruments), symbols or {})
    window = Window(from_ns=from_ns, until_ns=until_ns, longest_gap_ns=longest_gap_ns)
    bars: dict[str, Bars] = {}
    for symbol, path in assigned.items():
        bars[symbol], note = within(path, read_bars(path, columns or {}), window)
        notes.append(f"{symbol}: {path.name}, {note}")
    return Recorded(bars=bars, notes=notes)


def listed(paths: Sequence[Path]) -> list[Path]:
    """All files named or in a folder named, once each, in order of their names."""
    found: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            inside = [file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file()]
            if not inside:
                raise Problem(f"{path}: no {' or '.join(SUFFIXES)} file in this folder")
            found.update({file.resolve(): file for file in sorted(inside)})
        elif not path.exists():
            raise Problem(f"{path}: no such file or folder")
        elif path.suffix.lower() not in SUFFIXES:
            raise Problem(f"{path}: not a {' or '.join(SUFFIXES)} file")
        else:
            found[path.resolve()] = path
    if not found:
        raise Problem("nothing to replay: name a file or a folder")
    return sorted(found.values(), key=lambda file: (file.name, str(file)))


def within(path: Path, bars: Bars, window: Window) -> tuple[Bars, str]:
    """The bars that a run needs, and a note on its gaps. Raises `Problem` where they do not cover it."""
    open_ns = bars.open_ns
    first, last = 0, len(open_ns)
    if window.from_ns is not None:
        if open_ns[0] > window.from_ns:
            refuse_start(path, bars, window.from_ns)
        first = max(i for i in range(last) if open_ns[i] <= window.from_ns)
    if window.until_ns is not None:
        last = max(first + 1, sum(1 for at_ns in open_ns if at_ns <= window.until_ns))
    held_until = [*open_ns[first + 1 : last], end_of(bars, last, window)]
    gaps = [until - at - bars.bar_ns for at, until in zip(open_ns[first:last], held_until, strict=True)]
    longest = max(gaps)
    if longest > window.longest_gap_ns:
        refuse_gap(path, first + gaps.index(longest), bars, longest, window)
    count = sum(1 for gap in gaps if gap > 0)
    note = f"{last - first} bars of {duration_text(bars.bar_ns)}"
    if count:
        note += f"; gaps that hold the last price: {count}, the longest {duration_text(longest)}"
    return cut(bars, first, last), note


def end_of(bars: Bars, last: int, window: Window) -> int:
    """Until when the last bar used holds: to the next one, or to the end of the run."""
    until_ns = window.until_ns
    if until_ns is None:
        return max(bars.open_ns[last - 1] + bars.bar_ns, window.from_ns or 0)
    return min(until_ns, bars.open_ns[last]) if last < len(bars.open_ns) else until_ns


def cut(bars: Bars, first: int, last: int) -> Bars:
    return Bars(
        bar_ns=bars.bar_ns,
        open_ns=bars.open_ns[first:last],
        opens=bars.opens[first:last],
        highs=bars.highs[first:last],
        lows=bars.lows[first:last],
        closes=bars.closes[first:last],
    )


def refuse_start(path: Path, bars: Bars, from_ns: int) -> NoReturn:
    raise Problem(
        f"{path}: row 1: the record begins at {instant_text(bars.open_ns[0])}, after the run's start at "
        f"{instant_text(from_ns)}; start the run between {instant_text(bars.open_ns[0])} and "
        f"{instant_text(bars.open_ns[-1])}"
    )


def refuse_gap(path: Path, row: int, bars: Bars, gap_ns: int, window: Window) -> NoReturn:
    after = instant_text(bars.open_ns[row])
    longest = duration_text(window.longest_gap_ns)
    is_last = row + 1 == len(bars.open_ns)
    what = "the record ends" if is_last else "the record has no bar"
    gap = duration_text(gap_ns // UNITS_NS["s"] * UNITS_NS["s"])
    right = "end the run earlier" if is_last else "fill it, allow a longer gap"
    raise Problem(
        f"{path}: row {row + 1}: {what} for {gap} after the bar of {after}, longer than {longest}; {right} or "
        f"choose another part of the record"
    )
