"""What is said about assets that move between the outside, a custodian and a venue."""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from trading_ecosystem.messages.custody import Posting
from trading_ecosystem.messages.message import Addressed, Published
from trading_ecosystem.messages.orders import AccountEvent


class TransferKind(StrEnum):
    DEPOSIT = "deposit"  # From outside.
    WITHDRAWAL = "withdrawal"  # To outside.
    INTERNAL = "internal"  # Between two accounts of one owner.


class TransferStatus(StrEnum):
    """The last five are ends."""

    REQUESTED = "requested"
    AWAITING_APPROVAL = "awaiting_approval"
    HELD = "held"  # Approved, and its destination is too new.
    IN_PROGRESS = "in_progress"  # A venue or the ledger is moving it.
    CONFIRMING = "confirming"  # It is on its way outside, and not final there.
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELED = "canceled"
    EXPIRED = "expired"  # Nobody approved it in time.
    FAILED = "failed"  # A venue refused its part; nothing has moved for good.


class TransferRefusal(StrEnum):
    """Why a command about a transfer has no effect. By precedence: when several apply, the first is the one told."""

    NOT_OFFERED = "not_offered"
    REQUEST_ID_REUSED = "request_id_reused"
    UNKNOWN_REQUEST = "unknown_request"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_ASSET = "unknown_asset"
    INVALID_AMOUNT = "invalid_amount"
    UNKNOWN_DESTINATION = "unknown_destination"
    OTHER_OWNER = "other_owner"
    SAME_ACCOUNT = "same_account"
    VELOCITY_LIMIT = "velocity_limit"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    NOT_AN_APPROVER = "not_an_approver"
    TOO_LATE = "too_late"  # It is not waiting for that any more.
    OWN_REQUEST = "own_request"
    OTHER_CONTENT = "other_content"  # What was approved is not what was requested.
    ALREADY_APPROVED = "already_approved"
    NOT_THE_REQUESTER = "not_the_requester"
    ALREADY_ALLOWED = "already_allowed"


class MovementRefusal(StrEnum):
    """Why a venue did not credit or debit an account. By precedence."""

    NONE = "none"  # It did.
    NOT_THE_CUSTODIAN = "not_the_custodian"
    OUT_OF_TURN = "out_of_turn"  # Not the movement after the last one, nor the last one again.
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_ASSET = "unknown_asset"
    INVALID_AMOUNT = "invalid_amount"
    TOO_LARGE = "too_large"  # The venue would hold more of the asset than a message can carry.
    INSUFFICIENT_BALANCE = "insufficient_balance"


# Requests. `operator` is who asks: a person, or a desk.


@final
@dataclass(frozen=True, kw_only=True)
class RequestDeposit(Addressed):
    """`amount_minor` of an asset is on its way from outside to an account. `source` says from where, in words."""

    to: str
    request_id: str
    operator: str
    account: str
    asset: str
    amount_minor: int
    source: str


@final
@dataclass(frozen=True, kw_only=True)
class RequestWithdrawal(Addressed):
    """Send `amount_minor` of an asset from an account to a destination outside that is on its owner's list."""

    to: str
    request_id: str
    operator: str
    account: str
    asset: str
    amount_minor: int
    destination: str


@final
@dataclass(frozen=True, kw_only=True)
class RequestTransfer(Addressed):
    """Move `amount_minor` of an asset from an account to another one of the same owner."""

    to: str
    request_id: str
    operator: str
    account: str
    asset: str
    amount_minor: int
    credit_account: str


@final
@dataclass(frozen=True, kw_only=True)
class ApproveTransfer(Addressed):
    """`digest` is that of `TransferRequested`: what is approved is that content, and no other."""

    to: str
    request_id: str
    operator: str
    digest: str


@final
@dataclass(frozen=True, kw_only=True)
class RejectTransfer(Addressed):
    to: str
    request_id: str
    operator: str


@final
@dataclass(frozen=True, kw_only=True)
class CancelTransfer(Addressed):
    """Take back one's own request, as long as nothing has moved."""

    to: str
    request_id: str
    operator: str


