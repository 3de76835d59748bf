"""What is said about settlement and the custodian's ledger."""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from trading_ecosystem.messages.message import Addressed, Published


class FailReason(StrEnum):
    """Listed by precedence: when several apply, the first is the one reported."""

    TRADE_ID_REUSED = "trade_id_reused"
    TRADE_ID_FAR_AHEAD = "trade_id_far_ahead"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_SYMBOL = "unknown_symbol"
    IMPOSSIBLE_TRADE = "impossible_trade"  # A price, a quantity or an amount that no trade has.
    CUSTODIAN_REJECTED = "custodian_rejected"  # The custodian does not settle it now, whoever could pay.
    BUYER_LACKS_CASH = "buyer_lacks_cash"
    SELLER_LACKS_ASSET = "seller_lacks_asset"


class SettlementStatus(StrEnum):
    """Of an instruction. The last two are ends."""

    MATCHED = "matched"  # Both parties agree, for the venue told one trade of two; it is not due yet.
    PENDING = "pending"  # Due, and nothing of it has settled.
    PARTIALLY_SETTLED = "partially_settled"
    FAILED = "failed"  # A party lacked something when it was due; it is tried again on each business day.
    SETTLED = "settled"
    CANCELED = "canceled"  # It failed for too long: what has not settled never will.


@final
@dataclass(frozen=True, kw_only=True)
class Posting:
    """One line of a ledger transaction: `amount_minor` > 0 moves from debit to credit account."""

    debit_account: str
    credit_account: str
    asset: str
    amount_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class SettlementInstructed(Published):
    """A trade is to be settled, delivery versus payment, when `due_ns` comes."""

    custodian: str
    instruction_id: int
    trade_id: int
    venue: str
    postings: tuple[Posting, ...]
    due_ns: int
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class TransactionPosted(Published):
    """All postings of an instruction, or all that `PartPosted` had left of them, are in the ledger, together."""

    custodian: str
    transaction_id: int
    instruction_id: int
    postings: tuple[Posting, ...]
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class PartPosted(Published):
    """The same part of each leg of an instruction is in the ledger. The rest is tried again at `retry_ns`."""

    custodian: str
    transaction_id: int
    instruction_id: int
    postings: tuple[Posting, ...]
    retry_ns: int
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class SettlementFailed(Published):
    """Nothing moved. `instruction_id` 0: the trade was refused before it became an instruction, for good.

    Otherwise the instruction is tried again at `retry_ns`; `age_days` business days have passed since its due date.
    """

    custodian: str
    instruction_id: int
    trade_id: int
    fail_reason: FailReason
    occurred_ns: int
    age_days: int = 0
    retry_ns: int = 0  # 0: never.


@final
@dataclass(frozen=True, kw_only=True)
class SettlementCanceled(Published):
    """An instruction failed for too long. What of it has not settled is not pending any more."""

    custodian: str
    instruction_id: int
    trade_id: int
    fail_reason: FailReason  # Of the last attempt.
    age_days: int
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class QuerySettlements(Addressed):
    """Ask a custodian what has not settled for an account: the first by due time, `most_told` of them, or as many as a
    report holds for 0."""

    to: str
    asker: str
    account: str
    most_told: int = 0


@final
@dataclass(frozen=True, kw_only=True)
class Settlement:
    """An instruction that has not come to its end."""

    instruction_id: int
    trade_id: int
    venue: str
    settlement_status: SettlementStatus
    due_ns: int
    retry_ns: int  # When it is tried next.
    age_days: int  # Business days since its due date; 0 before.


@final
@dataclass(frozen=True, kw_only=True)
class SettlementsReported(Addressed):
    """What has not settled, by due time, up to a bound; `unsettled_count` is of all of it."""

    to: str
    custodian: str
    account: str
    settlements: tuple[Settlement, ...]
    unsettled_count: int
    occurred_ns: int
