"""What production tells the risk monitor in a short virtual run, and when it is to be told again.

Rule 1: every message is told again as it was; only its moment is put on a grid, so that time can be led through it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from trading_ecosystem import routes
from trading_ecosystem.assembly import core_builders
from trading_ecosystem.core import Core
from trading_ecosystem.messages.accounts import HoldingsReported
from trading_ecosystem.messages.custody import SettlementsReported
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Start, Wake
from trading_ecosystem.messages.transfers import TransfersReported
from trading_ecosystem.preparation import Prepared, RunRequest, find_world, prepare
from trading_ecosystem.validation.audit_correlator.core import AuditCorrelator
from trading_ecosystem.validation.test_coordinator.core import TestCoordinator
from trading_ecosystem.virtual.build import build_world
from trading_ecosystem.virtual.run import checker_of, facts_of, plane_of

SCENARIO = Path(__file__).with_name("stormy-day.yaml")
GRID_NS = 4_000_000_000
SENDERS = (routes.MARKET_DATA, routes.EXCHANGE, routes.CUSTODIAN)


@dataclass(frozen=True)
class Told:
    at_ns: int
    sender: str
    message: Message


@dataclass(frozen=True, kw_only=True)
class Stream:
    """All that one monitor is told, in the order of its moments."""

    world: Path
    start_ns: int
    told: tuple[Told, ...]


@final
class Ear(Core):
    """A core, and what it was handed by others."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.heard: list[tuple[int, Message]] = []

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if not isinstance(message, (Start, Wake)):
            self.heard.append((now, message))
        return self._core.handle(message, now)


def record(scenario: Path = SCENARIO) -> Stream:
    """The stream of a whole virtual run of this scenario."""
    prepared = prepare(RunRequest(scenario_path=scenario))
    start_ns = prepared.plan.start_ns
    told = [Told(on_grid(at_ns - start_ns) + start_ns, sender_of(each), each) for at_ns, each in heard(prepared)]
    return Stream(world=find_world(scenario, prepared.scenario), start_ns=start_ns, told=tuple(told))


def heard(prepared: Prepared) -> list[tuple[int, Message]]:
    scenario, plan = prepared.scenario, prepared.plan
    builders = core_builders(plan, prepared.seed, prepared.recorded)
    ear = Ear(builders[routes.RISK_MONITOR]())
    instances = plan.instances()
    coordinator = TestCoordinator(
        routes.TEST_COORDINATOR, scenario, plan.reference, plan.firm_balances(), plan.start_ns, tuple(instances)
    )
    audit = AuditCorrelator(
        routes.AUDIT_CORRELATOR,
        None,
        facts_of(prepared),
        {name: plane_of(name) for name in [*instances, routes.INJECTOR]},
        checker_of(plan),
        plan.reference,
    )
    builders[routes.RISK_MONITOR] = lambda: ear
    builders[routes.TEST_COORDINATOR] = lambda: coordinator
    builders[routes.AUDIT_CORRELATOR] = lambda: audit
    build_world(plan, builders, audit, prepared.seed).run(plan.start_ns + scenario.duration_ns)
    return ear.heard


def on_grid(after_ns: int) -> int:
    """The next moment of the grid."""
    return -(-after_ns // GRID_NS) * GRID_NS


def sender_of(message: Message) -> str:
    if isinstance(message, QuotePublished):
        return routes.MARKET_DATA
    return (
        routes.CUSTODIAN
        if isinstance(message, HoldingsReported | SettlementsReported | TransfersReported)
        else routes.EXCHANGE
    )
