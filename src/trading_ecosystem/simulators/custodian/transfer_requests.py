"""What is wrong with a request for a transfer, or with a decision about one, in the order in which it is told.

Rule 1: what is asked here changes nothing.
"""

from typing import final

from trading_ecosystem.messages.numbers import LARGEST
from trading_ecosystem.messages.transfers import (
    ApproveTransfer,
    CancelTransfer,
    RejectTransfer,
    TransferKind,
    TransferRefusal,
    TransferStatus,
)
from trading_ecosystem.simulators.custodian.controls import Controls
from trading_ecosystem.simulators.custodian.ledger import EXTERNAL, FEES, TRANSIT, Ledger
from trading_ecosystem.simulators.custodian.transfer_config import TransferConfig
from trading_ecosystem.simulators.custodian.transfers import Transfer

NOBODYS = (EXTERNAL, FEES, TRANSIT)
CAN_BE_CANCELED = (TransferStatus.AWAITING_APPROVAL, TransferStatus.HELD)
Decision = ApproveTransfer | RejectTransfer | CancelTransfer


@final
class Requests:
    """`assets`: all that the custodian knows."""

    __slots__ = ("_assets", "_config", "_controls", "_ledger")

    def __init__(self, config: TransferConfig, assets: list[str], ledger: Ledger, controls: Controls) -> None:
        self._config = config
        self._assets = assets
        self._ledger = ledger
        self._controls = controls

    def is_account(self, account: str) -> bool:
        return account not in NOBODYS and self._ledger.has_account(account)

    def refusal(self, transfer: Transfer, now: int) -> TransferRefusal | None:
        own = transfer.credit_account if transfer.kind is TransferKind.DEPOSIT else transfer.debit_account
        if not self.is_account(own):
            return TransferRefusal.UNKNOWN_ACCOUNT
        if transfer.asset not in self._assets:
            return TransferRefusal.UNKNOWN_ASSET
        if not self._is_amount(transfer):
            return TransferRefusal.INVALID_AMOUNT
        if transfer.kind is TransferKind.DEPOSIT:
            return None
        if transfer.kind is TransferKind.WITHDRAWAL:
            refusal = self._out_refusal(transfer, own, now)
        else:
            refusal = self._internal_refusal(transfer, own)
        if refusal is not None:
            return refusal
        if own in self._config.vaults and self._ledger.free_minor(own, transfer.asset) < transfer.amount_minor:
            return TransferRefusal.INSUFFICIENT_BALANCE
        return None

    def _out_refusal(self, transfer: Transfer, own: str, now: int) -> TransferRefusal | None:
        if self._controls.usable_ns(self._config.owner(own), transfer.place) is None:
            return TransferRefusal.UNKNOWN_DESTINATION
        if self._controls.is_too_fast(self._config.owner(own), transfer.asset, transfer.amount_minor, now):
            return TransferRefusal.VELOCITY_LIMIT
        return None

    def _internal_refusal(self, transfer: Transfer, own: str) -> TransferRefusal | None:
        if not self.is_account(transfer.credit_account):
            return TransferRefusal.UNKNOWN_DESTINATION
        if self._config.owner(own) != self._config.owner(transfer.credit_account):
            return TransferRefusal.OTHER_OWNER
        return TransferRefusal.SAME_ACCOUNT if own == transfer.credit_account else None

    def decision_refusal(self, command: Decision, transfer: Transfer | None) -> TransferRefusal | None:
        """`transfer`: None for a request that is over."""
        if isinstance(command, CancelTransfer):
            if transfer is None or transfer.status not in CAN_BE_CANCELED:
                return TransferRefusal.TOO_LATE
            return None if transfer.operator == command.operator else TransferRefusal.NOT_THE_REQUESTER
        if command.operator not in self._config.approvals.by:
            return TransferRefusal.NOT_AN_APPROVER
        if transfer is None or transfer.status is not TransferStatus.AWAITING_APPROVAL:
            return TransferRefusal.TOO_LATE
        if command.operator == transfer.operator:
            return TransferRefusal.OWN_REQUEST
        if isinstance(command, RejectTransfer):
            return None
        if command.digest != transfer.digest:
            return TransferRefusal.OTHER_CONTENT
        return TransferRefusal.ALREADY_APPROVED if command.operator in transfer.approved_by else None

    def _is_amount(self, transfer: Transfer) -> bool:
        """Above nothing; and what comes in from outside has room in what a message can carry."""
        if transfer.kind is not TransferKind.DEPOSIT:
            return 0 < transfer.amount_minor <= LARGEST
        held_minor = -self._ledger.expected_minor(EXTERNAL, transfer.asset)
        return 0 < transfer.amount_minor <= LARGEST - held_minor

    def approvals_needed(self, transfer: Transfer) -> int:
        approvals = self._config.approvals
        if transfer.kind is TransferKind.DEPOSIT:
            return 0
        needed = approvals.withdrawals if transfer.kind is TransferKind.WITHDRAWAL else approvals.transfers
        above_minor = approvals.one_more_above_minor.get(transfer.asset)
        if above_minor is not None and transfer.amount_minor > above_minor:
            return needed + 1
        return needed
