"""What is said about orders and trades, between a desk and a venue.

Every event of an account carries `account_sequence`: 1, 2, 3, ... per account and venue, over all event
types below, so that a listener notices a lost event (a gap) and a repeated one.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, final

from mypy_extensions import mypyc_attr

from trading_ecosystem.messages.message import Addressed, Private, Published


class Side(IntEnum):
    BUY = 0
    SELL = 1


class OrderType(IntEnum):
    LIMIT = 0
    MARKET = 1


class TimeInForce(IntEnum):
    GTC = 0  # Until it is canceled.
    IOC = 1  # What does not match at once is canceled.
    FOK = 2  # All of it at once, or nothing.
    DAY = 3  # Until the venue's day ends, at midnight UTC.
    GTD = 4  # Until the moment that the order names.


class SelfTradeMode(IntEnum):
    """What happens where an order would meet one of its own owner. The mode of the order that comes counts."""

    UNSPECIFIED = 0  # The venue's default, which is to cancel the resting one.
    CANCEL_RESTING = 1
    CANCEL_INCOMING = 2
    CANCEL_BOTH = 3
    DECREMENT = 4  # Both lose what they have in common; nothing is traded.


class Liquidity(IntEnum):
    MAKER = 0
    TAKER = 1


class RejectReason(StrEnum):
    """Listed by precedence: when several apply, the first is the one reported."""

    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_SYMBOL = "unknown_symbol"
    CLIENT_ORDER_ID_REUSED = "client_order_id_reused"
    SYSTEM_ERROR = "system_error"  # Nothing wrong with it, but with the venue.
    MARKET_HALTED = "market_halted"
    NOT_IN_AUCTION = "not_in_auction"  # It can only trade at once, and in an auction nothing does.
    INVALID_TERMS = "invalid_terms"  # Terms that exclude each other, such as a market order that is post only.
    INVALID_QUANTITY = "invalid_quantity"
    INVALID_PRICE = "invalid_price"
    INVALID_TRIGGER = "invalid_trigger"
    INVALID_DISPLAY = "invalid_display"
    INVALID_EXPIRY = "invalid_expiry"
    BELOW_MINIMUM_NOTIONAL = "below_minimum_notional"
    PRICE_OUT_OF_RANGE = "price_out_of_range"  # Further from the venue's reference price than it takes.
    TOO_MANY_ORDERS = "too_many_orders"
    WOULD_TRIGGER = "would_trigger"
    WOULD_TAKE = "would_take"
    NOTHING_TO_TAKE = "nothing_to_take"  # For a market order by quote quantity.
    NO_MARK_PRICE = "no_mark_price"  # For a perpetual whose index the venue has not heard yet.
    WOULD_NOT_REDUCE = "would_not_reduce"  # It is reduce only, and there is not that much of a position to reduce.
    INSUFFICIENT_FUNDS = "insufficient_funds"
    INSUFFICIENT_MARGIN = "insufficient_margin"  # For a perpetual.
    PAIR_REJECTED = "pair_rejected"  # Nothing wrong with it, but with the other order of its pair.


class DenyReason(StrEnum):
    """Why a desk's own pre-trade check holds an order back. Listed by precedence, as above."""

    KILL_SWITCH = "kill_switch"  # It is engaged.
    NOT_TRADING = "not_trading"  # The venue is away, or the account is being reconciled.
    MARKET_NOT_OPEN = "market_not_open"  # Halted, or in an auction.
    STALE_QUOTE = "stale_quote"
    CROSSED_QUOTE = "crossed_quote"
    PRICE_COLLAR = "price_collar"
    ORDER_VALUE = "order_value"
    DUPLICATE_ORDER = "duplicate_order"  # The like of it has left too often in too short a time.
    POSITION_LIMIT = "position_limit"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    ORDER_RATE = "order_rate"
    GROUP_DENIED = "group_denied"  # Nothing wrong with it, but it must not go without the others.


class CancelReason(StrEnum):
    REQUESTED = "requested"
    NOT_FILLED = "not_filled"  # The rest of a market or IOC order, or all of a FOK order.
    SELF_TRADE = "self_trade"  # It would have met an order of the same account.
    EXPIRED = "expired"
    PAIRED = "paired"  # The other order of its pair was filled, triggered or canceled.
    NOT_COVERED = "not_covered"  # It was triggered, and the account could not pay.
    SILENT_OWNER = "silent_owner"  # Its owner had asked for it, unless heard of in time.
    MARKET_HALTED = "market_halted"  # What is left of the order that would have traded out of the band.
    VENUE_OUTAGE = "venue_outage"  # The venue was away, and has emptied its books.
    NOTHING_TO_REDUCE = "nothing_to_reduce"  # It is reduce only, and the position became too small for it.
    LIQUIDATION = "liquidation"  # Its owner's margin did not suffice.


