"""What a run leaves behind: the verdict with its proof. Plain data; read by the command line and the report.

All times are ns since 1970, UTC, on the venue's clock; None where the moment never came.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    INVALID = "INVALID"  # Nothing was tested: the steady state or the injected effect never was.


class Detection(StrEnum):
    """What became of an expectation, or why an alert is there."""

    DETECTED = "detected"  # Expected, and in time.
    LATE = "late"
    MISSED = "missed"
    NO_BREACH = "no_breach"  # The condition of the expectation never came true.
    ALLOWED = "allowed"  # Not expected, but the scenario says that it may come.
    FALSE_ALARM = "false_alarm"


@dataclass(frozen=True, kw_only=True)
class AlertOutcome:
    """One episode of an alert. `deadline_ns` is the longest allowed time from breach to alert."""

    alert_id: str
    rule: str
    subject: str
    severity: str
    detection: Detection
    breach_ns: int | None
    fired_ns: int
    resolved_ns: int | None
    deadline_ns: int | None
    value: int
    limit: int
    unit: str

    @property
    def latency_ns(self) -> int | None:
        """From the first visible breach to the alert."""
        return None if self.breach_ns is None else self.fired_ns - self.breach_ns


@dataclass(frozen=True, kw_only=True)
class ExpectationOutcome:
    rule: str
    subject: str
    severity: str
    condition: str  # In words, such as "USDT/USD below 0.99 for 1m".
    detection: Detection
    breach_ns: int | None
    fired_ns: int | None
    deadline_ns: int


@dataclass(frozen=True, kw_only=True)
class CheckOutcome:
    """A steady-state probe, an effect, a forbidden alert, a rollback or an invariant."""

    kind: str
    text: str
    passed: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class InjectionOutcome:
    injection_id: str
    kind: str
    target: str
    subjects: tuple[str, ...]
    started_ns: int | None
    ended_ns: int | None


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict of one run of one scenario, with every fact that it rests on."""

    verdict: Verdict
    reasons: tuple[str, ...]  # Why not PASS; empty for PASS.
    alerts: tuple[AlertOutcome, ...]
    expectations: tuple[ExpectationOutcome, ...]
    checks: tuple[CheckOutcome, ...]
    injections: tuple[InjectionOutcome, ...]


@dataclass(frozen=True, kw_only=True)
class ChainLink:
    """One step of a causal chain, from the injection (first) to the alert (last)."""

    at_ns: int
    message_id: int
    kind: str  # injection, market, order, settlement, alert, ...
    text: str


@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """Something worth a line: an injection, a breach, an alert, a crash, a loss, a halt."""

    at_ns: int
    kind: str
    subject: str
    text: str
    message_id: int  # 0: it is an absence, which no message carries.
    cause_id: int  # The entry's parent in the causal trail; 0 for a root.


@dataclass(frozen=True, kw_only=True)
class Series:
    """A line of a chart. `unit` is USD, ppm, count, or an asset."""

    name: str
    group: str  # price, equity, drawdown, exposure, orders, settlement
    unit: str
    points: tuple[tuple[int, float], ...]  # (ns, value)


@dataclass(frozen=True, kw_only=True)
class LimitLine:
    """A limit to be drawn over the series of the same name."""

    series: str
    severity: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Nearness:
    """How far a side of a boundary went, in percent of a limit, rounded down; and whether that is near."""

    limit: str  # In words, such as "deviation of USDT above 1% for 1m".
    percent: int
    near: bool


@dataclass(frozen=True, kw_only=True)
class BoundarySide:
    """The run of a scenario changed to be just under its critical limits, or just over."""

    side: str  # under or over
    changes: tuple[str, ...]  # Such as "method.0.to: 0.9905".
    judgement: Judgement
    digest: str
    nearness: tuple[Nearness, ...] = ()  # Of each limit that the boundary is of.


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """Everything about one run. Wall time is the only figure that differs between two equal runs."""

    scenario: str
    title: str
    family: str
    severity: str
    story: str
    world: str
    seed: int
    start_ns: int
    simulated_ns: int
    wall_s: float
    events: int  # Messages delivered.
    compiled: bool
    digest: str  # Head of the hash chain over the audit trail.
    command: str  # Replays this run.
    judgement: Judgement
    twin: Judgement | None = None
    twin_digest: str = ""
    boundary: tuple[BoundarySide, ...] = ()  # Empty where the scenario has none, or it was left out.
    timeline: tuple[TimelineEntry, ...] = ()
    chains: dict[str, tuple[ChainLink, ...]] = field(default_factory=dict)  # By alert id.
    series: tuple[Series, ...] = ()
    limits: tuple[LimitLine, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)  # Such as orders, trades, alerts, losses.
    configuration: dict[str, str] = field(default_factory=dict)  # File name to its text.
    versions: dict[str, str] = field(default_factory=dict)
    incident: str | None = None  # The real event that was modelled.
    sources: tuple[str, ...] = ()  # Of the facts of the story.
    trail: str = ""  # Path of the trail file, if it was kept.
    rules: tuple[str, ...] = ()  # Those that the limits of the world have.
