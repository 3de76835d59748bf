"""Finds the strategy that a world names: among the entry points of what is installed, or by its path.

Rule 1: the built-in strategies are entry points too; they are found as well where no metadata is installed.
Rule 2: one name is one strategy; what two packages offer under it is none.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin

GROUP = "trading_ecosystem.strategies"
HERE = "trading_ecosystem.production.trading_engine.strategies"
BUILT_IN = {
    kind: f"{HERE}.{kind}:PLUGIN" for kind in ("arbitrage", "basis", "market_maker", "mean_reversion", "momentum")
}


def find(kind: Node) -> Plugin[Any]:
    """The plug-in of a name such as `market_maker`, or at a path such as `my_package.my_module:PLUGIN`.

    Raises `Problem` where there is none, more than one, or one that cannot be loaded.
    """
    word = kind.text()
    if ":" in word:
        return load(kind, word)
    offered = offers()
    if word not in offered:
        kind.fail(f"unknown kind of strategy {word!r}; {known(word, offered)}")
    if len(offered[word]) > 1:
        kind.fail(f"more than one package offers the strategy {word!r}: {', '.join(offered[word])}")
    return load(kind, offered[word][0])


def offers() -> dict[str, list[str]]:
    """The paths that are offered under each name; more than one where packages disagree."""
    offered = {name: [path] for name, path in BUILT_IN.items()}
    for entry in entry_points(group=GROUP):
        paths = offered.setdefault(entry.name, [])
        if entry.value not in paths:
            paths.append(entry.value)
    return offered


def known(word: str, names: Iterable[str]) -> str:
    near = get_close_matches(word, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}known: {', '.join(sorted(names))}"


def load(kind: Node, path: str) -> Plugin[Any]:
    module, _, attribute = path.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:  # Whatever the import of a stranger's module raises.
        kind.fail(f"the strategy {path} cannot be loaded: {one_line(error)}")
    if not isinstance(found, Plugin):
        kind.fail(f"the strategy {path} is no Plugin but of the type {type(found).__name__}")
    return found


def one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
