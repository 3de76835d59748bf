"""What a venue says about orders and trades. A message about an account takes the account's next sequence number."""

from trading_ecosystem.messages.accounts import OpenOrder
from trading_ecosystem.messages.orders import (
    CancelReason,
    Liquidity,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    TradeExecuted,
)
from trading_ecosystem.simulators.exchange.book import Order


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
    venue: str, trade_id: int, taker: Order, maker: Order, lots: int, taker_fee: int, maker_fee: int, now: int
) -> TradeExecuted:
    buyer, seller = (taker, maker) if taker.is_buy else (maker, taker)
    return TradeExecuted(
        venue=venue,
        trade_id=trade_id,
        symbol=taker.symbol,
        price_ticks=maker.price_ticks,
        quantity_lots=lots,
        taker_side=taker.side,
        buyer_account=buyer.account.name,
        seller_account=seller.account.name,
        buyer_order_id=buyer.order_id,
        seller_order_id=seller.order_id,
        buyer_fee_minor=taker_fee if taker.is_buy else maker_fee,
        seller_fee_minor=maker_fee if taker.is_buy else taker_fee,
        occurred_ns=now,
    )


def open_orders_of(account: str, open_orders: dict[int, Order]) -> tuple[OpenOrder, ...]:
    """The resting orders of an account, oldest first."""
    found: list[OpenOrder] = []
    for order_id in sorted(open_orders):
        order = open_orders[order_id]
        if order.account.name == account:
            found.append(
                OpenOrder(
                    order_id=order_id,
                    client_order_id=order.client_order_id,
                    symbol=order.symbol,
                    side=order.side,
                    price_ticks=order.price_ticks,
                    leaves_quantity_lots=order.leaves_lots,
                )
            )
    return tuple(found)
