"""Orders that a desk's own checks held back within the last minute, for one reason: they never reached the venue.

One is enough for an alert: the check has worked, and who sent such an order may send the next one a hair smaller.
"""

from typing import Final, final

from trading_ecosystem.messages.orders import DenyReason, OrderDenied
from trading_ecosystem.messages.risk import AlertRule
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.recent import Recent

MINUTE_NS: Final = 60_000_000_000
REASONS: Final = {
    DenyReason.PRICE_COLLAR: AlertRule.PRICE_COLLAR,
    DenyReason.ORDER_VALUE: AlertRule.MAX_ORDER_VALUE,
    DenyReason.DUPLICATE_ORDER: AlertRule.DUPLICATE_ORDER,
}


@final
class OrdersDenied:
    """Of one account, for one reason. A denial that is told twice counts once."""

    __slots__ = ("_recent", "watch")

    def __init__(self, watch: Watch) -> None:
        self._recent = Recent(MINUTE_NS)
        self.watch = watch

    def take(self, denied: OrderDenied, now: int, outbox: Outbox) -> None:
        at_ns = min(denied.occurred_ns, now)
        self._recent.note(f"{denied.client_order_id} {denied.occurred_ns}", at_ns)
        self.check(at_ns, now, outbox)

    def check(self, at_ns: int, now: int, outbox: Outbox) -> None:
        value = self._recent.count(at_ns)
        if value >= self.watch.lowest or self.watch.active:
            self.watch.update(value, self._recent.latest_ns(at_ns), now, outbox)
