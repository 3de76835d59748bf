"""One file of bars, Parquet or CSV, to `Bars`. Every row is checked; the first that is wrong is named."""

import csv
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as arrow  # type: ignore[import-untyped]
from pyarrow import parquet

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.configuration.scalars import UNITS_NS, instant_ns, instant_text
from trading_ecosystem.simulators.market_data.file_symbols import nearest
from trading_ecosystem.simulators.market_data.recorded import Bars

SUFFIXES = (".parquet", ".csv")
TIME_NAMES = ("timestamp", "ts", "time", "date", "open_time", "hour_utc", "start")
PRICES = ("open", "high", "low", "close")
OURS = ("time", *PRICES)
LATEST_BY_UNIT = ((10**11, "s"), (10**14, "ms"), (10**17, "us"), (10**20, "ns"))


class Table:
    """The columns of a file that matter, by our names. Row 1 is the first of the data."""

    def __init__(self, path: Path, first_line: int, columns: dict[str, Sequence[object]]) -> None:
        self.path = path
        self._first_line = first_line  # In a CSV file, of row 1; 0 where rows are no lines.
        self.columns = columns

    def fail(self, row: int, problem: str) -> NoReturn:
        place = f"{self.path}:{self._first_line + row - 1}" if self._first_line else str(self.path)
        raise Problem(f"{place}: row {row}: {problem}")


def read_bars(path: Path, mapped: Mapping[str, str]) -> Bars:
    """Raises `Problem` for a file that is not what it should be."""
    for ours in mapped:
        if ours not in OURS:
            raise Problem(f"{path}: unknown column {ours!r} to map; {nearest(ours, OURS)}")
    table = parquet_table(path, mapped) if path.suffix.lower() == ".parquet" else csv_table(path, mapped)
    if not table.columns["time"]:
        raise Problem(f"{path}: no rows; a record has at least one bar")
    open_ns = times(table)
    opens, highs, lows, closes = (prices(table, name) for name in PRICES)
    for i in range(len(open_ns)):
        if highs[i] < lows[i]:
            table.fail(i + 1, f"high {highs[i]} is below low {lows[i]}")
    steps = [after - before for before, after in pairwise(open_ns)]
    bar_ns = min(steps) if steps else UNITS_NS["m"]
    return Bars(bar_ns=bar_ns, open_ns=open_ns, opens=opens, highs=highs, lows=lows, closes=closes)


def chosen_columns(path: Path, names: Sequence[str], mapped: Mapping[str, str]) -> dict[str, str]:
    """The file's name for each of our columns: as mapped, or recognised whatever its case."""
    chosen: dict[str, str] = {}
    by_lower = {name.strip().lower(): name for name in reversed(names)}
    for ours in OURS:
        if ours in mapped:
            if mapped[ours] not in names:
                raise Problem(f"{path}: no column {mapped[ours]!r} for {ours}; {nearest(mapped[ours], names)}")
            chosen[ours] = mapped[ours]
        else:
            known = [by_lower[name] for name in (TIME_NAMES if ours == "time" else (ours,)) if name in by_lower]
            if not known:
                raise Problem(f"{path}: no column for {ours}; it has {', '.join(names)}; map one of them to {ours}")
            chosen[ours] = known[0]
        if names.count(chosen[ours]) > 1:
            raise Problem(f"{path}: the column {chosen[ours]!r} is there twice; keep one of the two")
    return chosen


# Parquet.


def parquet_table(path: Path, mapped: Mapping[str, str]) -> Table:
    try:
        file = parquet.ParquetFile(path)
        chosen = chosen_columns(path, list(file.schema_arrow.names), mapped)
        data = file.read(columns=sorted(set(chosen.values())))
        columns = {ours: parquet_column(data.column(name)) for ours, name in chosen.items()}
    except (arrow.ArrowException, OSError) as error:
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Problem(f"{path}: not a Parquet file that can be read: {detail}") from None
    return Table(path, 0, columns)


def parquet_column(column: Any) -> Sequence[object]:
    """Values of a column; moments in time come as texts of whole nanoseconds."""
    if arrow.types.is_date(column.type) or arrow.types.is_timestamp(column.type):
        zone = "UTC" if getattr(column.type, "tz", None) else None
        column = column.cast(arrow.timestamp("ns", zone)).cast(arrow.int64())
        return [None if value is None else Moment(value) for value in column.to_pylist()]
    values: Sequence[object] = column.to_pylist()
    return values


class Moment(int):
    """A time that is known to be in ns since 1970."""


# CSV.


def csv_table(path: Path, mapped: Mapping[str, str]) -> Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file, strict=True) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Problem(f"{path}: not a CSV file in UTF-8 that can be read: {error}") from None
    if not rows:
        raise Problem(f"{path}:1: the file is empty; its first line names the columns")
    names = rows[0]
    chosen = chosen_columns(path, names, mapped)
    table = Table(path, 2, {})
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(names):
            table.fail(number, f"{len(row)} values, but the first line names {len(names)} columns")
    for ours, name in chosen.items():
        place = names.index(name)
        table.columns[ours] = [row[place].strip() for row in rows[1:]]
    return table


# Values.


def times(table: Table) -> list[int]:
    """Opening times in ns, which must rise from row to row."""
    found: list[int] = []
    for row, value in enumerate(table.columns["time"], start=1):
        at_ns = moment_ns(value)
        if at_ns is None:
            table.fail(row, f"{value!r} is not a time such as 1678485720 or 2023-03-10T22:02:00Z")
        if found and at_ns == found[-1]:
            table.fail(row, f"the time {instant_text(at_ns)} is there twice; keep one of the two rows")
        if found and at_ns < found[-1]:
            earlier = f"{instant_text(at_ns)} comes after {instant_text(found[-1])}"
            table.fail(row, f"{earlier}; sort the rows by time")
        found.append(at_ns)
    return found


def moment_ns(value: object) -> int | None:
    """A time from 1970 to 9999 as ns: epoch s, ms, us or ns told apart by size, or ISO 8601 (UTC without a zone)."""
    if isinstance(value, Moment):
        return int(value) if int(value) >= 0 else None
    if isinstance(value, datetime):
        value = value.isoformat()
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return written_ns(str(value))
    if not number.is_finite() or number < 0:
        return None
    for latest, unit in LATEST_BY_UNIT:
        if number < latest:
            return int(number * UNITS_NS[unit])
    return None


def written_ns(text: str) -> int | None:
    try:
        parsed = datetime.fromisoformat(text)
        zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        at_ns = instant_ns(zoned.isoformat())
    except ValueError:
        return None
    return at_ns if at_ns >= 0 else None


def prices(table: Table, name: str) -> list[float]:
    found: list[float] = []
    for row, value in enumerate(table.columns[name], start=1):
        try:
            price = float(str(value))
        except ValueError:
            table.fail(row, f"{name} {value!r} is not a number; a bar has four prices")
        if not math.isfinite(price) or price <= 0.0:
            table.fail(row, f"{name} {price} is not a price above zero")
        found.append(price)
    return found
