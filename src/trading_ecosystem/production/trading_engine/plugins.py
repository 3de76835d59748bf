"""Finds the strategy that a world names: among the entry points of what is installed, or by its path.

Rule 1: the built-in strategies are entry points too; they are found as well where no metadata is installed.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final

from trading_ecosystem.configuration import plugins
from trading_ecosystem.configuration.document import Node
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin

GROUP: Final = "trading_ecosystem.strategies"
HERE: Final = "trading_ecosystem.production.trading_engine.strategies"
BUILT_IN = {
    kind: f"{HERE}.{kind}:PLUGIN" for kind in ("arbitrage", "basis", "market_maker", "mean_reversion", "momentum")
}
WHAT: Final = "strategy"


def find(kind: Node) -> Plugin[Any]:
    """The plug-in of a name such as `market_maker`, or at a path such as `my_package.my_module:PLUGIN`.

    Raises `Problem` where there is none, more than one, or one that cannot be loaded.
    """
    word = kind.text()
    if plugins.is_path(word):
        return plugins.load(word, WHAT, Plugin, kind)
    offered = offers()
    if word not in offered:
        kind.fail(f"unknown kind of strategy {word!r}; {known(word, offered)}")
    return plugins.load(plugins.the_only(offered, word, WHAT, kind), WHAT, Plugin, kind)


def offers() -> dict[str, list[str]]:
    """The paths that are offered under each name."""
    return plugins.offers(GROUP, BUILT_IN)


def known(word: str, names: Iterable[str]) -> str:
    near = get_close_matches(word, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}known: {', '.join(sorted(names))}"
