"""Recorded prices row by row, as they are defined: every row is checked, and the first that is wrong is named.

`record_blocks` reads the same in whole columns, and gives a file to this module as soon as it doubts one.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NoReturn

from pyarrow import parquet  # type: ignore[import-untyped]

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.configuration.scalars import UNITS_NS, instant_ns, instant_text
from trading_ecosystem.simulators.market_data.record_bytes import PARQUET, opened, suffix_of
from trading_ecosystem.simulators.market_data.record_columns import Moment, parquet_values
from trading_ecosystem.simulators.market_data.record_layouts import Kind, Layout

LATEST_BY_UNIT = ((10**11, "s"), (10**14, "ms"), (10**17, "us"), (10**20, "ns"))
LATEST_NS = (1 << 63) - 1  # In April 2262.
WRITTEN = "text"
BATCH_ROWS = 1 << 14

Raw = tuple[str, int, Sequence[object]]  # The place of a row in words, its number, and its values in the file's order.
Priced = tuple[int, tuple[float, ...]]  # Ns since 1970, and the prices of its kind.


def rows(path: Path, layout: Layout) -> Iterator[Priced]:
    """Raises `Problem` at the first row that is not what it should be."""
    last_ns, unit, symbol = -1, "", None
    prices = [(name, layout.places[name]) for name in layout.kind.value]
    for place, number, values in raw_rows(path, layout):
        if layout.symbol is not None:
            symbol = symbol or values[layout.symbol]
            if values[layout.symbol] != symbol:
                fail(
                    place,
                    number,
                    f"it is of {values[layout.symbol]!r}, but the first of {symbol!r}; one file holds one",
                )
        at_ns, its_unit = moment(place, number, values[layout.places["time"]])
        if unit not in ("", its_unit):
            fail(place, number, f"its time is in {its_unit}, but the first in {unit}; write all times in one unit")
        unit = its_unit
        check_order(place, number, layout.kind, last_ns, at_ns)
        last_ns = at_ns
        found = tuple(price(place, number, name, values[where]) for name, where in prices)
        check_prices(place, number, layout.kind, found)
        yield at_ns, found


def fail(place: str, number: int, problem: str) -> NoReturn:
    raise Problem(f"{place}: row {number}: {problem}")


# Raw rows.


def raw_rows(path: Path, layout: Layout) -> Iterator[Raw]:
    return parquet_rows(path, layout) if suffix_of(path) == PARQUET else csv_rows(path, layout)


def csv_rows(path: Path, layout: Layout) -> Iterator[Raw]:
    with opened(path) as file:
        reader = csv.reader(io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline=""), strict=True)
        number = -1 if layout.named else 0
        try:
            for row in reader:
                if not row:
                    continue
                number += 1
                place = f"{path}:{reader.line_num}"
                if len(row) != layout.width:
                    first = "the first line names" if layout.named else "the first row has"
                    fail(place, number, f"{len(row)} values, but {first} {layout.width} columns")
                if number:
                    yield place, number, [cell.strip() for cell in row]
        except csv.Error as error:
            raise Problem(f"{path}: not a CSV file in UTF-8 that can be read: {error}") from None


def parquet_rows(path: Path, layout: Layout) -> Iterator[Raw]:
    wanted = [*layout.places.values(), *([] if layout.symbol is None else [layout.symbol])]
    with parquet.ParquetFile(path) as file:
        names = [file.schema_arrow.names[place] for place in wanted]
        number = 0
        for batch in file.iter_batches(BATCH_ROWS, columns=names):
            columns = [parquet_values(batch.column(name)) for name in names]
            for values in zip(*columns, strict=True):
                number += 1
                row: list[object] = [None] * layout.width
                for place, value in zip(wanted, values, strict=True):
                    row[place] = value
                yield str(path), number, row


# Values.


def moment(place: str, number: int, value: object) -> tuple[int, str]:
    """A time from 1970 to 2262 as ns, and its unit: s, ms, us or ns told apart by size, or text (in UTC)."""
    found = moment_ns(value)
    if found is None or found[0] > LATEST_NS:
        fail(place, number, f"{value!r} is not a time such as 1678485720 or 2023-03-10T22:02:00Z")
    return found


def moment_ns(value: object) -> tuple[int, str] | None:
    if isinstance(value, Moment):
        return (int(value), WRITTEN) if int(value) >= 0 else None
    try:
        written = Decimal(str(value))
    except InvalidOperation:
        at_ns = written_ns(value.isoformat() if isinstance(value, datetime) else str(value))
        return None if at_ns is None else (at_ns, WRITTEN)
    if not written.is_finite() or written < 0:
        return None
    for latest, unit in LATEST_BY_UNIT:
        if written < latest:
            return int(written * UNITS_NS[unit]), unit
    return None


def written_ns(text: str) -> int | None:
    try:
        parsed = datetime.fromisoformat(text)
        zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        at_ns = instant_ns(zoned.isoformat())
    except ValueError:
        return None
    return at_ns if at_ns >= 0 else None


def check_order(place: str, number: int, kind: Kind, last_ns: int, at_ns: int) -> None:
    """Times of bars rise from row to row; of trades and quotes, several may have the same."""
    if at_ns < last_ns:
        earlier = f"{instant_text(at_ns)} comes after {instant_text(last_ns)}"
        fail(place, number, f"{earlier}; sort the rows by time")
    if kind is Kind.BARS and at_ns == last_ns:
        fail(place, number, f"the time {instant_text(at_ns)} is there twice; keep one of the two rows")


def price(place: str, number: int, name: str, value: object) -> float:
    try:
        found = float(str(value))
    except ValueError:
        fail(place, number, f"{name} {value!r} is not a number")
    if not math.isfinite(found) or found <= 0.0:
        fail(place, number, f"{name} {found} is not a price above zero")
    return found


def check_prices(place: str, number: int, kind: Kind, prices: tuple[float, ...]) -> None:
    if kind is Kind.BARS and prices[1] < prices[2]:
        fail(place, number, f"high {prices[1]} is below low {prices[2]}")
    if kind is Kind.QUOTES and prices[0] > prices[1]:
        fail(place, number, f"bid {prices[0]} is above ask {prices[1]}, a crossed quote")
