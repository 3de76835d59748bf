"""The hand on processes, disks, clocks and links of a virtual world. Its twin: `orchestrator/injector.py`.

Rule 1: every injection gives a receipt when it begins and when it ends, or a refusal that changed nothing.
Rule 2: a repeated command changes nothing.
Rule 3: where the coordinator is killed, all that it has begun is undone when its lease is over, its own death too.
"""

from collections.abc import Sequence
from typing import final

from trading_ecosystem import routes
from trading_ecosystem.chance import Dice
from trading_ecosystem.core import Core
from trading_ecosystem.impairment import Impairment
from trading_ecosystem.live.faults.leases import EXPIRED, LENGTH_NS
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
from trading_ecosystem.messages.runtime import Wake, WakeAt
from trading_ecosystem.virtual.world import World

OF_CONNECTIONS = (
    LinkFault.RESET,
    LinkFault.REFUSE,
    LinkFault.THROTTLE,
    LinkFault.TRICKLE,
    LinkFault.LOSE_ANSWERS,
)
OF_STORES = (ServiceFault.STORE_AWAY, ServiceFault.STORE_FULL, ServiceFault.STORE_SLOW)


@final
class Injector(Core):
    """`touchable`: what may be faulted here, and killed, as may the coordinator; `instances`: all that links join."""

    __slots__ = ("_active", "_instances", "_seed", "_touchable", "_world")

    def __init__(self, seed: int, instances: list[str], touchable: list[str]) -> None:
        self._seed = seed
        self._instances = instances
        self._touchable = touchable
        self._active: dict[str, Message] = {}
        self._world: World | None = None

    def attach(self, world: World) -> None:
        self._world = world

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, CrashService):
            return self.crash(message, now)
        if isinstance(message, RestartService):
            return self.restart(message, now)
        if isinstance(message, FaultLink):
            return self.impair(message, now)
        if isinstance(message, RestoreLink):
            return self.restore(message, now)
        if isinstance(message, FaultService):
            return self.fault(message, now)
        if isinstance(message, RestoreService):
            return self.restore_service(message, now)
        return self.expire_all(now) if isinstance(message, Wake) else []

    def crash(self, command: CrashService, now: int) -> Sequence[Message]:
        if self._active.get(command.injection_id) == command:
            return []
        if command.service not in self._touchable and command.service != routes.TEST_COORDINATOR:
            return refused(command.injection_id, f"{command.service} cannot be killed here", now)
        if not self.world().is_alive(command.service):
            return refused(command.injection_id, f"{command.service} is down already", now)
        self._active[command.injection_id] = command
        self.world().crash(command.service, command.torn_bytes)
        for pause in self.active_faults(command.service, ServiceFault.PAUSE):
            self.world().go_on(command.service, pause.injection_id)  # The next life of it is not paused.
        receipt = started(command.injection_id, "service.crash", command.service, (command.service,), now)
        return [receipt, WakeAt(now + LENGTH_NS)] if command.service == routes.TEST_COORDINATOR else [receipt]

    def expire_all(self, now: int) -> Sequence[Message]:
        """Nobody has renewed a lease since the coordinator died."""
        receipts: list[Message] = []
        for injection_id in sorted(self._active):
            receipts += [*self.undo(injection_id, now), *refused(injection_id, EXPIRED, now)]
        return receipts

    def undo(self, injection_id: str, now: int) -> Sequence[Message]:
        injection = self._active[injection_id]
        if isinstance(injection, CrashService):
            return self.restart(
                RestartService(to=routes.INJECTOR, injection_id=injection_id, service=injection.service), now
            )
        if isinstance(injection, FaultLink):
            return self.restore(RestoreLink(to=routes.INJECTOR, injection_id=injection_id), now)
        assert isinstance(injection, FaultService), injection
        return self.restore_service(
            RestoreService(to=routes.INJECTOR, injection_id=injection_id, service=injection.service), now
        )

    def restart(self, command: RestartService, now: int) -> Sequence[Message]:
        crash = self._active.pop(command.injection_id, None)
        if not isinstance(crash, CrashService):
            return []
        self.world().restart(crash.service)
        return [InjectionEnded(injection_id=command.injection_id, occurred_ns=now)]

    def fault(self, command: FaultService, now: int) -> Sequence[Message]:
        if self._active.get(command.injection_id) == command:
            return []
        problem = self.problem_of(command)
        if problem:
            return refused(command.injection_id, problem, now)
        self._active[command.injection_id] = command
        service = command.service
        self.set(command, in_force=True)
        return [started(command.injection_id, command.service_fault.value, service, (service,), now)]

    def problem_of(self, command: FaultService) -> str:
        """Why a service cannot be faulted like this; empty if it can."""
        service = command.service
        if service not in self._touchable:
            return f"{service} cannot be touched here"
        if not self.world().is_alive(service):
            return f"{service} is down already"
        if command.service_fault in OF_STORES and not self.world().keeps_journal(service):
            return f"{service} keeps no journal, so nothing of it waits for its store"
        if command.service_fault is ServiceFault.PAUSE and self.active_faults(service, ServiceFault.PAUSE):
            return f"{service} stands still already"
        return ""

    def restore_service(self, command: RestoreService, now: int) -> Sequence[Message]:
        fault = self._active.pop(command.injection_id, None)
        if not isinstance(fault, FaultService):
            return []
        self.set(fault, in_force=False)
        return [InjectionEnded(injection_id=command.injection_id, occurred_ns=now)]

    def set(self, fault: FaultService, in_force: bool) -> None:
        """Let the world be as all injections that are in force now have it."""
        world, service = self.world(), fault.service
        amount_ns = sum([each.by_ns for each in self.active_faults(service, fault.service_fault)])
        if fault.service_fault is ServiceFault.STORE_SLOW:
            world.slow_commits(service, amount_ns)
        elif fault.service_fault is ServiceFault.CLOCK_JUMP:
            world.shift_clock(service, amount_ns)
        elif in_force:
            world.stall(service, fault.injection_id)
        else:
            world.go_on(service, fault.injection_id)

    def active_faults(self, service: str, kind: ServiceFault) -> list[FaultService]:
        faults = [fault for fault in self._active.values() if isinstance(fault, FaultService)]
        return [fault for fault in faults if fault.service == service and fault.service_fault is kind]

    def impair(self, command: FaultLink, now: int) -> Sequence[Message]:
        if self._active.get(command.injection_id) == command:
            return []
        senders, recipients = self.members(command.senders), self.members(command.recipients)
        pairs = [(one, other) for one in senders for other in recipients if one != other]
        if not pairs:
            return refused(command.injection_id, "no link joins these services", now)
        if command.fault in OF_CONNECTIONS:
            why = "is of connections, and virtual time has messages alone"
            return refused(command.injection_id, f"network.{command.fault.value} {why}", now)
        self._active[command.injection_id] = command
        for sender, recipient in pairs:
            dice = Dice(self._seed, f"{command.fault.value}.{sender}>{recipient}")
            impairment = Impairment(
                command.injection_id, command.fault, command.probability_ppm, command.delay_ns, dice
            )
            self.world().link(sender, recipient).impair(impairment)
        kind = f"network.{command.fault.value}"
        return [started(command.injection_id, kind, ",".join(senders), tuple(recipients), now)]

    def restore(self, command: RestoreLink, now: int) -> Sequence[Message]:
        fault = self._active.pop(command.injection_id, None)
        if not isinstance(fault, FaultLink):
            return []
        for sender in self.members(fault.senders):
            for recipient in self.members(fault.recipients):
                self.world().link(sender, recipient).restore(command.injection_id)
        self.world().release_held()
        return [InjectionEnded(injection_id=command.injection_id, occurred_ns=now)]

    def members(self, names: tuple[str, ...]) -> list[str]:
        """The instances that are named, or whose role is named."""
        return [name for name in self._instances if name in names or name.partition(".")[0] in names]

    def world(self) -> World:
        assert self._world is not None
        return self._world


def started(injection_id: str, kind: str, target: str, subjects: tuple[str, ...], now: int) -> InjectionStarted:
    return InjectionStarted(injection_id=injection_id, kind=kind, target=target, subjects=subjects, occurred_ns=now)


def refused(injection_id: str, detail: str, now: int) -> list[Message]:
    return [InjectionRefused(injection_id=injection_id, detail=detail, occurred_ns=now)]
