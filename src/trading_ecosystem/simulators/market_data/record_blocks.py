"""Recorded prices in blocks of whole columns: what `record_rows` reads, at several million rows a second.

Rule 1: a block is given only if all rows so far are right. At the first doubt `Doubtful` is raised, and `record_rows`
        says what is wrong, or reads what only looked so.
Rule 2: one block is in memory, and those that Arrow reads ahead; how long a file is does not matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import pyarrow as arrow  # type: ignore[import-untyped]
from pyarrow import compute, csv, parquet

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.configuration.scalars import UNITS_NS
from trading_ecosystem.simulators.market_data.record_bytes import PARQUET, opened, suffix_of
from trading_ecosystem.simulators.market_data.record_columns import is_moment, moments
from trading_ecosystem.simulators.market_data.record_layouts import Kind, Layout
from trading_ecosystem.simulators.market_data.record_rows import LATEST_BY_UNIT, LATEST_NS, rows

BLOCK_BYTES = 1 << 22
BLOCK_ROWS = 1 << 15
# Scalars of Arrow are made once: to make one is slower than to compare a thousand rows with it.
ZERO, INFINITY = arrow.scalar(0.0), arrow.scalar(float("inf"))
SCALES = {unit: arrow.scalar(length_ns, arrow.int64()) for unit, length_ns in UNITS_NS.items()}


class Doubtful(Exception):
    """Something in the file is not as simple as blocks can read it."""


@final
@dataclass(frozen=True, kw_only=True)
class Block:
    """Rows in order of time, as Arrow's columns: ns since 1970 (int64), and the prices of the kind (float64)."""

    times: Any
    prices: tuple[Any, ...]


def blocks(path: Path, layout: Layout) -> Iterator[Block]:
    """All blocks of a file, of a row at least. Raises `Doubtful`, or `Problem` where the bytes cannot be read."""
    try:
        yield from checked(path, layout)
    except (arrow.ArrowException, UnicodeDecodeError) as error:
        raise Doubtful from error


def row_blocks(path: Path, layout: Layout) -> Iterator[Block]:
    """The same by way of single rows. Raises `Problem` at the first that is wrong."""
    times: list[int] = []
    prices: list[tuple[float, ...]] = []
    for at_ns, found in rows(path, layout):
        times.append(at_ns)
        prices.append(found)
        if len(times) == BLOCK_ROWS:
            yield block_of(times, prices)
            times, prices = [], []
    if times:
        yield block_of(times, prices)


def block_of(times: list[int], prices: list[tuple[float, ...]]) -> Block:
    columns = tuple(arrow.array(column, arrow.float64()) for column in zip(*prices, strict=True))
    return Block(times=arrow.array(times, arrow.int64()), prices=columns)


# Batches, whose columns come in the order of the layout's places, the symbol last.


def checked(path: Path, layout: Layout) -> Iterator[Block]:
    last_ns, unit, symbol = -1, "", None
    for batch in parquet_batches(path, layout) if suffix_of(path) == PARQUET else csv_batches(path, layout):
        if not batch.num_rows:
            continue
        if any(column.null_count for column in batch.columns):
            raise Doubtful
        times, unit = nanoseconds(batch.column(0), unit)
        prices = tuple(column.cast(arrow.float64()) for column in batch.columns[1 : 1 + len(layout.kind.value)])
        if layout.symbol is not None:
            symbol = symbol or batch.columns[-1][0]
            expect(compute.equal(batch.columns[-1], symbol))
        check_order(layout.kind, last_ns, times)
        check_prices(layout.kind, prices)
        last_ns = times[-1].as_py()
        yield Block(times=times, prices=prices)


def csv_batches(path: Path, layout: Layout) -> Iterator[Any]:
    names = [f"column {place}" for place in range(layout.width)]
    types = {names[place]: arrow.float64() for place in layout.places.values()}
    types[names[layout.places["time"]]] = arrow.int64() if layout.whole_times else arrow.string()
    if layout.symbol is not None:
        types[names[layout.symbol]] = arrow.string()
    with opened(path) as file:
        if not layout.named:
            skip_byte_order_mark(file)
        with csv.open_csv(
            file,
            csv.ReadOptions(block_size=BLOCK_BYTES, column_names=names, skip_rows=int(layout.named)),
            csv.ParseOptions(newlines_in_values=False),
            csv.ConvertOptions(include_columns=list(types), column_types=types, null_values=[]),
        ) as reader:
            yield from reader


def skip_byte_order_mark(file: Any) -> None:
    if file.read(3) != b"\xef\xbb\xbf":
        file.seek(0)


def parquet_batches(path: Path, layout: Layout) -> Iterator[Any]:
    wanted = [*layout.places.values(), *([] if layout.symbol is None else [layout.symbol])]
    with parquet_file(path) as file:
        names = [file.schema_arrow.names[place] for place in wanted]
        for batch in file.iter_batches(BLOCK_ROWS, columns=names):
            yield batch.select(names)


def parquet_file(path: Path) -> Any:
    """Raises `Problem` for a file that is no Parquet file."""
    try:
        return parquet.ParquetFile(path)
    except (arrow.ArrowException, OSError) as error:
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Problem(f"{path}: not a Parquet file that can be read: {detail}") from None


# What must hold of every row.


def expect(holds: Any) -> None:
    if not compute.all(holds, min_count=0).as_py():
        raise Doubtful


def nanoseconds(column: Any, unit: str) -> tuple[Any, str]:
    """The times, and the unit that all of them are in."""
    if is_moment(column):
        return moments(column), "moment"
    if arrow.types.is_string(column.type) and not column[0].as_py().strip().isdigit():
        return written(column), "text"
    numbers = column.cast(arrow.int64())
    first = numbers[0].as_py()
    low, unit_now = 0, ""
    for latest, name in LATEST_BY_UNIT:
        if low <= first < latest:
            unit_now = name
            break
        low = latest
    if not unit_now or unit not in ("", unit_now):
        raise Doubtful
    high = min(latest, LATEST_NS // UNITS_NS[unit_now])
    ends = compute.min_max(numbers)
    if ends["min"].as_py() < low or ends["max"].as_py() >= high:
        raise Doubtful
    return compute.multiply(numbers, SCALES[unit_now]), unit_now


def written(column: Any) -> Any:
    """Times as text, all with a zone or all without one."""
    try:
        return column.cast(arrow.timestamp("ns")).cast(arrow.int64())
    except arrow.ArrowException:
        return column.cast(arrow.timestamp("ns", "UTC")).cast(arrow.int64())


def check_order(kind: Kind, last_ns: int, times: Any) -> None:
    after, before = times[1:], times[:-1]
    expect(compute.greater(after, before) if kind is Kind.BARS else compute.greater_equal(after, before))
    first = times[0].as_py()
    if first < max(0, last_ns) or (kind is Kind.BARS and first == last_ns):
        raise Doubtful


def check_prices(kind: Kind, prices: tuple[Any, ...]) -> None:
    for column in prices:
        expect(compute.and_(compute.greater(column, ZERO), compute.less(column, INFINITY)))
    if kind is Kind.BARS:
        expect(compute.greater_equal(prices[1], prices[2]))
    if kind is Kind.QUOTES:
        expect(compute.less_equal(prices[0], prices[1]))
