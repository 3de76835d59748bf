"""What the risk monitor says."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from mypy_extensions import mypyc_attr

from trading_ecosystem.messages.message import Addressed, Published, Record


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
@mypyc_attr(acyclic=True)
class Exposure(Record):
    """One line of a risk report. `certain` is False where an input is stale or unknown."""

    __slots__ = ("certain", "limit", "measure", "subject", "unit", "value")
    __match_args__: Final = ("measure", "subject", "value", "limit", "unit", "certain")

    def __init__(
        self,
        measure: str,  # position, delta, concentration
        subject: str,
        value: int,
        limit: int,  # 0: no limit is set.
        unit: str,
        certain: bool,
    ) -> None:
        self.measure = measure
        self.subject = subject
        self.value = value
        self.limit = limit
        self.unit = unit
        self.certain = certain


@final
@mypyc_attr(acyclic=True)
class RiskReported(Published):
    """The firm's figures at one moment, in USD minor units (10^-8 USD); drawdown in parts per million."""

    __slots__ = (
        "certain",
        "drawdown_ppm",
        "equity_minor",
        "exposures",
        "high_water_mark_minor",
        "occurred_ns",
        "realised_minor",
        "unrealised_minor",
    )
    __match_args__: Final = (
        "equity_minor",
        "high_water_mark_minor",
        "drawdown_ppm",
        "realised_minor",
        "unrealised_minor",
        "exposures",
        "certain",
        "occurred_ns",
    )

    def __init__(
        self,
        equity_minor: int,
        high_water_mark_minor: int,
        drawdown_ppm: int,
        realised_minor: int,
        unrealised_minor: int,
        exposures: tuple[Exposure, ...],
        certain: bool,
        occurred_ns: int,
    ) -> None:
        self.equity_minor = equity_minor
        self.high_water_mark_minor = high_water_mark_minor
        self.drawdown_ppm = drawdown_ppm
        self.realised_minor = realised_minor
        self.unrealised_minor = unrealised_minor
        self.exposures = exposures
        self.certain = certain
        self.occurred_ns = occurred_ns
