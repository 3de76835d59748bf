"""What is said about orders that were placed before: amended, canceled all together or for want of a sign of life."""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from trading_ecosystem.messages.message import Addressed
from trading_ecosystem.messages.orders import AccountEvent


class AmendRejectReason(StrEnum):
    """Listed by precedence: when several apply, the first is the one reported."""

    UNKNOWN_ORDER = "unknown_order"  # Never seen, filled, or already canceled.
    MARKET_HALTED = "market_halted"
    INVALID_QUANTITY = "invalid_quantity"  # Not above what is filled, or against the rules of the instrument.
    INVALID_PRICE = "invalid_price"
    BELOW_MINIMUM_NOTIONAL = "below_minimum_notional"
    PRICE_OUT_OF_RANGE = "price_out_of_range"
    WOULD_TAKE = "would_take"  # It is post only.
    WOULD_NOT_REDUCE = "would_not_reduce"  # It is reduce only.
    INSUFFICIENT_FUNDS = "insufficient_funds"
    INSUFFICIENT_MARGIN = "insufficient_margin"  # For a perpetual.


@final
@dataclass(frozen=True, kw_only=True)
class AmendOrder(Addressed):
    """Change the price or the whole quantity of an open order, what is filled of it included.

    An order that only becomes smaller keeps its place in the queue; any other change puts it at the end of its
    price, and where the new price meets the book, it is matched as if it came anew.
    """

    to: str
    account: str
    client_order_id: str
    price_ticks: int
    quantity_lots: int


@final
@dataclass(frozen=True, kw_only=True)
class CancelAllOrders(Addressed):
    """Cancel all open orders of the account, of one symbol or, where that is empty, of all. Oldest first."""

    to: str
    account: str
    only_symbol: str


@final
@dataclass(frozen=True, kw_only=True)
class CancelAllAfter(Addressed):
    """Cancel all orders of the account when `timeout_ns` passed since the last of these. 0 takes it back."""

    to: str
    account: str
    timeout_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class OrderAmended(AccountEvent):
    """The order as it is now. `quantity_lots` is the whole, with what is filled; the rest is `leaves_quantity_lots`."""

    account: str
    venue: str
    account_sequence: int
    occurred_ns: int
    order_id: int
    client_order_id: str
    symbol: str
    price_ticks: int
    quantity_lots: int
    leaves_quantity_lots: int


@final
@dataclass(frozen=True, kw_only=True)
class AmendRejected(AccountEvent):
    """The order, if there is one, is as it was."""

    account: str
    venue: str
    account_sequence: int
    occurred_ns: int
    client_order_id: str
    amend_reject_reason: AmendRejectReason
