"""The monitor's REST surface for people: what is alarming, what the firm's figures are, and what they may be.

Rule 1: a figure is told with whether it is certain, always.
Rule 2: an alert is acknowledged in the name of whoever holds the token, and of nobody else.
"""

from asyncio import to_thread
from collections.abc import Sequence
from typing import final

from fastapi import APIRouter, FastAPI

from trading_ecosystem.live.door import Told
from trading_ecosystem.live.rest.access import Caller, Scope, TheCaller
from trading_ecosystem.live.rest.answers import Answers
from trading_ecosystem.live.rest.application import application, router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import Flag, IdempotencyKey, Limit, Number, in_path
from trading_ecosystem.live.rest.problems import Trouble, unknown
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.messages.risk import AcknowledgeAlert, AlertAcknowledged, RiskReported
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.production.risk_monitor.rest_bodies import (
    AlertBody,
    AlertInPath,
    AlertPage,
    LimitsBody,
    RiskBody,
    acknowledged_body,
    alert_body,
    limits_body,
    risk_body,
)
from trading_ecosystem.production.risk_monitor.store import Alert, AlertHistory
from trading_ecosystem.reference import ReferenceData

MOST_FIRING = 1_000


@final
class LastReport:
    def __init__(self) -> None:
        self.report: RiskReported | None = None

    def hear(self, told: Sequence[Told]) -> None:
        for each in told:
            if isinstance(each.message, RiskReported):
                self.report = each.message


def rest_app(surface: Surface, reference: ReferenceData, limits: Limits, history: AlertHistory) -> FastAPI:
    last = LastReport()
    surface.door.listen(last.hear)
    return application(
        surface,
        "Risk monitor",
        alert_routes(surface, reference, history),
        figure_routes(reference, limits, last),
    )


def alert_routes(surface: Surface, reference: ReferenceData, history: AlertHistory) -> APIRouter:
    routes = router()
    answers: Answers[AlertBody] = Answers()
    monitor = surface.door.instance

    @routes.get("/alerts", summary="All alerts, in the order in which they fired", **needs(Scope.READ))
    async def alerts(firing: Flag = "false", after: Number = 0, limit: Limit = 100) -> AlertPage:
        found = await to_thread(history.alerts, firing=firing == "true", after=after, limit=limit)
        more = found[-1].number if len(found) == limit else None
        return AlertPage(alerts=[alert_body(alert, reference) for alert in found], next=more)

    @routes.post("/alerts/{alert_id}/acknowledge", summary="Take on an alert", **needs(Scope.ACKNOWLEDGE))
    async def acknowledge(alert_id: AlertInPath, idempotency_key: IdempotencyKey, caller: TheCaller) -> AlertBody:
        async def work() -> AlertBody:
            return await acknowledged(alert_id, monitor, caller, reference, history)

        return await answers.once((caller.identity, idempotency_key), alert_id, work)

    return routes


async def acknowledged(
    alert_id: str, monitor: str, caller: Caller, reference: ReferenceData, history: AlertHistory
) -> AlertBody:
    """Raises `Trouble` (404) for an alert that is not firing."""
    firing = await to_thread(history.alerts, firing=True, limit=MOST_FIRING)
    alert = find(alert_id, firing)
    command = AcknowledgeAlert(to=monitor, alert_id=alert.alert_id, operator=caller.identity)
    for event in await caller.ask(command):
        if isinstance(event, AlertAcknowledged):
            return acknowledged_body(alert, event, reference)
    if alert.acknowledged_ns is None:
        raise Trouble(409, "not_firing", "the alert is not firing any more")
    return alert_body(alert, reference)


def find(alert_id: str, firing: Sequence[Alert]) -> Alert:
    for alert in firing:
        if in_path(alert.alert_id) == alert_id:
            return alert
    raise unknown("alert")


def figure_routes(reference: ReferenceData, limits: Limits, last: LastReport) -> APIRouter:
    routes = router()
    told_limits = limits_body(limits, reference)

    @routes.get("/risk", summary="The firm's figures, as last reported", **needs(Scope.READ))
    async def risk() -> RiskBody:
        if last.report is None:
            raise Trouble(404, "no_report_yet", "nothing has been reported since the start")
        return risk_body(last.report, reference)

    @routes.get("/limits", summary="What the firm may risk", **needs(Scope.READ))
    async def limit_levels() -> LimitsBody:
        return told_limits

    return routes
