"""Which columns of a file mean what: bars, trades or quotes, by the names in its first line or by its shape.

Known without a first line that names the columns: the files of Binance (klines, trades, aggTrades; spot and futures),
of Kraken (time, open, high, low, close, volume, trades; time, price, volume), and bars with or without a volume.
Tardis names its columns, and so do some files of Binance.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import final

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.simulators.market_data.file_symbols import nearest
from trading_ecosystem.simulators.market_data.record_bytes import opened

LONGEST_LINE = 1 << 16
BOOLEANS = ("true", "false")


@final
class Kind(Enum):
    """What a row is; the value is the prices it must have. A bar's close counts, a trade's price, a quote's middle."""

    BARS = ("open", "high", "low", "close")
    QUOTES = ("bid", "ask")
    TRADES = ("price",)


ALIASES = {
    # When a price was known, before when it was made: Tardis sorts by the former.
    "time": (
        *("local_timestamp", "timestamp", "ts", "time", "date", "open_time", "hour_utc", "start"),
        *("transact_time", "transaction_time"),
    ),
    "bid": ("bid", "bid_price", "best_bid_price", "best_bid"),
    "ask": ("ask", "ask_price", "best_ask_price", "best_ask"),
}
OURS = ("time", *(name for kind in Kind for name in kind.value))
SYMBOLS = ("symbol", "instrument_id")

# Without names: n a number, b a boolean, and the places of time and prices.
SHAPES: dict[str, tuple[Kind, tuple[int, ...]]] = {
    "n" * 12: (Kind.BARS, (0, 1, 2, 3, 4)),
    **{"n" * width: (Kind.BARS, (0, 1, 2, 3, 4)) for width in (5, 6, 7)},
    "nnn": (Kind.TRADES, (0, 1)),
    "nnnnnbb": (Kind.TRADES, (4, 1)),
    "nnnnnb": (Kind.TRADES, (4, 1)),
    "nnnnnnbb": (Kind.TRADES, (5, 1)),
    "nnnnnnb": (Kind.TRADES, (5, 1)),
}


@final
@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the columns are: those of `kind` by our names, and that of the symbol where there is one."""

    kind: Kind
    places: dict[str, int]
    symbol: int | None
    width: int
    named: bool  # The first line of a CSV file names the columns.
    whole_times: bool  # Times are written as whole numbers.


def layout_of_csv(path: Path, mapped: Mapping[str, str]) -> Layout:
    """Raises `Problem` for a file that is empty, is no CSV, or whose columns are not known."""
    first, second = first_rows(path)
    if looks_like_data(first):
        if mapped:
            raise Problem(f"{path}:1: the first line names no columns, so none can be mapped; put one there that does")
        return layout_of_shape(path, first)
    chosen = chosen_columns(path, first, mapped)
    time = second[first.index(chosen[0]["time"])] if len(second) == len(first) else ""
    return layout(first, chosen, True, time.strip().isdigit())


def layout_of_names(path: Path, names: Sequence[str], mapped: Mapping[str, str]) -> Layout:
    return layout(names, chosen_columns(path, names, mapped), False, False)


def layout(names: Sequence[str], chosen: tuple[dict[str, str], Kind], named: bool, whole: bool) -> Layout:
    columns, kind = chosen
    lower = [name.strip().lower() for name in names]
    symbol = next((lower.index(name) for name in SYMBOLS if name in lower), None)
    places = {ours: list(names).index(name) for ours, name in columns.items()}
    return Layout(kind=kind, places=places, symbol=symbol, width=len(names), named=named, whole_times=whole)


# The first lines.


def first_rows(path: Path) -> tuple[list[str], list[str]]:
    """The first two rows that are not empty; the second is empty where there is none."""
    with opened(path) as file:
        head = file.read(2 * LONGEST_LINE)
    whole = head.rfind(b"\n") + 1 if len(head) == 2 * LONGEST_LINE else len(head)
    try:
        text = head[:whole].decode("utf-8-sig")
        rows = [row for row in csv.reader(text.splitlines(keepends=True), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Problem(f"{path}: not a CSV file in UTF-8 that can be read: {error}") from None
    if not head.strip():
        raise Problem(f"{path}:1: the file is empty; a record has at least one row")
    if not rows or not all(cell.isprintable() for cell in rows[0]):
        raise Problem(f"{path}: not a CSV file in UTF-8 that can be read: no line of text at its beginning")
    return rows[0], rows[1] if len(rows) > 1 else []


def looks_like_data(row: Sequence[str]) -> bool:
    return sum(is_number(cell) for cell in row) >= 2


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def layout_of_shape(path: Path, row: Sequence[str]) -> Layout:
    letters = ["n" if is_number(cell) else "b" if cell.strip().lower() in BOOLEANS else "?" for cell in row]
    found = SHAPES.get("".join(letters))
    if found is None:
        raise Problem(
            f"{path}:1: {len(row)} values and no names of columns, which is no layout of Binance, of Kraken, or of "
            f"bars; put a first line there that names the columns"
        )
    kind, places = found
    by_name = dict(zip(("time", *kind.value), places, strict=True))
    whole = row[places[0]].strip().isdigit()
    return Layout(kind=kind, places=by_name, symbol=None, width=len(row), named=False, whole_times=whole)


# Names.


def chosen_columns(path: Path, names: Sequence[str], mapped: Mapping[str, str]) -> tuple[dict[str, str], Kind]:
    """The file's name for each of our columns, as mapped or recognised whatever its case, and what its rows are."""
    for ours in mapped:
        if ours not in OURS:
            raise Problem(f"{path}: unknown column {ours!r} to map; {nearest(ours, OURS)}")
        if mapped[ours] not in names:
            raise Problem(f"{path}: no column {mapped[ours]!r} for {ours}; {nearest(mapped[ours], names)}")
    by_lower = {name.strip().lower(): name for name in reversed(names)}
    known = {ours: recognised(ours, by_lower, mapped) for ours in OURS}
    kind = max(Kind, key=lambda each: (all(map(known.get, each.value)), sum(bool(known[ours]) for ours in each.value)))
    chosen: dict[str, str] = {}
    for ours in ("time", *kind.value):
        name = known[ours]
        if name is None:
            raise Problem(f"{path}: no column for {ours}; it has {', '.join(names)}; map one of them to {ours}")
        if names.count(name) > 1:
            raise Problem(f"{path}: the column {name!r} is there twice; keep one of the two")
        chosen[ours] = name
    return chosen, kind


def recognised(ours: str, by_lower: Mapping[str, str], mapped: Mapping[str, str]) -> str | None:
    if ours in mapped:
        return mapped[ours]
    return next((by_lower[name] for name in ALIASES.get(ours, (ours,)) if name in by_lower), None)
