"""Recorded prices from files: which of them a run uses, whether they cover it, and a stream of each symbol's.

Rule 1: a record is refused with one line (file, row, what would be right) or taken whole; nothing in it is repaired.
Rule 2: minutes without a trade have no bar. Such gaps hold the last price; they are counted in the notes.
Rule 3: this and the files named `record_*.py` are all of this service that touches recorded files.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.configuration.scalars import UNITS_NS, duration_text, instant_text
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.market_data.config import LONGEST_GAP_NS
from trading_ecosystem.simulators.market_data.file_symbols import assign
from trading_ecosystem.simulators.market_data.record_blocks import parquet_file
from trading_ecosystem.simulators.market_data.record_bytes import KINDS, PARQUET, suffix_of
from trading_ecosystem.simulators.market_data.record_layouts import Kind, Layout, layout_of_csv, layout_of_names
from trading_ecosystem.simulators.market_data.record_stream import Examined, Window, examined, record_of
from trading_ecosystem.simulators.market_data.recorded import Record, Recorded

NOUNS = {Kind.BARS: "bar", Kind.TRADES: "trade", Kind.QUOTES: "quote"}


def load(
    paths: Sequence[Path],
    reference: ReferenceData,
    columns: Mapping[str, str] | None = None,
    symbols: Mapping[str, str] | None = None,
    from_ns: int | None = None,
    until_ns: int | None = None,
    longest_gap_ns: int = LONGEST_GAP_NS,
) -> Recorded:
    """Go through files, or through all recorded files of folders; what is read of them is read while it is replayed.

    `columns` maps our names (time, open, high, low, close; price; bid, ask) to those of the files; `symbols` maps file
    names to symbols. Raises `Problem` for whatever is wrong. Of two records of one symbol the first by name is used,
    unless one of them is mapped; files whose names differ by a date are one record.
    """
    files = listed(paths)
    assigned, notes = assign(files, list(reference.instruments), symbols or {})
    window = Window(from_ns=from_ns, until_ns=until_ns, longest_gap_ns=longest_gap_ns)
    records: dict[str, Record] = {}
    for symbol, parts in assigned.items():
        found = examined([(path, layout_of(path, columns or {})) for path in parts], window)
        notes.append(f"{symbol}: {called(parts)}, {coverage(found)}")
        records[symbol] = record_of(found)
    return Recorded(records=records, notes=notes)


def listed(paths: Sequence[Path]) -> list[Path]:
    """All files named or in a folder named, once each, in order of their names."""
    found: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            inside = [file for file in path.iterdir() if suffix_of(file) and file.is_file()]
            if not inside:
                raise Problem(f"{path}: no {KINDS} file in this folder")
            found.update({file.resolve(): file for file in sorted(inside)})
        elif not path.exists():
            raise Problem(f"{path}: no such file or folder")
        elif not suffix_of(path):
            raise Problem(f"{path}: not a {KINDS} file")
        else:
            found[path.resolve()] = path
    if not found:
        raise Problem("nothing to replay: name a file or a folder")
    return sorted(found.values(), key=lambda file: (file.name, str(file)))


def layout_of(path: Path, mapped: Mapping[str, str]) -> Layout:
    if suffix_of(path) != PARQUET:
        return layout_of_csv(path, mapped)
    with parquet_file(path) as file:
        return layout_of_names(path, file.schema_arrow.names, mapped)


def called(parts: Sequence[Path]) -> str:
    return parts[0].name if len(parts) == 1 else f"{len(parts)} files from {parts[0].name} to {parts[-1].name}"


# Whether a record covers a run.


def coverage(found: Examined) -> str:
    """A note on what is used and on its gaps. Raises `Problem` where the record does not cover the window."""
    measures, window, bar_ns = found.measures, found.measures.window, found.bar_ns
    if window.from_ns is not None and measures.first_ns > window.from_ns:
        refuse_start(found, window.from_ns)
    at_end_ns = end_of(found) - measures.held_ns - bar_ns
    longest_ns, row = max((measures.longest_ns - bar_ns, -measures.longest_at), (at_end_ns, 1 - found.last))
    if longest_ns > window.longest_gap_ns:
        refuse_gap(found, -row, longest_ns)
    noun = NOUNS[found.kind]
    if found.kind is not Kind.BARS:
        silence = f"; the longest silence {whole_seconds(longest_ns)}" if longest_ns >= UNITS_NS["s"] else ""
        return f"{found.last - found.first} {noun}s{silence}"
    without = measures.used_shortest if measures.used_shortest_ns == bar_ns else 0
    count = found.last - found.first - 1 - without + (at_end_ns > 0)
    gaps = f"; gaps that hold the last price: {count}, the longest {duration_text(longest_ns)}" if count else ""
    return f"{found.last - found.first} bars of {duration_text(bar_ns)}{gaps}"


def end_of(found: Examined) -> int:
    """Until when the last price used holds: to the next one, or to the end of the run."""
    measures, until_ns = found.measures, found.measures.window.until_ns
    if until_ns is None:
        return max(measures.last_ns + found.bar_ns, measures.window.from_ns or 0)
    return min(until_ns, measures.next_ns) if found.last < measures.rows else until_ns


def whole_seconds(length_ns: int) -> str:
    return duration_text(length_ns // UNITS_NS["s"] * UNITS_NS["s"])


def refuse_start(found: Examined, from_ns: int) -> NoReturn:
    first, last = instant_text(found.measures.first_ns), instant_text(found.measures.last_ns)
    raise Problem(
        f"{found.place(0)}: the record begins at {first}, after the run's start at {instant_text(from_ns)}; "
        f"start the run between {first} and {last}"
    )


def refuse_gap(found: Examined, row: int, gap_ns: int) -> NoReturn:
    measures = found.measures
    after_ns = measures.held_ns if row + 1 == found.last else measures.longest_after_ns
    noun = NOUNS[found.kind]
    is_last = row + 1 == measures.rows
    what = "the record ends" if is_last else f"the record has no {noun}"
    right = "end the run earlier" if is_last else "fill it, allow a longer gap"
    raise Problem(
        f"{found.place(row)}: {what} for {whole_seconds(gap_ns)} after the {noun} of {instant_text(after_ns)}, longer "
        f"than {duration_text(measures.window.longest_gap_ns)}; {right} or choose another part of the record"
    )
