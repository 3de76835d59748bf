"""What a venue says about orders and trades. A message about an account takes the account's next sequence number."""

from trading_ecosystem.messages.accounts import OpenOrder
from trading_ecosystem.messages.order_changes import OrderAmended
from trading_ecosystem.messages.orders import (
    CancelReason,
    Liquidity,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    RejectReason,
    TradeExecuted,
)
from trading_ecosystem.messages.triggers import OrderTriggered
from trading_ecosystem.simulators.exchange.accounts import Account
from trading_ecosystem.simulators.exchange.order import Order
from trading_ecosystem.simulators.exchange.waiting import WaitingOrder


def accepted(venue: str, order: Order, now: int) -> OrderAccepted:
    return OrderAccepted(
        order.account.name,
        venue,
        order.account.next_sequence(),
        now,
        order.order_id,
        order.client_order_id,
        order.symbol,
        order.side,
        order.price_ticks,
        order.quantity_lots,
    )


def accepted_to_wait(venue: str, order: WaitingOrder, now: int) -> OrderAccepted:
    submitted = order.submitted
    return OrderAccepted(
        order.account.name,
        venue,
        order.account.next_sequence(),
        now,
        order.order_id,
        submitted.client_order_id,
        submitted.symbol,
        submitted.side,
        submitted.price_ticks,
        submitted.quantity_lots,
    )


def rejected(
    venue: str, account: Account, client_order_id: str, symbol: str, reason: RejectReason, now: int
) -> OrderRejected:
    return OrderRejected(
        account=account.name,
        venue=venue,
        account_sequence=account.next_sequence(),
        occurred_ns=now,
        client_order_id=client_order_id,
        symbol=symbol,
        reject_reason=reason,
    )


def amended(venue: str, order: Order, now: int) -> OrderAmended:
    return OrderAmended(
        account=order.account.name,
        venue=venue,
        account_sequence=order.account.next_sequence(),
        occurred_ns=now,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        price_ticks=order.price_ticks,
        quantity_lots=order.quantity_lots,
        leaves_quantity_lots=order.leaves_lots,
    )


def triggered(venue: str, order: WaitingOrder, last_ticks: int, now: int) -> OrderTriggered:
    return OrderTriggered(
        account=order.account.name,
        venue=venue,
        account_sequence=order.account.next_sequence(),
        occurred_ns=now,
        order_id=order.order_id,
        client_order_id=order.submitted.client_order_id,
        symbol=order.submitted.symbol,
        last_ticks=last_ticks,
    )


def canceled(venue: str, order: Order, lots: int, reason: CancelReason, now: int) -> OrderCanceled:
    return OrderCanceled(
        order.account.name,
        venue,
        order.account.next_sequence(),
        now,
        order.order_id,
        order.client_order_id,
        order.symbol,
        lots,
        reason,
    )


def wait_canceled(venue: str, order: WaitingOrder, reason: CancelReason, now: int) -> OrderCanceled:
    submitted = order.submitted
    return OrderCanceled(
        order.account.name,
        venue,
        order.account.next_sequence(),
        now,
        order.order_id,
        submitted.client_order_id,
        submitted.symbol,
        submitted.quantity_lots,
        reason,
    )


def filled(trade: TradeExecuted, order: Order, fee: int, liquidity: Liquidity) -> OrderFilled:
    """The trade as the owner of one of its two orders sees it."""
    return OrderFilled(
        order.account.name,
        trade.venue,
        order.account.next_sequence(),
        trade.occurred_ns,
        order.order_id,
        order.client_order_id,
        order.symbol,
        order.side,
        trade.price_ticks,
        trade.quantity_lots,
        order.leaves_lots,
        fee,
        liquidity,
        trade.trade_id,
    )


def executed(
    venue: str,
    trade_id: int,
    taker: Order,
    maker: Order,
    price_ticks: int,
    lots: int,
    taker_fee: int,
    maker_fee: int,
    now: int,
) -> TradeExecuted:
    is_buy = taker.is_buy
    buyer, seller = (taker, maker) if is_buy else (maker, taker)
    return TradeExecuted(
        venue,
        trade_id,
        taker.symbol,
        price_ticks,
        lots,
        taker.side,
        buyer.account.name,
        seller.account.name,
        buyer.order_id,
        seller.order_id,
        taker_fee if is_buy else maker_fee,
        maker_fee if is_buy else taker_fee,
        now,
    )


def open_order(order: Order) -> OpenOrder:
    return OpenOrder(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        price_ticks=order.price_ticks,
        leaves_quantity_lots=order.leaves_lots,
        waits=False,
        trigger_ticks=0,
    )


def open_wait(order: WaitingOrder) -> OpenOrder:
    submitted = order.submitted
    return OpenOrder(
        order_id=order.order_id,
        client_order_id=submitted.client_order_id,
        symbol=submitted.symbol,
        side=submitted.side,
        price_ticks=submitted.price_ticks,
        leaves_quantity_lots=submitted.quantity_lots,
        waits=True,
        trigger_ticks=submitted.trigger_ticks or order.trail_ticks(),
    )
