"""A transfer: what it moves, how far it has come, and what of it is in the ledger.

Rule 1: a status changes in `Transfer.take` by the table, and nowhere else.
Rule 2: a transfer moves in two steps, each a ledger transaction of its own: from where it comes into `transit`, and
from there to where it goes. What is in `transit` is the sum of the transfers between their two steps.
"""

from enum import StrEnum
from hashlib import sha256
from typing import Final, cast, final

from trading_ecosystem.messages.transfers import TransferKind, TransferStatus
from trading_ecosystem.simulators.custodian.ledger import Transaction


class TransferEvent(StrEnum):
    ANNOUNCED = "announced"  # A deposit was seen outside.
    NEEDED_APPROVAL = "needed_approval"
    WAS_TOO_NEW = "was_too_new"  # Its destination.
    CLEARED = "cleared"
    DELAYED = "delayed"  # It waits for what is still to settle.
    LEFT = "left"
    CONFIRMED = "confirmed"
    DONE = "done"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back"
    TIMED_OUT = "timed_out"
    BROKE = "broke"


TRANSITIONS: Final = {
    (TransferStatus.REQUESTED, TransferEvent.ANNOUNCED): TransferStatus.CONFIRMING,
    (TransferStatus.REQUESTED, TransferEvent.NEEDED_APPROVAL): TransferStatus.AWAITING_APPROVAL,
    (TransferStatus.REQUESTED, TransferEvent.WAS_TOO_NEW): TransferStatus.HELD,
    (TransferStatus.REQUESTED, TransferEvent.CLEARED): TransferStatus.IN_PROGRESS,
    (TransferStatus.AWAITING_APPROVAL, TransferEvent.WAS_TOO_NEW): TransferStatus.HELD,
    (TransferStatus.AWAITING_APPROVAL, TransferEvent.CLEARED): TransferStatus.IN_PROGRESS,
    (TransferStatus.AWAITING_APPROVAL, TransferEvent.REFUSED): TransferStatus.REJECTED,
    (TransferStatus.AWAITING_APPROVAL, TransferEvent.TAKEN_BACK): TransferStatus.CANCELED,
    (TransferStatus.AWAITING_APPROVAL, TransferEvent.TIMED_OUT): TransferStatus.EXPIRED,
    (TransferStatus.HELD, TransferEvent.CLEARED): TransferStatus.IN_PROGRESS,
    (TransferStatus.HELD, TransferEvent.TAKEN_BACK): TransferStatus.CANCELED,
    (TransferStatus.IN_PROGRESS, TransferEvent.DELAYED): TransferStatus.IN_PROGRESS,
    (TransferStatus.IN_PROGRESS, TransferEvent.LEFT): TransferStatus.CONFIRMING,
    (TransferStatus.IN_PROGRESS, TransferEvent.DONE): TransferStatus.COMPLETED,
    (TransferStatus.IN_PROGRESS, TransferEvent.BROKE): TransferStatus.FAILED,
    (TransferStatus.CONFIRMING, TransferEvent.CONFIRMED): TransferStatus.IN_PROGRESS,
    (TransferStatus.CONFIRMING, TransferEvent.DONE): TransferStatus.COMPLETED,
}
ENDED_WITHOUT_MOVING: Final = (
    TransferStatus.REJECTED,
    TransferStatus.CANCELED,
    TransferStatus.EXPIRED,
    TransferStatus.FAILED,
)


@final
class Transfer:
    """`place` is the address outside. It does something at `due_ns`, 0 for when somebody else has.

    `reserved` is the first step while it is pending in the ledger. `in_transit`: between the two steps. `stopped`: it
    is in transit, and withdrawals are frozen.
    """

    __slots__ = (
        "amount_minor",
        "approvals_needed",
        "approved_by",
        "asset",
        "change_count",
        "credit_account",
        "debit_account",
        "debit_movement_id",
        "digest",
        "due_ns",
        "expected_ns",
        "in_transit",
        "kind",
        "operator",
        "place",
        "request_id",
        "reserved",
        "status",
        "stopped",
        "transfer_id",
        "usable_ns",
    )

    def __init__(
        self,
        transfer_id: int,
        request_id: str,
        operator: str,
        kind: TransferKind,
        debit_account: str,
        credit_account: str,
        place: str,
        asset: str,
        amount_minor: int,
    ) -> None:
        self.transfer_id = transfer_id
        self.request_id = request_id
        self.operator = operator
        self.kind = kind
        self.debit_account = debit_account
        self.credit_account = credit_account
        self.place = place
        self.asset = asset
        self.amount_minor = amount_minor
        self.digest = digest_of(
            request_id, operator, kind.value, debit_account, credit_account, place, asset, amount_minor
        )
        self.approvals_needed = 0
        self.approved_by: list[str] = []
        self.status = TransferStatus.REQUESTED
        self.usable_ns = 0  # When its destination can be used.
        self.due_ns = 0
        self.expected_ns = 0
        self.debit_movement_id = 0
        self.reserved: Transaction | None = None
        self.in_transit = False
        self.stopped = False
        self.change_count = 0

    def take(self, event: TransferEvent) -> None:
        becomes = TRANSITIONS.get((self.status, event))
        assert becomes is not None, f"what is {self.status.value} cannot be {event.value}"
        self.status = becomes
        self.change_count += 1

    @property
    def approvals_missing(self) -> int:
        return self.approvals_needed - len(self.approved_by)

    def save(self) -> list[object]:
        """As plain data, for `restored`."""
        return [
            self.transfer_id,
            self.request_id,
            self.operator,
            self.kind.value,
            self.debit_account,
            self.credit_account,
            self.place,
            self.asset,
            self.amount_minor,
            self.approvals_needed,
            list(self.approved_by),
            self.status.value,
            self.usable_ns,
            self.due_ns,
            self.expected_ns,
            self.debit_movement_id,
            self.reserved is not None,
            self.in_transit,
            self.stopped,
            self.change_count,
        ]


def restored(values: list[object]) -> tuple[Transfer, bool]:
    """The transfer, and whether its first step is pending in the ledger."""
    transfer = Transfer(
        cast(int, values[0]),
        cast(str, values[1]),
        cast(str, values[2]),
        TransferKind(cast(str, values[3])),
        cast(str, values[4]),
        cast(str, values[5]),
        cast(str, values[6]),
        cast(str, values[7]),
        cast(int, values[8]),
    )
    transfer.approvals_needed = cast(int, values[9])
    transfer.approved_by = list(cast(list[str], values[10]))
    transfer.status = TransferStatus(cast(str, values[11]))
    transfer.usable_ns, transfer.due_ns = cast(int, values[12]), cast(int, values[13])
    transfer.expected_ns, transfer.debit_movement_id = cast(int, values[14]), cast(int, values[15])
    transfer.in_transit, transfer.stopped = cast(bool, values[17]), cast(bool, values[18])
    transfer.change_count = cast(int, values[19])
    return transfer, cast(bool, values[16])


def digest_of(*content: object) -> str:
    """SHA-256, in hex, of all that is approved; each part with its length, so that none can pass for another."""
    parts = [f"{len(str(each))}:{each}" for each in content]
    return sha256(" ".join(parts).encode()).hexdigest()
