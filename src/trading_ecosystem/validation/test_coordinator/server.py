"""The test coordinator as a live service: it hears what everybody publishes, and breaks things over audit ports."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from trading_ecosystem import routes
from trading_ecosystem.configuration.document import Section
from trading_ecosystem.configuration.instruments import (
    OPTIONAL_REFERENCE_KEYS,
    REFERENCE_KEYS,
    read_accounts,
    read_margin,
    read_reference,
)
from trading_ecosystem.core import Core
from trading_ecosystem.live import production_wire
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.chaos_wire import CHAOS
from trading_ecosystem.live.codec import parse
from trading_ecosystem.live.neighbours import Neighbours
from trading_ecosystem.live.rest_parts import rest_surface
from trading_ecosystem.live.service import Added, Parts, Service, Upstream
from trading_ecosystem.live.speech import Speech
from trading_ecosystem.messages.message import Message
from trading_ecosystem.validation.test_coordinator import scenario
from trading_ecosystem.validation.test_coordinator.chaos_link import ChaosLink
from trading_ecosystem.validation.test_coordinator.conductor import Close, Conductor, Evidence, Stage
from trading_ecosystem.validation.test_coordinator.core import TestCoordinator
from trading_ecosystem.validation.test_coordinator.idle import Idle
from trading_ecosystem.validation.test_coordinator.rest import RunUnderway, rest_app
from trading_ecosystem.validation.test_coordinator.store import DESIGN
from trading_ecosystem.validation.wire import AUDIT_CORRELATOR, CODEC, TEST_COORDINATOR
from trading_ecosystem.wire.test_coordinator.v1 import test_coordinator_pb2

OBSERVER = "observer"  # As whom it listens to production: a reader of what a firm's own systems publish.
LARGEST_SEED = (1 << 64) - 1
CLOSE_WITHIN_S = 30.0
BOOKS = "books"  # Under this name: those venues whose books are heard.
STAGES = {
    Stage.IDLE: test_coordinator_pb2.RUN_STAGE_IDLE,
    Stage.RUNNING: test_coordinator_pb2.RUN_STAGE_RUNNING,
    Stage.ENDED: test_coordinator_pb2.RUN_STAGE_ENDED,
}
HEARD = {
    routes.MARKET_DATA: production_wire.MARKET_DATA,
    routes.EXCHANGE: production_wire.EXCHANGE,
    routes.CUSTODIAN: production_wire.CUSTODIAN,
    routes.TRADING_ENGINE: production_wire.TRADING_ENGINE,
    routes.RISK_MONITOR: production_wire.RISK_MONITOR,
    routes.AUDIT_CORRELATOR: AUDIT_CORRELATOR,
}


def build(document: Section, instance: str) -> Core:
    """Raises `Problem` for whatever is wrong with the document. Without a scenario it has nothing to do."""
    given = document.get("scenario")
    if given is None:
        return Idle()
    reference = read_reference(document)
    accounts = read_accounts(document["accounts"], reference)
    return TestCoordinator(
        instance,
        as_replayed(scenario.read(given), document),
        reference,
        accounts,
        document["start"].instant_ns(),
        tuple(node.text() for node in document["instances"].items()),
        read_margin(document.get("margin"), accounts, reference),
    )


def as_replayed(given: scenario.Scenario, document: Section) -> scenario.Scenario:
    """The scenario as it is run where prices are recorded ones."""
    node = document.get("replayed")
    symbols = [item.text() for item in node.items()] if node else []
    return given.replayed(symbols) if symbols else given


def kinds_of(speech: Speech) -> tuple[type[Message], ...]:
    """Of what a service says, what the routes bring to the coordinator."""
    audiences = {**routes.PUBLISHED, **routes.PRIVATE}
    return tuple(kind for kind, roles in audiences.items() if routes.TEST_COORDINATOR in roles and speech.says(kind))


def upstream(role: str, speech: Speech) -> Upstream:
    caller = OBSERVER if role in routes.PRODUCTION else ""
    return Upstream(role=role, speech=speech, kinds=kinds_of(speech), caller=caller)


def breaker(role: str) -> Upstream:
    return Upstream(role=role, speech=CHAOS, kinds=kinds_of(CHAOS), surface="audit", link=ChaosLink)


def targets(document: Section) -> Mapping[str, Sequence[str]]:
    """The instances of each role that run in this world. Without a scenario nothing is broken, and nobody breaks it."""
    by_role: dict[str, list[str]] = {} if "scenario" in document else {routes.INJECTOR: []}
    for node in document["instances"].items():
        instance = node.text()
        by_role.setdefault(instance.partition(".")[0], []).append(instance)
    watched = BOOKS in document and document[BOOKS].flag()
    return {**by_role, BOOKS: by_role.get(routes.EXCHANGE, []) if watched else []}


def add(parts: Parts) -> Added:
    core, document = parts.engine.core, parts.document
    history = parts.engine.store.history
    surface = rest_surface(parts, Access())
    if not isinstance(core, TestCoordinator):
        return Added(rest=rest_app(surface, history, lambda: None), answers={"GetRun": idle})
    start_ns = document["start"].instant_ns()
    ends_ns = start_ns + document["duration"].duration_ns()
    conductor = Conductor(core, parts.clock, start_ns, ends_ns, audit_of(parts.neighbours, parts.settings.instance))
    name = dict(document["scenario"].entries())["name"].text()
    seed = document["seed"].integer(0, LARGEST_SEED)
    run_id = history.begin(name, seed, start_ns)
    underway = RunUnderway(
        run_id=run_id,
        scenario=name,
        seed=seed,
        start_ns=start_ns,
        duration_ns=ends_ns - start_ns,
        judged=core.judgement,
        counts=core.counts,
    )

    async def get_run(request: Any, caller: str) -> Any:
        return response_of(conductor.stage, name, start_ns, ends_ns, conductor.result)

    async def conduct() -> None:
        judgement = await conductor.run()
        reason = "; ".join(judgement.reasons)
        await parts.engine.commits.on_store(lambda: history.end(run_id, judgement.verdict, reason, ends_ns))

    return Added(rest=rest_app(surface, history, lambda: underway), answers={"GetRun": get_run}, work=[conduct()])


async def idle(request: Any, caller: str) -> Any:
    return response_of(Stage.IDLE, "", 0, 0, "")


def response_of(stage: Stage, scenario: str, start_ns: int, end_ns: int, result: str) -> Any:
    return test_coordinator_pb2.GetRunResponse(
        scenario=scenario, stage=STAGES[stage], start_ns=start_ns, end_ns=end_ns, result=result
    )


def audit_of(neighbours: Neighbours, caller: str) -> Close:
    """How the conductor has the audit closed."""

    async def close(end_ns: int) -> Evidence:
        address = await neighbours.find(routes.AUDIT_CORRELATOR, "grpc")
        async with neighbours.connect(address, routes.AUDIT_CORRELATOR, caller) as channel:
            call: Any = channel.unary_unary(AUDIT_CORRELATOR.path("CloseTrail"))
            request = AUDIT_CORRELATOR.request_type("CloseTrail")(end_ns=end_ns)
            data = await call(request.SerializeToString(), timeout=CLOSE_WITHIN_S, metadata=(("x-instance", caller),))
        closed = parse(AUDIT_CORRELATOR.response_type("CloseTrail"), data)
        findings = [AUDIT_CORRELATOR.read_event(event).message for event in closed.findings]
        return Evidence(findings=findings, result=json.loads(closed.result))

    return close


SERVICE = Service(
    role=routes.TEST_COORDINATOR,
    speech=TEST_COORDINATOR,
    keys=(*REFERENCE_KEYS, "accounts", "instances", "start", "seed"),
    optional=(*OPTIONAL_REFERENCE_KEYS, "margin", BOOKS, "scenario", "duration", "replayed"),
    build=build,
    codec=CODEC,
    design=DESIGN,
    add=add,
    hears=(
        *(upstream(role, speech) for role, speech in HEARD.items()),
        Upstream(
            role=routes.EXCHANGE, speech=production_wire.EXCHANGE, kinds=tuple(routes.OF_WATCHED_BOOKS), named=BOOKS
        ),
        breaker(routes.MARKET_DATA),
        breaker(routes.EXCHANGE),
        breaker(routes.CUSTODIAN),
        breaker(routes.INJECTOR),
    ),
    targets=targets,
)
