"""What the monitor's REST surface writes: figures in the units that people use, each with its unit.

Rule 1: a share is a share (0.045 is 4.5%), a time is in seconds, money and amounts are in units of their asset.
"""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel

from trading_ecosystem.live.rest.amounts import amount_text, moment_or_none, moment_text, scaled_text
from trading_ecosystem.messages.risk import AlertAcknowledged, Exposure, RiskReported
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.production.risk_monitor.levels import SHARE_UNIT, TIME_UNIT, Level, minor_unit
from trading_ecosystem.production.risk_monitor.rules.plugin import Limit
from trading_ecosystem.production.risk_monitor.store import Alert
from trading_ecosystem.reference import ReferenceData

ALERT = r"^[A-Za-z0-9._:,-]{1,128}$"
SHARE_DECIMALS, TIME_DECIMALS = 6, 9
MINOR = minor_unit("")  # What follows the name of the asset.
AlertInPath = Annotated[str, Path(pattern=ALERT, description="The alert's id, with - for /")]


class AlertBody(BaseModel):
    """`number` counts the alerts that fired. Times that have not come are null."""

    number: int
    alert_id: str
    rule: str
    subject: str
    severity: Literal["warning", "critical"]
    episode: int
    status: Literal["firing", "resolved"]
    value: str
    limit: str
    unit: str
    breached: str
    fired: str
    acknowledged: str | None
    operator: str | None
    resolved: str | None


class AlertPage(BaseModel):
    """`next` is the `after` of the page that follows; null on the last."""

    alerts: list[AlertBody]
    next: int | None


class ExposureBody(BaseModel):
    """`limit` is null where none is set."""

    measure: str
    subject: str
    value: str
    limit: str | None
    unit: str
    certain: bool


class RiskBody(BaseModel):
    """Money in the currency that `currency` names; `drawdown` is a share of the high-water mark."""

    currency: str
    equity: str
    high_water_mark: str
    drawdown: str
    realised: str
    unrealised: str
    exposures: list[ExposureBody]
    certain: bool
    occurred: str


class LevelBody(BaseModel):
    """A figure at `at` or above for `sustained_seconds` fires; below `resolves` it is over."""

    rule: str
    subject: str
    severity: Literal["warning", "critical"]
    at: str
    resolves: str
    unit: str
    sustained_seconds: str


class LimitsBody(BaseModel):
    limits: list[LevelBody]


def alert_body(alert: Alert, reference: ReferenceData) -> AlertBody:
    value, unit = figure(alert.value, alert.unit, reference)
    return AlertBody(
        number=alert.number,
        alert_id=alert.alert_id,
        rule=alert.rule,
        subject=alert.subject,
        severity=alert.severity.value,
        episode=alert.episode,
        status="firing" if alert.resolved_ns is None else "resolved",
        value=value,
        limit=figure(alert.limit, alert.unit, reference)[0],
        unit=unit,
        breached=moment_text(alert.breached_ns),
        fired=moment_text(alert.fired_ns),
        acknowledged=moment_or_none(alert.acknowledged_ns),
        operator=alert.operator,
        resolved=moment_or_none(alert.resolved_ns),
    )


def acknowledged_body(alert: Alert, event: AlertAcknowledged, reference: ReferenceData) -> AlertBody:
    """The alert as this event leaves it: the history may not have it yet."""
    body = alert_body(alert, reference)
    return body.model_copy(update={"acknowledged": moment_text(event.occurred_ns), "operator": event.operator})


def risk_body(report: RiskReported, reference: ReferenceData) -> RiskBody:
    money = reference.assets[reference.numeraire]
    return RiskBody(
        currency=money.name,
        equity=amount_text(report.equity_minor, money),
        high_water_mark=amount_text(report.high_water_mark_minor, money),
        drawdown=scaled_text(report.drawdown_ppm, SHARE_DECIMALS),
        realised=amount_text(report.realised_minor, money),
        unrealised=amount_text(report.unrealised_minor, money),
        exposures=[exposure_body(exposure, reference) for exposure in report.exposures],
        certain=report.certain,
        occurred=moment_text(report.occurred_ns),
    )


def exposure_body(exposure: Exposure, reference: ReferenceData) -> ExposureBody:
    value, unit = figure(exposure.value, exposure.unit, reference)
    return ExposureBody(
        measure=exposure.measure,
        subject=exposure.subject,
        value=value,
        limit=figure(exposure.limit, exposure.unit, reference)[0] if exposure.limit else None,
        unit=unit,
        certain=exposure.certain,
    )


def figure(value: int, unit: str, reference: ReferenceData) -> tuple[str, str]:
    """A figure of the monitor as people write it, and its unit: an asset, `share`, `seconds` or what is counted."""
    if unit == SHARE_UNIT:
        return scaled_text(value, SHARE_DECIMALS), "share"
    if unit == TIME_UNIT:
        return scaled_text(value, TIME_DECIMALS), "seconds"
    if unit.removesuffix(MINOR) not in reference.assets:
        return str(value), unit  # A count.
    asset = reference.assets[unit.removesuffix(MINOR)]
    return amount_text(value, asset), asset.name


def limits_body(limits: Limits, reference: ReferenceData) -> LimitsBody:
    """All levels, in the order of the rules; those of groups of accounts behind those of the firm."""
    of_firm = [(name, part.entry) for name, part in limits.rules.items()]
    of_groups = [(name, entry) for group in limits.groups for name, entry in group.entries.items()]
    return LimitsBody(
        limits=[
            line
            for rule, entry in (*of_firm, *of_groups)
            for limit in entry.limits
            for subject in ([limit.about] if limit.about else limit.subjects)
            for line in level_bodies(rule, subject, limit, reference)
        ]
    )


def level_bodies(rule: str, subject: str, limit: Limit, reference: ReferenceData) -> list[LevelBody]:
    levels: list[tuple[Literal["warning", "critical"], Level | None]]
    levels = [("warning", limit.levels.warning), ("critical", limit.levels.critical)]
    return [
        level_body(rule, subject, severity, limit.unit, level, reference)
        for severity, level in levels
        if level is not None
    ]


def level_body(
    rule: str,
    subject: str,
    severity: Literal["warning", "critical"],
    unit: str,
    level: Level,
    reference: ReferenceData,
) -> LevelBody:
    at, word = figure(level.at, unit, reference)
    return LevelBody(
        rule=rule,
        subject=subject,
        severity=severity,
        at=at,
        resolves=figure(level.resolves, unit, reference)[0],
        unit=word,
        sustained_seconds=scaled_text(level.for_ns, TIME_DECIMALS),
    )
