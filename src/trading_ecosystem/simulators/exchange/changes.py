"""What participants say of orders that they placed before, and what becomes of orders by time.

Rule 1: an amendment that is rejected leaves the order as it was.
Rule 2: whoever asked for it and is silent for too long loses all orders at once.
"""

from typing import final

from trading_ecosystem.messages.market import MarketPhase
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import (
    AmendOrder,
    AmendRejected,
    AmendRejectReason,
    CancelAllAfter,
    CancelAllOrders,
)
from trading_ecosystem.messages.orders import CancelOrder, CancelReason, CancelRejected, CancelRejectReason
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.simulators.exchange.accounts import Account
from trading_ecosystem.simulators.exchange.clients import Clients
from trading_ecosystem.simulators.exchange.deadlines import Deadlines
from trading_ecosystem.simulators.exchange.entry import NOBODY
from trading_ecosystem.simulators.exchange.margin import Contract, order_refusal
from trading_ecosystem.simulators.exchange.market import Market
from trading_ecosystem.simulators.exchange.matching import Matching, reducing
from trading_ecosystem.simulators.exchange.order import Order


@final
class OrderChanges:
    """Methods append what they have to say to `out`, and give the market whose book may have changed."""

    __slots__ = ("_clients", "_matching", "_silence", "_silent_ns", "_venue")

    def __init__(self, venue: str, clients: Clients, matching: Matching) -> None:
        self._venue = venue
        self._clients = clients
        self._matching = matching
        self._silence = Deadlines()  # By the number of the account,
        self._silent_ns: dict[str, int] = {}  # and by its name.

    # Amend.

    def amend(self, message: AmendOrder, now: int, out: list[Message]) -> Market | None:
        account = self._clients.find(message.account)
        order = None if account is None else self._clients.open_order(account, message.client_order_id)
        reason = AmendRejectReason.UNKNOWN_ORDER if order is None else self._amend_refusal(order, message)
        if order is None or reason is not None:
            assert reason is not None
            out.append(self._amend_rejected(message, account, reason, now))
            return None
        market = self._matching.markets[order.symbol]
        self._matching.amend(market, order, message.price_ticks, message.quantity_lots, now, out)
        return market

    def _amend_refusal(self, order: Order, message: AmendOrder) -> AmendRejectReason | None:
        market = self._matching.markets[order.symbol]
        price_ticks, lots = message.price_ticks, message.quantity_lots
        if market.phase is MarketPhase.HALTED:
            return AmendRejectReason.MARKET_HALTED
        if lots <= order.filled_lots:
            return AmendRejectReason.INVALID_QUANTITY
        if price_ticks <= 0:
            return AmendRejectReason.INVALID_PRICE
        reason = market.refusal(price_ticks, lots, market.reference_ticks())
        if reason is not None:
            return AmendRejectReason(reason.value)
        if order.post_only and market.book.would_take(order.is_buy, price_ticks):
            return AmendRejectReason.WOULD_TAKE
        if market.contract is not None:
            return self._perpetual_refusal(order, market, market.contract, price_ticks, lots - order.filled_lots)
        needed_minor = market.lock_minor_per_lot(order.is_buy, price_ticks) * (lots - order.filled_lots)
        if needed_minor > order.pays.free_minor + order.lock_minor_per_lot * order.leaves_lots:
            return AmendRejectReason.INSUFFICIENT_FUNDS
        return None

    def _perpetual_refusal(
        self, order: Order, market: Market, contract: Contract, price_ticks: int, leaves_lots: int
    ) -> AmendRejectReason | None:
        """As if the order were not there and came anew with what it is to leave."""
        account = order.account
        claimed_lots: int | None = None
        if order.reduce_only:
            others = reducing(market, self._matching.open_orders[account.number])
            claimed_lots = sum([each.leaves_lots for each in others if each is not order])
        order.pays.release(order.lock_minor_per_lot * order.leaves_lots)
        reason = order_refusal(contract, account, order.is_buy, price_ticks, leaves_lots, claimed_lots)
        order.pays.lock(order.lock_minor_per_lot * order.leaves_lots)
        return None if reason is None else AmendRejectReason(reason.value)

    def _amend_rejected(
        self, message: AmendOrder, account: Account | None, reason: AmendRejectReason, now: int
    ) -> AmendRejected:
        return AmendRejected(
            account=message.account,
            venue=self._venue,
            account_sequence=NOBODY if account is None else account.next_sequence(),
            occurred_ns=now,
            client_order_id=message.client_order_id,
            amend_reject_reason=reason,
        )

    # Cancel.

    def cancel(self, message: CancelOrder, now: int, out: list[Message]) -> Market | None:
        account = self._clients.find(message.account)
        if account is not None:
            order = self._clients.open_order(account, message.client_order_id)
            if order is not None:
                self._matching.cancel(order, CancelReason.REQUESTED, now, out)
                return self._matching.markets[order.symbol]
            waiting = self._clients.waiting_order(account, message.client_order_id)
            if waiting is not None:
                self._matching.cancel_wait(waiting, CancelReason.REQUESTED, now, out)
                return self._matching.markets[waiting.submitted.symbol]
        out.append(self._cancel_rejected(message, account, now))
        return None

    def _cancel_rejected(self, message: CancelOrder, account: Account | None, now: int) -> CancelRejected:
        return CancelRejected(
            account=message.account,
            venue=self._venue,
            account_sequence=NOBODY if account is None else account.next_sequence(),
            occurred_ns=now,
            client_order_id=message.client_order_id,
            cancel_reject_reason=CancelRejectReason.UNKNOWN_ORDER,
        )

    def cancel_all(self, message: CancelAllOrders, now: int, out: list[Message]) -> None:
        account = self._clients.find(message.account)
        if account is not None:
            self._cancel_all(account, message.only_symbol, CancelReason.REQUESTED, now, out)

    def _cancel_all(self, account: Account, symbol: str, reason: CancelReason, now: int, out: list[Message]) -> None:
        for client_order_id in self._matching.names_of(account, [symbol] if symbol else []):
            self._matching.cancel_by_name(account, client_order_id, reason, now, out)

    # Time.

    def next_ns(self) -> int:
        """When something is due next; `NEVER_NS` for nothing."""
        return min(self._matching.expiries.next_ns, self._silence.next_ns)

    def cancel_all_after(self, message: CancelAllAfter, now: int) -> None:
        account = self._clients.find(message.account)
        if account is None:
            return
        self._hear(account)
        if message.timeout_ns > 0:
            self._silent_ns[account.name] = now + message.timeout_ns
            self._silence.add(now + message.timeout_ns, account.number)

    def _hear(self, account: Account) -> None:
        """Nothing is due any more for want of a sign of life."""
        silent_ns = self._silent_ns.pop(account.name, 0)
        if silent_ns:
            self._silence.remove(silent_ns, account.number)

    def do_due(self, until_ns: int, now: int, out: list[Message]) -> None:
        """End what had expired by then, and the orders of accounts that had been silent for too long."""
        for order_id in self._matching.expiries.due(until_ns):
            found = self._matching.expiring.get(order_id)
            if found is not None:  # Else it ended with its partner.
                self._matching.cancel_by_name(found[0], found[1], CancelReason.EXPIRED, now, out)
        silent = self._silence.due(until_ns)
        for account in list(self._clients.accounts.values()):
            if account.number in silent:
                self._hear(account)
                self._cancel_all(account, "", CancelReason.SILENT_OWNER, now, out)

    # State.

    def save(self) -> Plain:
        return dict(self._silent_ns)

    def restore(self, state: Plain) -> None:
        assert isinstance(state, dict)
        self._silent_ns = dict(state)
        self._silence = Deadlines()
        for name, silent_ns in self._silent_ns.items():
            self._silence.add(silent_ns, self._clients.accounts[name].number)
