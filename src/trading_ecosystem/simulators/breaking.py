"""How a simulator breaks itself when it is told to over its audit port: its store, its clock, its messages, its core.

Rule 1: a command says what is broken, and its undo restores it; a repeated command changes nothing.
Rule 2: what is broken goes with the process: the next life is sound.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, final

import grpc

from trading_ecosystem.chance import Dice
from trading_ecosystem.impairment import Impairment
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.chaos_wire import CHAOS
from trading_ecosystem.live.door import Header, RefusalCode, Refused
from trading_ecosystem.live.faults.chaos_surface import ChaosSurface
from trading_ecosystem.live.faults.leases import Leases, watch
from trading_ecosystem.live.faults.messages import MessageFaults
from trading_ecosystem.live.faults.running import KINDS, RunningFaults
from trading_ecosystem.live.rest.audit import ActiveFault
from trading_ecosystem.live.runner import OUTSIDE, Runner
from trading_ecosystem.live.server import GrpcSurface
from trading_ecosystem.live.service import Parts
from trading_ecosystem.live.store.faults import StoreFaults, with_faults
from trading_ecosystem.live.store.ports import Store
from trading_ecosystem.messages.chaos import (
    OUTFLOW,
    ApplyPricePath,
    DrainAccount,
    FaultCustody,
    FaultFeed,
    FaultLink,
    FaultService,
    FaultVenue,
    RestoreCustody,
    RestoreFeed,
    RestoreLink,
    RestorePricePath,
    RestoreService,
    RestoreVenue,
    ScaleVolatility,
)
from trading_ecosystem.messages.message import Message

SECOND_NS = 1_000_000_000
OF_PRICES = (ApplyPricePath, RestorePricePath, ScaleVolatility, FaultFeed, RestoreFeed)
OF_SETTLEMENT = (FaultCustody, DrainAccount, RestoreCustody)
OF_VENUES = (FaultVenue, RestoreVenue)
NOT_HERE: dict[type[Message], str] = {
    **dict.fromkeys(OF_PRICES, "there are no prices to be moved here"),
    **dict.fromkeys(OF_SETTLEMENT, "there is no settlement to be disturbed here"),
    **dict.fromkeys(OF_VENUES, "there is no market to be disturbed here"),
}
BEGIN = (ApplyPricePath, ScaleVolatility, FaultFeed, FaultCustody, DrainAccount, FaultVenue, FaultService, FaultLink)
END = (RestorePricePath, RestoreFeed, RestoreCustody, RestoreVenue, RestoreService, RestoreLink)


@final
class Breaking:
    """One per process. `core_takes`: the commands that its core carries out, with their undoing."""

    def __init__(self, core_takes: tuple[type[Message], ...] = ()) -> None:
        self._core_takes = core_takes
        self._store_faults = StoreFaults()
        self._messages: MessageFaults | None = None
        self._running: RunningFaults | None = None
        self._runner: Runner | None = None
        self._active: dict[str, ActiveFault] = {}
        self._seed = 0

    # What the process asks.

    def store(self, store: Store[Any]) -> Store[Any]:
        return with_faults(store, self._store_faults)

    def disturbs(self, sender: str, recipient: str) -> bool:
        return self._messages is not None and self._messages.strikes(sender, recipient)

    def pass_on(self, sender: str, recipient: str, deliver: Callable[[], None]) -> None:
        """Deliver a message as often and as late as the faults of its link say."""
        if self._messages is None or self._runner is None:
            deliver()
            return
        clock = self._runner.clock
        for delay_ns in self._messages.fates(sender, recipient, clock.now_ns()):
            if delay_ns == 0:
                deliver()
            else:
                asyncio.get_running_loop().call_later(delay_ns / SECOND_NS / clock.speed, deliver)

    def active(self) -> Sequence[ActiveFault]:
        """What is being done to this process, oldest first."""
        return list(self._active.values())

    def surface(self, parts: Parts) -> tuple[grpc.GenericRpcHandler, Coroutine[None, None, None]]:
        """The RPCs of the audit port, and what watches over the leases."""
        self._runner = runner = parts.engine.runner
        start_ns = parts.clock.now_ns()
        self._messages = MessageFaults(start_ns)
        self._running = RunningFaults(self._store_faults, parts.clock)
        seed = parts.document.get("seed")
        self._seed = seed.integer(0, (1 << 64) - 1) if seed else 0
        leases = Leases()
        chaos = ChaosSurface(CHAOS, self._carry, undo_of, leases, time.monotonic_ns)
        handler = GrpcSurface(runner, CHAOS, Access(), chaos.answers()).handler()
        return handler, watch(leases, chaos.expire)

    # What the audit port is told.

    async def _carry(self, command: Message, cause: Header | None) -> Sequence[Message]:
        outputs = await self._break_or_restore(command, cause)
        self._note(command)
        return outputs

    def _note(self, command: Message) -> None:
        assert self._runner is not None
        if isinstance(command, END):
            self._active.pop(command.injection_id, None)
        elif isinstance(command, BEGIN):
            kind = kind_of(command)
            target, now_ns = self._runner.instance, self._runner.clock.now_ns()
            fault = ActiveFault(injection_id=command.injection_id, kind=kind, target=target, since_ns=now_ns)
            self._active.setdefault(command.injection_id, fault)

    async def _break_or_restore(self, command: Message, cause: Header | None) -> Sequence[Message]:
        assert self._running is not None and self._messages is not None and self._runner is not None
        if isinstance(command, self._core_takes):
            return await self._hand_over(command, cause)
        if isinstance(command, FaultService):
            if command.service_fault.value not in KINDS:
                raise Refused(RefusalCode.INVALID, f"{command.service_fault.value} cannot be done here", "command")
            self._running.inject(command.injection_id, command.service_fault.value, command.by_ns)
        elif isinstance(command, RestoreService):
            self._running.restore(command.injection_id)
        elif isinstance(command, FaultLink):
            self._impair(command)
        elif isinstance(command, RestoreLink):
            self._messages.restore(command.injection_id)
        else:
            what = NOT_HERE.get(type(command), f"a {type(command).__name__} is not for this service")
            raise Refused(RefusalCode.INVALID, what, "command")
        return ()

    async def _hand_over(self, command: Message, cause: Header | None) -> Sequence[Message]:
        """To the core. One that does not serve, because it was told not to, is not asked but told."""
        assert self._runner is not None
        try:
            return await self._runner.ask(command, cause)
        except Refused:
            if not isinstance(command, OF_VENUES) or not self._active:
                raise
        self._runner.take(command, cause or OUTSIDE)
        return ()

    def _impair(self, command: FaultLink) -> None:
        assert self._messages is not None
        for sender in command.senders:
            for recipient in command.recipients:
                dice = Dice(self._seed, f"{command.fault.value}.{sender}>{recipient}")
                impairment = Impairment(
                    command.injection_id, command.fault, command.probability_ppm, command.delay_ns, dice
                )
                self._messages.impair(sender, recipient, impairment)


def kind_of(command: Message) -> str:
    if isinstance(command, FaultService):
        return command.service_fault.value
    if isinstance(command, FaultFeed):
        return command.feed_fault.value
    if isinstance(command, FaultCustody):
        return command.custody_fault.value
    if isinstance(command, DrainAccount):
        return OUTFLOW
    if isinstance(command, FaultVenue):
        return command.venue_fault.value
    return type(command).__name__


def undo_of(command: Message) -> Message | None:
    """What takes back what a command began, when its lease ends; None for one that takes back itself."""
    if isinstance(command, (ApplyPricePath, ScaleVolatility)):
        return RestorePricePath(to=command.to, injection_id=command.injection_id, over_ns=0)
    if isinstance(command, FaultFeed):
        return RestoreFeed(to=command.to, injection_id=command.injection_id)
    if isinstance(command, FaultCustody | DrainAccount):
        return RestoreCustody(to=command.to, injection_id=command.injection_id)
    if isinstance(command, FaultVenue):
        return RestoreVenue(to=command.to, injection_id=command.injection_id)
    if isinstance(command, FaultService):
        return RestoreService(to=command.to, injection_id=command.injection_id, service=command.service)
    if isinstance(command, FaultLink):
        return RestoreLink(to=command.to, injection_id=command.injection_id)
    return None
