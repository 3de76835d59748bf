"""The injector: the receipts of its twin, the same words to processes, proxies and audit ports, and leases."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from trading_ecosystem.chance import Dice
from trading_ecosystem.core import Core
from trading_ecosystem.live.faults.leases import EXPIRED, LENGTH_NS, Leases
from trading_ecosystem.live.faults.terms import Direction, Gate, StreamFault
from trading_ecosystem.messages.chaos import (
    CrashService,
    FaultLink,
    FaultService,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    LinkFault,
    RestartService,
    RestoreLink,
    RestoreService,
    ServiceFault,
)
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.orchestrator.child import Command
from trading_ecosystem.orchestrator.injector import AGAIN_NS, Impossible, Injector, link_fault, ways_of
from trading_ecosystem.orchestrator.links import Links, Way
from trading_ecosystem.orchestrator.processes import Processes, ProcessRefused
from trading_ecosystem.virtual import injector as twin
from trading_ecosystem.virtual.network import Link
from trading_ecosystem.virtual.service import Service
from trading_ecosystem.virtual.world import World

VENUE, CUSTODIAN, DESK, MONITOR, JUDGE = "exchange", "custodian", "trading_engine.alpha", "risk_monitor", "judge"
COORDINATOR = "test_coordinator"
INSTANCES = (VENUE, CUSTODIAN, DESK, MONITOR, COORDINATOR, JUDGE)
TOUCHABLE = (VENUE, CUSTODIAN, DESK, MONITOR)
KILLABLE = (*TOUCHABLE, COORDINATOR)
NOW = 1_000_000_000_000


@dataclass
class Recorded:
    """Processes that do as they are told and remember it. Those in `stubborn` refuse everything."""

    said: list[tuple[str, str]] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
    stubborn: set[str] = field(default_factory=set)
    lives: int = 0

    def pid(self, instance: str) -> int | None:
        return None if instance in self.dead else self.lives

    async def kill(self, instance: str) -> None:
        self._do("kill", instance)
        self.dead.add(instance)

    def pause(self, instance: str) -> None:
        self._do("pause", instance)

    def resume(self, instance: str) -> None:
        self._do("resume", instance)

    async def restart(self, instance: str) -> None:
        self._do("restart", instance)
        self.lives += 1
        self.dead.discard(instance)

    def _do(self, word: str, instance: str) -> None:
        if instance in self.stubborn:
            raise ProcessRefused(f"{instance} is stubborn")
        self.said.append((word, instance))


@dataclass
class Ports:
    """Audit ports that take everything and remember it. Those in `unreachable` do not answer."""

    said: list[Message] = field(default_factory=list)
    unreachable: set[str] = field(default_factory=set)
    renewed: list[str] = field(default_factory=list)

    def has(self, instance: str) -> bool:
        return instance in (VENUE, CUSTODIAN)

    async def send(self, instance: str, command: Message) -> None:
        if instance in self.unreachable:
            raise Impossible(f"{instance} does not answer")
        self.said.append(command)

    async def renew(self, instance: str) -> None:
        if instance in self.unreachable:
            raise Impossible(f"{instance} does not answer")
        self.renewed.append(instance)


class Stage:
    def __init__(self) -> None:
        self.processes, self.ports, self.now_ns = Recorded(), Ports(), 0
        self.links = Links(lambda target, surface: None, lambda name: Dice(1, name))
        self.leases = Leases()
        self.injector = Injector(
            INSTANCES, KILLABLE, TOUCHABLE, self.processes, self.links, self.ports, self.leases, 60, lambda: self.now_ns
        )

    async def tell(self, *commands: Message) -> list[Message]:
        return [receipt for command in commands for receipt in await self.injector.handle(command, NOW, "judge")]


def crash(service: str = VENUE, name: str = "c") -> CrashService:
    return CrashService(to="injector", injection_id=name, service=service, torn_bytes=0)


def restart(name: str = "c", service: str = VENUE) -> RestartService:
    return RestartService(to="injector", injection_id=name, service=service)


def fault(kind: ServiceFault, service: str = VENUE, name: str = "f", by_ns: int = 0) -> FaultService:
    return FaultService(to="injector", injection_id=name, service_fault=kind, service=service, by_ns=by_ns)


def restore(name: str = "f", service: str = VENUE) -> RestoreService:
    return RestoreService(to="injector", injection_id=name, service=service)


def link(
    kind: LinkFault, senders: Sequence[str] = (DESK,), recipients: Sequence[str] = (VENUE,), name: str = "l"
) -> FaultLink:
    return FaultLink(
        to="injector",
        injection_id=name,
        fault=kind,
        senders=tuple(senders),
        recipients=tuple(recipients),
        probability_ppm=1_000_000,
        delay_ns=6_000_000_000,
    )


HEAL = RestoreLink(to="injector", injection_id="l")


def started(name: str, kind: str, target: str, *subjects: str) -> InjectionStarted:
    return InjectionStarted(
        injection_id=name, kind=kind, target=target, subjects=subjects or (target,), occurred_ns=NOW
    )


def ended(name: str) -> InjectionEnded:
    return InjectionEnded(injection_id=name, occurred_ns=NOW)


def details(receipts: list[Message]) -> list[str]:
    return [receipt.detail for receipt in receipts if isinstance(receipt, InjectionRefused)]


# Processes.


@pytest.mark.parametrize(
    ("begin", "end", "kind", "said"),
    [
        (crash(), restart(), "service.crash", [("kill", VENUE), ("restart", VENUE)]),
        (fault(ServiceFault.PAUSE), restore(), "service.pause", [("pause", VENUE), ("resume", VENUE)]),
    ],
)
def test_a_fault_of_a_process_is_done_once_and_undone_once(
    begin: CrashService | FaultService, end: Message, kind: str, said: list[tuple[str, str]]
) -> None:
    stage = Stage()
    receipts = asyncio.run(stage.tell(begin, begin, end, end))
    assert receipts == [started(begin.injection_id, kind, VENUE), ended(begin.injection_id)]
    assert stage.processes.said == said


@pytest.mark.parametrize(
    ("command", "detail"),
    [
        (crash(JUDGE), "judge cannot be killed here"),
        (crash("nobody"), "nobody cannot be killed here"),
        (fault(ServiceFault.STORE_AWAY, COORDINATOR), "test_coordinator cannot be touched here"),
        (crash(CUSTODIAN), "custodian is down already"),
        (fault(ServiceFault.PAUSE, JUDGE), "judge cannot be touched here"),
        (fault(ServiceFault.PAUSE, DESK), "trading_engine.alpha is stubborn"),
        (fault(ServiceFault.STORE_AWAY, MONITOR), "risk_monitor has no audit port, so this"),
        (link(LinkFault.PARTITION, ["nobody"]), "no link joins these services"),
        (link(LinkFault.PARTITION, [VENUE], [VENUE]), "no link joins these services"),
        (link(LinkFault.PARTITION), "no connection joins these services"),
        (link(LinkFault.LOSE, [DESK], [MONITOR]), "neither trading_engine.alpha nor risk_monitor has an audit port"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_and_changes_nothing(command: Message, detail: str) -> None:
    stage = Stage()
    stage.processes.dead.add(CUSTODIAN)
    stage.processes.stubborn.add(DESK)
    (told,) = details(asyncio.run(stage.tell(command)))
    assert told.startswith(detail)
    assert (stage.processes.said, stage.ports.said, stage.leases.next_ns()) == ([], [], None)


def test_an_id_is_used_for_one_injection_at_a_time() -> None:
    stage = Stage()
    receipts = asyncio.run(stage.tell(crash(VENUE, "x"), crash(CUSTODIAN, "x"), restart("x"), crash(CUSTODIAN, "x")))
    assert details(receipts) == ["another injection has this id"]
    assert stage.processes.said == [("kill", VENUE), ("restart", VENUE), ("kill", CUSTODIAN)]


def test_a_command_that_undoes_another_kind_changes_nothing() -> None:
    stage = Stage()
    receipts = asyncio.run(stage.tell(crash(name="x"), restore("x"), RestoreLink(to="injector", injection_id="x")))
    assert receipts == [started("x", "service.crash", VENUE)]


def test_who_stands_still_cannot_be_paused_again_before_it_goes_on() -> None:
    stage = Stage()
    one, other = fault(ServiceFault.PAUSE, name="one"), fault(ServiceFault.PAUSE, name="other")
    receipts = asyncio.run(stage.tell(one, other, restore("one"), other))
    assert details(receipts) == ["exchange stands still already"]
    assert [word for word, _ in stage.processes.said] == ["pause", "resume", "pause"]


def test_what_died_or_came_back_meanwhile_needs_no_undoing() -> None:
    stage = Stage()
    asyncio.run(stage.tell(fault(ServiceFault.PAUSE), crash()))
    assert asyncio.run(stage.tell(restart(), restore())) == [ended("c"), ended("f")]
    asyncio.run(stage.tell(crash()))
    stage.processes.dead.clear()
    assert asyncio.run(stage.tell(restart())) == [ended("c")]
    assert [word for word, _ in stage.processes.said] == ["pause", "kill", "restart", "kill"]


def test_what_cannot_be_undone_is_told_and_can_be_tried_again() -> None:
    stage = Stage()
    asyncio.run(stage.tell(crash()))
    stage.processes.stubborn.add(VENUE)
    assert details(asyncio.run(stage.tell(restart()))) == ["it could not be undone: exchange is stubborn"]
    stage.processes.stubborn.clear()
    assert asyncio.run(stage.tell(restart())) == [ended("c")]


# Services.


@pytest.mark.parametrize("kind", [each for each in ServiceFault if each is not ServiceFault.PAUSE])
def test_a_fault_of_what_a_service_stands_on_goes_to_its_audit_port(kind: ServiceFault) -> None:
    stage = Stage()
    receipts = asyncio.run(stage.tell(fault(kind, by_ns=7), fault(kind, by_ns=7), restore(), restore()))
    assert receipts == [started("f", kind.value, VENUE), ended("f")]
    begun = FaultService(to=VENUE, injection_id="f", service_fault=kind, service=VENUE, by_ns=7)
    assert stage.ports.said == [begun, RestoreService(to=VENUE, injection_id="f", service=VENUE)]


def test_a_service_that_does_not_undo_is_told_and_one_that_is_gone_took_its_fault_along() -> None:
    stage = Stage()
    asyncio.run(stage.tell(fault(ServiceFault.STORE_AWAY)))
    stage.ports.unreachable.add(VENUE)
    assert details(asyncio.run(stage.tell(restore()))) == ["it could not be undone: exchange does not answer"]
    stage.processes.dead.add(VENUE)
    assert asyncio.run(stage.tell(restore())) == [ended("f")]


# Links.


@pytest.mark.parametrize(
    ("kind", "wanted", "ways"),
    [
        (LinkFault.PARTITION, StreamFault(dropped=True), "both"),
        (LinkFault.HOLD, StreamFault(held=True), "both"),
        (LinkFault.DELAY, StreamFault(latency_ns=100_000_000), "both"),
        (LinkFault.THROTTLE, StreamFault(bytes_per_second=10_240), "both"),
        (LinkFault.TRICKLE, StreamFault(slice_bytes=1), "both"),
        (LinkFault.LOSE_ANSWERS, StreamFault(dropped=True, reset_after_ns=200_000_000), "answers"),
        (LinkFault.RESET, Gate.RESET, "asked"),
        (LinkFault.REFUSE, Gate.REFUSE, "asked"),
    ],
)
def test_what_a_fault_of_a_link_is_on_its_proxies(kind: LinkFault, wanted: StreamFault | Gate, ways: str) -> None:
    """Six simulated seconds are a tenth of a second at sixty times the speed."""
    asked = Way(DESK, VENUE, Direction.REQUEST)
    told = Way(VENUE, DESK, Direction.RESPONSE)
    answers = Way(DESK, VENUE, Direction.RESPONSE)
    assert link_fault(link(kind), 60) == wanted
    assert ways_of(kind, DESK, VENUE) == {"both": (asked, told), "answers": (answers,), "asked": (asked,)}[ways]


def test_a_fault_of_a_link_is_on_its_proxy_until_it_is_healed() -> None:
    async def story() -> None:
        stage = Stage()
        address = await stage.links.address_for(DESK, VENUE)
        receipts = await stage.tell(link(LinkFault.REFUSE, ["trading_engine"]), link(LinkFault.REFUSE))
        assert receipts[0] == started("l", "network.refuse", DESK, VENUE)
        assert details(receipts) == ["another injection has this id"]
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        assert await stage.tell(HEAL, HEAL) == [ended("l")]
        _, writer = await asyncio.open_connection(*address)
        writer.close()
        await stage.links.close()

    asyncio.run(story())


def test_a_fault_of_messages_is_told_to_one_end_of_each_link() -> None:
    stage = Stage()
    command = link(LinkFault.DUPLICATE, [DESK, VENUE], [VENUE, CUSTODIAN])
    (receipt,) = asyncio.run(stage.tell(command))
    assert receipt == started("l", "network.duplicate", f"{VENUE},{DESK}", VENUE, CUSTODIAN)
    told = [(each.to, each.senders, each.recipients) for each in stage.ports.said if isinstance(each, FaultLink)]
    assert told == [
        (VENUE, (VENUE,), (CUSTODIAN,)),
        (VENUE, (DESK,), (VENUE,)),
        (CUSTODIAN, (DESK,), (CUSTODIAN,)),
    ]
    stage.ports.said.clear()
    assert asyncio.run(stage.tell(HEAL)) == [ended("l")]
    assert [each.to for each in stage.ports.said if isinstance(each, RestoreLink)] == [VENUE, CUSTODIAN]


def test_a_fault_of_messages_that_one_end_does_not_take_is_taken_back_everywhere() -> None:
    stage = Stage()
    stage.ports.unreachable.add(CUSTODIAN)
    stage.processes.dead.add(CUSTODIAN)
    command = link(LinkFault.LOSE, [DESK], [VENUE, CUSTODIAN])
    assert details(asyncio.run(stage.tell(command))) == ["custodian does not answer"]
    assert [type(each) for each in stage.ports.said] == [FaultLink, RestoreLink]


# Leases.


async def guarded(stage: Stage, seconds: float) -> list[Message]:
    """What is told while the injector is guarded."""
    told: list[Message] = []
    guard = asyncio.create_task(stage.injector.guard(lambda: NOW, told.extend))
    await asyncio.sleep(seconds)
    guard.cancel()
    return told


def test_without_renewal_an_injection_is_undone_and_told_as_ended_and_refused() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.tell(crash(), fault(ServiceFault.STORE_AWAY, CUSTODIAN))
        stage.now_ns += LENGTH_NS - 1
        assert await guarded(stage, 0.01) == []
        assert stage.injector.renew("judge") == ["c", "f"]
        assert stage.injector.renew("somebody") == []
        stage.now_ns += LENGTH_NS - 1
        assert await guarded(stage, 0.01) == []
        stage.now_ns += 1
        told = await guarded(stage, 0.01)
        expired = [InjectionRefused(injection_id=name, detail=EXPIRED, occurred_ns=NOW) for name in ("c", "f")]
        assert told == [ended("c"), expired[0], ended("f"), expired[1]]
        assert stage.processes.said == [("kill", VENUE), ("restart", VENUE)]
        assert stage.injector.renew("judge") == []
        assert await stage.tell(restart(), restore("f", CUSTODIAN)) == []

    asyncio.run(story())


def test_an_expired_injection_that_cannot_be_undone_is_tried_again() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.tell(crash())
        stage.processes.stubborn.add(VENUE)
        stage.now_ns += LENGTH_NS
        assert details(await guarded(stage, 0.01)) == ["it could not be undone: exchange is stubborn", EXPIRED]
        stage.processes.stubborn.clear()
        stage.now_ns += AGAIN_NS
        assert ended("c") in await guarded(stage, 0.01)

    asyncio.run(story())


def test_what_a_command_could_not_undo_is_tried_again_though_its_holder_lives() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.tell(crash())
        stage.processes.stubborn.add(VENUE)
        await stage.tell(restart())
        stage.processes.stubborn.clear()
        assert stage.injector.renew("judge") == []
        stage.now_ns += AGAIN_NS
        assert ended("c") in await guarded(stage, 0.01)

    asyncio.run(story())


def test_what_is_in_force_at_audit_ports_is_renewed_there() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.tell(fault(ServiceFault.STORE_AWAY, CUSTODIAN), link(LinkFault.LOSE), fault(ServiceFault.PAUSE))
        stage.ports.unreachable.add(VENUE)
        await stage.injector.renew_told()
        stage.ports.unreachable.clear()
        await stage.tell(restore("f", CUSTODIAN))
        await stage.injector.renew_told()
        await stage.tell(HEAL)
        await stage.injector.renew_told()
        assert stage.ports.renewed == [CUSTODIAN, VENUE]

    asyncio.run(story())


def test_the_coordinator_that_was_killed_is_started_when_its_lease_is_over() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.tell(fault(ServiceFault.STORE_AWAY), crash(COORDINATOR))
        stage.now_ns += LENGTH_NS
        told = await guarded(stage, 0.01)
        assert [each for each in told if isinstance(each, InjectionEnded)] == [ended("c"), ended("f")]
        assert stage.processes.said == [("kill", COORDINATOR), ("restart", COORDINATOR)]
        assert stage.ports.said[1:] == [RestoreService(to=VENUE, injection_id="f", service=VENUE)]

    asyncio.run(story())


def test_a_lease_ends_with_its_injection() -> None:
    stage = Stage()
    asyncio.run(stage.tell(crash(), restart()))
    assert stage.leases.next_ns() is None


# Beside its twin.


class Quiet(Core):
    def handle(self, message: Message, now: int) -> Sequence[Message]:
        return []


class Keeper(Core):
    """Takes in what the virtual injector says."""

    def __init__(self) -> None:
        self.said: list[Message] = []

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        envelope = message
        if getattr(envelope, "sender", "") == "injector" and not isinstance(envelope.message, Start):  # type: ignore[attr-defined]
            self.said.append(envelope.message)  # type: ignore[attr-defined]
        return []


def virtual_receipts(commands: Sequence[Message]) -> list[Message]:
    other = twin.Injector(1, list(INSTANCES), list(TOUCHABLE))
    services = [Service(name, Quiet) for name in INSTANCES] + [Service("injector", lambda: other)]
    keeper = Keeper()
    links = [Link(0, 0, Dice(1, "link")) for _ in services for _ in services]
    other.attach(World(services, {}, {}, links, keeper, NOW))
    return [receipt for command in commands for receipt in other.handle(command, NOW)]


def test_it_gives_the_receipts_of_its_twin() -> None:
    commands = [
        *(crash(), crash(), restart(), restart(), crash(JUDGE), crash(MONITOR, "m"), crash(MONITOR, "n")),
        *(link(LinkFault.DELAY), link(LinkFault.DELAY), HEAL, HEAL, link(LinkFault.HOLD, ["nobody"])),
        *(link(LinkFault.PARTITION, ["trading_engine", VENUE], [VENUE, CUSTODIAN]), HEAL, restart("m", MONITOR)),
        *(fault(ServiceFault.PAUSE), fault(ServiceFault.PAUSE), restore(), restore()),
    ]

    async def live() -> list[Message]:
        stage = Stage()
        for asker in (DESK, VENUE):
            for target in (VENUE, CUSTODIAN):
                await stage.links.address_for(asker, target)
        try:
            return await stage.tell(*commands)
        finally:
            await stage.links.close()

    mine, others = asyncio.run(live()), virtual_receipts(commands)
    assert [(type(each), values(each)) for each in mine] == [(type(each), values(each)) for each in others]


def values(receipt: Message) -> tuple[object, ...]:
    """Of a refusal only what is refused: each mode has its own reasons."""
    if isinstance(receipt, InjectionRefused):
        return (receipt.injection_id,)
    return tuple(vars(receipt).values())


# With processes.


def state_of(pid: int) -> str:
    """As the kernel has it: S for sleeping, T for stopped."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


