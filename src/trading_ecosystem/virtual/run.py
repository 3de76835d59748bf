"""Runs a scenario on the virtual clock, with its negative twin and its boundary, and gathers what a reader wants to
know."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate

from trading_ecosystem import __version__, routes
from trading_ecosystem.assembly import WorldPlan, core_builders
from trading_ecosystem.endless_calls import endless_calls_ended
from trading_ecosystem.limit_lines import limit_lines
from trading_ecosystem.preparation import Prepared, RunRequest, command_of, prepare
from trading_ecosystem.validation.audit_correlator.checker import ConservationChecker
from trading_ecosystem.validation.audit_correlator.core import AuditCorrelator
from trading_ecosystem.validation.audit_correlator.trail import Sink
from trading_ecosystem.validation.results import BoundarySide, Judgement, RunResult, Verdict
from trading_ecosystem.validation.test_coordinator import boundary
from trading_ecosystem.validation.test_coordinator.core import TestCoordinator
from trading_ecosystem.validation.test_coordinator.scenario import Scenario, twin
from trading_ecosystem.virtual.build import build_world
from trading_ecosystem.virtual.children import child_context, deaf_children, die_with_parent
from trading_ecosystem.virtual.interrupts import heard_later
from trading_ecosystem.virtual.kept import kept_trail
from trading_ecosystem.virtual.queue import COMPILED
from trading_ecosystem.virtual.world import EventStorm, World

Progress = Callable[[int, int], None]
RUN, TWIN = "run", "twin"
LEAST_STEPS = 400  # How often progress is told, and Ctrl-C heard.
LONGEST_STEP_NS = 900_000_000_000
SETTLEMENT_GRACE_NS = 60_000_000_000  # What a run cut short may leave on its way: the deadline of tier T5.


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A run that has come to its end."""

    judgement: Judgement
    world: World
    coordinator: TestCoordinator
    audit: AuditCorrelator
    end_ns: int
    wall_s: float


def run(request: RunRequest, progress: Progress | None = None) -> RunResult:
    """Run the scenario, its twin and its boundary. Raises `Problem` for bad input, before anything is written.

    `progress` is told how many simulated ns are done, of how many.
    """
    prepared = prepare(request)
    gc.collect()  # A world that has ended holds itself, and while one runs, nothing is collected.
    told = shares(request, prepared, progress)
    kept = kept_trail(request.report_folder, prepared.scenario.name)
    with twin_running(request, told.get(TWIN)) as twin_of_run, kept as (sink, trail):
        ended = execute(prepared, sink, told.get(RUN))
        twin_judgement, twin_digest = twin_of_run()
        sides = run_boundary(prepared, told)
    with heard_later():
        return gather(request, prepared, ended, twin_judgement, twin_digest, sides, trail)


# Running.


def execute(prepared: Prepared, sink: Sink | None, progress: Progress | None) -> Ended:
    """Run one world from its start to its end, or until it storms, and judge it."""
    scenario, plan = prepared.scenario, prepared.plan
    instances = plan.instances()
    audit = AuditCorrelator(
        routes.AUDIT_CORRELATOR,
        sink,
        facts_of(prepared),
        {name: plane_of(name) for name in [*instances, routes.INJECTOR]},
        checker_of(plan),
        plan.reference,
        scenario.replayed_symbols,
    )
    builders = core_builders(plan, prepared.seed, prepared.recorded)
    builders[routes.TEST_COORDINATOR] = lambda: TestCoordinator(
        routes.TEST_COORDINATOR,
        scenario,
        plan.reference,
        plan.firm_balances(),
        plan.start_ns,
        tuple(instances),
        plan.firm_margin(),
    )
    builders[routes.AUDIT_CORRELATOR] = lambda: audit
    began = time.perf_counter()
    with heard_later():
        world = build_world(plan, builders, audit, prepared.seed)
    end_ns = plan.start_ns + scenario.duration_ns
    storm = run_in_steps(world, plan.start_ns, scenario.duration_ns, progress)
    if storm:
        end_ns = int(world.now)
    with heard_later():
        coordinator = coordinator_of(world)
        for finding in audit.close(end_ns):
            coordinator.handle(finding, end_ns)
        judgement = coordinator.judgement(end_ns)
    broken_off = storm or ("" if world.is_alive(routes.TEST_COORDINATOR) else "the coordinator was dead at the end")
    if broken_off:
        judgement = replace(judgement, verdict=Verdict.INVALID, reasons=(broken_off,))
    wall_s = time.perf_counter() - began
    return Ended(judgement=judgement, world=world, coordinator=coordinator, audit=audit, end_ns=end_ns, wall_s=wall_s)


