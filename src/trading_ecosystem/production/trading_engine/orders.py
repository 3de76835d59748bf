"""The life of an order as the desk sees it, and the orders that may still trade.

Rule 1: an order's status changes by the table below and in `Orders.step` only.
Rule 2: a closed order never opens again; what the venue still has of it is a stray, and is canceled.
Rule 3: a client order id is used once, in this life of the desk or any other.
"""

from enum import StrEnum
from typing import Final, final

from trading_ecosystem.messages.orders import Side, TimeInForce
from trading_ecosystem.messages.runtime import Plain, Remember

NUMBER_KEY: Final = "next_order_number"
BLOCK: Final = 1_000  # Numbers set aside by one durable write.
STRAY: Final = -1  # The owner of an order that no strategy of this desk knows.


class OrderStatus(StrEnum):
    PENDING_NEW = "pending_new"
    OPEN = "open"
    PENDING_CANCEL = "pending_cancel"
    UNKNOWN = "unknown"  # The venue was lost; a report of the account will tell.
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    DENIED = "denied"


class OrderEvent(StrEnum):
    DENIED = "denied"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PARTLY_FILLED = "partly_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    CANCEL_SENT = "cancel_sent"
    CANCEL_REJECTED = "cancel_rejected"
    VENUE_LOST = "venue_lost"
    REPORTED_OPEN = "reported_open"
    REPORTED_ABSENT = "reported_absent"  # Filled or canceled unheard, or never arrived: the balances tell.


S, E = OrderStatus, OrderEvent
CLOSED: Final = (S.FILLED, S.CANCELED, S.REJECTED, S.DENIED)

CHANGES: Final = {
    (S.PENDING_NEW, E.DENIED): S.DENIED,
    (S.PENDING_NEW, E.ACCEPTED): S.OPEN,
    (S.PENDING_NEW, E.REJECTED): S.REJECTED,
    (S.PENDING_NEW, E.PARTLY_FILLED): S.OPEN,
    (S.PENDING_NEW, E.FILLED): S.FILLED,
    (S.PENDING_NEW, E.CANCELED): S.CANCELED,
    (S.PENDING_NEW, E.CANCEL_SENT): S.PENDING_CANCEL,
    (S.PENDING_NEW, E.VENUE_LOST): S.UNKNOWN,
    (S.PENDING_NEW, E.REPORTED_OPEN): S.OPEN,
    (S.PENDING_NEW, E.REPORTED_ABSENT): S.CANCELED,
    (S.OPEN, E.FILLED): S.FILLED,
    (S.OPEN, E.CANCELED): S.CANCELED,
    (S.OPEN, E.CANCEL_SENT): S.PENDING_CANCEL,
    (S.OPEN, E.VENUE_LOST): S.UNKNOWN,
    (S.OPEN, E.REPORTED_ABSENT): S.CANCELED,
    (S.PENDING_CANCEL, E.REJECTED): S.REJECTED,
    (S.PENDING_CANCEL, E.FILLED): S.FILLED,
    (S.PENDING_CANCEL, E.CANCELED): S.CANCELED,
    (S.PENDING_CANCEL, E.CANCEL_REJECTED): S.CANCELED,
    (S.PENDING_CANCEL, E.VENUE_LOST): S.UNKNOWN,
    (S.PENDING_CANCEL, E.REPORTED_OPEN): S.OPEN,
    (S.PENDING_CANCEL, E.REPORTED_ABSENT): S.CANCELED,
    (S.UNKNOWN, E.ACCEPTED): S.OPEN,
    (S.UNKNOWN, E.REJECTED): S.REJECTED,
    (S.UNKNOWN, E.PARTLY_FILLED): S.OPEN,
    (S.UNKNOWN, E.FILLED): S.FILLED,
    (S.UNKNOWN, E.CANCELED): S.CANCELED,
    (S.UNKNOWN, E.CANCEL_SENT): S.PENDING_CANCEL,
    (S.UNKNOWN, E.CANCEL_REJECTED): S.CANCELED,
    (S.UNKNOWN, E.REPORTED_OPEN): S.OPEN,
    (S.UNKNOWN, E.REPORTED_ABSENT): S.CANCELED,
}
# Total: a late or repeated event leaves an order as it is.
NEXT: Final = {(status, event): CHANGES.get((status, event), status) for status in S for event in E}


@final
class Order:
    """One limit order of the desk. `asked_ns` is when the venue was last asked something about it."""

    __slots__ = (
        "asked_ns",
        "client_order_id",
        "leaves_lots",
        "owner",
        "post_only",
        "price_ticks",
        "quantity_lots",
        "side",
        "status",
        "symbol",
        "time_in_force",
        "wanted",
    )

    def __init__(
        self,
        symbol: str,
        side: Side,
        price_ticks: int,
        quantity_lots: int,
        time_in_force: TimeInForce,
        post_only: bool = False,
    ) -> None:
        assert price_ticks > 0 and quantity_lots > 0
        self.symbol = symbol
        self.side = side
        self.price_ticks = price_ticks
        self.quantity_lots = quantity_lots
        self.time_in_force = time_in_force
        self.post_only = post_only
        self.leaves_lots = quantity_lots
        self.status = OrderStatus.PENDING_NEW
        self.client_order_id = ""
        self.owner = STRAY
        self.wanted = True
        self.asked_ns = 0

    @property
    def closed(self) -> bool:
        return self.status in CLOSED

    @property
    def unanswered(self) -> bool:
        """The venue owes word of it. An order that never rests is answered by its end, not by its acceptance."""
        if self.status is OrderStatus.OPEN:
            return self.time_in_force is TimeInForce.IOC
        return self.status is OrderStatus.PENDING_NEW or self.status is OrderStatus.PENDING_CANCEL


@final
class Orders:
    """The orders of an account that may still trade, by client order id, and the count of all ever made."""

    __slots__ = ("_account", "_next_number", "_reserved", "working")

    def __init__(self, account: str) -> None:
        self._account = account
        self._next_number = 1
        self._reserved = 1
        self.working: dict[str, Order] = {}

    def resume(self, remembered: Plain) -> None:
        """Go on counting above every number that an earlier life may have used."""
        assert isinstance(remembered, int)
        self._next_number = self._reserved = remembered

    def name(self, order: Order) -> Remember | None:
        """Give an order its id. What is returned must leave before the order does."""
        order.client_order_id = f"{self._account}-{self._next_number}"
        self._next_number += 1
        if self._next_number <= self._reserved:
            return None
        self._reserved += BLOCK
        return Remember(key=NUMBER_KEY, value=self._reserved)

    def add(self, order: Order) -> None:
        assert order.client_order_id not in self.working
        self.working[order.client_order_id] = order

    def step(self, order: Order, event: OrderEvent) -> None:
        order.status = NEXT[order.status, event]
        if order.closed:
            self.working.pop(order.client_order_id, None)

    def first_unanswered_ns(self, otherwise_ns: int) -> int:
        """When the longest unanswered order was asked about."""
        first_ns = otherwise_ns
        for order in self.working.values():
            if order.unanswered and order.asked_ns < first_ns:
                first_ns = order.asked_ns
        return first_ns
