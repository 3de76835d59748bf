"""The alerts of a trail under what caused them, from the trail alone.

Rule 1: a root is an injection that has a receipt. It explains what came into breach while it was in force, and for a
minute after it.
Rule 2: of several, one that names the alert's subject, or part of it, goes before the others, and a later one before an
earlier one. The correlator, which has seen every message, can tell more: its answer is in the report of the run.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from trading_ecosystem.validation.audit_correlator.query import Entry

LINGERS_NS = 60_000_000_000  # As the correlator has it for faults that are undone.
PARTS_OF_NAMES = re.compile(r"[:/.]")


@dataclass
class Root:
    """An injection, from its receipt on. `ended_ns` None: not in this trail."""

    started: Entry
    ended_ns: int | None = None
    alerts: list[Entry] = field(default_factory=list)

    def in_force(self, at_ns: int) -> bool:
        return self.started.values["occurred_ns"] <= at_ns and (
            self.ended_ns is None or at_ns <= self.ended_ns + LINGERS_NS
        )

    def names(self, subject: str) -> bool:
        values = self.started.values
        said = {part for name in (values["target"], *values["subjects"]) for part in PARTS_OF_NAMES.split(name)}
        return not said.isdisjoint(PARTS_OF_NAMES.split(subject))


@dataclass
class Causes:
    """The injections of a run, each with its alerts, and the alerts that came while none was in force."""

    roots: list[Root] = field(default_factory=list)
    unexplained: list[Entry] = field(default_factory=list)


def by_cause(entries: Iterable[Entry]) -> Causes:
    found = Causes()
    for entry in entries:
        if entry.kind == "InjectionStarted":
            found.roots.append(Root(entry))
        elif entry.kind == "InjectionEnded":
            end(found.roots, entry)
        elif entry.kind == "AlertFired":
            root = root_of(found.roots, entry)
            (found.unexplained if root is None else root.alerts).append(entry)
    return found


def end(roots: list[Root], entry: Entry) -> None:
    for root in roots:
        if root.started.values["injection_id"] == entry.values["injection_id"]:
            root.ended_ns = entry.values["occurred_ns"]


def root_of(roots: list[Root], alert: Entry) -> Root | None:
    in_force = [root for root in reversed(roots) if root.in_force(alert.values["breached_ns"])]
    named = [root for root in in_force if root.names(alert.values["subject"])]
    return next(iter([*named, *in_force]), None)
