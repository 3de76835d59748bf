"""Finds the rule that a key in the limits means: a built-in one, one that is installed, or one by its path.

Rule 1: one name is one rule; what two packages offer under it is none.
"""

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import entry_points
from re import fullmatch
from typing import Any

from trading_ecosystem.configuration.document import Node, Problem
from trading_ecosystem.production.risk_monitor.heard import HEARD
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin

GROUP = "trading_ecosystem.rules"
HERE = "trading_ecosystem.production.risk_monitor.rules"
REQUIRED = (
    "position_limit",
    "pnl_drawdown",
    "delta_exposure",
    "concentration",
    "peg_deviation",
    "venue_down",
    "stale_data",
    "settlement_overdue",
    "reconciliation_break",
)
# A rule is a module of its name in `rules/`; without an entry in the limits, those that are not required do not exist.
BUILT_IN = (
    *REQUIRED,
    "transfer_overdue",
    "basis_divergence",
    "margin_buffer",
    "price_outlier",
    "crossed_book",
    "balance_sanity",
    "funding_cost",
    "order_rate",
    "kill_switch",
    "price_collar",
    "max_order_value",
    "duplicate_order",
    "repeated_execution",
    "systemic_venue",
    "alert_escalation",
    "own_heartbeat",
)
NAME = r"[a-z][a-z0-9_]{0,39}"
SUBJECT = r"[A-Za-z0-9._:/-]{1,80}"


def is_path(key: str) -> bool:
    """Whether a key is a path such as `my_package.my_module:RULE`."""
    return ":" in key


def find(key: str, node: Node) -> RulePlugin[Any]:
    """The rule of a key that `offers` has, or at a path. `node` is its entry, for problems.

    Raises `Problem` where there is none, more than one, or one that cannot be loaded.
    """
    if is_path(key):
        return load(key, node)
    offered = offers()[key]
    if len(offered) > 1:
        node.fail(f"more than one package offers the rule {key!r}: {', '.join(offered)}")
    plugin = load(offered[0], node)
    if plugin.name != key:
        node.fail(f"the rule {offered[0]} is offered as {key!r} and calls itself {plugin.name!r}")
    return plugin


def offers() -> dict[str, list[str]]:
    """The paths that are offered under each name; more than one where packages disagree."""
    offered = {name: [built_in(name)] for name in BUILT_IN}
    for entry in entry_points(group=GROUP):
        paths = offered.setdefault(entry.name, [])
        if entry.value not in paths:
            paths.append(entry.value)
    return offered


def built_in(name: str) -> str:
    return f"{HERE}.{name}:RULE"


def load(path: str, node: Node) -> RulePlugin[Any]:
    module, _, attribute = path.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:  # Whatever the import of a stranger's module raises.
        node.fail(f"the rule {path} cannot be loaded: {one_line(error)}")
    if not isinstance(found, RulePlugin):
        node.fail(f"the rule {path} is no RulePlugin but of the type {type(found).__name__}")
    if not isinstance(found.name, str) or not fullmatch(NAME, found.name):
        node.fail(f"the rule {path} has no name of small letters, digits and _: {found.name!r}")
    for kind in found.hears:
        if kind not in HEARD:
            node.fail(f"the rule {path} hears {getattr(kind, '__name__', kind)}, which no monitor is told")
    return found


def read(plugin: RulePlugin[Any], node: Node, firm: Firm) -> Entry:
    """The entry of a rule. Raises `Problem` for whatever its reader raises, and for what is no entry."""
    try:
        entry = plugin.read(node, firm)
    except Problem:
        raise
    except Exception as error:  # Of a stranger's reader.
        node.fail(f"the rule {plugin.name} cannot read this: {one_line(error)}")
    if not isinstance(entry, Entry):
        node.fail(f"the rule {plugin.name} read no Entry but a {type(entry).__name__}")
    for subject in wrong_subjects(entry.subjects):
        node.fail(f"the rule {plugin.name} has the subject {subject!r} twice, or one that no alert can have")
    return entry


def wrong_subjects(subjects: tuple[str, ...]) -> Iterable[str]:
    for place, subject in enumerate(subjects):
        if subject in subjects[:place] or not fullmatch(SUBJECT, subject):
            yield subject


def one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
