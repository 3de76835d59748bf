"""Finds the rule that a key in the limits means: a built-in one, one that is installed, or one by its path."""

from collections.abc import Iterable
from re import fullmatch
from typing import Any

from trading_ecosystem.configuration import plugins
from trading_ecosystem.configuration.document import Node, Problem
from trading_ecosystem.production.risk_monitor.heard import HEARD
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin

GROUP = "trading_ecosystem.rules"
WHAT = "rule"
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


def find(key: str, node: Node) -> RulePlugin[Any]:
    """The rule of a key that `offers` has, or at a path. `node` is its entry, for problems.

    Raises `Problem` where there is none, more than one, or one that cannot be loaded.
    """
    if plugins.is_path(key):
        return load(key, node)
    path = plugins.the_only(offers(), key, WHAT, node)
    plugin = load(path, node)
    if plugin.name != key:
        node.fail(f"the rule {path} is offered as {key!r} and calls itself {plugin.name!r}")
    return plugin


def offers() -> dict[str, list[str]]:
    """The paths that are offered under each name."""
    return plugins.offers(GROUP, {name: f"{HERE}.{name}:RULE" for name in BUILT_IN})


def load(path: str, node: Node) -> RulePlugin[Any]:
    found: RulePlugin[Any] = plugins.load(path, WHAT, RulePlugin, node)
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
        node.fail(f"the rule {plugin.name} cannot read this: {plugins.one_line(error)}")
    if not isinstance(entry, Entry):
        node.fail(f"the rule {plugin.name} read no Entry but a {type(entry).__name__}")
    for subject in wrong_subjects(entry.subjects):
        node.fail(f"the rule {plugin.name} has the subject {subject!r} twice, or one that no alert can have")
    return entry


def wrong_subjects(subjects: tuple[str, ...]) -> Iterable[str]:
    for place, subject in enumerate(subjects):
        if subject in subjects[:place] or not fullmatch(SUBJECT, subject):
            yield subject