def coordinator_of(world: World) -> TestCoordinator:
    """In its last life."""
    (core,) = [service.core for service in world.services if service.name == routes.TEST_COORDINATOR]
    assert isinstance(core, TestCoordinator)
    return core


def run_in_steps(world: World, start_ns: int, duration_ns: int, progress: Progress | None) -> str:
    """Run to the end, telling progress on the way. Returns what stopped it before, empty if nothing did.

    Messages hold no cycles, so the collector has nothing to find.
    """
    steps = max(LEAST_STEPS, duration_ns // LONGEST_STEP_NS)
    gc.disable()
    try:
        with endless_calls_ended(), heard_later() as hear:
            for step in range(1, steps + 1):
                done_ns = duration_ns * step // steps
                world.run(start_ns + done_ns)
                hear()
                if progress is not None:
                    progress(done_ns, duration_ns)
    except EventStorm as storm:
        return str(storm)
    finally:
        gc.enable()
    return ""


def checker_of(plan: WorldPlan) -> ConservationChecker:
    instruments = plan.reference.instruments
    return ConservationChecker(
        plan.accounts,
        {symbol: instrument.quote_minor_per_tick_lot for symbol, instrument in instruments.items()},
        {symbol: instrument.base_minor_per_lot for symbol, instrument in instruments.items()},
        SETTLEMENT_GRACE_NS,
        plan.custodian.transfers.vaults,
        {symbol: each.quote for symbol, each in plan.reference.perpetuals.items()},
    )


def plane_of(instance: str) -> str:
    role = instance.partition(".")[0]
    if role in routes.PRODUCTION:
        return "production"
    return "simulators" if role in routes.SIMULATORS else "validation"


def facts_of(prepared: Prepared) -> dict[str, object]:
    """What the trail says of itself in its first line."""
    return {
        "scenario": prepared.scenario.name,
        "world": prepared.plan.name,
        "seed": prepared.seed,
        "start_ns": prepared.plan.start_ns,
        "duration_ns": prepared.scenario.duration_ns,
        "replayed": list(prepared.scenario.replayed_symbols),
        "version": __version__,
    }


# The twin.


@contextmanager
def twin_running(
    request: RunRequest, progress: Progress | None
) -> Iterator[Callable[[], tuple[Judgement | None, str]]]:
    """The negative twin: in a process of its own while the run goes on, or after it in this one."""
    if not request.with_twin:
        yield lambda: (None, "")
    elif not request.twin_in_parallel:
        yield lambda: run_twin(request, progress)
    else:
        pool = ProcessPoolExecutor(1, mp_context=child_context(), initializer=die_with_parent)
        try:
            with deaf_children():
                future: Future[tuple[Judgement, str]] = pool.submit(run_twin, request, None)
            yield future.result
        finally:
            for process in list((pool._processes or {}).values()):
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)


def run_twin(request: RunRequest, progress: Progress | None) -> tuple[Judgement, str]:
    """The judgement and digest of the run without its injections and its recorded prices, over the same time."""
    prepared = prepare(replace(request, with_boundary=False))
    ended = execute(replace(prepared, scenario=twin(prepared.scenario), recorded=None), None, progress)
    return ended.judgement, ended.audit.digest


# The boundary.


def run_boundary(prepared: Prepared, told: Mapping[str, Progress]) -> tuple[BoundarySide, ...]:
    """Run each side, one after the other, and judge it."""
    scenario = prepared.scenario
    return tuple(run_side(scenario, name, varied, told.get(name)) for name, varied in prepared.boundary.items())


