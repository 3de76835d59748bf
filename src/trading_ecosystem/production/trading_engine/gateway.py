"""Where orders leave the desk: what strategies want becomes checked orders, cancels and denials.

Rule 1: a `SubmitOrder` is made in `_submit` and nowhere else, after every pre-trade check has passed.
Rule 2: a group goes whole or not at all, and every order that does not go is an `OrderDenied`.
"""

from collections.abc import Sequence
from typing import final

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelOrder, DenyReason, OrderDenied, OrderType, SubmitOrder
from trading_ecosystem.production.trading_engine.checks import Checks
from trading_ecosystem.production.trading_engine.orders import Order, OrderEvent, Orders
from trading_ecosystem.production.trading_engine.strategies.strategy import GiveUp, Intention, Place, Strategy, Withdraw
from trading_ecosystem.production.trading_engine.venue import VenueLink


@final
class Gateway:
    """`out` takes what is to be sent, in order."""

    __slots__ = ("_account", "_checks", "_link", "_orders", "_strategies", "_venue")

    def __init__(
        self, venue: str, account: str, checks: Checks, orders: Orders, link: VenueLink, strategies: list[Strategy]
    ) -> None:
        self._venue = venue
        self._account = account
        self._checks = checks
        self._orders = orders
        self._link = link
        self._strategies = strategies

    def perform(self, owner: int, intentions: Sequence[Intention], now: int, out: list[Message]) -> None:
        """Do what the strategy numbered `owner` wants."""
        for intention in intentions:
            if isinstance(intention, Withdraw):
                intention.order.wanted = False
                self.cancel(intention.order, now, out)
            elif isinstance(intention, Place):
                self._place(owner, intention.orders, now, out)
            else:
                assert isinstance(intention, GiveUp)
                self._give_up(owner, now, out)

    def cancel(self, order: Order, now: int, out: list[Message]) -> None:
        """Ask for a cancel. While the venue is away this waits until the account is reconciled."""
        if order.closed or self._link.away:
            return
        self._orders.step(order, OrderEvent.CANCEL_SENT)
        order.asked_ns = now
        out.append(CancelOrder(self._venue, self._account, order.client_order_id))

    def _give_up(self, owner: int, now: int, out: list[Message]) -> None:
        for order in list(self._orders.working.values()):
            if order.owner == owner:
                order.wanted = False
                self.cancel(order, now, out)

    def _place(self, owner: int, group: list[Order], now: int, out: list[Message]) -> None:
        for order in group:
            order.owner = owner
            remember = self._orders.name(order)
            if remember is not None:
                out.append(remember)
        reasons = self._deny_reasons(group, now)
        if any(reasons):
            self._deny(owner, group, reasons, now, out)
            return
        for order in group:
            self._submit(order, now, out)

    def _deny_reasons(self, group: list[Order], now: int) -> list[DenyReason | None]:
        reasons: list[DenyReason | None] = []
        working = list(self._orders.working.values())
        for order in group:
            if self._link.trusted:
                reasons.append(self._checks.deny_reason(order, working, len(reasons), now))
            else:
                reasons.append(DenyReason.NOT_TRADING)
            working.append(order)
        return reasons

    def _deny(
        self, owner: int, group: list[Order], reasons: list[DenyReason | None], now: int, out: list[Message]
    ) -> None:
        for order, reason in zip(group, reasons, strict=True):
            self._orders.step(order, OrderEvent.DENIED)
            denied = OrderDenied(
                account=self._account,
                client_order_id=order.client_order_id,
                symbol=order.symbol,
                deny_reason=DenyReason.GROUP_DENIED if reason is None else reason,
                occurred_ns=now,
            )
            out.append(denied)
        for order in group:
            self.perform(owner, self._strategies[owner].on_close(order, now), now, out)

    def _submit(self, order: Order, now: int, out: list[Message]) -> None:
        order.asked_ns = now
        self._orders.add(order)
        self._checks.count(now)
        submit = SubmitOrder(
            self._venue,
            self._account,
            order.client_order_id,
            order.symbol,
            order.side,
            OrderType.LIMIT,
            order.time_in_force,
            order.price_ticks,
            order.quantity_lots,
            order.post_only,
        )
        out.append(submit)
