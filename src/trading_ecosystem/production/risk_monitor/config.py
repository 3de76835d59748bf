"""The limits of a firm, read from the file that its risk officer writes."""

from dataclasses import dataclass, replace
from typing import Any

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.configuration.plugins import is_path
from trading_ecosystem.production.risk_monitor import groups, plugins
from trading_ecosystem.production.risk_monitor.groups import Group, Reader, ReadOfGroup
from trading_ecosystem.production.risk_monitor.heard import OF_BOOKS, OF_DESKS
from trading_ecosystem.production.risk_monitor.levels import Ending, Levels, read_duration
from trading_ecosystem.production.risk_monitor.plugins import BUILT_IN, REQUIRED
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, Limit, RulePlugin
from trading_ecosystem.reference import ReferenceData

TIMES = (
    "report_every",
    "reconcile_every",
    "ask_custodian_every",
    "ask_again_after",
    "resolves_after",
    "fires_at_most_every",
)
OPTIONAL_TIMES = ("unchanged_data", "ask_venue_every")
ESCALATION = "alert_escalation"


@dataclass(frozen=True)
class RulePart:
    """A rule, and what the limits say of it. `path`: where the rule is, if it is somebody else's."""

    plugin: RulePlugin[Any]
    entry: Entry
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class Limits(Ending):
    """All limits of a firm, and how often its monitor speaks and asks."""

    rules: dict[str, RulePart]  # By name: the built-in ones, then others in the order of the file.
    groups: tuple[Group, ...]  # Of accounts, with limits of their own, from the inside out.
    report_every_ns: int
    reconcile_every_ns: int
    ask_custodian_every_ns: int
    ask_again_after_ns: int
    unchanged_data_ns: int | None = None  # How long a side of a quote may stay the same; None: for ever.
    ask_venue_every_ns: int | None = None

    def entry(self, rule: str) -> Entry | None:
        return self.rules[rule].entry if rule in self.rules else None

    def kills(self, rule: str) -> bool:
        entry = self.entry(rule)
        return entry is not None and entry.kills

    def levels(self, rule: str) -> dict[str, Levels]:
        """By subject; empty where the firm has no such rule."""
        entry = self.entry(rule)
        return {} if entry is None else entry.levels

    def with_limits(self, rule: str, *limits: Limit) -> "Limits":
        """The same with other limits of a rule that there is, or without it where none are given."""
        rules = {name: part for name, part in self.rules.items() if name != rule or limits}
        if limits:
            rules[rule] = replace(self.rules[rule], entry=replace(self.rules[rule].entry, limits=limits))
        return replace(self, rules=rules)

    def subjects(self) -> dict[str, list[str]]:
        """What each rule can be about."""
        found = {name: list(part.entry.subjects) for name, part in self.rules.items()}
        for group in self.groups:
            for name, entry in group.entries.items():
                found.setdefault(name, []).extend(entry.subjects)
        if ESCALATION in found:
            found[ESCALATION] = [f"{name}:{subject}" for name, subjects in found.items() for subject in subjects]
        return found

    @property
    def about_desks(self) -> bool:
        """Whether the monitor has to hear the desks."""
        return any(part.plugin.of_desks or part.entry.kills or hears(part, OF_DESKS) for part in self.rules.values())

    @property
    def watches_books(self) -> bool:
        """Whether the monitor has to hear the books of venues."""
        return any(hears(part, OF_BOOKS) for part in self.rules.values())


def hears(part: RulePart, kinds: tuple[type, ...]) -> bool:
    return any(kind in kinds for kind in part.plugin.hears)


def read(node: Node, reference: ReferenceData, venues: dict[str, tuple[str, ...]]) -> Limits:
    """The limits in a document. `venues`: the firm's accounts at each. Raises `Problem` for the first mistake."""
    keys = [key for key, _ in node.entries()]
    paths = [key for key in keys if is_path(key)]
    optional = (*plugins.offers(), *OPTIONAL_TIMES, *groups.KEYS, *paths)
    document = node.section(required=(*REQUIRED, *TIMES), optional=optional)
    if ("balance_sanity" in document) != ("ask_venue_every" in document):
        node.fail("balance_sanity and ask_venue_every are given together or not at all")
    firm = Firm(reference, venues)
    others = [key for key in keys if key not in (*BUILT_IN, *TIMES, *OPTIONAL_TIMES, *groups.KEYS)]
    rules = read_rules(document, [*(key for key in BUILT_IN if key in document), *others], firm)
    return Limits(
        rules=rules,
        groups=Reader(firm, readers_of_group(rules)).read(document),
        **{f"{key}_ns": read_duration(document[key]) for key in (*TIMES, *OPTIONAL_TIMES) if key in document},
    )


def read_rules(document: Section, keys: list[str], firm: Firm) -> dict[str, RulePart]:
    parts: dict[str, RulePart] = {}
    for key in keys:
        node = document[key]
        plugin = plugins.find(key, node)
        if plugin.name in parts or (plugin.name in BUILT_IN and key != plugin.name):
            node.fail(f"a second rule of the name {plugin.name!r}")
        path = "" if key in BUILT_IN else key
        parts[plugin.name] = RulePart(plugin, plugins.read(plugin, node, firm), path)
    return parts


def readers_of_group(rules: dict[str, RulePart]) -> dict[str, ReadOfGroup]:
    """Of the monitor's own rules; those of others are about the firm."""
    readers = {name: part.plugin.read_of_group for name, part in rules.items() if not part.path}
    return {name: read_of for name, read_of in readers.items() if read_of is not None}
