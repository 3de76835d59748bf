"""What is told of an alert to those outside, in words and units that people use."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypedDict

from trading_ecosystem.live.rest.amounts import moment_text
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.risk import AlertAcknowledged, AlertFired
from trading_ecosystem.production.risk_monitor.rest_bodies import figure
from trading_ecosystem.production.risk_monitor.store import Alert
from trading_ecosystem.reference import ReferenceData


class Outcome(StrEnum):
    """What became of something that was to be told."""

    TAKEN = "taken"
    FAILED = "failed"  # It is told again, or was refused for good.
    LOST = "lost"  # Too much was waiting.


Count = Callable[[Outcome], None]


class Notice(TypedDict):
    alert_id: str
    rule: str
    subject: str
    severity: str
    episode: int
    value: str
    limit: str
    unit: str
    breached: str
    fired: str


def notice_of(fired: AlertFired, reference: ReferenceData) -> Notice:
    value, unit = figure(fired.value, fired.unit, reference)
    return Notice(
        alert_id=fired.alert_id,
        rule=fired.rule,
        subject=fired.subject,
        severity=fired.severity.value,
        episode=fired.episode,
        value=value,
        limit=figure(fired.limit, fired.unit, reference)[0],
        unit=unit,
        breached=moment_text(fired.breached_ns),
        fired=moment_text(fired.occurred_ns),
    )


def told_again(alert: Alert) -> list[Message]:
    """Of an alert that fires still, what was told in the life before."""
    told: list[Message] = [fired_again(alert)]
    if alert.acknowledged_ns is not None and alert.operator is not None:
        at_ns, operator = alert.acknowledged_ns, alert.operator
        told.append(AlertAcknowledged(alert_id=alert.alert_id, operator=operator, occurred_ns=at_ns))
    return told


def fired_again(alert: Alert) -> AlertFired:
    return AlertFired(
        alert_id=alert.alert_id,
        rule=alert.rule,
        subject=alert.subject,
        severity=alert.severity,
        episode=alert.episode,
        value=alert.value,
        limit=alert.limit,
        unit=alert.unit,
        breached_ns=alert.breached_ns,
        occurred_ns=alert.fired_ns,
    )


def summary(notice: Notice) -> str:
    return f"{notice['rule']} of {notice['subject']}: {notice['value']} against {notice['limit']} {notice['unit']}"