def run_side(scenario: Scenario, name: str, varied: Prepared, progress: Progress | None) -> BoundarySide:
    gc.collect()  # The side before.
    ended = execute(varied, None, progress)
    near = boundary.reached(name, scenario, ended.coordinator.record(ended.end_ns).breaches)
    return BoundarySide(
        side=name,
        changes=boundary.changes(scenario, name),
        judgement=boundary.judged(name, ended.judgement, scenario, near),
        digest=ended.audit.digest,
        nearness=near,
    )


# Progress.


def shares(request: RunRequest, prepared: Prepared, progress: Progress | None) -> dict[str, Progress]:
    """Who is told of the progress of the run, of its twin and of each side of its boundary, one after the other.

    A twin that runs in parallel is no part of the way.
    """
    if progress is None:
        return {}
    lengths = {RUN: prepared.scenario.duration_ns}
    if request.with_twin and not request.twin_in_parallel:
        lengths[TWIN] = prepared.scenario.duration_ns
    lengths |= {name: side.scenario.duration_ns for name, side in prepared.boundary.items()}
    ends = accumulate(lengths.values())
    return {
        name: share(progress, end - lengths[name], sum(lengths.values()))
        for name, end in zip(lengths, ends, strict=True)
    }


def share(progress: Progress, before_ns: int, all_ns: int) -> Progress:
    """Progress of a part of the way, of which `before_ns` are behind when it begins."""
    return lambda done_ns, _: progress(before_ns + done_ns, all_ns)


# What is gathered.


def gather(
    request: RunRequest,
    prepared: Prepared,
    ended: Ended,
    twin_judgement: Judgement | None,
    twin_digest: str,
    sides: tuple[BoundarySide, ...],
    trail: str,
) -> RunResult:
    scenario, plan, audit = prepared.scenario, prepared.plan, ended.audit
    return RunResult(
        scenario=scenario.name,
        title=scenario.title,
        family=scenario.family,
        severity=scenario.severity,
        story=scenario.story,
        incident=scenario.incident,
        sources=scenario.sources,
        world=plan.name,
        seed=prepared.seed,
        start_ns=plan.start_ns,
        simulated_ns=ended.end_ns - plan.start_ns,
        wall_s=ended.wall_s,
        events=int(ended.world.delivered),
        compiled=COMPILED,
        digest=audit.digest,
        command=command_of(request, prepared.seed),
        judgement=with_boundary(with_twin(ended.judgement, twin_judgement), sides),
        twin=twin_judgement,
        twin_digest=twin_digest,
        boundary=sides,
        timeline=audit.timeline(),
        chains=audit.chains(),
        series=(*ended.coordinator.series(), *audit.series()),
        limits=limit_lines(plan),
        rules=tuple(plan.limits.rules),
        counts=counts_of(ended),
        configuration={request.scenario_path.name: request.scenario_path.read_text(encoding="utf-8"), **plan.files},
        versions={"trading-ecosystem": __version__},
        trail=trail,
    )


def counts_of(ended: Ended) -> dict[str, int]:
    messages, checked = ended.audit.counts(), ended.audit.figures()
    orders = {"orders": messages.get("SubmitOrder", 0), "trades": checked["trades"]}
    lost = {f"lost: {reason.replace('_', ' ')}": count for reason, count in sorted(ended.world.lost.items())}
    return {**orders, **ended.coordinator.counts(), **lost}


def with_twin(judgement: Judgement, twin_judgement: Judgement | None) -> Judgement:
    """The twin's failure is the run's failure: an alert that comes without its cause proves nothing."""
    if twin_judgement is None:
        return judgement
    return joined(judgement, twin_judgement, "the twin without the injection")


def with_boundary(judgement: Judgement, sides: Sequence[BoundarySide]) -> Judgement:
    """A broken boundary is the run's failure: an alert that comes under its limit tells nothing of the limit."""
    for side in sides:
        judgement = joined(judgement, side.judgement, f"the boundary, just {side.side} the limit")
    return judgement


def joined(judgement: Judgement, other: Judgement, name: str) -> Judgement:
    """The judgement of a run, given that of another run of the same scenario."""
    if other.verdict is Verdict.PASS:
        return judgement
    reasons = tuple(f"{name}: {reason}" for reason in other.reasons)
    worst = other.verdict if judgement.verdict is Verdict.PASS else judgement.verdict
    return replace(judgement, verdict=worst, reasons=(*judgement.reasons, *reasons))
