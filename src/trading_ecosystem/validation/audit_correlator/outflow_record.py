"""What leaves custody although nobody asked for it: a violation, unless it was injected and comes back.

Rule 1: while such an injection is in force, what is posted for no transfer is its doing.
Rule 2: at the end nothing of it may be missing.
"""

from typing import final

from trading_ecosystem.messages.transfers import TransferPosted
from trading_ecosystem.validation.audit_correlator.invariants import Findings, Invariant
from trading_ecosystem.validation.audit_correlator.movement_record import Changes


@final
class OutflowRecord:
    """`in_force`: the injections, by id."""

    __slots__ = ("_gone", "in_force")

    def __init__(self) -> None:
        self.in_force: list[str] = []
        self._gone: Changes = {}

    def explains(self, posted: TransferPosted) -> bool:
        return posted.transfer_id == 0 and bool(self.in_force)

    def move(self, changes: Changes) -> None:
        for key, minor in changes.items():
            self._gone[key] = self._gone.get(key, 0) - minor

    def finish(self, findings: Findings) -> None:
        for (account, asset), minor in self._gone.items():
            if minor > 0:
                findings.add(Invariant.EXCHANGE_AND_CUSTODY, f"{account} lacks {minor} of {asset} that nobody sent")
