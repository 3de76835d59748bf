"""What the coordinator notes of transfers: which are on their way, and what they bring in and take out.

Rule 1: the network may turn the end of a transfer and its beginning around; what is over is over.
"""

from typing import Final, final

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.transfers import (
    AccountMoved,
    TransferChanged,
    TransferPosted,
    TransferRefused,
    TransferRequested,
    TransferStatus,
)
from trading_ecosystem.validation.test_coordinator.ground_truth import GroundTruth
from trading_ecosystem.validation.test_coordinator.recorder import Recorder

ENDS: Final = (
    *(TransferStatus.COMPLETED, TransferStatus.REJECTED, TransferStatus.CANCELED),
    *(TransferStatus.EXPIRED, TransferStatus.FAILED),
)


@final
class TransferNotes:
    __slots__ = ("_accounts", "_on_its_way", "_over", "_recorder", "_settlements", "_truth", "counts")

    def __init__(self, truth: GroundTruth, recorder: Recorder) -> None:
        self._truth, self._recorder = truth, recorder
        self._settlements, self._on_its_way = truth.settlements, truth.settlements.on_its_way
        self._accounts: dict[int, tuple[str, ...]] = {}  # Of each transfer that is not over.
        self._over: set[int] = set()
        self.counts: dict[str, int] = {}

    def note(self, message: Message) -> None:
        if isinstance(message, TransferRequested):
            self._count("transfers requested", message.occurred_ns)
            self._accounts[message.transfer_id] = (message.debit_account, message.credit_account)
            self._on_its_way.requested(message)
        elif isinstance(message, TransferChanged):
            self._note_change(message)
        elif isinstance(message, TransferRefused):
            self._count("transfers refused", message.occurred_ns)
        elif isinstance(message, TransferPosted):
            self._on_its_way.posted(message)
        elif isinstance(message, AccountMoved):
            self._truth.moved(message)

    def _note_change(self, message: TransferChanged) -> None:
        if message.transfer_status in ENDS:
            self._count(f"transfers {message.transfer_status.value}", message.occurred_ns)
            self._over.add(message.transfer_id)
            self._accounts.pop(message.transfer_id, None)
            self._settlements.transfer_over(message.transfer_id, message.occurred_ns)
            return
        self._on_its_way.changed(message.transfer_id, message.transfer_status, message.occurred_ns)
        if message.expected_ns and message.transfer_id not in self._over:
            accounts = self._accounts.get(message.transfer_id, ())
            self._settlements.transfer_expected(accounts, message.transfer_id, message.expected_ns, message.occurred_ns)

    def _count(self, name: str, ns: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1
        self._recorder.count(name, "transfer", ns)
