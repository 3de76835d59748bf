"""The coordinator's REST surface, on the validation plane: what is run, how far it is, and how it was judged."""

from asyncio import to_thread
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from trading_ecosystem.live.rest.access import Scope
from trading_ecosystem.live.rest.amounts import moment_or_none, moment_text, scaled_text
from trading_ecosystem.live.rest.application import application, router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import Limit, Number, NumberInPath
from trading_ecosystem.live.rest.problems import Trouble
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.validation.results import CheckOutcome, ExpectationOutcome, InjectionOutcome, Judgement
from trading_ecosystem.validation.test_coordinator.store import Injection, Run, RunHistory

VerdictWord = Literal["PASS", "FAIL", "INVALID"]


@dataclass(frozen=True, kw_only=True)
class RunUnderway:
    """The run that this process is at. `judged` is the verdict as of a moment; `counts` what has been seen so far."""

    run_id: int
    scenario: str
    seed: int
    start_ns: int
    duration_ns: int
    judged: Callable[[int], Judgement]
    counts: Callable[[], dict[str, int]]


class ExpectationBody(BaseModel):
    rule: str
    subject: str
    severity: str
    condition: str
    detection: str
    breach: str | None
    fired: str | None


class CheckBody(BaseModel):
    kind: str
    text: str
    passed: bool
    detail: str


class InjectionBody(BaseModel):
    """`refused` says why, where it was not applied."""

    injection_id: str
    kind: str
    target: str
    subjects: list[str]
    started: str | None
    ended: str | None
    refused: str


class UnderwayBody(BaseModel):
    """`verdict` is null until the run is over: before that, what is expected may still come."""

    run_id: int
    scenario: str
    seed: int
    started: str
    ends: str
    progress: str
    verdict: VerdictWord | None
    reasons: list[str]
    expectations: list[ExpectationBody]
    checks: list[CheckBody]
    injections: list[InjectionBody]
    counts: dict[str, int]


class RunBody(BaseModel):
    """`ended` and `verdict` are null while it runs, and for good where the coordinator died during it."""

    run_id: int
    scenario: str
    seed: int
    started: str
    ended: str | None
    verdict: VerdictWord | None
    reason: str


class RunPage(BaseModel):
    """`next` is the `after` of the page that follows; null on the last."""

    runs: list[RunBody]
    next: int | None


class InjectionsBody(BaseModel):
    injections: list[InjectionBody]


def rest_app(surface: Surface, history: RunHistory, underway: Callable[[], RunUnderway | None]) -> FastAPI:
    """`underway`: the run that this process is at, if it is at one."""
    return application(surface, "Test coordinator", underway_routes(surface, underway), history_routes(history))


def underway_routes(surface: Surface, underway: Callable[[], RunUnderway | None]) -> APIRouter:
    routes = router()

    @routes.get("/run", summary="The run underway: progress and verdict", **needs(Scope.READ))
    async def run() -> UnderwayBody:
        found = underway()
        if found is None:
            raise Trouble(404, "no_run", "nothing is run now")
        return underway_body(found, surface.door.clock.now_ns())

    return routes


def history_routes(history: RunHistory) -> APIRouter:
    routes = router()

    @routes.get("/runs", summary="All runs, oldest first", **needs(Scope.READ))
    async def runs(after: Number = 0, limit: Limit = 100) -> RunPage:
        found = await to_thread(history.runs, after=after, limit=limit)
        more = found[-1].run_id if len(found) == limit else None
        return RunPage(runs=[run_body(run) for run in found], next=more)

    @routes.get("/runs/{run_id}/injections", summary="What was injected into a run", **needs(Scope.READ))
    async def injections(run_id: NumberInPath) -> InjectionsBody:
        found = await to_thread(history.injections, run_id)
        return InjectionsBody(injections=[injection_body(injection) for injection in found])

    return routes


def underway_body(run: RunUnderway, now_ns: int) -> UnderwayBody:
    ends_ns = run.start_ns + run.duration_ns
    judgement = run.judged(min(now_ns, ends_ns))
    done_ppm = min(1_000_000, max(0, now_ns - run.start_ns) * 1_000_000 // run.duration_ns)
    return UnderwayBody(
        run_id=run.run_id,
        scenario=run.scenario,
        seed=run.seed,
        started=moment_text(run.start_ns),
        ends=moment_text(ends_ns),
        progress=scaled_text(done_ppm, 6),
        verdict=judgement.verdict.value if now_ns >= ends_ns else None,
        reasons=list(judgement.reasons),
        expectations=[expectation_body(each) for each in judgement.expectations],
        checks=[check_body(each) for each in judgement.checks],
        injections=[outcome_body(each) for each in judgement.injections],
        counts=run.counts(),
    )


def expectation_body(outcome: ExpectationOutcome) -> ExpectationBody:
    return ExpectationBody(
        rule=outcome.rule,
        subject=outcome.subject,
        severity=outcome.severity,
        condition=outcome.condition,
        detection=outcome.detection.value,
        breach=moment_or_none(outcome.breach_ns),
        fired=moment_or_none(outcome.fired_ns),
    )


def check_body(outcome: CheckOutcome) -> CheckBody:
    return CheckBody(kind=outcome.kind, text=outcome.text, passed=outcome.passed, detail=outcome.detail)


def outcome_body(outcome: InjectionOutcome) -> InjectionBody:
    return InjectionBody(
        injection_id=outcome.injection_id,
        kind=outcome.kind,
        target=outcome.target,
        subjects=list(outcome.subjects),
        started=moment_or_none(outcome.started_ns),
        ended=moment_or_none(outcome.ended_ns),
        refused="",
    )


def injection_body(injection: Injection) -> InjectionBody:
    return InjectionBody(
        injection_id=injection.injection_id,
        kind=injection.kind,
        target=injection.target,
        subjects=list(injection.subjects),
        started=None if injection.refused else moment_text(injection.began_ns),
        ended=moment_or_none(injection.ended_ns),
        refused=injection.refused,
    )


def run_body(run: Run) -> RunBody:
    return RunBody(
        run_id=run.run_id,
        scenario=run.scenario,
        seed=run.seed,
        started=moment_text(run.began_ns),
        ended=moment_or_none(run.ended_ns),
        verdict=None if run.verdict is None else run.verdict.value,
        reason=run.reason,
    )