class CancelRejectReason(StrEnum):
    UNKNOWN_ORDER = "unknown_order"  # Never seen, filled, or already canceled.


@final
@mypyc_attr(acyclic=True)
class SubmitOrder(Addressed):
    """Place an order. Repeating a `client_order_id` of the account never places a second one."""

    __slots__ = (
        "account",
        "client_order_id",
        "display_lots",
        "expires_ns",
        "order_type",
        "post_only",
        "price_ticks",
        "quantity_lots",
        "quote_minor",
        "reduce_only",
        "self_trade",
        "side",
        "symbol",
        "time_in_force",
    )
    __match_args__: Final = (
        "to",
        "account",
        "client_order_id",
        "symbol",
        "side",
        "order_type",
        "time_in_force",
        "price_ticks",
        "quantity_lots",
        "post_only",
        "display_lots",
        "expires_ns",
        "quote_minor",
        "self_trade",
        "reduce_only",
    )

    def __init__(
        self,
        to: str,
        account: str,
        client_order_id: str,
        symbol: str,
        side: Side,
        order_type: OrderType,
        time_in_force: TimeInForce,
        price_ticks: int,
        quantity_lots: int,
        post_only: bool = False,
        display_lots: int = 0,
        expires_ns: int = 0,
        quote_minor: int = 0,
        self_trade: SelfTradeMode = SelfTradeMode.UNSPECIFIED,
        reduce_only: bool = False,
    ) -> None:
        self.to = to
        self.account = account
        self.client_order_id = client_order_id
        self.symbol = symbol
        self.side = side
        self.order_type = order_type
        self.time_in_force = time_in_force
        self.price_ticks = price_ticks  # 0 for a market order.
        self.quantity_lots = quantity_lots  # 0 for a market order by quote quantity.
        self.post_only = post_only
        self.display_lots = display_lots  # Of an iceberg: how much is shown at a time; 0 shows all.
        self.expires_ns = expires_ns  # For GTD alone.
        self.quote_minor = quote_minor  # A market order may say what it spends, fee included, or what it sells for.
        self.self_trade = self_trade
        self.reduce_only = reduce_only  # It may make a position in a perpetual smaller, and nothing else.


@final
@mypyc_attr(acyclic=True)
class CancelOrder(Addressed):
    __slots__ = ("account", "client_order_id")
    __match_args__: Final = ("to", "account", "client_order_id")

    def __init__(self, to: str, account: str, client_order_id: str) -> None:
        self.to = to
        self.account = account
        self.client_order_id = client_order_id


@mypyc_attr(allow_interpreted_subclasses=True, acyclic=True)
class AccountEvent(Private):
    """What a venue tells the owner of an account."""

    __slots__ = ("account_sequence", "occurred_ns", "venue")
    account_sequence: int
    occurred_ns: int
    venue: str


@final
@mypyc_attr(free_list_len=1, acyclic=True)
class OrderAccepted(AccountEvent):
    __slots__ = (
        "client_order_id",
        "order_id",
        "price_ticks",
        "quantity_lots",
        "side",
        "symbol",
    )
    __match_args__: Final = (
        "account",
        "venue",
        "account_sequence",
        "occurred_ns",
        "order_id",
        "client_order_id",
        "symbol",
        "side",
        "price_ticks",
        "quantity_lots",
    )

    def __init__(
        self,
        account: str,
        venue: str,
        account_sequence: int,
        occurred_ns: int,
        order_id: int,
        client_order_id: str,
        symbol: str,
        side: Side,
        price_ticks: int,
        quantity_lots: int,
    ) -> None:
        self.account = account
        self.venue = venue
        self.account_sequence = account_sequence
        self.occurred_ns = occurred_ns
        self.order_id = order_id
        self.client_order_id = client_order_id
        self.symbol = symbol
        self.side = side
        self.price_ticks = price_ticks
        self.quantity_lots = quantity_lots


@final
@mypyc_attr(free_list_len=1, acyclic=True)
class OrderFilled(AccountEvent):
    """One party's view of a match. The fee is in the quote asset; positive is paid."""

    __slots__ = (
        "client_order_id",
        "fee_minor",
        "leaves_quantity_lots",
        "liquidity",
        "order_id",
        "price_ticks",
        "quantity_lots",
        "side",
        "symbol",
        "trade_id",
    )
    __match_args__: Final = (
        "account",
        "venue",
        "account_sequence",
        "occurred_ns",
        "order_id",
        "client_order_id",
        "symbol",
        "side",
        "price_ticks",
        "quantity_lots",
        "leaves_quantity_lots",
        "fee_minor",
        "liquidity",
        "trade_id",
    )

    def __init__(
        self,
        account: str,
        venue: str,
        account_sequence: int,
        occurred_ns: int,
        order_id: int,
        client_order_id: str,
        symbol: str,
        side: Side,
        price_ticks: int,
        quantity_lots: int,
        leaves_quantity_lots: int,
        fee_minor: int,
        liquidity: Liquidity,
        trade_id: int,
    ) -> None:
        self.account = account
        self.venue = venue
        self.account_sequence = account_sequence
        self.occurred_ns = occurred_ns
        self.order_id = order_id
        self.client_order_id = client_order_id
        self.symbol = symbol
        self.side = side
        self.price_ticks = price_ticks
        self.quantity_lots = quantity_lots
        self.leaves_quantity_lots = leaves_quantity_lots
        self.fee_minor = fee_minor
        self.liquidity = liquidity
        self.trade_id = trade_id


