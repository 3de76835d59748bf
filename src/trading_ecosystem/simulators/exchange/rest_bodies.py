"""What the venue's REST surface reads and writes: prices, quantities and money as decimal texts.

Rule 1: prices are in the quote asset, quantities in the base asset, fees in the quote asset.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from trading_ecosystem.live.command_fields import NAME
from trading_ecosystem.live.rest.amounts import AMOUNT, amount_text, moment_text, price_text, quantity_text
from trading_ecosystem.messages.accounts import AccountReported, OpenOrder
from trading_ecosystem.messages.market import BookTopChanged
from trading_ecosystem.messages.orders import (
    AccountEvent,
    CancelRejected,
    Liquidity,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    OrderType,
    Side,
    SubmitOrder,
    TimeInForce,
    TradeExecuted,
)
from trading_ecosystem.reference import Instrument, ReferenceData
from trading_ecosystem.simulators.exchange.store import PlacedOrder

SideWord = Literal["buy", "sell"]
TypeWord = Literal["limit", "market"]
TimeWord = Literal["GTC", "IOC"]
LiquidityWord = Literal["maker", "taker"]
StatusWord = Literal["open", "filled", "canceled"]
SIDES: dict[SideWord, Side] = {"buy": Side.BUY, "sell": Side.SELL}
TYPES: dict[TypeWord, OrderType] = {"limit": OrderType.LIMIT, "market": OrderType.MARKET}
TIMES_IN_FORCE: dict[TimeWord, TimeInForce] = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC}
SIDE_WORDS: dict[Side, SideWord] = {side: word for word, side in SIDES.items()}
LIQUIDITY_WORDS: dict[Liquidity, LiquidityWord] = {Liquidity.MAKER: "maker", Liquidity.TAKER: "taker"}


class NewOrder(BaseModel):
    """A market order has no price and never rests. `post_only`: rejected rather than trade at once."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account: str = Field(pattern=NAME)
    client_order_id: str = Field(pattern=NAME)
    symbol: str = Field(min_length=3, max_length=64, description="BASE/QUOTE, such as BTC/USD")
    side: SideWord
    type: TypeWord
    time_in_force: TimeWord = "GTC"
    price: str | None = Field(default=None, pattern=AMOUNT)
    quantity: str = Field(pattern=AMOUNT)
    post_only: bool = False


class FillBody(BaseModel):
    trade_id: int
    price: str
    quantity: str
    fee: str
    liquidity: LiquidityWord


class OrderBody(BaseModel):
    """`fills` are those that the order met at once; the account's trades have all."""

    account: str
    client_order_id: str
    order_id: int
    symbol: str
    side: SideWord
    price: str | None
    quantity: str
    status: StatusWord
    filled_quantity: str
    leaves_quantity: str
    fills: list[FillBody]


class TradeBody(BaseModel):
    """One's own side of a trade."""

    trade_id: int
    order_id: int
    symbol: str
    side: SideWord
    price: str
    quantity: str
    fee: str
    liquidity: LiquidityWord
    occurred: str


class TradePage(BaseModel):
    """`next` is the `after` of the page that follows; null on the last."""

    trades: list[TradeBody]
    next: int | None


class OpenOrderBody(BaseModel):
    account: str
    client_order_id: str
    order_id: int
    symbol: str
    side: SideWord
    price: str
    leaves_quantity: str


class OpenOrdersBody(BaseModel):
    orders: list[OpenOrderBody]


class CanceledBody(BaseModel):
    """`quantity` was still open."""

    account: str
    client_order_id: str
    order_id: int
    symbol: str
    quantity: str
    reason: str
    occurred: str

    @classmethod
    def of(cls, event: OrderCanceled, reference: ReferenceData) -> "CanceledBody":
        return cls(
            account=event.account,
            client_order_id=event.client_order_id,
            order_id=event.order_id,
            symbol=event.symbol,
            quantity=quantity_text(event.quantity_lots, reference.instruments[event.symbol]),
            reason=event.reason.value,
            occurred=moment_text(event.occurred_ns),
        )


class BalanceBody(BaseModel):
    asset: str
    free: str
    locked: str


class AccountBody(BaseModel):
    """The account after its event number `account_sequence`."""

    account: str
    account_sequence: int
    balances: list[BalanceBody]
    open_orders: list[OpenOrderBody]
    occurred: str


class TopBody(BaseModel):
    """A side that is empty is null."""

    symbol: str
    bid: str | None
    bid_size: str | None
    ask: str | None
    ask_size: str | None
    sequence: int
    occurred: str


def order_body(command: SubmitOrder, events: Sequence[AccountEvent], reference: ReferenceData) -> OrderBody:
    """The order as its own events tell it."""
    instrument = reference.instruments[command.symbol]
    fills = [event for event in events if isinstance(event, OrderFilled)]
    canceled = any(isinstance(event, OrderCanceled) for event in events)
    filled_lots = sum(fill.quantity_lots for fill in fills)
    leaves_lots = 0 if canceled else command.quantity_lots - filled_lots
    status: StatusWord = "canceled" if canceled else "open" if leaves_lots else "filled"
    order_ids = [event.order_id for event in events if isinstance(event, OrderAccepted | OrderFilled | OrderCanceled)]
    return OrderBody(
        account=command.account,
        client_order_id=command.client_order_id,
        order_id=order_ids[0],
        symbol=command.symbol,
        side=SIDE_WORDS[command.side],
        price=price_or_none(command.price_ticks, instrument),
        quantity=quantity_text(command.quantity_lots, instrument),
        status=status,
        filled_quantity=quantity_text(filled_lots, instrument),
        leaves_quantity=quantity_text(leaves_lots, instrument),
        fills=[fill_body(fill, reference) for fill in fills],
    )


