"""What an account has submitted: the memory that makes `client_order_id` idempotent.

Rule 1: an id keeps the first order that came with it, rejected or not, whatever became of it.
Rule 2: the last `REMEMBERED_ORDERS` ids are known, and beyond them every id whose order is still open.
"""

from collections.abc import Container
from typing import Final, cast, final

from trading_ecosystem.messages import codec
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import OrderType, SelfTradeMode, Side, SubmitOrder, TimeInForce
from trading_ecosystem.messages.runtime import Plain

REMEMBERED_ORDERS: Final = 10_000
COMPACTED: Final = 1_024


@final
class Submissions:
    """The commands with which one account brought an id. Those known are `_ids` and `_commands` from `_first` on, the
    oldest first, and the ids alone in `_known`.

    Nearly every id is new. A set tells so by one look at memory that is far away, a dict by several, since it has to go
    and see its keys. So the dict has only what came up to `_indexed`; the rest follows when an id comes again.
    """

    __slots__ = ("_by_id", "_commands", "_first", "_ids", "_indexed", "_known", "_maximum")

    def __init__(self, maximum: int = REMEMBERED_ORDERS) -> None:
        self._known: set[str] = set()
        self._ids: list[str] = []
        self._commands: list[Message] = []
        self._first = 0
        self._by_id: dict[str, Message] = {}
        self._indexed = 0
        self._maximum = maximum

    def find(self, client_order_id: str) -> Message | None:
        if client_order_id not in self._known:
            return None
        for place in range(max(self._first, self._indexed), len(self._ids)):
            self._by_id[self._ids[place]] = self._commands[place]
        self._indexed = len(self._ids)
        return self._by_id[client_order_id]

    def remember(self, client_order_id: str, submitted: Message) -> None:
        """An id that is new. Where there are then `too_many`, the oldest are to be forgotten before the next one."""
        count = len(self._known)
        self._known.add(client_order_id)
        assert len(self._known) > count, client_order_id
        self._ids.append(client_order_id)
        self._commands.append(submitted)

    def too_many(self) -> bool:
        return len(self._known) > self._maximum

    def forget(self, still_open: Container[str], waiting: Container[str]) -> None:
        """`still_open` and `waiting` have the ids of the account's orders that are not to be forgotten."""
        # Two looks for one arrival: open orders that are skipped cannot make the memory grow for ever.
        self._forget_oldest(still_open, waiting)
        if self.too_many():
            self._forget_oldest(still_open, waiting)

    def _forget_oldest(self, still_open: Container[str], waiting: Container[str]) -> None:
        oldest = self._ids[self._first]
        if oldest in still_open or oldest in waiting:
            self._ids.append(oldest)
            self._commands.append(self._commands[self._first])
        else:
            self._known.remove(oldest)
            self._by_id.pop(oldest, None)
        self._first += 1
        if self._first >= COMPACTED and self._first * 2 >= len(self._ids):
            del self._ids[: self._first]
            del self._commands[: self._first]
            self._indexed = max(0, self._indexed - self._first)
            self._first = 0

    def save(self) -> Plain:
        return [[self._ids[place], *plain_of(self._commands[place])] for place in range(self._first, len(self._ids))]

    def restore(self, account: str, state: Plain) -> None:
        assert isinstance(state, list)
        self._ids = [values[0] for values in state]
        self._commands = [submission_of(account, values[1:]) for values in state]
        self._known = set(self._ids)
        self._first = 0
        self._by_id = {}
        self._indexed = 0


def plain_of(order: Message) -> list[object]:
    """An order like most is written by hand, since there are thousands; all else by its type and fields."""
    if not isinstance(order, SubmitOrder):
        return [type(order).__name__, codec.to_plain(order)]
    return [
        order.to,
        order.client_order_id,
        order.symbol,
        int(order.side),
        int(order.order_type),
        int(order.time_in_force),
        order.price_ticks,
        order.quantity_lots,
        order.post_only,
        order.display_lots,
        order.expires_ns,
        order.quote_minor,
        int(order.self_trade),
        order.reduce_only,
    ]


def submission_of(account: str, values: list[Plain]) -> Message:
    if len(values) == 2:
        type_name, fields = values
        assert isinstance(type_name, str) and isinstance(fields, list)
        return codec.from_plain(type_name, fields)
    side, order_type, time_in_force = cast(list[int], values[3:6])
    price_ticks, quantity_lots, post_only, display_lots, expires_ns, quote_minor, self_trade, reduce_only = cast(
        list[int], values[6:]
    )
    return SubmitOrder(
        cast(str, values[0]),
        account,
        cast(str, values[1]),
        cast(str, values[2]),
        Side(side),
        OrderType(order_type),
        TimeInForce(time_in_force),
        price_ticks,
        quantity_lots,
        bool(post_only),
        display_lots,
        expires_ns,
        quote_minor,
        SelfTradeMode(self_trade),
        bool(reduce_only),
    )
