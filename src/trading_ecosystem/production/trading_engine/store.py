"""What a desk tells about its past: every order it sent, what became of it, and every order it held back itself.

Rule 1: an order is told by its client id; an answer of the venue is kept whether or not the order was sent before it.
Rule 2: the open quantity only falls, so fills may be told again and in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from sqlalchemy import Boolean, Column, MetaData, Table, Text, UniqueConstraint, bindparam, select, update

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.history import insert_all, of_type, write_all
from trading_ecosystem.live.store.opening import Design
from trading_ecosystem.live.store.tables import UPDATED, Coded, Whole
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    CancelReason,
    DenyReason,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderRejected,
    OrderType,
    RejectReason,
    Side,
    SubmitOrder,
    TimeInForce,
)

TABLES = MetaData()
ORDER = Table(
    "sent_order",
    TABLES,
    Column("number", Whole, primary_key=True),
    Column("venue", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("client_order_id", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Coded(Side), nullable=False),
    Column("order_type", Coded(OrderType), nullable=False),
    Column("time_in_force", Coded(TimeInForce), nullable=False),
    Column("price_ticks", Whole, nullable=False),
    Column("quantity_lots", Whole, nullable=False),
    Column("post_only", Boolean, nullable=False),
    Column("leaves_quantity_lots", Whole, nullable=False),
    Column("order_id", Whole),
    Column("accepted_ns", Whole),
    Column("ended_ns", Whole),
    Column("cancel_reason", Coded(CancelReason)),
    Column("reject_reason", Coded(RejectReason)),
    UniqueConstraint("account", "client_order_id", name="sent_order_once"),
    info=UPDATED,
)
DENIAL = Table(
    "denial",
    TABLES,
    Column("number", Whole, primary_key=True),
    Column("account", Text, nullable=False),
    Column("client_order_id", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("deny_reason", Coded(DenyReason), nullable=False),
    Column("occurred_ns", Whole, nullable=False),
    UniqueConstraint("account", "client_order_id", name="denial_once"),
)

Answer = OrderAccepted | OrderFilled | OrderCanceled | OrderRejected
THIS_ORDER = (ORDER.c.account == bindparam("of_account"), ORDER.c.client_order_id == bindparam("of_client"))
ACCEPT = update(ORDER).where(*THIS_ORDER).values(order_id=bindparam("id"), accepted_ns=bindparam("at_ns"))
FILL = (
    update(ORDER)
    .where(*THIS_ORDER, ORDER.c.leaves_quantity_lots > bindparam("leaves"))
    .values(leaves_quantity_lots=bindparam("leaves"))
)
CANCEL = update(ORDER).where(*THIS_ORDER).values(ended_ns=bindparam("at_ns"), cancel_reason=bindparam("why"))
REJECT = update(ORDER).where(*THIS_ORDER).values(ended_ns=bindparam("at_ns"), reject_reason=bindparam("why"))


@final
@dataclass(frozen=True, kw_only=True)
class SentOrder:
    """`order_id` and `accepted_ns` are None until the venue accepts; `ended_ns` is when it canceled or rejected."""

    number: int
    venue: str
    account: str
    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price_ticks: int
    quantity_lots: int
    post_only: bool
    leaves_quantity_lots: int
    order_id: int | None
    accepted_ns: int | None
    ended_ns: int | None
    cancel_reason: CancelReason | None
    reject_reason: RejectReason | None


@final
@dataclass(frozen=True, kw_only=True)
class Denial:
    """An order that the desk's own check held back."""

    number: int
    account: str
    client_order_id: str
    symbol: str
    deny_reason: DenyReason
    occurred_ns: int


@final
class OrderHistory:
    """`record` wants what the desk said (orders, denials) and what the venue answered it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, messages: Sequence[Message]) -> None:
        sent, denied = of_type(messages, SubmitOrder), of_type(messages, OrderDenied)
        accepted, filled = of_type(messages, OrderAccepted), of_type(messages, OrderFilled)
        canceled, rejected = of_type(messages, OrderCanceled), of_type(messages, OrderRejected)
        if not (sent or denied or accepted or filled or canceled or rejected):
            return
        dialect = self._database.dialect
        with self._database.writing() as connection:
            insert_all(connection, dialect, ORDER, map(new_order, sent))
            insert_all(connection, dialect, DENIAL, map(new_denial, denied))
            write_all(
                connection, ACCEPT, [{**of(each), "id": each.order_id, "at_ns": each.occurred_ns} for each in accepted]
            )
            write_all(connection, FILL, [{**of(each), "leaves": each.leaves_quantity_lots} for each in filled])
            write_all(
                connection, CANCEL, [{**of(each), "at_ns": each.occurred_ns, "why": each.reason} for each in canceled]
            )
            write_all(
                connection,
                REJECT,
                [{**of(each), "at_ns": each.occurred_ns, "why": each.reject_reason} for each in rejected],
            )

    def orders(self, *, symbol: str = "", after: int = 0, limit: int = 1000) -> list[SentOrder]:
        """In the order in which they were sent; `after` is a number."""
        statement = select(ORDER).where(ORDER.c.number > after)
        if symbol:
            statement = statement.where(ORDER.c.symbol == symbol)
        with self._database.reading() as connection:
            rows = connection.execute(statement.order_by(ORDER.c.number).limit(limit)).mappings().all()
        return [SentOrder(**row) for row in rows]

    def denials(self, *, after: int = 0, limit: int = 1000) -> list[Denial]:
        """In the order in which they came; `after` is a number."""
        statement = select(DENIAL).where(DENIAL.c.number > after).order_by(DENIAL.c.number).limit(limit)
        with self._database.reading() as connection:
            return [Denial(**row) for row in connection.execute(statement).mappings().all()]


def new_order(sent: SubmitOrder) -> dict[str, object]:
    return {
        "venue": sent.to,
        "account": sent.account,
        "client_order_id": sent.client_order_id,
        "symbol": sent.symbol,
        "side": sent.side,
        "order_type": sent.order_type,
        "time_in_force": sent.time_in_force,
        "price_ticks": sent.price_ticks,
        "quantity_lots": sent.quantity_lots,
        "post_only": sent.post_only,
        "leaves_quantity_lots": sent.quantity_lots,
    }


def new_denial(denied: OrderDenied) -> dict[str, object]:
    return {
        "account": denied.account,
        "client_order_id": denied.client_order_id,
        "symbol": denied.symbol,
        "deny_reason": denied.deny_reason,
        "occurred_ns": denied.occurred_ns,
    }


def of(answer: Answer) -> dict[str, object]:
    return {"of_account": answer.account, "of_client": answer.client_order_id}


DESIGN = Design(
    schema="trading", prefix="trading", tables=TABLES, steps=Path(__file__).parent / "migrations", history=OrderHistory
)
