"""What is said about settlement and the custodian's ledger."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from mypy_extensions import mypyc_attr

from trading_ecosystem.messages.message import Addressed, Published, Record


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
@mypyc_attr(acyclic=True)
class Posting(Record):
    """One line of a ledger transaction: `amount_minor` > 0 moves from debit to credit account."""

    __slots__ = ("amount_minor", "asset", "credit_account", "debit_account")
    __match_args__: Final = ("debit_account", "credit_account", "asset", "amount_minor")

    def __init__(
        self,
        debit_account: str,
        credit_account: str,
        asset: str,
        amount_minor: int,
    ) -> None:
        self.debit_account = debit_account
        self.credit_account = credit_account
        self.asset = asset
        self.amount_minor = amount_minor


@final
@mypyc_attr(acyclic=True)
class SettlementInstructed(Published):
    """A trade is to be settled, delivery versus payment, when `due_ns` comes."""

    __slots__ = ("custodian", "due_ns", "instruction_id", "occurred_ns", "postings", "trade_id", "venue")
    __match_args__: Final = ("custodian", "instruction_id", "trade_id", "venue", "postings", "due_ns", "occurred_ns")

    def __init__(
        self,
        custodian: str,
        instruction_id: int,
        trade_id: int,
        venue: str,
        postings: tuple[Posting, ...],
        due_ns: int,
        occurred_ns: int,
    ) -> None:
        self.custodian = custodian
        self.instruction_id = instruction_id
        self.trade_id = trade_id
        self.venue = venue
        self.postings = postings
        self.due_ns = due_ns
        self.occurred_ns = occurred_ns


@final
@mypyc_attr(acyclic=True)
class TransactionPosted(Published):
    """All postings of an instruction, or all that `PartPosted` had left of them, are in the ledger, together."""

    __slots__ = ("custodian", "instruction_id", "occurred_ns", "postings", "transaction_id")
    __match_args__: Final = ("custodian", "transaction_id", "instruction_id", "postings", "occurred_ns")

    def __init__(
        self,
        custodian: str,
        transaction_id: int,
        instruction_id: int,
        postings: tuple[Posting, ...],
        occurred_ns: int,
    ) -> None:
        self.custodian = custodian
        self.transaction_id = transaction_id
        self.instruction_id = instruction_id
        self.postings = postings
        self.occurred_ns = occurred_ns


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
@mypyc_attr(acyclic=True)
class QuerySettlements(Addressed):
    """Ask a custodian what has not settled for an account: the first by due time, `most_told` of them, or as many as a
    report holds for 0."""

    __slots__ = ("account", "asker", "most_told")
    __match_args__: Final = ("to", "asker", "account", "most_told")

    def __init__(
        self,
        to: str,
        asker: str,
        account: str,
        most_told: int = 0,
    ) -> None:
        self.to = to
        self.asker = asker
        self.account = account
        self.most_told = most_told


@final
@mypyc_attr(acyclic=True)
class Settlement(Record):
    """An instruction that has not come to its end."""

    __slots__ = ("age_days", "due_ns", "instruction_id", "retry_ns", "settlement_status", "trade_id", "venue")
    __match_args__: Final = (
        "instruction_id",
        "trade_id",
        "venue",
        "settlement_status",
        "due_ns",
        "retry_ns",
        "age_days",
    )

    def __init__(
        self,
        instruction_id: int,
        trade_id: int,
        venue: str,
        settlement_status: SettlementStatus,
        due_ns: int,
        retry_ns: int,  # When it is tried next.
        age_days: int,  # Business days since its due date; 0 before.
    ) -> None:
        self.instruction_id = instruction_id
        self.trade_id = trade_id
        self.venue = venue
        self.settlement_status = settlement_status
        self.due_ns = due_ns
        self.retry_ns = retry_ns
        self.age_days = age_days


@final
@mypyc_attr(acyclic=True)
class SettlementsReported(Addressed):
    """What has not settled, by due time, up to a bound; `unsettled_count` is of all of it."""

    __slots__ = ("account", "custodian", "occurred_ns", "settlements", "unsettled_count")
    __match_args__: Final = ("to", "custodian", "account", "settlements", "unsettled_count", "occurred_ns")

    def __init__(
        self,
        to: str,
        custodian: str,
        account: str,
        settlements: tuple[Settlement, ...],
        unsettled_count: int,
        occurred_ns: int,
    ) -> None:
        self.to = to
        self.custodian = custodian
        self.account = account
        self.settlements = settlements
        self.unsettled_count = unsettled_count
        self.occurred_ns = occurred_ns
