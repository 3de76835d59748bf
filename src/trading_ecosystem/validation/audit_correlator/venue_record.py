"""What a venue has said of orders, fills and trades, as far as it is still open, checked as it comes."""

from typing import final

from trading_ecosystem.messages.order_changes import OrderAmended
from trading_ecosystem.messages.orders import (
    AccountEvent,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    Side,
    TradeExecuted,
)
from trading_ecosystem.validation.audit_correlator.invariants import Findings, Invariant

OF_ORDERS = (OrderAccepted, OrderFilled, OrderCanceled, OrderAmended)


@final
class OpenOrder:
    __slots__ = ("account", "leaves_lots", "price_ticks", "quantity_lots", "side", "symbol")

    def __init__(self, accepted: OrderAccepted) -> None:
        self.account = accepted.account
        self.symbol = accepted.symbol
        self.side = accepted.side
        self.price_ticks = accepted.price_ticks  # 0 for a market order.
        self.quantity_lots = accepted.quantity_lots
        self.leaves_lots = accepted.quantity_lots

    def check(self, fill: OrderFilled, findings: Findings) -> None:
        leaves_lots = self.leaves_lots - fill.quantity_lots
        if fill.quantity_lots <= 0 or leaves_lots < 0 or fill.leaves_quantity_lots != leaves_lots:
            findings.add(
                Invariant.ORDER_QUANTITY,
                f"order {fill.order_id} fills {fill.quantity_lots} lots of {self.leaves_lots} open "
                f"and says that it leaves {fill.leaves_quantity_lots}",
            )
        worse_ticks = (
            fill.price_ticks - self.price_ticks if self.side == Side.BUY else self.price_ticks - fill.price_ticks
        )
        if fill.side != self.side or fill.symbol != self.symbol or (self.price_ticks and worse_ticks > 0):
            findings.add(
                Invariant.FILLS_MATCH,
                f"order {fill.order_id} to {self.side.name} {self.symbol} at {self.price_ticks} ticks "
                f"is filled as {fill.side.name} {fill.symbol} at {fill.price_ticks}",
            )


@final
class ToldTrade:
    """A trade and which of its parties must still be told. An account that is never told anything need not be."""

    __slots__ = ("awaits_buyer", "awaits_seller", "trade")

    def __init__(self, trade: TradeExecuted, awaits_buyer: bool, awaits_seller: bool) -> None:
        self.trade = trade
        self.awaits_buyer = awaits_buyer
        self.awaits_seller = awaits_seller

    def check(self, fill: OrderFilled, findings: Findings) -> None:
        """Compare one party's view with the trade."""
        trade = self.trade
        buys = fill.side == Side.BUY
        if not (self.awaits_buyer if buys else self.awaits_seller):
            findings.add(Invariant.FILLS_MATCH, f"trade {trade.trade_id} has a second fill to {fill.side.name}")
        if buys:
            self.awaits_buyer = False
        else:
            self.awaits_seller = False
        for name, told, true in (
            ("account", fill.account, trade.buyer_account if buys else trade.seller_account),
            ("order id", fill.order_id, trade.buyer_order_id if buys else trade.seller_order_id),
            ("symbol", fill.symbol, trade.symbol),
            ("price in ticks", fill.price_ticks, trade.price_ticks),
            ("quantity in lots", fill.quantity_lots, trade.quantity_lots),
            ("fee", fill.fee_minor, trade.buyer_fee_minor if buys else trade.seller_fee_minor),
        ):
            if told != true:
                detail = f"trade {trade.trade_id}: the fill's {name} is {told}, the trade's {true}"
                findings.add(Invariant.FILLS_MATCH, detail)


