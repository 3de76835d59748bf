"""The record of a run: everything the coordinator saw that a verdict may rest on. Plain and frozen."""

from dataclasses import dataclass

from trading_ecosystem.messages.audit import InvariantViolated
from trading_ecosystem.messages.risk import AlertFired
from trading_ecosystem.validation.results import CheckOutcome
from trading_ecosystem.validation.test_coordinator.measures import Breach


@dataclass(frozen=True, kw_only=True)
class AlertRecord:
    """One firing. `breach_ns`: of the condition that the alert itself claims, where no expectation names one."""

    fired: AlertFired
    acknowledged_ns: int | None
    resolved_ns: int | None
    breach_ns: int | None


@dataclass(frozen=True, kw_only=True)
class InjectionRecord:
    """The receipts of one injection. `refused` is empty if it was not."""

    injection_id: str
    kind: str
    target: str
    subjects: tuple[str, ...]
    started_ns: int | None
    ended_ns: int | None
    refused: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """`breaches` is by the text of a condition; times are ns since 1970 on the venue's clock."""

    start_ns: int
    alerts: tuple[AlertRecord, ...]
    injections: tuple[InjectionRecord, ...]
    breaches: dict[str, tuple[Breach, ...]]
    steady_state: tuple[CheckOutcome, ...]  # Empty if the run ended before it was judged.
    recovery: tuple[CheckOutcome, ...]
    invariants: tuple[InvariantViolated, ...]
    died: bool = False  # The coordinator died during the run, and this is what its last life saw.
