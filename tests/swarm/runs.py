"""One run of the swarm: a world, a plan of faults, and the list of all that was wrong.

Rule 1: nothing is mended or forgiven here; every fault found is a line that says what must be and is not.
"""

import gc
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from tests.swarm.faults import MINUTE, SECOND, Ambush, FaultPlan
from tests.swarm.healing import healed, unhealed
from tests.swarm.witness import Witness

from trading_ecosystem import routes
from trading_ecosystem.assembly import WorldPlan, core_builders, load_world
from trading_ecosystem.chance import Dice
from trading_ecosystem.core import Core, JournaledCore
from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.chaos import CrashService, RestartService
from trading_ecosystem.messages.message import Message
from trading_ecosystem.production.trading_engine.config import DeskConfig, StrategyPart
from trading_ecosystem.production.trading_engine.strategies.arbitrage_config import ArbitrageConfig
from trading_ecosystem.validation.audit_correlator.core import AuditCorrelator
from trading_ecosystem.virtual.build import build_world
from trading_ecosystem.virtual.disk import COMMIT_NS
from trading_ecosystem.virtual.run import checker_of, plane_of
from trading_ecosystem.virtual.service import Service
from trading_ecosystem.virtual.world import World

WORLD = Path(__file__).parents[2] / "worlds" / "two-desks.yaml"
LOOKS = 12  # At the journals of a run, at random moments.


@final
@dataclass(frozen=True, kw_only=True)
class SwarmRun:
    """What is left of a run. `faults` is empty when all was well."""

    faults: tuple[str, ...]
    digest: str
    quotes_digest: str
    delivered: int
    lost: int
    trades: int


@final
class Deaf(Core):
    """Stands where the test coordinator would; the swarm has its own ears."""

    def handle(self, message: Message, now: int) -> tuple[Message, ...]:
        return ()


def world_plan(seed: int) -> WorldPlan:
    """The first world, with short settlement, reconciliation and episodes, so that a short run sees their ends."""
    plan = load_world(WORLD)
    dice = Dice(seed, "swarm.world")
    limits = replace(
        plan.limits,
        report_every_ns=10 * SECOND,
        reconcile_every_ns=MINUTE,
        resolves_after_ns=20 * SECOND,
        fires_at_most_every_ns=30 * SECOND,
    )
    custodian = replace(plan.custodian, cycles={}, same_day_delay_ns=(30 + dice.below(200, 0)) * SECOND)
    liquidity = replace(plan.venues["exchange"].liquidity, noise_ppm=20_000 + dice.below(400_000, 1))
    exchange = replace(plan.venues["exchange"], liquidity=liquidity)
    desks = eager(plan.desks, dice)
    return replace(plan, limits=limits, custodian=custodian, venues={"exchange": exchange}, desks=desks)


def eager(desks: tuple[DeskConfig, ...], dice: Dice) -> tuple[DeskConfig, ...]:
    """The arbitrage desk takes what it can get, often at a loss, so that there is always an order on its way."""
    made: list[DeskConfig] = []
    for desk in desks:
        strategies = tuple(eager_part(part, dice) for part in desk.strategies)
        limits = replace(desk.limits, orders_per_minute=1_000)
        made.append(replace(desk, strategies=strategies, limits=limits))
    return tuple(made)


def eager_part(part: StrategyPart, dice: Dice) -> StrategyPart:
    if not isinstance(part.config, ArbitrageConfig):
        return part
    cooldown_ns = (1 + dice.below(10, 2)) * SECOND
    return replace(part, config=replace(part.config, threshold_ppm=0, taker_fee_ppm=0, cooldown_ns=cooldown_ns))


def run(plan: FaultPlan, looks: str = "looks") -> SwarmRun:
    """Carry out a plan. `looks` names the dice that choose when journals are looked at, which changes no history."""
    world_of = world_plan(plan.seed)
    audit = AuditCorrelator(
        routes.AUDIT_CORRELATOR,
        None,
        {"seed": plan.seed},
        {name: plane_of(name) for name in [*world_of.instances(), routes.INJECTOR]},
        checker_of(world_of),
        world_of.reference,
    )
    trap = Trap(plan)
    witness = Witness(audit, trap.see)
    builders = core_builders(world_of, plan.seed, None)
    builders[routes.TEST_COORDINATOR] = Deaf
    builders[routes.AUDIT_CORRELATOR] = lambda: audit
    world = build_world(world_of, builders, witness, plan.seed)
    trap.set(world)
    give(world, plan)
    faults = run_watching(world, plan, looks)
    faults += watch_healing(world, witness, plan)
    end_ns = int(world.now)
    findings = [f"at the end: {found.invariant}: {found.detail}" for found in audit.close(end_ns)]
    return SwarmRun(
        faults=(*witness.faults, *faults, *findings),
        digest=audit.digest,
        quotes_digest=witness.quotes_digest(),
        delivered=int(world.delivered),
        lost=sum(world.lost.values()),
        trades=witness.trades,
    )


