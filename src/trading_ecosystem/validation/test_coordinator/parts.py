"""The parts of a scenario: what must hold, what is expected, what may come, how it is put right.

All times are durations in ns, and count from the start of the scenario unless the name says otherwise.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.risk import AlertFired
from trading_ecosystem.validation.test_coordinator.conditions import Condition


class Probe(StrEnum):
    NO_ALERTS = "no_alerts"
    LEDGER_BALANCED = "ledger_balanced"
    BOOKS_RECONCILED = "books_reconciled"
    ALL_SERVICES_HEALTHY = "all_services_healthy"


@dataclass(frozen=True, kw_only=True)
class SteadyState:
    """What must hold from the start, before anything is injected."""

    node: Node = field(compare=False, repr=False)
    for_ns: int
    hold: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AlertPattern:
    """Alerts of a rule, or of all; of one subject and one severity where these are named."""

    node: Node = field(compare=False, repr=False)
    rule: str | None
    subject: str | None
    severity: str | None

    def matches(self, alert: AlertFired) -> bool:
        return (
            self.rule in (None, alert.rule)
            and self.subject in (None, alert.subject)
            and self.severity in (None, alert.severity.value)
        )

    @property
    def text(self) -> str:
        return " ".join(part for part in (self.rule, self.subject, self.severity) if part)


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """An alert that is owed `within_ns` of its condition having been true for as long as it must.

    `episodes`: how many times the alert fires in all, where that is known. `resolved_ns`: how long after the
    end of the breach it is resolved, 0 for any time before the end of the run, None for not judged.
    """

    node: Node = field(compare=False, repr=False)
    rule: str
    subject: str
    severity: str
    when: Condition
    within_ns: int
    episodes: int | None
    resolved_ns: int | None

    @property
    def deadline_ns(self) -> int:
        """The longest time allowed from the first moment of a breach to the alert."""
        return self.when.sustain_ns + self.within_ns

    def matches(self, alert: AlertFired) -> bool:
        return alert.rule == self.rule and alert.subject == self.subject and alert.severity.value == self.severity

    @property
    def text(self) -> str:
        return f"{self.rule} {self.subject} {self.severity}"

    def as_pattern(self) -> AlertPattern:
        return AlertPattern(node=self.node, rule=self.rule, subject=self.subject, severity=self.severity)


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """Undo an injection by its id, or all of a kind. `at_ns` None: when the scenario ends."""

    node: Node = field(compare=False, repr=False)
    restore: str
    at_ns: int | None
    over_ns: int


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """What must hold again, `within_ns` of the last undoing of a fault."""

    node: Node = field(compare=False, repr=False)
    within_ns: int
    hold: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Which part of recorded prices is replayed, and how its files and columns are to be read."""

    node: Node = field(compare=False, repr=False)
    from_ns: int | None
    until_ns: int | None
    symbols: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]
    prices: str = "replaced"  # What becomes of injected prices of what is replayed.


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """What is changed for the run just under the limits, and for that just over; `over` empty: as written.

    `of`: the rules whose limits these are, empty for all that are expected. `limit`: by what it is measured how near
    the sides come, None for the conditions of the expectations.
    """

    node: Node = field(compare=False, repr=False)
    under: tuple[tuple[str, Node], ...]
    over: tuple[tuple[str, Node], ...] = ()
    of: tuple[str, ...] = ()
    limit: Condition | None = None
