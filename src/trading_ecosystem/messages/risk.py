"""What the risk monitor says."""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from trading_ecosystem.messages.message import Addressed, Published


class Severity(StrEnum):
    WARNING = "warning"
    CRITICAL = "critical"


@final
@dataclass(frozen=True, kw_only=True)
class AlertFired(Published):
    """A breach has lasted as long as its rule asks. One episode fires once.

    `value` and `limit` are integers in the `unit` named; `breached_ns` is when the monitor first saw the
    breach of this episode, on the venue's clock.
    """

    alert_id: str  # rule:subject:severity:episode
    rule: str  # Its name in the limits of the firm.
    subject: str
    severity: Severity
    episode: int
    value: int
    limit: int
    unit: str
    breached_ns: int
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class AlertAcknowledged(Published):
    alert_id: str
    operator: str
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class AlertResolved(Published):
    alert_id: str
    rule: str
    subject: str
    severity: Severity
    episode: int
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class AcknowledgeAlert(Addressed):
    to: str
    alert_id: str
    operator: str


@final
@dataclass(frozen=True, kw_only=True)
class Exposure:
    """One line of a risk report. `certain` is False where an input is stale or unknown."""

    measure: str  # position, delta, concentration
    subject: str
    value: int
    limit: int  # 0: no limit is set.
    unit: str
    certain: bool


@final
@dataclass(frozen=True, kw_only=True)
class RiskReported(Published):
    """The firm's figures at one moment, in USD minor units (10^-8 USD); drawdown in parts per million."""

    equity_minor: int
    high_water_mark_minor: int
    drawdown_ppm: int
    realised_minor: int
    unrealised_minor: int
    exposures: tuple[Exposure, ...]
    certain: bool
    occurred_ns: int
