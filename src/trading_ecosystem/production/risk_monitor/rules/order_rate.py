"""Order rate: how much an account has asked of its venue within a time, as the venue's answers tell.

Every answer is one: an order accepted or rejected, a cancel or an amendment, done or refused. Orders that are canceled
at one moment were all canceled by one wish. Fills are none, and an order that the venue takes out of the book is none.
"""

from typing import Final, final

from trading_ecosystem.messages.order_changes import AmendRejected, OrderAmended
from trading_ecosystem.messages.orders import (
    AccountEvent,
    CancelReason,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
)
from trading_ecosystem.production.risk_monitor.alerts import Status, Watch
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.recent import Recent

ANSWERS: Final = (OrderAccepted, OrderRejected, CancelRejected, OrderAmended, AmendRejected)


def is_answer(event: AccountEvent) -> bool:
    if isinstance(event, OrderCanceled):
        return event.reason is CancelReason.REQUESTED
    return isinstance(event, ANSWERS)


@final
class OrderRate:
    """Of one account, over the last `window_ns` on the venue's clock. An event that is told twice counts once."""

    __slots__ = ("_canceled_ns", "_recent", "watch")

    def __init__(self, window_ns: int, watch: Watch) -> None:
        self._canceled_ns = 0
        self._recent = Recent(window_ns)
        self.watch = watch

    @property
    def runaway(self) -> bool:
        """Its critical alert fires, and the figure is still what made it."""
        alert = self.watch.alerts[-1]
        return alert.status is Status.FIRING and alert.value >= alert.limit

    def take(self, event: AccountEvent, at_ns: int, now: int, outbox: Outbox) -> None:
        if isinstance(event, OrderCanceled):
            if event.occurred_ns == self._canceled_ns:
                return
            self._canceled_ns = event.occurred_ns
        self._recent.note(str(event.account_sequence), at_ns)
        self.check(at_ns, now, outbox)

    def check(self, at_ns: int, now: int, outbox: Outbox) -> None:
        value = self._recent.count(at_ns)
        if value >= self.watch.lowest or self.watch.active:
            self.watch.update(value, self._recent.latest_ns(at_ns), now, outbox)
