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
class Submission:
    """`submitted` is the command that brought the id; `order_id` is `NO_ORDER` for a rejected order."""

    __slots__ = ("order_id", "submitted")

    def __init__(self, submitted: Message, order_id: int) -> None:
        self.submitted = submitted
        self.order_id = order_id


@final
class Submissions:
    """The submissions of one account. `_ids` from `_first` on are those known, oldest first."""

    __slots__ = ("_by_id", "_first", "_ids", "_maximum")

    def __init__(self, maximum: int = REMEMBERED_ORDERS) -> None:
        self._by_id: dict[str, Submission] = {}
        self._ids: list[str] = []
        self._first = 0
        self._maximum = maximum

    def find(self, client_order_id: str) -> Submission | None:
        return self._by_id.get(client_order_id)

    def remember(
        self,
        client_order_id: str,
        submitted: Message,
        order_id: int,
        still_open: Container[int],
        waiting: Container[int],
    ) -> None:
        """`still_open` and `waiting` have the ids of the account's orders that are not to be forgotten."""
        assert client_order_id not in self._by_id
        self._by_id[client_order_id] = Submission(submitted, order_id)
        self._ids.append(client_order_id)
        if len(self._by_id) > self._maximum:
            # Two looks for one arrival: open orders that are skipped cannot make the memory grow for ever.
            self._forget_oldest(still_open, waiting)
            if len(self._by_id) > self._maximum:
                self._forget_oldest(still_open, waiting)

    def _forget_oldest(self, still_open: Container[int], waiting: Container[int]) -> None:
        oldest = self._ids[self._first]
        self._first += 1
        order_id = self._by_id[oldest].order_id
        if order_id in still_open or order_id in waiting:
            self._ids.append(oldest)
        else:
            del self._by_id[oldest]
        if self._first >= COMPACTED and self._first * 2 >= len(self._ids):
            del self._ids[: self._first]
            self._first = 0

    def save(self) -> Plain:
        return [
            [client_order_id, *plain_of(self._by_id[client_order_id])] for client_order_id in self._ids[self._first :]
        ]

    def restore(self, account: str, state: Plain) -> None:
        assert isinstance(state, list)
        self._ids = [values[0] for values in state]
        self._first = 0
        self._by_id = {values[0]: submission_of(account, values[1:]) for values in state}


def plain_of(submission: Submission) -> list[object]:
    """An order like most is written by hand, since there are thousands; all else by its type and fields."""
    order = submission.submitted
    if not isinstance(order, SubmitOrder):
        return [submission.order_id, type(order).__name__, codec.to_plain(order)]
    return [
        submission.order_id,
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


def submission_of(account: str, values: list[Plain]) -> Submission:
    if len(values) == 3:
        order_id, type_name, fields = values
        assert isinstance(order_id, int) and isinstance(type_name, str) and isinstance(fields, list)
        return Submission(codec.from_plain(type_name, fields), order_id)
    order_id = cast(int, values[0])
    side, order_type, time_in_force = cast(list[int], values[4:7])
    price_ticks, quantity_lots, post_only, display_lots, expires_ns, quote_minor, self_trade, reduce_only = cast(
        list[int], values[7:]
    )
    submitted = SubmitOrder(
        cast(str, values[1]),
        account,
        cast(str, values[2]),
        cast(str, values[3]),
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
    return Submission(submitted, order_id)