async def becomes(pid: int, state: str) -> bool:
    for _ in range(200):
        if state_of(pid) == state:
            return True
        await asyncio.sleep(0.01)
    return False


def test_real_processes_are_paused_resumed_killed_and_restarted(tmp_path: Path) -> None:
    sleeper = Command(
        arguments=(sys.executable, "-c", "import time; time.sleep(60)"),
        folder=tmp_path,
        environment=dict(os.environ),
        log=tmp_path / "log",
    )

    async def story() -> None:
        stage = Stage()
        processes = Processes({VENUE: sleeper, CUSTODIAN: sleeper}, lambda notice: None)
        injector = Injector(
            INSTANCES, KILLABLE, TOUCHABLE, processes, stage.links, stage.ports, stage.leases, 1, lambda: stage.now_ns
        )
        processes.start(VENUE)
        processes.start(CUSTODIAN)
        try:
            pid, other = processes.pid(VENUE), processes.pid(CUSTODIAN)
            assert pid is not None and other is not None
            assert await becomes(pid, "S")
            await injector.handle(fault(ServiceFault.PAUSE), NOW)
            assert await becomes(pid, "T")
            await injector.handle(restore(), NOW)
            assert await becomes(pid, "S")
            assert isinstance((await injector.handle(crash(), NOW))[0], InjectionStarted)
            with pytest.raises(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            assert await injector.handle(restart(), NOW) == [ended("c")]
            assert processes.pid(VENUE) not in (None, pid)
            assert processes.pid(CUSTODIAN) == other and await becomes(other, "S")
        finally:
            await processes.kill(VENUE)
            await processes.kill(CUSTODIAN)

    asyncio.run(story())
