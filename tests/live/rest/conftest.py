"""The REST surface of each service, around its real core and its real history, in this process."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter

from trading_ecosystem import routes
from trading_ecosystem.assembly import WorldPlan, core_builders, load_world
from trading_ecosystem.core import Core, JournaledCore
from trading_ecosystem.live.clock import Clock, Tempo
from trading_ecosystem.live.door import Header, Listener, RefusalCode, Refused, Told
from trading_ecosystem.live.rest.audit import ActiveFault, Insight, JournalEntry, audit_app
from trading_ecosystem.live.rest.rates import Rate, Rates
from trading_ecosystem.live.rest.serving import serve
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.live.settings import Profile
from trading_ecosystem.live.store.opening import memory_store
from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Remember, Start, Wake, WakeAt
from trading_ecosystem.production.risk_monitor import rest as risk_rest, store as risk_store
from trading_ecosystem.production.trading_engine import rest as desk_rest, store as desk_store
from trading_ecosystem.production.trading_engine.core import TradingEngine
from trading_ecosystem.production.trading_engine.portfolio import PositionLine, Statement
from trading_ecosystem.simulators.custodian import rest as custodian_rest, store as custodian_store
from trading_ecosystem.simulators.exchange import rest as exchange_rest, store as exchange_store
from trading_ecosystem.simulators.exchange.statement_store import Statements
from trading_ecosystem.simulators.market_data import rest as market_rest, store as market_store
from trading_ecosystem.validation.audit_correlator import rest as audit_rest, store as audit_store
from trading_ecosystem.validation.audit_correlator.checker import ConservationChecker
from trading_ecosystem.validation.audit_correlator.core import AuditCorrelator
from trading_ecosystem.validation.audit_correlator.surroundings import Surroundings
from trading_ecosystem.validation.audit_correlator.trail import MemorySink
from trading_ecosystem.validation.test_coordinator import rest as coordinator_rest, store as coordinator_store
from trading_ecosystem.validation.test_coordinator.core import TestCoordinator
from trading_ecosystem.validation.test_coordinator.scenario import load

ROOT = Path(__file__).parents[3]
SECOND_NS = 1_000_000_000
NO_LIMIT = Rate(per_second=100_000, burst=100_000)
Result = TypeVar("Result")
Record = Callable[[Sequence[Message]], None]

HOLDERS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "token-of-alice": ("alice", ("read", "trade", "withdraw", "approve", "acknowledge", "audit"), ("alpha",)),
    "token-of-rita": ("rita", ("read",), ("alpha",)),
    "token-of-beth": ("beth", ("read", "trade", "withdraw", "approve"), ("beta",)),
    "token-of-nora": ("nora", (), ()),
}


class CoreDoor:
    """A core behind a door: handled at once, published at once, recorded at once."""

    def __init__(self, instance: str, core: Core, start_ns: int, record: Record) -> None:
        self.instance = instance
        self.core = core
        self.clock = Clock(Tempo(start_ns=start_ns, epoch_ns=0, speed=1))
        self.asked: list[Message] = []
        self.causes: list[Header | None] = []
        self.refusal: Refused | None = None
        self.said = (HealthStatus.SERVING, "")
        self._record = record
        self._listeners: list[Listener] = []
        self._sequence = 0
        self._shifted_ns = 0
        self.hand(Start(memory={}))

    async def ask(self, message: Message, cause: Header | None = None) -> Sequence[Message]:
        self.asked.append(message)
        self.causes.append(cause)
        if self.refusal is not None:
            raise self.refusal
        return self.hand(message)

    def hand(self, message: Message) -> Sequence[Message]:
        """What a subscription or a timer does."""
        outputs = self.core.handle(message, self.clock.now_ns())
        self.publish([output for output in outputs if not isinstance(output, WakeAt | Remember)])
        return outputs

    def publish(self, messages: Sequence[Message]) -> None:
        self._record(messages)
        told = []
        for message in messages:
            self._sequence += 1
            told.append(Told(sequence=self._sequence, header=Header(message_id=1, correlation_id=1), message=message))
            if isinstance(message, HealthChanged):
                self.said = (message.health, message.detail)
        for listener in tuple(self._listeners):
            listener(told)

    def wait(self, seconds: int) -> Sequence[Message]:
        """Let this much time pass, and wake the core."""
        self._shifted_ns += seconds * SECOND_NS
        self.clock.shift(self._shifted_ns)
        return self.hand(Wake())

    def listen(self, listener: Listener) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def health(self) -> tuple[HealthStatus, str]:
        return self.said

    def digest(self) -> str:
        """Of all that may not change when a call is refused."""
        state = self.core.save() if isinstance(self.core, JournaledCore) else None
        return f"{len(self.asked)} {json.dumps(state)}"


@dataclass
class Served:
    door: CoreDoor
    make: Callable[[Surface], FastAPI]
    surface: Surface
    observed: list[tuple[str, str, int]]

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new surface around the same core and the same history."""
        self.app = self.make(self.surface)

    def call(self, method: str, path: str, token: str = "token-of-alice", **arguments: Any) -> httpx.Response:
        """One request. An empty token: none is shown."""
        return asyncio.run(self.call_in_loop(method, path, token, **arguments))

    async def call_in_loop(
        self, method: str, path: str, token: str = "token-of-alice", **arguments: Any
    ) -> httpx.Response:
        headers = httpx.Headers(arguments.pop("headers", {}))
        if token:
            headers["authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.request(method, path, headers=headers, **arguments)


def authorise(token: str, scope: str, account: str) -> str:
    if token not in HOLDERS:
        raise Refused(RefusalCode.UNAUTHENTICATED, "unknown token")
    identity, scopes, accounts = HOLDERS[token]
    if scope not in scopes:
        raise Refused(RefusalCode.FORBIDDEN, f"the scope {scope} is missing")
    if account and account not in accounts:
        raise Refused(RefusalCode.NOT_FOUND, "no such account")
    return identity


TRADED = Statement(
    realised_minor=-1_250_000_000,
    unrealised_minor=50_000_000_000,
    fees_minor=1_250_000_000,
    certain=True,
    positions=(PositionLine("BTC", -50_000_000, -3_000_000_000_000, -2_950_000_000_000, -1_250_000_000),),
)


@dataclass
class Workshop:
    """Makes served services of one world."""

    plan: WorldPlan
    rate: Rate = NO_LIMIT
    surroundings: Surroundings = field(default_factory=lambda: Surroundings(100))  # What the correlator was told.

    def serve(self, role: str) -> Served:
        return getattr(self, role)()  # type: ignore[no-any-return]

    def core(self, instance: str) -> Core:
        return core_builders(self.plan, 7, None)[instance]()

    def finish(self, role: str, core: Core, record: Record, make: Callable[[Surface], FastAPI]) -> Served:
        instance = f"{role}.alpha" if role == routes.TRADING_ENGINE else role
        door = CoreDoor(instance, core, self.plan.start_ns, record)
        observed: list[tuple[str, str, int]] = []
        metrics = CollectorRegistry()
        Counter("served", "Makes the registry not empty", registry=metrics).inc()
        surface = Surface(
            door=door,
            service=role,
            version="1.2.3",
            environment="simulation",
            authorise=authorise,
            observe=lambda method, route, status, seconds: observed.append((method, route, status)),
            metrics=metrics,
            rates=Rates(self.rate),
        )
        return Served(door, make, surface, observed)

    def quotes(self, seconds: int = 3) -> list[Message]:
        """What a feed of this world says in its first seconds."""
        door = CoreDoor("market_data", self.core(routes.MARKET_DATA), self.plan.start_ns, lambda messages: None)
        return [message for _ in range(seconds) for message in door.wait(1) if not isinstance(message, WakeAt)]

    def market_data(self) -> Served:
        history = memory_store(market_store.DESIGN).history
        core = self.core(routes.MARKET_DATA)
        served = self.finish(
            routes.MARKET_DATA, core, history.record, lambda s: market_rest.rest_app(s, self.plan.reference, history)
        )
        served.door.wait(1)
        return served

    def exchange(self) -> Served:
        history = memory_store(exchange_store.DESIGN).history
        accounts = list(self.plan.accounts)
        statements = Statements(history.database, self.plan.reference, self.plan.accounts, self.plan.margin)
        served = self.finish(
            routes.EXCHANGE,
            self.core(routes.EXCHANGE),
            history.record,
            lambda s: exchange_rest.rest_app(s, self.plan.reference, accounts, history, statements, self.plan.masters),
        )
        for quote in self.quotes():
            served.door.hand(quote)
        return served

    def custodian(self) -> Served:
        history = memory_store(custodian_store.DESIGN).history
        return self.finish(
            routes.CUSTODIAN,
            self.core(routes.CUSTODIAN),
            history.record,
            lambda s: custodian_rest.rest_app(
                s, self.plan.reference, history, {**self.plan.accounts, **self.plan.custodian.transfers.vaults}
            ),
        )

    def trading_engine(self) -> Served:
        history = memory_store(desk_store.DESIGN).history
        core = self.core(f"{routes.TRADING_ENGINE}.alpha")
        assert isinstance(core, TradingEngine)
        return self.finish(
            routes.TRADING_ENGINE,
            core,
            history.record,
            lambda s: desk_rest.rest_app(s, self.plan.reference, history, lambda: {"USD": 150_000_000}, lambda: TRADED),
        )

    def risk_monitor(self) -> Served:
        history = memory_store(risk_store.DESIGN).history
        return self.finish(
            routes.RISK_MONITOR,
            self.core(routes.RISK_MONITOR),
            history.record,
            lambda s: risk_rest.rest_app(s, self.plan.reference, self.plan.limits, history),
        )

    def test_coordinator(self) -> Served:
        history = memory_store(coordinator_store.DESIGN).history
        scenario = load(ROOT / "features" / "scenarios" / "usdt-depeg-short.yaml")
        plan = self.plan
        core = TestCoordinator(
            routes.TEST_COORDINATOR,
            scenario,
            plan.reference,
            plan.firm_balances(),
            plan.start_ns,
            tuple(plan.instances()),
        )
        underway = coordinator_rest.RunUnderway(
            run_id=history.begin(scenario.name, 7, plan.start_ns),
            scenario=scenario.name,
            seed=7,
            start_ns=plan.start_ns,
            duration_ns=scenario.duration_ns,
            judged=core.judgement,
            counts=core.counts,
        )
        return self.finish(
            routes.TEST_COORDINATOR,
            core,
            history.record,
            lambda s: coordinator_rest.rest_app(s, history, lambda: underway),
        )

    def audit_correlator(self) -> Served:
        history = memory_store(audit_store.DESIGN).history
        plan = self.plan
        planes = {name: "simulators" for name in plan.instances()}
        instruments = plan.reference.instruments.values()
        checker = ConservationChecker(
            plan.accounts,
            {each.symbol: each.quote_minor_per_tick_lot for each in instruments},
            {each.symbol: each.base_minor_per_lot for each in instruments},
            0,
        )
        core = AuditCorrelator(routes.AUDIT_CORRELATOR, MemorySink(), {}, planes, checker, plan.reference)
        served = self.finish(
            routes.AUDIT_CORRELATOR,
            core,
            history.record,
            lambda s: audit_rest.rest_app(s, core, self.surroundings.timeline, history),
        )
        for number, quote in enumerate(self.quotes(), start=1):
            served.door.hand(Envelope(number, 0, number, "market_data", plan.start_ns, quote))
        return served

    def audit(self) -> Served:
        """The audit API of an exchange to which one thing is being done."""
        served = self.exchange()
        core = served.door.core
        assert isinstance(core, JournaledCore)
        canceled = JournalEntry(
            sequence=7, handled_ns=1_000, kind="CancelOrder", values=["exchange", "alpha", "mine-1"]
        )
        cut = ActiveFault(injection_id="cut", kind="network.partition", target="exchange", since_ns=2_000)
        insight = Insight(state=core.save, journal=lambda limit: [canceled][:limit], faults=lambda: [cut])
        served.make = lambda surface: audit_app(surface, Profile.SIMULATION, insight)
        served.restart()
        return served


@pytest.fixture(scope="session")
def plan() -> WorldPlan:
    return load_world(ROOT / "worlds" / "two-desks.yaml")


@pytest.fixture
def workshop(plan: WorldPlan) -> Workshop:
    return Workshop(plan)


@pytest.fixture
def over_network() -> Callable[..., Any]:
    """over_network(app, work): serve the application on a real port, and run `work(host, port)` meanwhile."""

    async def serving(app: FastAPI, work: Callable[[str, int], Coroutine[Any, Any, Result]]) -> Result:
        server = serve(app, "127.0.0.1:0")
        task = asyncio.create_task(server.serve())
        host, _, port = server.address.rpartition(":")
        try:
            async with asyncio.timeout(30):
                return await work(host, int(port))
        finally:
            server.should_exit = True
            await task

    def run_it(app: FastAPI, work: Callable[[str, int], Coroutine[Any, Any, Result]]) -> Result:
        return asyncio.run(serving(app, work))

    return run_it
