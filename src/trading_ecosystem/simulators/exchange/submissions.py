"""What an account has submitted: the memory that makes `client_order_id` idempotent.

Rule 1: an id keeps the first order that came with it, rejected or not, whatever became of it.
Rule 2: the last `REMEMBERED_ORDERS` ids are known, and beyond them every id whose order is still open.
"""

from collections import OrderedDict
from typing import Final, final

from trading_ecosystem.messages.orders import OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.simulators.exchange.book import Order

REMEMBERED_ORDERS: Final = 10_000
NO_ORDER: Final = 0  # The `order_id` of a rejected order.


@final
class Submission:
    __slots__ = ("order_id", "submitted")

    def __init__(self, submitted: SubmitOrder, order_id: int) -> None:
        self.submitted = submitted
        self.order_id = order_id


@final
class Submissions:
    """The submissions of one account, oldest first."""

    __slots__ = ("_by_id", "_maximum")

    def __init__(self, maximum: int = REMEMBERED_ORDERS) -> None:
        self._by_id: OrderedDict[str, Submission] = OrderedDict()  # Its oldest is at hand; a dict's must be looked for.
        self._maximum = maximum

    def find(self, client_order_id: str) -> Submission | None:
        return self._by_id.get(client_order_id)

    def remember(self, submitted: SubmitOrder, order_id: int, open_orders: dict[int, Order]) -> None:
        assert submitted.client_order_id not in self._by_id
        self._by_id[submitted.client_order_id] = Submission(submitted, order_id)
        # Two looks for one arrival: open orders that are skipped cannot make the memory grow for ever.
        for _ in range(2):
            if len(self._by_id) > self._maximum:
                self._forget_oldest(open_orders)

    def _forget_oldest(self, open_orders: dict[int, Order]) -> None:
        oldest, submission = self._by_id.popitem(last=False)
        if submission.order_id in open_orders:
            self._by_id[oldest] = submission

    def save(self) -> Plain:
        return [plain_of(submission) for submission in self._by_id.values()]

    def restore(self, account: str, state: Plain) -> None:
        assert isinstance(state, list)
        self._by_id = OrderedDict((values[1], submission_of(account, values)) for values in state)


def plain_of(submission: Submission) -> Plain:
    order = submission.submitted
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
        submission.order_id,
    ]


def submission_of(account: str, values: Plain) -> Submission:
    assert isinstance(values, list)
    to, client_order_id, symbol, side, order_type, time_in_force, price_ticks, lots, post_only, order_id = values
    submitted = SubmitOrder(
        to,
        account,
        client_order_id,
        symbol,
        Side(side),
        OrderType(order_type),
        TimeInForce(time_in_force),
        price_ticks,
        lots,
        post_only,
    )
    return Submission(submitted, order_id)
