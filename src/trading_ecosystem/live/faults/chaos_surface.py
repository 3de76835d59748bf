"""What breaks a service on purpose, over its audit port: a command with a lease, undone when the lease ends.

Rule 1: whatever is begun here has its undo ready; it comes by command or by the end of the lease, whichever is first.
Rule 2: a command that is repeated changes nothing, and renews its lease.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, final

from trading_ecosystem.live.door import Header, RefusalCode, Refused
from trading_ecosystem.live.faults.leases import Leases
from trading_ecosystem.live.server import Answer
from trading_ecosystem.live.speech import Speech
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.messages.message import Message

LONGEST_LEASE_NS = 60_000_000_000
Carry = Callable[[Message, Header | None], Awaitable[Sequence[Message]]]  # Carry out a command; returns receipts.
Undo = Callable[[Message], Message | None]  # What undoes a command; None for one that is an undo itself.

log = Log(__name__)


@final
class ChaosSurface:
    """`monotonic_ns` is the machine's own clock: simulated time has no part in a lease."""

    def __init__(
        self, speech: Speech, carry: Carry, undo: Undo, leases: Leases, monotonic_ns: Callable[[], int]
    ) -> None:
        self._speech, self._carry, self._undo = speech, carry, undo
        self._leases, self._monotonic_ns = leases, monotonic_ns
        self._undos: dict[str, Message] = {}

    def answers(self) -> dict[str, Answer]:
        return {"Inject": self.inject, "RenewLease": self.renew}

    async def inject(self, request: Any, caller: str) -> Any:
        if not 0 < request.lease_ns <= LONGEST_LEASE_NS:
            raise Refused(RefusalCode.INVALID, f"is not between 1 and {LONGEST_LEASE_NS}", "lease_ns")
        command, header = self._speech.read_command(request.command)
        injection_id: str = getattr(command, "injection_id", "")
        undo = self._undo(command)
        is_new = injection_id not in self._undos
        if undo is None:
            self._forget(injection_id)
        else:
            self._undos[injection_id] = undo
            self._leases.grant(injection_id, caller, self._monotonic_ns(), request.lease_ns)
        try:
            receipts = await self._carry(command, header)
        except Refused as refused:
            if is_new and refused.code is RefusalCode.INVALID:
                self._forget(injection_id)  # Nothing was begun, so there will be nothing to undo.
            raise
        return self._speech.response_type("Inject")(
            receipts=[
                self._speech.event(receipt, header, 0) for receipt in receipts if self._speech.says(type(receipt))
            ]
        )

    def _forget(self, injection_id: str) -> None:
        self._undos.pop(injection_id, None)
        self._leases.end(injection_id)

    async def renew(self, request: Any, caller: str) -> Any:
        if not 0 < request.lease_ns <= LONGEST_LEASE_NS:
            raise Refused(RefusalCode.INVALID, f"is not between 1 and {LONGEST_LEASE_NS}", "lease_ns")
        held = self._leases.renew(caller, self._monotonic_ns(), request.lease_ns)
        return self._speech.response_type("RenewLease")(injection_ids=held)

    async def expire(self, injection_id: str) -> None:
        """Undo what nobody renewed."""
        undo = self._undos.pop(injection_id, None)
        if undo is not None:
            log.warning("a lease ended, and what it was for is undone", injection=injection_id)
            await self._carry(undo, None)
