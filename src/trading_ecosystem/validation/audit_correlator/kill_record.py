"""Which desks are stopped, and whether they keep to it."""

from typing import final

from trading_ecosystem.messages.kill_switch import KillSwitchChanged
from trading_ecosystem.messages.orders import SubmitOrder
from trading_ecosystem.validation.audit_correlator.invariants import Findings, Invariant
from trading_ecosystem.validation.audit_correlator.venue_record import VenueRecord


@final
class KillRecord:
    """By account: since when its desk has been stopped, ns."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since: dict[str, int] = {}

    def observe(self, message: KillSwitchChanged | SubmitOrder, findings: Findings) -> None:
        if isinstance(message, SubmitOrder):
            if message.account in self._since:
                detail = f"{message.account} sends {message.client_order_id}"
                findings.add(Invariant.KILLED_SENDS_NONE, detail)
        elif message.engaged:
            self._since[message.account] = message.occurred_ns
        else:
            self._since.pop(message.account, None)

    def finish(self, record: VenueRecord, until_ns: int, findings: Findings) -> None:
        """Whoever was stopped by then has no open order at a venue."""
        for order_id, order in record.orders.items():
            if self._since.get(order.account, until_ns + 1) <= until_ns:
                findings.add(Invariant.KILLED_HAS_NONE, f"order {order_id} of {order.account} is open")
