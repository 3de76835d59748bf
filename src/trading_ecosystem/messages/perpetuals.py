"""What is said about perpetual futures: prices and funding of a contract, positions and margin of an account.

A position is signed lots, below 0 for a short one, and its cost: what was paid for it less what was got, in minor units
of the settlement asset. It is worth lots x mark price; the difference is profit that is not realised yet.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from trading_ecosystem.messages.message import Addressed, Published
from trading_ecosystem.messages.orders import AccountEvent, Side


class MoveRejectReason(StrEnum):
    """Listed by precedence: when several apply, the first is the one reported."""

    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_ASSET = "unknown_asset"  # Nothing is margined in it.
    MOVE_ID_REUSED = "move_id_reused"
    INVALID_AMOUNT = "invalid_amount"
    INSUFFICIENT_FUNDS = "insufficient_funds"  # Less is free on the side that it would leave.
    INSUFFICIENT_MARGIN = "insufficient_margin"  # Positions and open orders need it.


@final
@dataclass(frozen=True, kw_only=True)
class OpenPosition:
    """An account's position in one perpetual at the venue's mark price."""

    symbol: str
    position_lots: int
    cost_minor: int
    mark_ticks: int


@final
@dataclass(frozen=True, kw_only=True)
class MarginBalance:
    """An account's margin wallet of one asset. `moved_in_minor`: of the wallet, what custody has: what came out of the
    balances of the account, net, and profits that were settled; the rest was gained or lost since. Equity is the wallet
    and what its positions have gained."""

    asset: str
    wallet_minor: int
    moved_in_minor: int
    equity_minor: int
    initial_minor: int
    maintenance_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class MoveMargin(Addressed):
    """Move free balance into the margin wallet, or out of it where the amount is negative. A `move_id` of the account
    moves once, however often it is sent."""

    to: str
    account: str
    move_id: str
    asset: str
    amount_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class MarginMoved(AccountEvent):
    account: str
    venue: str
    account_sequence: int
    occurred_ns: int
    move_id: str
    asset: str
    amount_minor: int
    wallet_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class MarginMoveRejected(AccountEvent):
    account: str
    venue: str
    account_sequence: int
    occurred_ns: int
    move_id: str
    move_reject_reason: MoveRejectReason


@final
@dataclass(frozen=True, kw_only=True)
class MarkPriceChanged(Published):
    """`funding_ppb` is the rate that would be settled now, in parts per thousand million; positive: longs pay."""

    venue: str
    symbol: str
    index_ticks: int
    mark_ticks: int
    funding_ppb: int
    funding_due_ns: int
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class MarginRatesChanged(Published):
    """The venue asks for other margin than the terms of the perpetual say, or for that again; shares of the value of a
    position. As long as it is other, this is told before every mark price."""

    venue: str
    symbol: str
    initial_ppm: int
    maintenance_ppm: int
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class FundingSettled(Published):
    """Each position paid its value at the mark x the rate, rounded against it."""

    venue: str
    symbol: str
    mark_ticks: int
    funding_ppb: int
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class PositionChanged(AccountEvent):
    """The position and the margin wallet as they are now. What was realised, funded (below 0: paid) and paid in fees is
    since the last of these of the same position, and went into the wallet or out of it."""

    account: str
    venue: str
    account_sequence: int
    occurred_ns: int
    symbol: str
    position_lots: int
    cost_minor: int
    realised_minor: int
    funding_minor: int
    fee_minor: int
    wallet_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class MarginCalled(AccountEvent):
    """The maintenance margin has reached the share of the equity at which the venue warns."""

    account: str
    venue: str
    account_sequence: int
    occurred_ns: int
    asset: str
    equity_minor: int
    maintenance_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class PositionLiquidated(AccountEvent):
    """The venue closed lots of a position in the book, no worse than at the limit, 0 where it did not try. The fee went
    to the insurance fund. Where less was closed than is left, the book had no more at this price."""

    account: str
    venue: str
    account_sequence: int
    occurred_ns: int
    symbol: str
    side: Side  # Of the order that closed it.
    quantity_lots: int
    limit_ticks: int
    mark_ticks: int
    fee_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class PositionDeleveraged(AccountEvent):
    """Lots of a position were closed against a bankrupt account's, outside of the book and without a fee. Both hear."""

    account: str
    venue: str
    account_sequence: int
    occurred_ns: int
    symbol: str
    side: Side  # On which this account traded.
    price_ticks: int
    quantity_lots: int


@final
@dataclass(frozen=True, kw_only=True)
class LossCovered(AccountEvent):
    """The account lost more than it had: the insurance fund, or the venue, made its wallet whole, which is 0 now."""

    account: str
    venue: str
    account_sequence: int
    occurred_ns: int
    asset: str
    amount_minor: int
