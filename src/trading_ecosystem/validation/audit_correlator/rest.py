"""The correlator's REST surface, on the validation plane: what happened, what caused it, and what must never have been.

Rule 1: it reads what the correlator has worked out, and changes nothing.
"""

from asyncio import to_thread
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Protocol

from fastapi import APIRouter, FastAPI, Path
from pydantic import BaseModel

from trading_ecosystem.live.rest.access import Scope
from trading_ecosystem.live.rest.amounts import moment_text
from trading_ecosystem.live.rest.application import application, router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import LATEST_NS, Limit, Moment, Number, in_path, moment_of
from trading_ecosystem.live.rest.problems import unknown
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.messages.audit import InvariantViolated
from trading_ecosystem.validation.audit_correlator.store import TrailHistory
from trading_ecosystem.validation.results import ChainLink, TimelineEntry

ALERT = r"^[A-Za-z0-9._:,-]{1,128}$"
AlertInPath = Annotated[str, Path(pattern=ALERT, description="The alert's id, with - for /")]
Surroundings = Callable[[int, int], Sequence[TimelineEntry]]  # From one moment to another, both included.


class Story(Protocol):
    """What the correlator's core tells of the run so far."""

    def timeline(self) -> Sequence[TimelineEntry]: ...
    def chains(self) -> Mapping[str, Sequence[ChainLink]]: ...
    def counts(self) -> dict[str, int]: ...
    def losses(self) -> dict[str, int]: ...
    def figures(self) -> dict[str, int]: ...


class EntryBody(BaseModel):
    """Ids are texts: they have more digits than many a reader of JSON can keep. `cause_id` "0" is a root."""

    at: str
    kind: str
    subject: str
    text: str
    message_id: str
    cause_id: str


class TimelinePage(BaseModel):
    """`next` is the `after` of the page that follows: how many lines came before it; null on the last."""

    entries: list[EntryBody]
    next: int | None


class SurroundingBody(BaseModel):
    """A span of whoever is no service of ours, or a log line of anybody, by its own clock; or an id told twice."""

    at: str
    kind: str
    subject: str
    text: str


class SurroundingsPage(BaseModel):
    """`next` is the `after` of the page that follows, within the same moments; null on the last."""

    entries: list[SurroundingBody]
    next: int | None


class LinkBody(BaseModel):
    at: str
    kind: str
    text: str
    message_id: str


class ChainBody(BaseModel):
    """From the injection, or from the market's own root, to the alert."""

    alert_id: str
    links: list[LinkBody]


class CountsBody(BaseModel):
    """Messages by type, deliveries lost by reason, and what was checked."""

    messages: dict[str, int]
    losses: dict[str, int]
    checked: dict[str, int]


class FindingBody(BaseModel):
    invariant: str
    detail: str
    message_id: str
    occurred: str


class FindingsBody(BaseModel):
    findings: list[FindingBody]


def rest_app(surface: Surface, story: Story, surroundings: Surroundings, history: TrailHistory) -> FastAPI:
    routes = (story_routes(story), surrounding_routes(surroundings), finding_routes(history))
    return application(surface, "Audit correlator", *routes)


def story_routes(story: Story) -> APIRouter:
    routes = router()

    @routes.get("/timeline", summary="What happened, line by line", **needs(Scope.READ))
    async def timeline(after: Number = 0, limit: Limit = 100) -> TimelinePage:
        entries = story.timeline()
        end = after + limit
        page = [entry_body(entry) for entry in entries[after:end]]
        return TimelinePage(entries=page, next=end if end < len(entries) else None)

    @routes.get("/chains/{alert_id}", summary="What caused an alert", **needs(Scope.READ))
    async def chain(alert_id: AlertInPath) -> ChainBody:
        for known, links in story.chains().items():
            if in_path(known) == alert_id:
                return ChainBody(alert_id=known, links=[link_body(link) for link in links])
        raise unknown("alert")

    @routes.get("/counts", summary="How much was taken in, lost and checked", **needs(Scope.READ))
    async def counts() -> CountsBody:
        return CountsBody(messages=story.counts(), losses=story.losses(), checked=story.figures())

    return routes


def surrounding_routes(surroundings: Surroundings) -> APIRouter:
    routes = router()

    @routes.get("/surroundings", summary="What was told beside messages, by OpenTelemetry", **needs(Scope.READ))
    async def told(
        since: Moment | None = None, until: Moment | None = None, after: Number = 0, limit: Limit = 100
    ) -> SurroundingsPage:
        entries = surroundings(moment_of(since, "since", 0), moment_of(until, "until", LATEST_NS))
        end = after + limit
        page = [surrounding_body(entry) for entry in entries[after:end]]
        return SurroundingsPage(entries=page, next=end if end < len(entries) else None)

    return routes


def finding_routes(history: TrailHistory) -> APIRouter:
    routes = router()

    @routes.get("/findings", summary="What must never be, and was", **needs(Scope.READ))
    async def findings(limit: Limit = 100) -> FindingsBody:
        found = await to_thread(history.findings, limit=limit)
        return FindingsBody(findings=[finding_body(finding) for finding in found])

    return routes


def entry_body(entry: TimelineEntry) -> EntryBody:
    return EntryBody(
        at=moment_text(entry.at_ns),
        kind=entry.kind,
        subject=entry.subject,
        text=entry.text,
        message_id=str(entry.message_id),
        cause_id=str(entry.cause_id),
    )


def surrounding_body(entry: TimelineEntry) -> SurroundingBody:
    return SurroundingBody(at=moment_text(entry.at_ns), kind=entry.kind, subject=entry.subject, text=entry.text)


def link_body(link: ChainLink) -> LinkBody:
    return LinkBody(at=moment_text(link.at_ns), kind=link.kind, text=link.text, message_id=str(link.message_id))


def finding_body(finding: InvariantViolated) -> FindingBody:
    return FindingBody(
        invariant=finding.invariant,
        detail=finding.detail,
        message_id=str(finding.message_id),
        occurred=moment_text(finding.occurred_ns),
    )