@final
class Trap:
    """Lays the ambushes of a plan: counts what departs, and has services killed when their moment comes."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan
        self._seen: dict[str, int] = {}
        self._world: World | None = None

    def set(self, world: World) -> None:
        self._world = world

    def see(self, type_name: str) -> None:
        self._seen[type_name] = nth = self._seen.get(type_name, 0) + 1
        for number, ambush in enumerate(self._plan.ambushes):
            if ambush.type_name == type_name and ambush.nth == nth and self._world is not None:
                self._spring(self._world, number, ambush)

    def _spring(self, world: World, number: int, ambush: Ambush) -> None:
        quiet_ns = int(world.start_ns) + self._plan.quiet_ns
        at_ns = int(world.now) + ambush.after_ns
        if at_ns >= quiet_ns:
            return
        injection_id, service = f"ambush.{number}", ambush.service
        crash = CrashService(
            to=routes.INJECTOR, injection_id=injection_id, service=service, torn_bytes=ambush.torn_bytes
        )
        restart = RestartService(to=routes.INJECTOR, injection_id=injection_id, service=service)
        push(world, at_ns, crash)
        push(world, min(at_ns + ambush.lasts_ns, quiet_ns), restart)


def push(world: World, at_ns: int, command: Message) -> None:
    """From outside, for a moment to come."""
    to: str = command.to  # type: ignore[attr-defined]
    place = [service.name for service in world.services].index(to)
    world.push(at_ns, place, Envelope(0, 0, 0, "", int(world.now), command))


def give(world: World, plan: FaultPlan) -> None:
    """Hand all commands to the world from outside, each for its moment."""
    for step in plan.steps:
        push(world, int(world.start_ns) + step.at_ns, step.command)


def run_watching(world: World, plan: FaultPlan, looks: str) -> list[str]:
    """Run until the quiet, and on the way rebuild each journaled core from its disk beside the living one."""
    dice = Dice(plan.seed, f"swarm.{looks}")
    moments = sorted(dice.below(plan.quiet_ns // 1_000_000, look) * 1_000_000 for look in range(LOOKS))
    faults: list[str] = []
    gc.disable()
    try:
        for look, at_ns in enumerate(moments):
            world.run(world.start_ns + at_ns)
            for place, service in enumerate(world.services):
                if service.journaled and service.alive:
                    faults += rebuild(service, int(world.now), dice.below(3, look, 10 + place) == 0)
        world.run(world.start_ns + plan.quiet_ns)
    finally:
        gc.enable()
    return faults


def rebuild(service: Service, now: int, keep: bool) -> list[str]:
    """What differs between the living core, its copy by snapshot, and its copy by the disk."""
    live = service.core
    assert isinstance(live, JournaledCore)
    state = json.loads(json.dumps(live.save()))
    faults: list[str] = []
    if copied(service, state, []) != state:
        faults.append(f"{now}: {service.name} restored from what it saved saves something else")
    snapshot, records = service.disk.recover()
    if copied(service, snapshot, records) != state:
        faults.append(f"{now}: {service.name} rebuilt from its journal is another")
    synced = not records or records[-1][0] + COMMIT_NS <= now
    if keep and synced:
        service.disk.keep_snapshot(state)
    return faults


def copied(service: Service, snapshot: object, records: list[tuple[int, Message]]) -> object:
    core = service.build()
    assert isinstance(core, JournaledCore)
    if snapshot is not None:
        core.restore(snapshot)
    for at_ns, message in records:
        core.handle(message, at_ns)
    return json.loads(json.dumps(core.save()))


def watch_healing(world: World, witness: Witness, plan: FaultPlan) -> list[str]:
    """Run to the end; what must heal must be healed there, at some moment of the last seconds at least."""
    end_ns = int(world.start_ns) + plan.end_ns
    troubles: list[str] = []
    for second in range(15, 0, -1):
        world.run(end_ns - second * SECOND + 900_000_000)
        troubles = unhealed(world, witness)
        if not troubles:
            break
    world.run(end_ns)
    return [*troubles, *healed(witness, int(world.start_ns) + plan.quiet_ns)]