@final
@dataclass(frozen=True, kw_only=True)
class AllowDestination(Addressed):
    """Put a destination on the list of the owner of `account`. It can be used after the custodian's hold period."""

    to: str
    operator: str
    account: str
    destination: str


# Events.


@final
@dataclass(frozen=True, kw_only=True)
class TransferRequested(Published):
    """A request was taken. `approvals_needed` others have to approve of `digest` before anything moves."""

    custodian: str
    transfer_id: int
    request_id: str
    operator: str
    transfer_kind: TransferKind
    debit_account: str
    credit_account: str
    place: str  # Outside: where from or where to; empty for an internal transfer.
    asset: str
    amount_minor: int
    approvals_needed: int
    digest: str
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class TransferChanged(Published):
    """A transfer has come to this status, by its change 1, 2, 3, ... `operator` made it so; empty where time or a
    venue did.

    `expected_ns`: when it is to be completed, 0 as long as it waits for people. `movement_refusal`: of what failed.
    """

    custodian: str
    transfer_id: int
    request_id: str
    change_number: int
    transfer_status: TransferStatus
    operator: str
    movement_refusal: MovementRefusal
    expected_ns: int
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class TransferApproved(Published):
    """One more has approved; `approvals_missing` have not."""

    custodian: str
    transfer_id: int
    request_id: str
    operator: str
    approvals_missing: int
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class TransferRefused(Published):
    """A command about a transfer or a destination had no effect."""

    custodian: str
    request_id: str
    operator: str
    transfer_refusal: TransferRefusal
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class TransferPosted(Published):
    """A step of a transfer is in the ledger. `movement_id`: of the venue's part of this step, 0 where it has none.
    `transfer_id` 0: of no transfer; nobody asked for it."""

    custodian: str
    transaction_id: int
    transfer_id: int
    movement_id: int
    postings: tuple[Posting, ...]
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class DestinationAllowed(Published):
    custodian: str
    operator: str
    owner: str
    destination: str
    usable_ns: int
    occurred_ns: int


# Between a custodian and a venue.


@final
@dataclass(frozen=True, kw_only=True)
class CreditAccount(Addressed):
    """Give an account at a venue what the custodian holds for it. `movement_id` counts 1, 2, 3, ... per custodian."""

    to: str
    asker: str
    movement_id: int
    transfer_id: int
    account: str
    asset: str
    amount_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class DebitAccount(Addressed):
    """Take from what an account at a venue has free; the same count as `CreditAccount`."""

    to: str
    asker: str
    movement_id: int
    transfer_id: int
    account: str
    asset: str
    amount_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class MovementAnswered(Addressed):
    """What became of a movement. The same movement has the same answer, however often it is sent."""

    to: str
    venue: str
    movement_id: int
    movement_refusal: MovementRefusal
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class AccountMoved(AccountEvent):
    """The venue credited (+) or debited (-) an account for its custodian, once."""

    account: str
    venue: str
    account_sequence: int
    occurred_ns: int
    movement_id: int
    transfer_id: int
    asset: str
    amount_minor: int


# Questions.


@final
@dataclass(frozen=True, kw_only=True)
class QueryTransfers(Addressed):
    """Ask a custodian which transfers of an account are not over."""

    to: str
    asker: str
    account: str


@final
@dataclass(frozen=True, kw_only=True)
class Transfer:
    """One that is not over. `expected_ns`: when it is to be completed, 0 as long as it waits for people."""

    transfer_id: int
    request_id: str
    transfer_kind: TransferKind
    debit_account: str
    credit_account: str
    asset: str
    amount_minor: int
    transfer_status: TransferStatus
    expected_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class TransfersReported(Addressed):
    """In the order of their ids, up to a bound; `open_count` is of all of them.

    `last_movement_id`: the last movement at the venue that the custodian's books have.
    """

    to: str
    custodian: str
    account: str
    transfers: tuple[Transfer, ...]
    open_count: int
    last_movement_id: int
    occurred_ns: int