@final
class VenueRecord:
    """What one venue has said of orders, fills and trades. A fill and its trade come in either order.

    `doubts`: how many faults have it tell orders and fills wrongly; trades are always true. Of orders up to
    `unchecked_order_id` it has told wrongly before.
    """

    __slots__ = (
        "doubts",
        "early_fills",
        "in_flight",
        "last_order_id",
        "last_trade_id",
        "orders",
        "sequences",
        "told_trades",
        "unchecked_order_id",
    )

    def __init__(self) -> None:
        self.doubts = 0
        self.unchecked_order_id = 0
        self.last_order_id = 0
        self.last_trade_id = 0
        self.orders: dict[int, OpenOrder] = {}
        self.sequences: dict[str, int] = {}  # By account.
        self.told_trades: dict[int, ToldTrade] = {}  # By trade id, like the two below.
        self.early_fills: dict[int, list[OrderFilled]] = {}
        self.in_flight: dict[int, TradeExecuted] = {}  # Without an instruction so far.

    def doubt(self) -> None:
        self.doubts += 1

    def trust_again(self) -> None:
        """What is open now was told of wrongly, and is not checked any more."""
        self.doubts -= 1
        self.unchecked_order_id = self.last_order_id
        self.orders.clear()
        self.told_trades.clear()
        self.early_fills.clear()

    def is_checked(self, order_id: int) -> bool:
        return self.doubts == 0 and order_id > self.unchecked_order_id

    def on_account_event(self, event: AccountEvent, findings: Findings) -> None:
        expected = self.sequences.get(event.account, 0) + 1
        if event.account_sequence != expected:
            detail = f"{event.account}: {event.account_sequence} where {expected} was next"
            findings.add(Invariant.EVENTS_CONTIGUOUS, detail)
        self.sequences[event.account] = event.account_sequence
        if isinstance(event, OF_ORDERS) and not self.is_checked(event.order_id):
            self.last_order_id = max(event.order_id, self.last_order_id)
        elif isinstance(event, OrderAccepted):
            if event.order_id <= self.last_order_id:
                findings.add(Invariant.IDS_INCREASE, f"order {event.order_id} after {self.last_order_id}")
            self.last_order_id = max(event.order_id, self.last_order_id)
            self.orders[event.order_id] = OpenOrder(event)
        elif isinstance(event, OrderCanceled):
            self._on_canceled(event, findings)
        elif isinstance(event, OrderFilled):
            self._on_filled(event, findings)
        elif isinstance(event, OrderAmended):
            self._on_amended(event, findings)

    def _on_canceled(self, event: OrderCanceled, findings: Findings) -> None:
        order = self.orders.pop(event.order_id, None)
        if order is None:
            findings.add(Invariant.ORDER_IS_OPEN, f"order {event.order_id} is canceled and was not open")
        elif event.quantity_lots != order.leaves_lots:
            detail = f"order {event.order_id} cancels {event.quantity_lots} lots of {order.leaves_lots} open"
            findings.add(Invariant.ORDER_QUANTITY, detail)

    def _on_amended(self, event: OrderAmended, findings: Findings) -> None:
        order = self.orders.get(event.order_id)
        if order is None:
            findings.add(Invariant.ORDER_IS_OPEN, f"order {event.order_id} is amended and was not open")
            return
        filled_lots = order.quantity_lots - order.leaves_lots
        if event.quantity_lots - event.leaves_quantity_lots != filled_lots or event.leaves_quantity_lots <= 0:
            findings.add(
                Invariant.ORDER_QUANTITY,
                f"order {event.order_id} becomes {event.quantity_lots} lots with {event.leaves_quantity_lots} open, "
                f"and {filled_lots} were filled",
            )
        order.quantity_lots, order.leaves_lots = event.quantity_lots, event.leaves_quantity_lots
        order.price_ticks = event.price_ticks

    def _on_filled(self, fill: OrderFilled, findings: Findings) -> None:
        order = self.orders.get(fill.order_id)
        if order is None:
            findings.add(Invariant.ORDER_IS_OPEN, f"order {fill.order_id} is filled and was not open")
        else:
            order.check(fill, findings)
            order.leaves_lots -= fill.quantity_lots
            if order.leaves_lots <= 0:
                del self.orders[fill.order_id]
        told = self.told_trades.get(fill.trade_id)
        if told is None:
            self.report_untold(fill.occurred_ns, findings)
            self.early_fills.setdefault(fill.trade_id, []).append(fill)
            return
        told.check(fill, findings)
        if not told.awaits_buyer and not told.awaits_seller:
            del self.told_trades[fill.trade_id]

    def on_trade(self, trade: TradeExecuted, findings: Findings) -> None:
        if trade.trade_id <= self.last_trade_id:
            findings.add(Invariant.IDS_INCREASE, f"trade {trade.trade_id} after {self.last_trade_id}")
        self.last_trade_id = max(trade.trade_id, self.last_trade_id)
        if trade.quantity_lots <= 0 or trade.price_ticks <= 0 or trade.buyer_account == trade.seller_account:
            findings.add(
                Invariant.TWO_SIDES,
                f"trade {trade.trade_id}: {trade.buyer_account} buys {trade.quantity_lots} lots "
                f"at {trade.price_ticks} ticks from {trade.seller_account}",
            )
        if self.doubts:
            self.last_order_id = max(trade.buyer_order_id, trade.seller_order_id, self.last_order_id)
            return
        self.report_untold(trade.occurred_ns, findings)
        told = ToldTrade(
            trade,
            trade.buyer_account in self.sequences and self.is_checked(trade.buyer_order_id),
            trade.seller_account in self.sequences and self.is_checked(trade.seller_order_id),
        )
        for fill in self.early_fills.pop(trade.trade_id, ()):
            told.check(fill, findings)
        if told.awaits_buyer or told.awaits_seller:
            self.told_trades[trade.trade_id] = told

    def report_untold(self, before_ns: int, findings: Findings) -> None:
        """Trades without their fills and fills without their trade, from before the moment given."""
        for trade_id, told in list(self.told_trades.items()):
            if told.trade.occurred_ns < before_ns:
                del self.told_trades[trade_id]
                findings.add(Invariant.FILLS_MATCH, f"trade {trade_id}: a party was not told")
        for trade_id, fills in list(self.early_fills.items()):
            if fills[0].occurred_ns < before_ns:
                del self.early_fills[trade_id]
                findings.add(Invariant.FILLS_MATCH, f"fill of trade {trade_id}: there was no such trade")
