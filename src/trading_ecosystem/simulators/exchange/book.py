"""The order book of one instrument: best price first, and at one price first come, first served.

Rule 1: a price level holds its orders in the order of their arrival, and a level without orders is gone.
Rule 2: after an event the book is not crossed: the best bid is below the best ask.
Rule 3: the quantity of an order is filled + canceled + leaves, always.
"""

from bisect import bisect_left, insort
from enum import IntEnum
from typing import Final, final

from trading_ecosystem.messages.orders import Side
from trading_ecosystem.simulators.exchange.accounts import Account, Funds


class OrderStatus(IntEnum):
    OPEN = 0
    PARTIALLY_FILLED = 1
    FILLED = 2
    CANCELED = 3


class OrderStep(IntEnum):
    """What can happen to an order after it was accepted."""

    FILL_PART = 0
    FILL_REST = 1
    CANCEL = 2


TRANSITIONS: Final[dict[tuple[OrderStatus, OrderStep], OrderStatus]] = {
    (OrderStatus.OPEN, OrderStep.FILL_PART): OrderStatus.PARTIALLY_FILLED,
    (OrderStatus.OPEN, OrderStep.FILL_REST): OrderStatus.FILLED,
    (OrderStatus.OPEN, OrderStep.CANCEL): OrderStatus.CANCELED,
    (OrderStatus.PARTIALLY_FILLED, OrderStep.FILL_PART): OrderStatus.PARTIALLY_FILLED,
    (OrderStatus.PARTIALLY_FILLED, OrderStep.FILL_REST): OrderStatus.FILLED,
    (OrderStatus.PARTIALLY_FILLED, OrderStep.CANCEL): OrderStatus.CANCELED,
}


@final
class Order:
    """An accepted order. It locks `lock_minor_per_lot` of `pays` for every lot that it leaves; a market order 0."""

    __slots__ = (
        "account",
        "canceled_lots",
        "client_order_id",
        "filled_lots",
        "following",
        "is_buy",
        "leaves_lots",
        "lock_minor_per_lot",
        "order_id",
        "pays",
        "preceding",
        "price_ticks",
        "quantity_lots",
        "receives",
        "status",
        "symbol",
    )

    def __init__(
        self,
        order_id: int,
        account: Account,
        client_order_id: str,
        symbol: str,
        is_buy: bool,
        price_ticks: int,
        quantity_lots: int,
        lock_minor_per_lot: int,
        pays: Funds,
        receives: Funds,
    ) -> None:
        self.order_id = order_id
        self.account = account
        self.client_order_id = client_order_id
        self.symbol = symbol
        self.is_buy = is_buy
        self.price_ticks = price_ticks
        self.quantity_lots = quantity_lots
        self.leaves_lots = quantity_lots
        self.filled_lots = 0
        self.canceled_lots = 0
        self.status = OrderStatus.OPEN
        self.lock_minor_per_lot = lock_minor_per_lot
        self.pays = pays
        self.receives = receives
        self.preceding: Order | None = None
        self.following: Order | None = None

    @property
    def side(self) -> Side:
        return Side.BUY if self.is_buy else Side.SELL

    def fill(self, lots: int) -> None:
        self.leaves_lots -= lots
        self.filled_lots += lots
        self._step(OrderStep.FILL_PART if self.leaves_lots > 0 else OrderStep.FILL_REST)

    def cancel(self) -> None:
        self.canceled_lots += self.leaves_lots
        self.leaves_lots = 0
        self._step(OrderStep.CANCEL)

    def _step(self, step: OrderStep) -> None:
        status = TRANSITIONS.get((self.status, step))
        assert status is not None, (self.order_id, self.status, step)
        assert self.leaves_lots >= 0
        assert self.quantity_lots == self.filled_lots + self.canceled_lots + self.leaves_lots
        self.status = status


@final
class Level:
    """The orders at one price, a doubly linked list in the order of their arrival."""

    __slots__ = ("head", "key", "lots", "tail")

    def __init__(self, key: int) -> None:
        self.key = key
        self.lots = 0
        self.head: Order | None = None
        self.tail: Order | None = None

    def append(self, order: Order) -> None:
        tail = self.tail
        if tail is None:
            self.head = order
        else:
            tail.following = order
            order.preceding = tail
        self.tail = order
        self.lots += order.leaves_lots

    def unlink(self, order: Order) -> None:
        preceding, following = order.preceding, order.following
        if preceding is None:
            self.head = following
        else:
            preceding.following = following
        if following is None:
            self.tail = preceding
        else:
            following.preceding = preceding
        order.preceding = order.following = None


@final
class BookSide:
    """Levels by key: the price for bids, its negative for asks, so that the best is the last of the sorted `keys`."""

    __slots__ = ("keys", "levels", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def best(self) -> Level | None:
        return self.levels[self.keys[-1]] if self.keys else None

    def add(self, order: Order) -> None:
        key = order.price_ticks * self.sign
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = Level(key)
            if not self.keys or key > self.keys[-1]:
                self.keys.append(key)
            else:
                insort(self.keys, key)
        level.append(order)

    def reduce(self, order: Order, lots: int) -> None:
        """Take `lots` off a resting order: all that it had left, or a part. An order with none left leaves the book."""
        key = order.price_ticks * self.sign
        level = self.levels[key]
        level.lots -= lots
        if order.leaves_lots > 0:
            return
        level.unlink(order)
        if level.head is None:
            assert level.lots == 0
            self._drop(key)

    def _drop(self, key: int) -> None:
        del self.levels[key]
        if self.keys[-1] == key:
            self.keys.pop()
        else:
            del self.keys[bisect_left(self.keys, key)]

    def orders(self) -> list[Order]:
        """All orders by priority."""
        found: list[Order] = []
        for key in reversed(self.keys):
            order = self.levels[key].head
            while order is not None:
                found.append(order)
                order = order.following
        return found


@final
class Book:
    """Both sides, and the top as it was last published: `top` is bid ticks and lots, ask ticks and lots."""

    __slots__ = ("asks", "bids", "symbol", "top", "top_sequence")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.bids = BookSide(1)
        self.asks = BookSide(-1)
        self.top = (0, 0, 0, 0)
        self.top_sequence = 0

    def side(self, is_buy: bool) -> BookSide:
        return self.bids if is_buy else self.asks

    def would_take(self, is_buy: bool, price_ticks: int) -> bool:
        against = self.side(not is_buy)
        return bool(against.keys) and against.keys[-1] >= price_ticks * against.sign

    def take_top(self) -> bool:
        """Bring `top` up to date; True when it changed. Asserts that the book is not crossed."""
        bid, ask = self.bids.best(), self.asks.best()
        assert bid is None or ask is None or bid.key < -ask.key, (self.symbol, bid.key, -ask.key)
        top = (
            bid.key if bid is not None else 0,
            bid.lots if bid is not None else 0,
            -ask.key if ask is not None else 0,
            ask.lots if ask is not None else 0,
        )
        if top == self.top:
            return False
        self.top = top
        self.top_sequence += 1
        return True
