"""What leaves custody although nobody asked for it, and how it comes back.

Rule 1: the ledger stays balanced: what an account loses is outside, by a posting of its own.
Rule 2: it belongs to no transfer and to no movement of a venue, so the books of both differ by it until it is back.
"""

from typing import Final, cast, final

from trading_ecosystem.messages.chaos import DrainAccount
from trading_ecosystem.messages.custody import Posting
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.transfers import TransferPosted
from trading_ecosystem.simulators.custodian.ledger import EXTERNAL, Ledger

MILLION: Final = 1_000_000


@final
class Outflows:
    """What has left and is not back, by injection id."""

    __slots__ = ("_gone", "_ledger", "_name")

    def __init__(self, name: str, ledger: Ledger) -> None:
        self._name = name
        self._ledger = ledger
        self._gone: dict[str, Posting] = {}

    def has(self, injection_id: str) -> bool:
        return injection_id in self._gone

    def refusal(self, command: DrainAccount) -> str:
        """Why nothing can leave; empty if something can."""
        if not 0 < command.share_ppm <= MILLION:
            return "what leaves is more than nothing and no more than all"
        if not self._amount_minor(command):
            return f"{command.account} has nothing of {command.asset} here that could leave"
        return ""

    def drain(self, command: DrainAccount, now: int) -> Message:
        assert command.injection_id not in self._gone and not self.refusal(command)
        posting = Posting(
            debit_account=command.account,
            credit_account=EXTERNAL,
            asset=command.asset,
            amount_minor=self._amount_minor(command),
        )
        self._gone[command.injection_id] = posting
        return self._post(posting, now)

    def bring_back(self, injection_id: str, now: int) -> Message:
        gone = self._gone.pop(injection_id)
        posting = Posting(
            debit_account=EXTERNAL,
            credit_account=gone.debit_account,
            asset=gone.asset,
            amount_minor=gone.amount_minor,
        )
        return self._post(posting, now)

    def _amount_minor(self, command: DrainAccount) -> int:
        return self._ledger.posted_minor(command.account, command.asset) * command.share_ppm // MILLION

    def _post(self, posting: Posting, now: int) -> Message:
        transaction = self._ledger.transaction((posting,))
        self._ledger.pend(transaction, now)
        return TransferPosted(
            custodian=self._name,
            transaction_id=self._ledger.post(transaction),
            transfer_id=0,
            movement_id=0,
            postings=transaction.postings,
            occurred_ns=now,
        )

    def save(self) -> dict[str, object]:
        return {key: [gone.debit_account, gone.asset, gone.amount_minor] for key, gone in self._gone.items()}

    def restore(self, saved: dict[str, list[object]]) -> None:
        self._gone = {
            key: Posting(
                debit_account=cast(str, account),
                credit_account=EXTERNAL,
                asset=cast(str, asset),
                amount_minor=cast(int, amount_minor),
            )
            for key, (account, asset, amount_minor) in saved.items()
        }