def placed_body(placed: PlacedOrder, reference: ReferenceData) -> OrderBody:
    """An order that the venue knew already, as it stands now."""
    instrument = reference.instruments[placed.symbol]
    canceled = placed.canceled_ns is not None
    left_lots = placed.leaves_quantity_lots
    return OrderBody(
        account=placed.account,
        client_order_id=placed.client_order_id,
        order_id=placed.order_id,
        symbol=placed.symbol,
        side=SIDE_WORDS[placed.side],
        price=price_or_none(placed.price_ticks, instrument),
        quantity=quantity_text(placed.quantity_lots, instrument),
        status="canceled" if canceled else "open" if left_lots else "filled",
        filled_quantity=quantity_text(placed.quantity_lots - left_lots, instrument),
        leaves_quantity=quantity_text(0 if canceled else left_lots, instrument),
        fills=[],
    )


def price_or_none(price_ticks: int, instrument: Instrument) -> str | None:
    return price_text(price_ticks, instrument) if price_ticks else None


def fill_body(fill: OrderFilled, reference: ReferenceData) -> FillBody:
    instrument = reference.instruments[fill.symbol]
    return FillBody(
        trade_id=fill.trade_id,
        price=price_text(fill.price_ticks, instrument),
        quantity=quantity_text(fill.quantity_lots, instrument),
        fee=amount_text(fill.fee_minor, reference.assets[instrument.quote]),
        liquidity=LIQUIDITY_WORDS[fill.liquidity],
    )


def trade_body(trade: TradeExecuted, account: str, reference: ReferenceData) -> TradeBody:
    """A trade as this one of its parties sees it: an account does not trade with itself."""
    instrument = reference.instruments[trade.symbol]
    side = Side.BUY if trade.buyer_account == account else Side.SELL
    is_buyer = side is Side.BUY
    fee_minor = trade.buyer_fee_minor if is_buyer else trade.seller_fee_minor
    return TradeBody(
        trade_id=trade.trade_id,
        order_id=trade.buyer_order_id if is_buyer else trade.seller_order_id,
        symbol=trade.symbol,
        side=SIDE_WORDS[side],
        price=price_text(trade.price_ticks, instrument),
        quantity=quantity_text(trade.quantity_lots, instrument),
        fee=amount_text(fee_minor, reference.assets[instrument.quote]),
        liquidity="taker" if trade.taker_side is side else "maker",
        occurred=moment_text(trade.occurred_ns),
    )


def open_order_body(order: OpenOrder, account: str, reference: ReferenceData) -> OpenOrderBody:
    instrument = reference.instruments[order.symbol]
    return OpenOrderBody(
        account=account,
        client_order_id=order.client_order_id,
        order_id=order.order_id,
        symbol=order.symbol,
        side=SIDE_WORDS[order.side],
        price=price_text(order.price_ticks, instrument),
        leaves_quantity=quantity_text(order.leaves_quantity_lots, instrument),
    )


def account_body(report: AccountReported, reference: ReferenceData) -> AccountBody:
    balances = [
        BalanceBody(
            asset=balance.asset,
            free=amount_text(balance.free_minor, reference.assets[balance.asset]),
            locked=amount_text(balance.locked_minor, reference.assets[balance.asset]),
        )
        for balance in report.balances
    ]
    return AccountBody(
        account=report.account,
        account_sequence=report.account_sequence,
        balances=balances,
        open_orders=[open_order_body(order, report.account, reference) for order in report.open_orders],
        occurred=moment_text(report.occurred_ns),
    )


def top_body(top: BookTopChanged, instrument: Instrument) -> TopBody:
    return TopBody(
        symbol=top.symbol,
        bid=price_text(top.bid_ticks, instrument) if top.bid_lots else None,
        bid_size=quantity_text(top.bid_lots, instrument) if top.bid_lots else None,
        ask=price_text(top.ask_ticks, instrument) if top.ask_lots else None,
        ask_size=quantity_text(top.ask_lots, instrument) if top.ask_lots else None,
        sequence=top.sequence,
        occurred=moment_text(top.occurred_ns),
    )


def execution_of(event: AccountEvent, reference: ReferenceData) -> dict[str, object]:
    """An event of an account as its stream tells it: `event` says which, the other keys are those of its body."""
    told: dict[str, object] = {
        "event": type(event).__name__,
        "account": event.account,
        "account_sequence": event.account_sequence,
        "occurred": moment_text(event.occurred_ns),
    }
    if isinstance(event, OrderFilled):
        told |= {"order_id": event.order_id, "client_order_id": event.client_order_id, "symbol": event.symbol}
        told |= {"side": SIDE_WORDS[event.side], **fill_body(event, reference).model_dump()}
        told["leaves_quantity"] = quantity_text(event.leaves_quantity_lots, reference.instruments[event.symbol])
    elif isinstance(event, OrderCanceled):
        told |= CanceledBody.of(event, reference).model_dump()
    elif isinstance(event, OrderAccepted):
        instrument = reference.instruments[event.symbol]
        told |= {"order_id": event.order_id, "client_order_id": event.client_order_id, "symbol": event.symbol}
        told |= {"side": SIDE_WORDS[event.side], "quantity": quantity_text(event.quantity_lots, instrument)}
        told["price"] = price_or_none(event.price_ticks, instrument)
    elif isinstance(event, OrderRejected):
        told |= {"client_order_id": event.client_order_id, "symbol": event.symbol}
        told["reject_reason"] = event.reject_reason.value
    else:
        assert isinstance(event, CancelRejected)
        told["client_order_id"] = event.client_order_id
        told["cancel_reject_reason"] = event.cancel_reject_reason.value
    return told
