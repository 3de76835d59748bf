"""Dataclasses as plain data and back, by the types of their fields: how results and terms of runs travel."""

import dataclasses
import types
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_plain(value: object) -> Any:
    """Dataclasses to mappings by field, enums to their values, tuples to lists."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: type[T], plain: object) -> T:
    """What `to_plain` came from. Raises TypeError, KeyError or ValueError for anything else."""
    result: T = typed(kind, plain)
    return result


def typed(kind: Any, plain: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if plain is None else typed(next(each for each in arguments if each is not type(None)), plain)
    if origin is tuple:
        inner = [arguments[0]] * len(plain) if arguments[-1] is Ellipsis else arguments
        return tuple(typed(each, item) for each, item in zip(inner, plain, strict=True))
    if origin in (dict, Mapping):
        return {key: typed(arguments[1], item) for key, item in plain.items()}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        fields = [field.name for field in dataclasses.fields(kind)]
        return kind(**{name: typed(hints[name], plain[name]) for name in fields})
    if isinstance(kind, type) and issubclass(kind, Enum | Path):
        return kind(plain)
    if not isinstance(plain, (int, float) if kind is float else kind):
        raise TypeError(f"{plain!r} is not of {kind.__name__}")
    return plain
