"""What a venue tells about its past: every trade, and every order with what became of it.

Rule 1: an order's open quantity only falls between two amendments, so fills may be told again and in any order.
Rule 2: an amendment counts once, and what happened to the order before it no more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from sqlalchemy import (
    Column,
    Index,
    Insert,
    MetaData,
    Select,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.history import insert_all, of_type, row_of, write_all
from trading_ecosystem.live.store.opening import Design
from trading_ecosystem.live.store.tables import UPDATED, Coded, Whole, insert_into
from trading_ecosystem.messages.market import MarketPhase, MarketPhaseChanged, PhaseReason
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import OrderAmended
from trading_ecosystem.messages.orders import (
    CancelReason,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    Side,
    TradeExecuted,
)
from trading_ecosystem.simulators.exchange.margin_history import MarginHistory, position_change_table
from trading_ecosystem.simulators.exchange.movement_history import MovementHistory, movement_table

TABLES = MetaData()
TRADE = Table(
    "trade",
    TABLES,
    Column("trade_id", Whole, primary_key=True, autoincrement=False),
    Column("venue", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("price_ticks", Whole, nullable=False),
    Column("quantity_lots", Whole, nullable=False),
    Column("taker_side", Coded(Side), nullable=False),
    Column("buyer_account", Text, nullable=False),
    Column("seller_account", Text, nullable=False),
    Column("buyer_order_id", Whole, nullable=False),
    Column("seller_order_id", Whole, nullable=False),
    Column("buyer_fee_minor", Whole, nullable=False),
    Column("seller_fee_minor", Whole, nullable=False),
    Column("occurred_ns", Whole, nullable=False),
    Index("trade_of_symbol", "symbol", "trade_id"),
)
ORDER = Table(
    "placed_order",
    TABLES,
    Column("order_id", Whole, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("client_order_id", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Coded(Side), nullable=False),
    Column("price_ticks", Whole, nullable=False),
    Column("quantity_lots", Whole, nullable=False),
    Column("leaves_quantity_lots", Whole, nullable=False),
    Column("accepted_ns", Whole, nullable=False),
    Column("canceled_ns", Whole),
    Column("cancel_reason", Coded(CancelReason)),
    Column("amended_sequence", Whole, nullable=False, server_default="0"),
    Index("placed_order_of_account", "account", "order_id"),
    info=UPDATED,
)
POSITION_CHANGE = position_change_table(TABLES)
MOVEMENT = movement_table(TABLES)
PHASE = Table(
    "market_phase",
    TABLES,
    Column("number", Whole, primary_key=True),
    Column("venue", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("market_phase", Coded(MarketPhase), nullable=False),
    Column("phase_reason", Coded(PhaseReason), nullable=False),
    Column("until_ns", Whole, nullable=False),
    Column("occurred_ns", Whole, nullable=False),
    UniqueConstraint("venue", "symbol", "occurred_ns", "market_phase", name="market_phase_once"),
)


@final
@dataclass(frozen=True, kw_only=True)
class PhaseChange:
    """A market was in another phase from then on. `number` counts them in the order in which they were kept."""

    number: int
    venue: str
    symbol: str
    market_phase: MarketPhase
    phase_reason: PhaseReason
    until_ns: int
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class PlacedOrder:
    """An order that the venue accepted, and what became of it. Open while it is not canceled and leaves something."""

    order_id: int
    account: str
    client_order_id: str
    symbol: str
    side: Side
    price_ticks: int
    quantity_lots: int
    leaves_quantity_lots: int
    accepted_ns: int
    canceled_ns: int | None
    cancel_reason: CancelReason | None


@final
class TradeHistory:
    """Trades and orders of one venue, and in `margin` what became of positions. An order that was rejected never became
    one, and is not here. `database`: for whoever reads it in another way."""

    def __init__(self, database: Database) -> None:
        self.database = self._database = database
        self.margin = MarginHistory(database, POSITION_CHANGE)
        self._movements = MovementHistory(database, MOVEMENT)
        self._fill = (
            update(ORDER)
            .where(
                ORDER.c.order_id == bindparam("order"),
                ORDER.c.leaves_quantity_lots > bindparam("leaves"),
                ORDER.c.amended_sequence < bindparam("told"),
            )
            .values(leaves_quantity_lots=bindparam("leaves"))
        )
        self._amend = (
            update(ORDER)
            .where(ORDER.c.order_id == bindparam("order"), ORDER.c.amended_sequence < bindparam("told"))
            .values(
                price_ticks=bindparam("price"),
                quantity_lots=bindparam("quantity"),
                leaves_quantity_lots=bindparam("leaves"),
                amended_sequence=bindparam("told"),
            )
        )
        self._cancel = (
            update(ORDER)
            .where(ORDER.c.order_id == bindparam("order"))
            .values(canceled_ns=bindparam("at_ns"), cancel_reason=bindparam("why"))
        )

    def record(self, messages: Sequence[Message]) -> None:
        self.margin.record(messages)
        self._movements.record(messages)
        for part in parts_of(messages):
            if isinstance(part, OrderAmended):
                self._record_amendment(part)
            else:
                self._record(part)

    def _record_amendment(self, amended: OrderAmended) -> None:
        row = {
            "order": amended.order_id,
            "told": amended.account_sequence,
            "price": amended.price_ticks,
            "quantity": amended.quantity_lots,
            "leaves": amended.leaves_quantity_lots,
        }
        with self._database.writing() as connection:
            write_all(connection, self._amend, [row])

    def _record(self, messages: Sequence[Message]) -> None:
        trades, accepted = of_type(messages, TradeExecuted), of_type(messages, OrderAccepted)
        placed = {each.order_id: new_order(each) for each in accepted}
        fills = [each for each in of_type(messages, OrderFilled) if not fill(placed, each)]
        cancels = [each for each in of_type(messages, OrderCanceled) if not cancel(placed, each)]
        phases = of_type(messages, MarketPhaseChanged)
        if not (trades or placed or fills or cancels or phases):
            return
        dialect = self._database.dialect
        with self._database.writing() as connection:
            insert_all(connection, dialect, TRADE, map(row_of, trades))
            insert_all(connection, dialect, PHASE, map(row_of, phases))
            write_all(connection, place(dialect), placed.values())
            write_all(
                connection,
                self._fill,
                [
                    {"order": each.order_id, "leaves": each.leaves_quantity_lots, "told": each.account_sequence}
                    for each in fills
                ],
            )
            write_all(
                connection,
                self._cancel,
                [{"order": each.order_id, "at_ns": each.occurred_ns, "why": each.reason} for each in cancels],
            )

    def trades(self, *, symbol: str = "", account: str = "", after: int = 0, limit: int = 1000) -> list[TradeExecuted]:
        """In the order of trade ids. `account` is a party of them; empty: all symbols, all accounts."""
        statement = select(TRADE).where(TRADE.c.trade_id > after)
        if account:
            statement = statement.where(or_(TRADE.c.buyer_account == account, TRADE.c.seller_account == account))
        if symbol:
            statement = statement.where(TRADE.c.symbol == symbol)
        with self._database.reading() as connection:
            rows = connection.execute(statement.order_by(TRADE.c.trade_id).limit(limit)).mappings().all()
        return [TradeExecuted(**row) for row in rows]

    def phases(self, *, after: int = 0, limit: int = 1000) -> list[PhaseChange]:
        """In the order in which they happened."""
        statement = select(PHASE).where(PHASE.c.number > after).order_by(PHASE.c.number).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(statement).mappings().all()
        return [PhaseChange(**row) for row in rows]

    def orders(self, *, account: str = "", symbol: str = "", after: int = 0, limit: int = 1000) -> list[PlacedOrder]:
        """In the order of order ids; empty: all accounts, all symbols."""
        statement = select(ORDER).where(ORDER.c.order_id > after)
        if account:
            statement = statement.where(ORDER.c.account == account)
        if symbol:
            statement = statement.where(ORDER.c.symbol == symbol)
        return self._orders(statement.order_by(ORDER.c.order_id).limit(limit))

    def order(self, account: str, client_order_id: str) -> PlacedOrder | None:
        found = self._orders(
            select(ORDER).where(ORDER.c.account == account, ORDER.c.client_order_id == client_order_id)
        )
        return found[0] if found else None

    def _orders(self, statement: Select[tuple[object, ...]]) -> list[PlacedOrder]:
        with self._database.reading() as connection:
            rows = connection.execute(statement).mappings().all()
        return [PlacedOrder(**{name: value for name, value in row.items() if name in KNOWN}) for row in rows]


KNOWN = frozenset(PlacedOrder.__dataclass_fields__)


def parts_of(messages: Sequence[Message]) -> Iterator[Sequence[Message] | OrderAmended]:
    """Amendments, and what lies between them, in order."""
    begun = 0
    for place, message in enumerate(messages):
        if isinstance(message, OrderAmended):
            yield messages[begun:place]
            yield message
            begun = place + 1
    yield messages[begun:]


def place(dialect: str) -> Insert:
    """An order with what became of it at once. One that is there already learns what it does not know."""
    inserted = insert_into(dialect, ORDER)
    told = inserted.excluded
    known = {
        "leaves_quantity_lots": case(
            (ORDER.c.amended_sequence > 0, ORDER.c.leaves_quantity_lots),
            (told.leaves_quantity_lots < ORDER.c.leaves_quantity_lots, told.leaves_quantity_lots),
            else_=ORDER.c.leaves_quantity_lots,
        ),
        "canceled_ns": func.coalesce(told.canceled_ns, ORDER.c.canceled_ns),
        "cancel_reason": func.coalesce(told.cancel_reason, ORDER.c.cancel_reason),
    }
    return inserted.on_conflict_do_update(index_elements=[ORDER.c.order_id], set_=known)


def new_order(accepted: OrderAccepted) -> dict[str, Any]:
    return {
        "order_id": accepted.order_id,
        "account": accepted.account,
        "client_order_id": accepted.client_order_id,
        "symbol": accepted.symbol,
        "side": accepted.side,
        "price_ticks": accepted.price_ticks,
        "quantity_lots": accepted.quantity_lots,
        "leaves_quantity_lots": accepted.quantity_lots,
        "accepted_ns": accepted.occurred_ns,
        "canceled_ns": None,
        "cancel_reason": None,
        "amended_sequence": 0,
    }


def fill(placed: Mapping[int, dict[str, Any]], filled: OrderFilled) -> bool:
    """Whether it is one of these orders, which know of it now."""
    row = placed.get(filled.order_id)
    if row is None:
        return False
    row["leaves_quantity_lots"] = min(row["leaves_quantity_lots"], filled.leaves_quantity_lots)
    return True


def cancel(placed: Mapping[int, dict[str, Any]], canceled: OrderCanceled) -> bool:
    """Whether it is one of these orders, which know of it now."""
    row = placed.get(canceled.order_id)
    if row is None:
        return False
    row["canceled_ns"], row["cancel_reason"] = canceled.occurred_ns, canceled.reason
    return True


DESIGN = Design(
    schema="exchange",
    prefix="exchange",
    tables=TABLES,
    steps=Path(__file__).parent / "migrations",
    history=TradeHistory,
)
