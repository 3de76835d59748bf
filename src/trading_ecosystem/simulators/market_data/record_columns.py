"""Columns of Arrow as plain Python values, and back."""

from collections.abc import Sequence
from typing import Any

import pyarrow as arrow  # type: ignore[import-untyped]


class Moment(int):
    """A time that is known to be in ns since 1970."""


def is_moment(column: Any) -> bool:
    return bool(arrow.types.is_date(column.type) or arrow.types.is_timestamp(column.type))


def moments(column: Any) -> Any:
    """Dates and timestamps as int64 of ns since 1970."""
    zone = "UTC" if getattr(column.type, "tz", None) else None
    return column.cast(arrow.timestamp("ns", zone)).cast(arrow.int64())


def parquet_values(column: Any) -> Sequence[object]:
    """Values of a column; moments in time come as `Moment`."""
    if is_moment(column):
        return [None if value is None else Moment(value) for value in moments(column).to_pylist()]
    values: Sequence[object] = column.to_pylist()
    return values


def bytes_of(column: Any) -> memoryview:
    """The values of an int64 or float64 column without nulls, as they lie in memory."""
    view = memoryview(column.buffers()[1])
    return view[column.offset * 8 : (column.offset + len(column)) * 8]
