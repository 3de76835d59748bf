"""The hand on processes and links of a virtual world. Live, a supervisor and proxies do the same.

Rule 1: every injection gives a receipt when it begins and when it ends, or a refusal that changed nothing.
Rule 2: a repeated command changes nothing.
"""

from collections.abc import Sequence
from typing import final

from trading_ecosystem.chance import Dice
from trading_ecosystem.core import Core
from trading_ecosystem.messages.chaos import (
    CrashService,
    FaultLink,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    RestartService,
    RestoreLink,
)
from trading_ecosystem.messages.message import Message
from trading_ecosystem.virtual.network import Impairment
from trading_ecosystem.virtual.world import World


@final
class Injector(Core):
    """`crashable`: the instances that may be killed here; `instances`: all that links join."""

    __slots__ = ("_active", "_crashable", "_instances", "_seed", "_world")

    def __init__(self, seed: int, instances: list[str], crashable: list[str]) -> None:
        self._seed = seed
        self._instances = instances
        self._crashable = crashable
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
        return []

    def crash(self, command: CrashService, now: int) -> Sequence[Message]:
        if self._active.get(command.injection_id) == command:
            return []
        if command.service not in self._crashable:
            return refused(command.injection_id, f"{command.service} cannot be killed here", now)
        if not self.world().is_alive(command.service):
            return refused(command.injection_id, f"{command.service} is down already", now)
        self._active[command.injection_id] = command
        self.world().crash(command.service, command.torn_bytes)
        return [started(command.injection_id, "service.crash", command.service, (command.service,), now)]

    def restart(self, command: RestartService, now: int) -> Sequence[Message]:
        crash = self._active.pop(command.injection_id, None)
        if not isinstance(crash, CrashService):
            return []
        self.world().restart(crash.service)
        return [InjectionEnded(injection_id=command.injection_id, occurred_ns=now)]

    def impair(self, command: FaultLink, now: int) -> Sequence[Message]:
        if self._active.get(command.injection_id) == command:
            return []
        senders, recipients = self.members(command.senders), self.members(command.recipients)
        pairs = [(one, other) for one in senders for other in recipients if one != other]
        if not pairs:
            return refused(command.injection_id, "no link joins these services", now)
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
