"""Finds what others offer by entry points, and loads what stands at a path such as `my_package.my_module:NAME`.

Rule 1: one name is one plug-in; what two packages offer under it is none.
"""

import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Final, TypeVar

from trading_ecosystem.configuration.document import Node

PATH_MARK: Final = ":"
T = TypeVar("T")


def is_path(name: str) -> bool:
    return PATH_MARK in name


def offers(group: str, built_in: Mapping[str, str]) -> dict[str, list[str]]:
    """The paths that are offered under each name; more than one where packages disagree. `built_in`: by name, found as
    well where no metadata is installed."""
    offered = {name: [path] for name, path in built_in.items()}
    for entry in installed(group, tuple(sys.path)):
        paths = offered.setdefault(entry.name, [])
        if entry.value not in paths:
            paths.append(entry.value)
    return offered


@cache
def installed(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """What the packages on the path offer; looked for once, since it reads the metadata of every one of them."""
    return tuple(entry_points(group=group))  # It looks along `sys.path`.


def the_only(offered: Mapping[str, list[str]], name: str, what: str, node: Node) -> str:
    """The path that is offered under this name. Raises `Problem` where there are several."""
    if len(offered[name]) > 1:
        node.fail(f"more than one package offers the {what} {name!r}: {', '.join(offered[name])}")
    return offered[name][0]


def load(path: str, what: str, kind: type[T], node: Node) -> T:
    """What stands at a path. Raises `Problem` where it cannot be imported, or is of another kind."""
    module, _, attribute = path.partition(PATH_MARK)
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:  # Whatever the import of a stranger's module raises.
        node.fail(f"the {what} {path} cannot be loaded: {one_line(error)}")
    if not isinstance(found, kind):
        node.fail(f"the {what} {path} is no {kind.__name__} but of the type {type(found).__name__}")
    return found


def one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
