"""What is said about settlement and the custodian's ledger."""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from trading_ecosystem.messages.message import Published


class FailReason(StrEnum):
    """Listed by precedence: when several apply, the first is the one reported."""

    TRADE_ID_REUSED = "trade_id_reused"
    TRADE_ID_FAR_AHEAD = "trade_id_far_ahead"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_SYMBOL = "unknown_symbol"
    IMPOSSIBLE_TRADE = "impossible_trade"  # A price, a quantity or an amount that no trade has.
    BUYER_LACKS_CASH = "buyer_lacks_cash"
    SELLER_LACKS_ASSET = "seller_lacks_asset"


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
    """All postings of an instruction are in the ledger, together."""

    custodian: str
    transaction_id: int
    instruction_id: int
    postings: tuple[Posting, ...]
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class SettlementFailed(Published):
    """Nothing moved. `instruction_id` 0: the trade was refused before it became an instruction."""

    custodian: str
    instruction_id: int
    trade_id: int
    fail_reason: FailReason
    occurred_ns: int
