"""Questions to a venue or a custodian about accounts and trades, and their answers; the venue's heartbeat."""

from dataclasses import dataclass
from typing import Final, final

from mypy_extensions import mypyc_attr

from trading_ecosystem.messages.message import Addressed, Published, Record
from trading_ecosystem.messages.orders import Side, TradeExecuted
from trading_ecosystem.messages.perpetuals import MarginBalance, OpenPosition


@final
@dataclass(frozen=True, kw_only=True)
class Balance:
    """Amounts in minor units of the asset."""

    asset: str
    free_minor: int
    locked_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class OpenOrder:
    """In the book, or one that `waits` for the price `trigger_ticks`, 0 for a trailing order before the first trade."""

    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    price_ticks: int
    leaves_quantity_lots: int
    waits: bool = False
    trigger_ticks: int = 0


@final
@dataclass(frozen=True, kw_only=True)
class QueryAccount(Addressed):
    """Ask a venue for an account's balances and open orders."""

    to: str
    asker: str
    account: str


@final
@dataclass(frozen=True, kw_only=True)
class AccountReported(Addressed):
    """The state of an account after its event number `account_sequence`."""

    to: str
    venue: str
    account: str
    account_sequence: int
    balances: tuple[Balance, ...]
    open_orders: tuple[OpenOrder, ...]
    occurred_ns: int
    maker_fee_ppm: int = 0  # What the account pays of the notional of a trade, in the quote asset.
    taker_fee_ppm: int = 0
    positions: tuple[OpenPosition, ...] = ()
    margins: tuple[MarginBalance, ...] = ()


@final
@mypyc_attr(acyclic=True)
class Holding(Record):
    """What a custodian holds for an owner: posted, and net of pending settlements."""

    __slots__ = ("account", "asset", "pending_minor", "posted_minor")
    __match_args__: Final = ("account", "asset", "posted_minor", "pending_minor")

    def __init__(
        self,
        account: str,
        asset: str,
        posted_minor: int,
        pending_minor: int,  # Net of what will come in (+) and go out (-) when instructions settle.
    ) -> None:
        self.account = account
        self.asset = asset
        self.posted_minor = posted_minor
        self.pending_minor = pending_minor


@final
@mypyc_attr(acyclic=True)
class QueryHoldings(Addressed):
    """Ask a custodian what it holds for an account."""

    __slots__ = ("account", "asker")
    __match_args__: Final = ("to", "asker", "account")

    def __init__(self, to: str, asker: str, account: str) -> None:
        self.to = to
        self.asker = asker
        self.account = account


@final
@mypyc_attr(acyclic=True)
class HoldingsReported(Addressed):
    """The venue's trades up to `last_trade_id` are all in it, and no later one; 0 where that cannot be said."""

    __slots__ = ("account", "custodian", "holdings", "last_trade_id", "occurred_ns")
    __match_args__: Final = ("to", "custodian", "account", "holdings", "occurred_ns", "last_trade_id")

    def __init__(
        self,
        to: str,
        custodian: str,
        account: str,
        holdings: tuple[Holding, ...],
        occurred_ns: int,
        last_trade_id: int = 0,
    ) -> None:
        self.to = to
        self.custodian = custodian
        self.account = account
        self.holdings = holdings
        self.occurred_ns = occurred_ns
        self.last_trade_id = last_trade_id


@final
@dataclass(frozen=True, kw_only=True)
class QueryTrades(Addressed):
    """Ask a venue to tell its trades again, from this id on."""

    to: str
    asker: str
    from_trade_id: int


@final
@dataclass(frozen=True, kw_only=True)
class TradesReported(Addressed):
    """All trades of a venue from `from_trade_id` on, in order: the id asked for, or the oldest that it still has."""

    to: str
    venue: str
    from_trade_id: int
    trades: tuple[TradeExecuted, ...]
    occurred_ns: int


@final
@mypyc_attr(acyclic=True)
class VenueHeartbeat(Published):
    """The venue is there. `session` counts its starts: a new one means the venue was away."""

    __slots__ = ("occurred_ns", "session", "venue")
    __match_args__: Final = ("venue", "session", "occurred_ns")

    def __init__(self, venue: str, session: int, occurred_ns: int) -> None:
        self.venue = venue
        self.session = session
        self.occurred_ns = occurred_ns
