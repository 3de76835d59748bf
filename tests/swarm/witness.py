"""The witness: stands before the audit correlator, hears every message that departs, and says what must never be.

Rule 1: it knows messages only, and changes nothing: what it returns is what the audit correlator found.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import final

from trading_ecosystem.core import Core
from trading_ecosystem.messages.audit import Envelope, InvariantViolated
from trading_ecosystem.messages.health import HealthChanged
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    AccountEvent,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    SubmitOrder,
    TradeExecuted,
)
from trading_ecosystem.messages.risk import AlertFired, AlertResolved, RiskReported
from trading_ecosystem.messages.runtime import Wake


@final
class Witness(Core):
    """`watch` is told the name of each message's type as it departs, when it is not a price or a timer."""

    def __init__(self, audit: Core, watch: Callable[[str], None]) -> None:
        self._audit = audit
        self._watch = watch
        self.faults: list[str] = []
        self.accepted: dict[str, list[int]] = {}  # When, by account.
        self.open_orders: dict[str, dict[str, int]] = {}  # Leaves by client order id, by account.
        self.health: dict[str, HealthChanged] = {}
        self.firing: dict[str, AlertFired] = {}  # By alert id.
        self.report: RiskReported | None = None
        self.trades = 0
        self._sequences: dict[str, int] = {}
        self._submitted: dict[str, SubmitOrder] = {}
        self._answered: dict[str, AccountEvent] = {}
        self._fired: dict[str, AlertFired] = {}
        self._mark_minor = 0
        self._quotes = sha256()

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, Envelope):
            self._see(message.message, now)
        findings = self._audit.handle(message, now)
        for finding in findings:
            assert isinstance(finding, InvariantViolated)
            self._blame(now, f"{finding.invariant}: {finding.detail}")
        return findings

    def quotes_digest(self) -> str:
        """Of all quotes, whoever heard them."""
        return self._quotes.hexdigest()

    def _blame(self, now: int, words: str) -> None:
        self.faults.append(f"{now}: {words}")

    def _see(self, message: Message, now: int) -> None:
        if isinstance(message, QuotePublished):
            values = (message.symbol, message.bid_ticks, message.bid_lots, message.ask_ticks, message.ask_lots)
            self._quotes.update(repr((*values, message.sequence, message.occurred_ns)).encode())
            return
        if isinstance(message, (BookTopChanged, Wake)):
            return
        self._watch(type(message).__name__)
        if isinstance(message, SubmitOrder):
            self._see_submitted(message, now)
        elif isinstance(message, AccountEvent):
            self._see_account_event(message, now)
        elif isinstance(message, TradeExecuted):
            self.trades += 1
        elif isinstance(message, HealthChanged):
            self.health[message.service] = message
        elif isinstance(message, RiskReported):
            self._see_report(message, now)
        elif isinstance(message, (AlertFired, AlertResolved)):
            self._see_alert(message, now)

    # Orders.

    def _see_submitted(self, order: SubmitOrder, now: int) -> None:
        if order.client_order_id in self._submitted:
            self._blame(now, f"the client order id {order.client_order_id} is used again")
        self._submitted[order.client_order_id] = order

    def _see_account_event(self, event: AccountEvent, now: int) -> None:
        last = self._sequences.get(event.account, 0)
        if event.account_sequence != last + 1:
            self._blame(now, f"{event.account}: event {event.account_sequence} departs after {last}")
        self._sequences[event.account] = event.account_sequence
        orders = self.open_orders.setdefault(event.account, {})
        if isinstance(event, (OrderAccepted, OrderRejected)):
            self._see_answer(event, now)
        if isinstance(event, OrderAccepted):
            self.accepted.setdefault(event.account, []).append(now)
            orders[event.client_order_id] = event.quantity_lots
        elif isinstance(event, OrderFilled):
            orders[event.client_order_id] -= event.quantity_lots
            if orders[event.client_order_id] != event.leaves_quantity_lots:
                self._blame(now, f"{event.client_order_id} leaves {event.leaves_quantity_lots}")
            if event.leaves_quantity_lots == 0:
                del orders[event.client_order_id]
        elif isinstance(event, OrderCanceled):
            orders.pop(event.client_order_id)

    def _see_answer(self, event: OrderAccepted | OrderRejected, now: int) -> None:
        """A submission has one effect, or none."""
        client_order_id = event.client_order_id
        if client_order_id not in self._submitted:
            self._blame(now, f"the venue answers {client_order_id}, which was never submitted")
        elif client_order_id in self._answered:
            self._blame(now, f"the venue answers {client_order_id} a second time")
        self._answered[client_order_id] = event

    # Risk.

    def _see_report(self, report: RiskReported, now: int) -> None:
        if report.high_water_mark_minor < self._mark_minor:
            self._blame(now, f"the high-water mark falls from {self._mark_minor} to {report.high_water_mark_minor}")
        self._mark_minor = max(self._mark_minor, report.high_water_mark_minor)
        self.report = report

    def _see_alert(self, message: AlertFired | AlertResolved, now: int) -> None:
        alert_id = message.alert_id
        if isinstance(message, AlertResolved):
            if self.firing.pop(alert_id, None) is None:
                self._blame(now, f"the alert {alert_id} is resolved and was not firing")
            return
        if alert_id in self._fired:
            self._blame(now, f"the alert {alert_id} fires a second time")
        key = alert_id.rpartition(":")[0]
        for other in self.firing:
            if other.rpartition(":")[0] == key:
                self._blame(now, f"the alert {alert_id} fires while {other} is firing")
        self._fired[alert_id] = self.firing[alert_id] = message
