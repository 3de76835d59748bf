"""What a venue has credited and debited for its custodian, until the custodian's books have it.

Rule 1: a movement is made once, in turn, and posted once; what is posted is what was moved.
"""

from typing import final

from trading_ecosystem.messages.transfers import AccountMoved, TransferChanged, TransferPosted
from trading_ecosystem.validation.audit_correlator.invariants import Findings, Invariant

Changes = dict[tuple[str, str], int]  # (account, asset) -> minor units more, or less; each once.


@final
class MovementRecord:
    """Keeps what is on its way, and of the transfers whose movements are when they are to be over."""

    __slots__ = ("_expected_ns", "_last_id", "_on_way")

    def __init__(self) -> None:
        self._last_id = 0
        self._on_way: dict[int, AccountMoved] = {}  # By movement id.
        self._expected_ns: dict[int, int] = {}  # By transfer id.

    def begin(self, moved: AccountMoved, findings: Findings) -> None:
        if moved.movement_id <= self._last_id:
            detail = f"movement {moved.movement_id} of {moved.venue} is made after {self._last_id}"
            findings.add(Invariant.MOVES_ONCE, detail)
        self._last_id = max(moved.movement_id, self._last_id)
        self._on_way[moved.movement_id] = moved

    def expect(self, message: TransferChanged) -> None:
        self._expected_ns[message.transfer_id] = message.expected_ns

    def end(self, posted: TransferPosted, findings: Findings) -> Changes:
        """What the venue has moved of what is posted; nothing where it had no part."""
        if posted.movement_id == 0:
            return {}
        moved = self._on_way.pop(posted.movement_id, None)
        if moved is None or moved.transfer_id != posted.transfer_id:
            movement = f"movement {posted.movement_id}"
            detail = f"transfer {posted.transfer_id} is posted, and the venue made no {movement} of it"
            findings.add(Invariant.MOVES_ONCE, detail)
        return {} if moved is None else {(moved.account, moved.asset): moved.amount_minor}

    def report_open(self, before_ns: int, findings: Findings) -> None:
        """Movements that the custodian should have had in its books by then."""
        for moved in self._on_way.values():
            if max(moved.occurred_ns, self._expected_ns.get(moved.transfer_id, 0)) <= before_ns:
                detail = f"movement {moved.movement_id} of {moved.venue} is not in custody's books"
                findings.add(Invariant.NONE_IN_FLIGHT, detail)
