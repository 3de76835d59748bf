"""The hand on processes and links of the live ecosystem. Its twin: `virtual/injector.py`.

Rule 1: every injection gives a receipt when it begins and when it ends, or a refusal that changed nothing.
Rule 2: a repeated command changes nothing; commands are done one after the other.
Rule 3: it touches the instances on its list and no others, and never a process by its number.
Rule 4: every injection has a lease. One that expires is undone, and told as ended and as refused; one that could not
  be undone is tried again until it is.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol, final

from trading_ecosystem.live.faults.leases import EXPIRED, LENGTH_NS, Leases, watch
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
from trading_ecosystem.orchestrator.links import Links, Way, from_to
from trading_ecosystem.orchestrator.processes import ProcessRefused

KIBIBYTE = 1_024
SECOND_NS = 1_000_000_000
AGAIN_NS = 1_000_000_000  # Until what could not be undone is tried again, of the machine's time.
ANSWER_LOST_NS = 200_000_000  # From the first byte of a lost answer to the reset: time to commit what was asked.
OF_MESSAGES = (LinkFault.LOSE, LinkFault.DUPLICATE, LinkFault.REORDER)
Injection = CrashService | FaultLink | FaultService
Restoration = RestartService | RestoreLink | RestoreService
UNDONE_BY: dict[type, type] = {CrashService: RestartService, FaultLink: RestoreLink, FaultService: RestoreService}


class Impossible(Exception):
    """What was asked for cannot be done, and why. Nothing was changed."""


class Processes(Protocol):
    """The processes of an ecosystem, by the name of the instance. All but the first may raise `ProcessRefused`."""

    def pid(self, instance: str) -> int | None:
        """Which process it is in this life of it; None while there is none."""

    async def kill(self, instance: str) -> None:
        """End it at once, without a word (SIGKILL)."""

    def pause(self, instance: str) -> None:
        """Let it stand still (SIGSTOP)."""

    def resume(self, instance: str) -> None:
        """Let it go on (SIGCONT)."""

    async def restart(self, instance: str) -> None:
        """Start it again."""


class Audits(Protocol):
    """The audit ports of the services."""

    def has(self, instance: str) -> bool:
        """Whether the instance has such a port. Those of the production plane have none."""

    async def send(self, instance: str, command: Message) -> None:
        """Hand a chaos command over. Raises `Impossible` where the service refuses or is not reached."""

    async def renew(self, instance: str) -> None:
        """What was handed over there shall last. Raises `Impossible` like `send`."""


@final
class Injector:
    """`killable`: the instances that may be killed; `touchable`: those of them that may be paused and the like.

    `speed`: simulated seconds per second.
    """

    def __init__(
        self,
        instances: Sequence[str],
        killable: Sequence[str],
        touchable: Sequence[str],
        processes: Processes,
        links: Links,
        audits: Audits,
        leases: Leases,
        speed: int,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._instances = tuple(instances)
        self._killable, self._touchable = tuple(killable), tuple(touchable)
        self._processes = processes
        self._links = links
        self._audits = audits
        self._leases = leases
        self._speed = speed
        self._monotonic_ns = monotonic_ns
        self._active: dict[str, Injection] = {}
        self._paused: dict[str, int] = {}  # Which process each pause struck: a new life of a service is not paused.
        self._told: dict[str, tuple[str, ...]] = {}  # Whose audit ports each injection was handed to.
        self._one_at_a_time = asyncio.Lock()

    async def handle(
        self, command: Message, now_ns: int, holder: str = "", length_ns: int = LENGTH_NS
    ) -> list[Message]:
        """Do what a chaos command says. Returns its receipts; nothing for a command that changes nothing.

        `now_ns` is simulated time; `length_ns`, of the machine's time, how long an injection lasts unless its holder
        renews it.
        """
        async with self._one_at_a_time:
            if isinstance(command, CrashService | FaultLink | FaultService):
                receipts = await self._begin(command, now_ns)
                if command.injection_id in self._active:
                    self._leases.grant(command.injection_id, holder, self._monotonic_ns(), length_ns)
                return receipts
            if isinstance(command, RestartService | RestoreLink | RestoreService):
                return await self._end(command, now_ns)
            raise AssertionError(f"{type(command).__name__} is no command for the injector")

    def renew(self, holder: str, length_ns: int = LENGTH_NS) -> list[str]:
        """The holder is alive. Returns the injections of its that are in force."""
        return self._leases.renew(holder, self._monotonic_ns(), length_ns)

    async def renew_told(self) -> None:
        """Renew, at the audit ports, what is in force there. One that is not reached has lost it, or will be undone."""
        for instance in dict.fromkeys(end for ends in self._told.values() for end in ends):
            with suppress(Impossible):
                await self._audits.renew(instance)

    async def guard(self, now_ns: Callable[[], int], tell: Callable[[list[Message]], None]) -> None:
        """Undo what is not renewed, until cancelled. `tell` is given the receipts."""

        async def expire(injection_id: str) -> None:
            tell(await self.expire(injection_id, now_ns()))

        await watch(self._leases, expire, self._monotonic_ns)

    async def expire(self, injection_id: str, now_ns: int) -> list[Message]:
        """Undo an injection because its lease is over. Nothing for one that has ended meanwhile."""
        async with self._one_at_a_time:
            if injection_id not in self._active:
                return []
            return [*await self._restore(injection_id, now_ns), *refused(injection_id, EXPIRED, now_ns)]

    # Beginning.

    async def _begin(self, command: Injection, now_ns: int) -> list[Message]:
        injection_id = command.injection_id
        if self._active.get(injection_id) == command:
            return []
        if injection_id in self._active:
            return refused(injection_id, "another injection has this id", now_ns)
        try:
            target, subjects = await self._apply(command)
        except (Impossible, ProcessRefused) as impossible:
            return refused(injection_id, str(impossible), now_ns)
        self._active[injection_id] = command
        return [
            InjectionStarted(
                injection_id=injection_id, kind=kind_of(command), target=target, subjects=subjects, occurred_ns=now_ns
            )
        ]

    async def _apply(self, command: Injection) -> tuple[str, tuple[str, ...]]:
        """Returns target and subjects. Raises `Impossible`."""
        if isinstance(command, FaultLink):
            return await self._impair(command)
        self._check_reach(command)
        if isinstance(command, CrashService):
            await self._processes.kill(command.service)
        elif command.service_fault is ServiceFault.PAUSE:
            self._pause(command)
        else:
            await self._send(command.service, replace(command, to=command.service))
            self._told[command.injection_id] = (command.service,)
        return command.service, (command.service,)

    def _check_reach(self, command: CrashService | FaultService) -> None:
        service, killed = command.service, isinstance(command, CrashService)
        if service not in (self._killable if killed else self._touchable):
            raise Impossible(f"{service} cannot be {'killed' if killed else 'touched'} here")
        if self._processes.pid(service) is None:
            raise Impossible(f"{service} is down already")

    def _pause(self, command: FaultService) -> None:
        service = command.service
        pid = self._processes.pid(service)
        if pid in self._paused.values():
            raise Impossible(f"{service} stands still already")
        self._processes.pause(service)
        assert pid is not None, f"{service} was paused and has no process"
        self._paused[command.injection_id] = pid

    async def _send(self, instance: str, command: Message) -> None:
        if not self._audits.has(instance):
            raise Impossible(f"{instance} has no audit port, so this cannot be done to it from outside")
        await self._audits.send(instance, command)

    # Links.

    async def _impair(self, command: FaultLink) -> tuple[str, tuple[str, ...]]:
        senders, recipients = self._members(command.senders), self._members(command.recipients)
        pairs = [(one, other) for one in senders for other in recipients if one != other]
        if not pairs:
            raise Impossible("no link joins these services")
        if command.fault in OF_MESSAGES:
            await self._impair_messages(command, pairs)
        else:
            ways = tuple(way for pair in pairs for way in ways_of(command.fault, *pair))
            if not self._links.joins(ways):
                raise Impossible("no connection joins these services")
            await self._links.impose(command.injection_id, ways, link_fault(command, self._speed))
        return ",".join(senders), tuple(recipients)

    async def _impair_messages(self, command: FaultLink, pairs: list[tuple[str, str]]) -> None:
        """Tell one end of each link, the sender if it can be told. All of them, or none."""
        ends = [(self._listening_end(*pair), pair) for pair in pairs]
        told: list[str] = []
        try:
            for end, (sender, recipient) in ends:
                told.append(end)
                await self._send(end, replace(command, to=end, senders=(sender,), recipients=(recipient,)))
        except Impossible:
            await self._restore_messages(command.injection_id, told)
            raise
        self._told[command.injection_id] = tuple(dict.fromkeys(told))

    def _listening_end(self, sender: str, recipient: str) -> str:
        for end in (sender, recipient):
            if self._audits.has(end):
                return end
        raise Impossible(f"neither {sender} nor {recipient} has an audit port, and a proxy sees no messages")

    async def _restore_messages(self, injection_id: str, ends: Sequence[str]) -> None:
        for end in dict.fromkeys(ends):
            await self._tell_restored(end, RestoreLink(to=end, injection_id=injection_id))

    def _members(self, names: tuple[str, ...]) -> list[str]:
        """The instances that are named, or whose role is named."""
        return [name for name in self._instances if name in names or name.partition(".")[0] in names]

    # Ending.

    async def _end(self, command: Restoration, now_ns: int) -> list[Message]:
        injection = self._active.get(command.injection_id)
        if injection is None or UNDONE_BY[type(injection)] is not type(command):
            return []
        return await self._restore(command.injection_id, now_ns)

    async def _restore(self, injection_id: str, now_ns: int) -> list[Message]:
        """Undo an injection. One that cannot be undone now stays in force, so that it can be tried again."""
        injection = self._active.pop(injection_id)
        try:
            await self._undo(injection)
        except (Impossible, ProcessRefused) as impossible:
            self._active[injection_id] = injection
            self._leases.grant(injection_id, "", self._monotonic_ns(), AGAIN_NS)
            return refused(injection_id, f"it could not be undone: {impossible}", now_ns)
        self._told.pop(injection_id, None)
        self._leases.end(injection_id)
        return [InjectionEnded(injection_id=injection_id, occurred_ns=now_ns)]

    async def _undo(self, injection: Injection) -> None:
        if isinstance(injection, FaultLink):
            await self._restore_link(injection)
        elif isinstance(injection, CrashService):
            if self._processes.pid(injection.service) is None:
                await self._processes.restart(injection.service)
        elif injection.service_fault is ServiceFault.PAUSE:
            if self._processes.pid(injection.service) == self._paused[injection.injection_id]:
                self._processes.resume(injection.service)
            del self._paused[injection.injection_id]
        else:
            service = injection.service
            command = RestoreService(to=service, injection_id=injection.injection_id, service=service)
            await self._tell_restored(service, command)

    async def _restore_link(self, injection: FaultLink) -> None:
        if injection.fault not in OF_MESSAGES:
            await self._links.undo(injection.injection_id)
            return
        await self._restore_messages(injection.injection_id, self._told[injection.injection_id])

    async def _tell_restored(self, instance: str, command: Message) -> None:
        """A service that is gone took its faults along."""
        if self._processes.pid(instance) is not None:
            await self._audits.send(instance, command)


def ways_of(fault: LinkFault, sender: str, recipient: str) -> tuple[Way, ...]:
    """Which connections, and which direction of them, a fault from one service to another strikes."""
    if fault in (LinkFault.RESET, LinkFault.REFUSE):
        return (Way(sender, recipient, Direction.REQUEST),)
    if fault is LinkFault.LOSE_ANSWERS:
        return (Way(sender, recipient, Direction.RESPONSE),)
    return from_to(sender, recipient)


def link_fault(command: FaultLink, speed: int) -> StreamFault | Gate:
    """What a proxy does for a fault of a link; delays are in simulated time."""
    wall_ns = command.delay_ns // speed
    match command.fault:
        case LinkFault.PARTITION:
            return StreamFault(dropped=True)
        case LinkFault.HOLD:
            return StreamFault(held=True)
        case LinkFault.DELAY:
            return StreamFault(latency_ns=wall_ns)
        case LinkFault.THROTTLE:
            return StreamFault(bytes_per_second=max(1, KIBIBYTE * SECOND_NS // max(1, wall_ns)))
        case LinkFault.TRICKLE:
            return StreamFault(slice_bytes=1)
        case LinkFault.LOSE_ANSWERS:
            return StreamFault(dropped=True, reset_after_ns=ANSWER_LOST_NS)
        case LinkFault.RESET:
            return Gate.RESET
        case LinkFault.REFUSE:
            return Gate.REFUSE
    raise AssertionError(f"{command.fault} is a fault of messages")


def kind_of(command: Injection) -> str:
    if isinstance(command, CrashService):
        return "service.crash"
    return f"network.{command.fault.value}" if isinstance(command, FaultLink) else command.service_fault.value


def refused(injection_id: str, detail: str, now_ns: int) -> list[Message]:
    return [InjectionRefused(injection_id=injection_id, detail=detail, occurred_ns=now_ns)]
