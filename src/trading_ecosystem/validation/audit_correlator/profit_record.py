"""What a venue has told its custodian of profits in perpetuals, until the custodian's books have it.

Rule 1: a profit is told once and instructed once, as it was told.
"""

from typing import final

from trading_ecosystem.messages.books import ProfitsReported
from trading_ecosystem.messages.custody import SettlementInstructed
from trading_ecosystem.validation.audit_correlator.invariants import Findings, Invariant
from trading_ecosystem.validation.audit_correlator.movement_record import Changes

CLEARING = "clearing"


@final
class ProfitRecord:
    """Keeps what is on its way, by venue: account, asset and minor units, each with when it was told."""

    __slots__ = ("_last_id", "_on_way")

    def __init__(self) -> None:
        self._last_id: dict[str, int] = {}
        self._on_way: dict[tuple[str, str, str, int], list[int]] = {}

    def begin(self, report: ProfitsReported) -> None:
        """An answer that is told again is no other one."""
        if report.movement_id <= self._last_id.get(report.venue, 0):
            return
        self._last_id[report.venue] = report.movement_id
        for profit in report.profits:
            key = (report.venue, profit.account, profit.asset, profit.amount_minor)
            self._on_way.setdefault(key, []).append(report.occurred_ns)

    def end(self, instructed: SettlementInstructed, findings: Findings) -> Changes:
        """What the venue told of what is instructed."""
        changes: Changes = {}
        for posting in instructed.postings:
            gains = posting.debit_account == CLEARING
            account = posting.credit_account if gains else posting.debit_account
            amount_minor = posting.amount_minor if gains else -posting.amount_minor
            told = self._on_way.get((instructed.venue, account, posting.asset, amount_minor))
            if not told:
                detail = f"instruction {instructed.instruction_id} is of a profit that {instructed.venue} did not tell"
                findings.add(Invariant.SETTLES_ONCE, detail)
                continue
            told.pop(0)
            changes[account, posting.asset] = amount_minor
            changes[CLEARING, posting.asset] = changes.get((CLEARING, posting.asset), 0) - amount_minor
        return changes

    def report_open(self, before_ns: int, findings: Findings) -> None:
        """Profits that the custodian should have had in its books by then."""
        for (venue, account, asset, amount_minor), told in self._on_way.items():
            for ns in told:
                if ns <= before_ns:
                    detail = f"a profit of {amount_minor} of {asset} of {account} at {venue} is not in custody's books"
                    findings.add(Invariant.NONE_IN_FLIGHT, detail)
