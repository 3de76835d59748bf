"""The audit API of a process: what its core holds, and what is being done to it. Not for production.

Rule 1: another port and other tokens than the production surface; nothing here changes anything.
Rule 2: it cannot be made in the production profile.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import FastAPI
from pydantic import BaseModel, JsonValue, TypeAdapter

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.rest.access import Scope
from trading_ecosystem.live.rest.amounts import moment_text
from trading_ecosystem.live.rest.application import application, router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import Limit
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.live.settings import Profile
from trading_ecosystem.messages.runtime import Plain

PREFIX = "/audit/v1"
PLAIN: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


@dataclass(frozen=True, kw_only=True)
class JournalEntry:
    """One input of the core. `values` are plain data, in the order of the message's fields."""

    sequence: int
    handled_ns: int
    kind: str
    values: Sequence[Plain]


@dataclass(frozen=True, kw_only=True)
class ActiveFault:
    injection_id: str
    kind: str
    target: str
    since_ns: int


@dataclass(frozen=True, kw_only=True)
class Insight:
    """`state` is what the core would save; `journal` its last inputs (newest last), this many at most."""

    state: Callable[[], Plain]
    journal: Callable[[int], Sequence[JournalEntry]]
    faults: Callable[[], Sequence[ActiveFault]]


class StateBody(BaseModel):
    instance: str
    time: str
    state: JsonValue


class EntryBody(BaseModel):
    sequence: int
    handled: str
    kind: str
    values: list[JsonValue]


class JournalBody(BaseModel):
    entries: list[EntryBody]


class FaultBody(BaseModel):
    injection_id: str
    kind: str
    target: str
    since: str


class FaultsBody(BaseModel):
    faults: list[FaultBody]


def audit_app(surface: Surface, profile: Profile, insight: Insight) -> FastAPI:
    """`surface.authorise` must know other tokens than the production surface's. Raises `Problem` in production."""
    if profile is Profile.PRODUCTION:
        raise Problem("audit: there is no audit API in the production profile")
    routes = router(PREFIX)

    @routes.get("/state", summary="All that the core holds", **needs(Scope.AUDIT))
    async def state() -> StateBody:
        time = moment_text(surface.door.clock.now_ns())
        return StateBody(instance=surface.door.instance, time=time, state=PLAIN.validate_python(insight.state()))

    @routes.get("/journal", summary="The last inputs of the core", **needs(Scope.AUDIT))
    async def journal(limit: Limit = 100) -> JournalBody:
        return JournalBody(entries=[entry_body(entry) for entry in insight.journal(limit)])

    @routes.get("/faults", summary="The faults that are active", **needs(Scope.AUDIT))
    async def faults() -> FaultsBody:
        return FaultsBody(faults=[fault_body(fault) for fault in insight.faults()])

    return application(surface, f"{surface.service} audit", routes)


def entry_body(entry: JournalEntry) -> EntryBody:
    values = [PLAIN.validate_python(value) for value in entry.values]
    return EntryBody(sequence=entry.sequence, handled=moment_text(entry.handled_ns), kind=entry.kind, values=values)


def fault_body(fault: ActiveFault) -> FaultBody:
    return FaultBody(
        injection_id=fault.injection_id, kind=fault.kind, target=fault.target, since=moment_text(fault.since_ns)
    )