@final
@mypyc_attr(free_list_len=1, acyclic=True)
class OrderCanceled(AccountEvent):
    __slots__ = ("client_order_id", "order_id", "quantity_lots", "reason", "symbol")
    __match_args__: Final = (
        "account",
        "venue",
        "account_sequence",
        "occurred_ns",
        "order_id",
        "client_order_id",
        "symbol",
        "quantity_lots",
        "reason",
    )

    def __init__(
        self,
        account: str,
        venue: str,
        account_sequence: int,
        occurred_ns: int,
        order_id: int,
        client_order_id: str,
        symbol: str,
        quantity_lots: int,
        reason: CancelReason,
    ) -> None:
        self.account = account
        self.venue = venue
        self.account_sequence = account_sequence
        self.occurred_ns = occurred_ns
        self.order_id = order_id
        self.client_order_id = client_order_id
        self.symbol = symbol
        self.quantity_lots = quantity_lots  # What was still open, and is now free again.
        self.reason = reason


@final
@dataclass(frozen=True, kw_only=True)
class OrderRejected(AccountEvent):
    account: str
    venue: str
    account_sequence: int
    occurred_ns: int
    client_order_id: str
    symbol: str
    reject_reason: RejectReason


@final
@mypyc_attr(free_list_len=1, acyclic=True)
class CancelRejected(AccountEvent):
    __slots__ = ("cancel_reject_reason", "client_order_id")
    __match_args__: Final = (
        "account",
        "venue",
        "account_sequence",
        "occurred_ns",
        "client_order_id",
        "cancel_reject_reason",
    )

    def __init__(
        self,
        account: str,
        venue: str,
        account_sequence: int,
        occurred_ns: int,
        client_order_id: str,
        cancel_reject_reason: CancelRejectReason,
    ) -> None:
        self.account = account
        self.venue = venue
        self.account_sequence = account_sequence
        self.occurred_ns = occurred_ns
        self.client_order_id = client_order_id
        self.cancel_reject_reason = cancel_reject_reason


@final
@mypyc_attr(acyclic=True)
class TradeExecuted(Published):
    """One match of two parties, told to the custodian that settles it. Fees are in the quote asset."""

    __slots__ = (
        "buyer_account",
        "buyer_fee_minor",
        "buyer_order_id",
        "occurred_ns",
        "price_ticks",
        "quantity_lots",
        "seller_account",
        "seller_fee_minor",
        "seller_order_id",
        "symbol",
        "taker_side",
        "trade_id",
        "venue",
    )
    __match_args__: Final = (
        "venue",
        "trade_id",
        "symbol",
        "price_ticks",
        "quantity_lots",
        "taker_side",
        "buyer_account",
        "seller_account",
        "buyer_order_id",
        "seller_order_id",
        "buyer_fee_minor",
        "seller_fee_minor",
        "occurred_ns",
    )

    def __init__(
        self,
        venue: str,
        trade_id: int,
        symbol: str,
        price_ticks: int,
        quantity_lots: int,
        taker_side: Side,
        buyer_account: str,
        seller_account: str,
        buyer_order_id: int,
        seller_order_id: int,
        buyer_fee_minor: int,
        seller_fee_minor: int,
        occurred_ns: int,
    ) -> None:
        self.venue = venue
        self.trade_id = trade_id
        self.symbol = symbol
        self.price_ticks = price_ticks
        self.quantity_lots = quantity_lots
        self.taker_side = taker_side
        self.buyer_account = buyer_account
        self.seller_account = seller_account
        self.buyer_order_id = buyer_order_id
        self.seller_order_id = seller_order_id
        self.buyer_fee_minor = buyer_fee_minor
        self.seller_fee_minor = seller_fee_minor
        self.occurred_ns = occurred_ns


@final
@dataclass(frozen=True, kw_only=True)
class OrderDenied(Published):
    """A desk's own pre-trade check held the order back; no venue ever saw it."""

    account: str
    client_order_id: str
    symbol: str
    deny_reason: DenyReason
    occurred_ns: int
