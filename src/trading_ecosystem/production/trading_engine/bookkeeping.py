"""The desk's books: what the venue says of its account becomes positions and order statuses.

Rule 1: a report is the truth; after it each event counts once, in order.
Rule 2: what the venue has and no strategy wants is canceled.
"""

from typing import Final, final

from trading_ecosystem.messages.accounts import AccountReported, OpenOrder
from trading_ecosystem.messages.books import ProfitSettled
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import AmendRejected, OrderAmended
from trading_ecosystem.messages.orders import (
    AccountEvent,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    RejectReason,
    Side,
    TimeInForce,
)
from trading_ecosystem.messages.perpetuals import (
    LossCovered,
    MarginCalled,
    MarginMoved,
    MarginMoveRejected,
    PositionChanged,
    PositionDeleveraged,
    PositionLiquidated,
)
from trading_ecosystem.messages.transfers import AccountMoved
from trading_ecosystem.messages.triggers import OrderTriggered
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.gateway import Gateway
from trading_ecosystem.production.trading_engine.orders import STRAY, Order, OrderEvent, Orders
from trading_ecosystem.production.trading_engine.portfolio import Portfolio
from trading_ecosystem.production.trading_engine.strategies.strategy import Strategy

CLOSED: Final = (RejectReason.MARKET_HALTED, RejectReason.NOT_IN_AUCTION)
# What other events say of an order or a position in their own words.
UNTOLD: Final = (
    *(OrderTriggered, AmendRejected, MarginMoveRejected),
    *(MarginCalled, PositionLiquidated, PositionDeleveraged, LossCovered, ProfitSettled),
)


