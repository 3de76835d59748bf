"""An order at a venue, from its acceptance to its end, and the price level at which it rests.

Rule 1: the quantity of an order is filled + canceled + leaves, always.
Rule 2: its status changes by the table below and by nothing else; what is filled or canceled stays so.
"""

from enum import IntEnum
from typing import Final, final

from mypy_extensions import mypyc_attr

from trading_ecosystem.messages.orders import SelfTradeMode, Side
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
    AMEND = 3


TRANSITIONS: Final[dict[tuple[OrderStatus, OrderStep], OrderStatus]] = {
    (OrderStatus.OPEN, OrderStep.FILL_PART): OrderStatus.PARTIALLY_FILLED,
    (OrderStatus.OPEN, OrderStep.FILL_REST): OrderStatus.FILLED,
    (OrderStatus.OPEN, OrderStep.CANCEL): OrderStatus.CANCELED,
    (OrderStatus.OPEN, OrderStep.AMEND): OrderStatus.OPEN,
    (OrderStatus.PARTIALLY_FILLED, OrderStep.FILL_PART): OrderStatus.PARTIALLY_FILLED,
    (OrderStatus.PARTIALLY_FILLED, OrderStep.FILL_REST): OrderStatus.FILLED,
    (OrderStatus.PARTIALLY_FILLED, OrderStep.CANCEL): OrderStatus.CANCELED,
    (OrderStatus.PARTIALLY_FILLED, OrderStep.AMEND): OrderStatus.PARTIALLY_FILLED,
}
# The same table by number, since a step happens to every order: what follows a status upon a step, or `NEVER`.
STEPS: Final = len(OrderStep)
NEVER: Final = -1
FOLLOWING: Final[list[int]] = [
    int(TRANSITIONS.get((status, step), NEVER)) for status in OrderStatus for step in OrderStep
]
OPEN: Final = int(OrderStatus.OPEN)
BUY: Final = Side.BUY
SELL: Final = Side.SELL
FILL_PART: Final = int(OrderStep.FILL_PART)
FILL_REST: Final = int(OrderStep.FILL_REST)
CANCEL: Final = int(OrderStep.CANCEL)
AMEND: Final = int(OrderStep.AMEND)
UNSPECIFIED: Final = SelfTradeMode.UNSPECIFIED
NO_ORDER: Final = 0  # The `order_id` of none.
NO_PARTNER: Final = ""


@final
@mypyc_attr(free_list_len=1)
class Order:
    """It locks `lock_minor_per_lot` of `pays` for every lot that it leaves; a market order 0. `price_ticks` 0: any.

    `hidden_lots` are those of the leaves that an iceberg does not show. `expires_ns` 0: never. `partner`: the
    `client_order_id` of the one that ends when this one is filled or canceled.
    """

    __slots__ = (
        "account",
        "canceled_lots",
        "client_order_id",
        "display_lots",
        "expires_ns",
        "filled_lots",
        "following",
        "hidden_lots",
        "is_buy",
        "leaves_lots",
        "level",
        "lock_minor_per_lot",
        "order_id",
        "partner",
        "pays",
        "post_only",
        "preceding",
        "price_ticks",
        "quantity_lots",
        "receives",
        "reduce_only",
        "self_trade",
        "side",
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
        self.side = BUY if is_buy else SELL
        self.price_ticks = price_ticks
        self.quantity_lots = quantity_lots
        self.leaves_lots = quantity_lots
        self.filled_lots = 0
        self.canceled_lots = 0
        self.status: int = OPEN  # An `OrderStatus`.
        self.lock_minor_per_lot = lock_minor_per_lot
        self.pays = pays
        self.receives = receives
        self.preceding: Order | None = None
        self.following: Order | None = None
        self.level: Level | None = None  # While it rests.
        self.self_trade = UNSPECIFIED
        self.post_only = False
        self.reduce_only = False
        self.display_lots = 0
        self.hidden_lots = 0
        self.expires_ns = 0
        self.partner = NO_PARTNER

    def fill(self, lots: int) -> None:
        self.leaves_lots -= lots
        self.filled_lots += lots
        self._step(FILL_PART if self.leaves_lots > 0 else FILL_REST)

    def cancel(self) -> None:
        self.canceled_lots += self.leaves_lots
        self.leaves_lots = 0
        self.hidden_lots = 0
        self._step(CANCEL)

    def resize(self, quantity_lots: int) -> None:
        """Change the whole quantity to one above what is filled. What becomes less is hidden before it is shown."""
        change_lots = quantity_lots - self.quantity_lots
        self.quantity_lots = quantity_lots
        self.leaves_lots += change_lots
        self.hidden_lots = max(0, self.hidden_lots + min(0, change_lots))
        self._step(AMEND)
        assert self.leaves_lots > 0

    def hide(self) -> None:
        """Show no more than one part."""
        self.hidden_lots = max(0, self.leaves_lots - self.display_lots) if self.display_lots else 0

    def show_next(self) -> None:
        """Show the next part, after the one before is gone."""
        self.hidden_lots -= min(self.display_lots, self.hidden_lots)

    def _step(self, step: int) -> None:
        status = FOLLOWING[self.status * STEPS + step]
        assert status != NEVER, (self.order_id, self.status, step)
        assert self.leaves_lots >= 0
        assert self.quantity_lots == self.filled_lots + self.canceled_lots + self.leaves_lots
        self.status = status


@final
class Level:
    """The orders at one price, a doubly linked list in the order of their arrival. `lots` are those that are shown."""

    __slots__ = ("head", "key", "lots", "tail")

    def __init__(self, key: int) -> None:
        self.key = key
        self.lots = 0
        self.head: Order | None = None
        self.tail: Order | None = None

    def append(self, order: Order) -> None:
        order.level = self
        tail = self.tail
        if tail is None:
            self.head = order
        else:
            tail.following = order
            order.preceding = tail
        self.tail = order
        self.lots += order.leaves_lots - order.hidden_lots

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
        order.level = None
