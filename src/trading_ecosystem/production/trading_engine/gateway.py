"""Where orders leave the desk: what strategies want becomes checked orders, cancels and denials.

Rule 1: a `SubmitOrder` is made in `_submit` and nowhere else, after every pre-trade check has passed.
Rule 2: a group goes whole or not at all, and every order that does not go is an `OrderDenied`.
Rule 3: while the kill switch is engaged none goes, and none is left at the venue.
"""

from collections.abc import Sequence
from typing import Final, final

from trading_ecosystem.configuration.scalars import duration_text
from trading_ecosystem.messages.kill_switch import EngageKillSwitch
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import CancelAllOrders
from trading_ecosystem.messages.orders import CancelOrder, DenyReason, OrderDenied, OrderType, SubmitOrder
from trading_ecosystem.production.trading_engine.checks import Checks
from trading_ecosystem.production.trading_engine.config import KillConfig
from trading_ecosystem.production.trading_engine.kill_switch import KillSwitch
from trading_ecosystem.production.trading_engine.orders import Order, OrderEvent, Orders
from trading_ecosystem.production.trading_engine.strategies.strategy import GiveUp, Intention, Place, Strategy, Withdraw
from trading_ecosystem.production.trading_engine.venue import VenueLink
from trading_ecosystem.production.trading_engine.windows import Window

REPEATING: Final = (DenyReason.ORDER_RATE, DenyReason.DUPLICATE_ORDER)  # What a strategy without end runs into.


@final
class Gateway:
    """`out` takes what is to be sent, in order. `kill`: which denials engage the switch; None: none do."""

    __slots__ = (
        "_account",
        "_checks",
        "_kill",
        "_link",
        "_name",
        "_orders",
        "_repeating",
        "_strategies",
        "_switch",
        "_venue",
    )

    def __init__(
        self,
        name: str,
        venue: str,
        account: str,
        checks: Checks,
        orders: Orders,
        link: VenueLink,
        strategies: list[Strategy],
        switch: KillSwitch,
        kill: KillConfig | None,
    ) -> None:
        self._name = name
        self._switch = switch
        self._kill = kill
        self._repeating = Window(0 if kill is None else kill.within_ns)
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

    def stop(self, command: EngageKillSwitch, now: int, out: list[Message]) -> None:
        """Engage the kill switch. Cancels leave first: they do not wait for what is to be remembered."""
        if self._switch.engaged:
            return
        for order in self._orders.working.values():
            order.wanted = False
            if not self._link.away:
                self._orders.step(order, OrderEvent.CANCEL_SENT)
                order.asked_ns = now
        if not self._link.away:
            out.append(CancelAllOrders(to=self._venue, account=self._account, only_symbol=""))
        self._switch.engage(command, now, out)

    def _place(self, owner: int, group: list[Order], now: int, out: list[Message]) -> None:
        for order in group:
            order.owner = owner
            remember = self._orders.name(order)
            if remember is not None:
                out.append(remember)
        reasons = self._deny_reasons(group, now)
        if any(reasons):
            self._deny(group, reasons, now, out)
            self._judge(reasons, now, out)
            for order in group:
                self.perform(owner, self._strategies[owner].on_close(order, now), now, out)
            return
        for order in group:
            self._submit(order, now, out)

    def _deny_reasons(self, group: list[Order], now: int) -> list[DenyReason | None]:
        reasons: list[DenyReason | None] = []
        working = list(self._orders.working.values())
        for order in group:
            if self._switch.engaged:
                reasons.append(DenyReason.KILL_SWITCH)
            elif self._link.trusted:
                reasons.append(self._checks.deny_reason(order, working, group[: len(reasons)], now))
            else:
                reasons.append(DenyReason.NOT_TRADING)
            working.append(order)
        return reasons

    def _deny(self, group: list[Order], reasons: list[DenyReason | None], now: int, out: list[Message]) -> None:
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

    def _judge(self, reasons: list[DenyReason | None], now: int, out: list[Message]) -> None:
        """Stop the desk when too many orders were held back for repeating themselves."""
        kill = self._kill
        if kill is None or self._switch.engaged:
            return
        for reason in reasons:
            if reason in REPEATING:
                self._repeating.note(now)
        denials = self._repeating.count(now)
        if denials > kill.denials:
            grounds = f"{denials} orders held back within {duration_text(kill.within_ns)} for coming too often"
            self.stop(EngageKillSwitch(to=self._name, operator=self._name, grounds=grounds), now, out)

    def _submit(self, order: Order, now: int, out: list[Message]) -> None:
        order.asked_ns = now
        self._orders.add(order)
        self._checks.count(order, now)
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