@final
class Bookkeeping:
    """Keeps positions and orders, and tells each order's strategy what became of it."""

    __slots__ = ("_desk", "_gateway", "_orders", "_portfolio", "_strategies")

    def __init__(
        self, desk: Desk, portfolio: Portfolio, orders: Orders, strategies: list[Strategy], gateway: Gateway
    ) -> None:
        self._desk = desk
        self._portfolio = portfolio
        self._orders = orders
        self._strategies = strategies
        self._gateway = gateway

    def apply(self, event: AccountEvent, now: int, out: list[Message]) -> None:
        """Take an event whose turn it is."""
        if isinstance(event, OrderFilled):
            self._fill(event, now, out)
        elif isinstance(event, OrderAccepted):
            self._accept(event, now, out)
        elif isinstance(event, OrderCanceled):
            self._end(event.client_order_id, OrderEvent.CANCELED, now, out)
        elif isinstance(event, OrderRejected):
            # When a repetition of an order is refused, the first one's own events tell what became of it.
            if event.reject_reason is not RejectReason.CLIENT_ORDER_ID_REUSED:
                self._learn(event, now)
                self._end(event.client_order_id, OrderEvent.REJECTED, now, out)
        elif isinstance(event, CancelRejected):
            self._end(event.client_order_id, OrderEvent.CANCEL_REJECTED, now, out)
        elif isinstance(event, OrderAmended):
            self._amend(event)
        else:
            self._move(event, out)

    def _move(self, event: AccountEvent, out: list[Message]) -> None:
        """What the desk has changes without an order of its own."""
        if isinstance(event, AccountMoved):
            remember = self._desk.positions.move(event.asset, event.amount_minor)
            if remember is not None:
                out.append(remember)
        elif isinstance(event, (PositionChanged, MarginMoved)):
            self._desk.positions.change(event)
            self._portfolio.align()
        else:
            assert isinstance(event, UNTOLD)

    def reconcile(self, report: AccountReported, now: int, out: list[Message]) -> None:
        """Make positions and orders those of the report."""
        remember = self._desk.positions.report(report)
        self._portfolio.align()
        if remember is not None:
            out.append(remember)
        changed = self._match(report.open_orders)
        for order in list(self._orders.working.values()):
            if not order.wanted:
                self._gateway.cancel(order, now, out)
        for order in changed:
            self._tell(order, now, out)

    def doubt(self) -> None:
        """The venue went away: its books and the desk's orders there are unknown until the next report."""
        self._desk.forget_books()
        for order in list(self._orders.working.values()):
            self._orders.step(order, OrderEvent.VENUE_LOST)

    def _match(self, open_orders: tuple[OpenOrder, ...]) -> list[Order]:
        """The desk's orders that changed unheard."""
        reported = {known.client_order_id: known for known in open_orders}
        changed: list[Order] = []
        for order in list(self._orders.working.values()):
            known = reported.pop(order.client_order_id, None)
            if known is None:
                self._orders.step(order, OrderEvent.REPORTED_ABSENT)
                changed.append(order)
                continue
            self._orders.step(order, OrderEvent.REPORTED_OPEN)
            if known.leaves_quantity_lots != order.leaves_lots:
                order.leaves_lots = known.leaves_quantity_lots
                changed.append(order)
        for stray in reported.values():
            self._adopt(stray)
        return changed

    def _fill(self, fill: OrderFilled, now: int, out: list[Message]) -> None:
        instrument = self._desk.reference.instruments.get(fill.symbol)
        if instrument is not None:
            self._desk.positions.fill(fill, instrument)
            self._portfolio.fill(fill, instrument)
        order = self._orders.working.get(fill.client_order_id)
        if order is None:
            if fill.leaves_quantity_lots:
                self._gateway.cancel(self._adopt(open_order(fill, fill.leaves_quantity_lots)), now, out)
            return
        order.leaves_lots = fill.leaves_quantity_lots
        self._orders.step(order, OrderEvent.PARTLY_FILLED if order.leaves_lots else OrderEvent.FILLED)
        self._tell(order, now, out)

    def _accept(self, event: OrderAccepted, now: int, out: list[Message]) -> None:
        order = self._orders.working.get(event.client_order_id)
        if order is None:
            self._gateway.cancel(self._adopt(open_order(event, event.quantity_lots)), now, out)
        else:
            self._orders.step(order, OrderEvent.ACCEPTED)

    def _amend(self, event: OrderAmended) -> None:
        order = self._orders.working.get(event.client_order_id)
        if order is not None:
            order.price_ticks = event.price_ticks
            order.leaves_lots = event.leaves_quantity_lots

    def _learn(self, event: OrderRejected, now: int) -> None:
        """A market that takes no orders is left alone for a while, also by a desk that was not told why."""
        market = self._desk.markets.get(event.symbol)
        if market is not None and event.reject_reason in CLOSED:
            market.close(now)

    def _end(self, client_order_id: str, event: OrderEvent, now: int, out: list[Message]) -> None:
        order = self._orders.working.get(client_order_id)
        if order is None:
            return  # It has ended before, by a report.
        self._orders.step(order, event)
        if order.closed:
            self._tell(order, now, out)

    def _tell(self, order: Order, now: int, out: list[Message]) -> None:
        """A closed order that was not filled has ended otherwise; all else is a fill."""
        if order.owner == STRAY:
            return
        strategy = self._strategies[order.owner]
        if order.closed and order.leaves_lots:
            intentions = strategy.on_close(order, now)
        else:
            intentions = strategy.on_fill(order, now)
        self._gateway.perform(order.owner, intentions, now, out)

    def _adopt(self, known: OpenOrder) -> Order:
        """Follow an order at the venue that no strategy in this life of the desk wants."""
        price_ticks, lots = (
            max(known.price_ticks, 1),
            max(known.leaves_quantity_lots, 1),
        )  # A market order has no price.
        order = Order(known.symbol, known.side, price_ticks, lots, TimeInForce.GTC)
        order.client_order_id = known.client_order_id
        order.wanted = False
        self._orders.add(order)
        self._orders.step(order, OrderEvent.REPORTED_OPEN)
        return order


def open_order(event: OrderAccepted | OrderFilled, leaves_lots: int) -> OpenOrder:
    """The order that an event of an unknown order speaks of. A fill's price stands for the order's own."""
    return OpenOrder(
        order_id=event.order_id,
        client_order_id=event.client_order_id,
        symbol=event.symbol,
        side=Side(event.side),
        price_ticks=event.price_ticks,
        leaves_quantity_lots=leaves_lots,
    )
