"""What the venue's REST surface reads and writes: prices, quantities and money as decimal texts.

Rule 1: prices are in the quote asset, quantities in the base asset, fees in the quote asset.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from trading_ecosystem.live.rest.amounts import amount_text, moment_text, price_text, quantity_text, scaled_text
from trading_ecosystem.messages.accounts import AccountReported, OpenOrder
from trading_ecosystem.messages.market import BookTopChanged, MarketPhase, MarketPhaseChanged, PhaseReason
from trading_ecosystem.messages.order_changes import AmendRejected, OrderAmended
from trading_ecosystem.messages.orders import (
    AccountEvent,
    CancelRejected,
    Liquidity,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    Side,
    TradeExecuted,
)
from trading_ecosystem.messages.transfers import AccountMoved
from trading_ecosystem.messages.triggers import OrderTriggered
from trading_ecosystem.reference import Instrument, ReferenceData
from trading_ecosystem.simulators.exchange.rest_commands import SIDES, SideWord
from trading_ecosystem.simulators.exchange.rest_margin import (
    MarginBody,
    PositionBody,
    margin_bodies,
    margin_execution,
    position_bodies,
)
from trading_ecosystem.simulators.exchange.store import PhaseChange, PlacedOrder

PPM_DECIMALS = 6
LiquidityWord = Literal["maker", "taker"]
StatusWord = Literal["open", "waiting", "filled", "canceled"]
SIDE_WORDS: dict[Side, SideWord] = {side: word for word, side in SIDES.items()}
LIQUIDITY_WORDS: dict[Liquidity, LiquidityWord] = {Liquidity.MAKER: "maker", Liquidity.TAKER: "taker"}


class FillBody(BaseModel):
    trade_id: int
    price: str
    quantity: str
    fee: str
    liquidity: LiquidityWord


class OrderBody(BaseModel):
    """`fills` are those that the order met at once; the account's trades have all. An order that is `waiting` is not in
    the book."""

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
    price: str | None
    leaves_quantity: str
    waiting: bool
    trigger_price: str | None


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


class CanceledAllBody(BaseModel):
    """What was open, oldest first."""

    canceled: list[CanceledBody]


class AmendedBody(BaseModel):
    """The order as it is after the amendment, before anything that it met at its new price."""

    account: str
    client_order_id: str
    order_id: int
    symbol: str
    price: str
    quantity: str
    leaves_quantity: str
    occurred: str

    @classmethod
    def of(cls, event: OrderAmended, reference: ReferenceData) -> "AmendedBody":
        instrument = reference.instruments[event.symbol]
        return cls(
            account=event.account,
            client_order_id=event.client_order_id,
            order_id=event.order_id,
            symbol=event.symbol,
            price=price_text(event.price_ticks, instrument),
            quantity=quantity_text(event.quantity_lots, instrument),
            leaves_quantity=quantity_text(event.leaves_quantity_lots, instrument),
            occurred=moment_text(event.occurred_ns),
        )


class SilenceBody(BaseModel):
    account: str
    timeout_s: int


class PairBody(BaseModel):
    """`order` is the one with the limit, `trigger` the one that waits."""

    order: OrderBody
    trigger: OrderBody


class BalanceBody(BaseModel):
    asset: str
    free: str
    locked: str


class AccountBody(BaseModel):
    """The account after its event number `account_sequence`. Fees are shares of the notional of a trade."""

    account: str
    account_sequence: int
    balances: list[BalanceBody]
    open_orders: list[OpenOrderBody]
    positions: list[PositionBody]
    margins: list[MarginBody]
    occurred: str
    maker_fee: str
    taker_fee: str


class TopBody(BaseModel):
    """A side that is empty is null."""

    symbol: str
    bid: str | None
    bid_size: str | None
    ask: str | None
    ask_size: str | None
    sequence: int
    occurred: str


class MarketBody(BaseModel):
    """`until`: when the phase will end; null where nobody can say. `reason`: why it began; null since the start."""

    symbol: str
    phase: MarketPhase
    until: str | None
    reason: PhaseReason | None


class MarketsBody(BaseModel):
    markets: list[MarketBody]


class PhaseBody(BaseModel):
    number: int
    symbol: str
    phase: MarketPhase
    until: str | None
    reason: PhaseReason
    occurred: str


class PhasePage(BaseModel):
    """`next`: what to give as `after` for the next page; null on the last."""

    changes: list[PhaseBody]
    next: int | None


def order_body(events: Sequence[AccountEvent], waits: bool, reference: ReferenceData) -> OrderBody:
    """The order as its own events tell it, the first of which is its acceptance. `waits`: it came as one that does."""
    [accepted] = [event for event in events if isinstance(event, OrderAccepted)]
    instrument = reference.instruments[accepted.symbol]
    fills = [event for event in events if isinstance(event, OrderFilled)]
    amended = [event for event in events if isinstance(event, OrderAmended)]
    canceled = any(isinstance(event, OrderCanceled) for event in events)
    quantity_lots = amended[-1].quantity_lots if amended else accepted.quantity_lots
    filled_lots = sum(fill.quantity_lots for fill in fills)
    leaves_lots = 0 if canceled else quantity_lots - filled_lots
    return OrderBody(
        account=accepted.account,
        client_order_id=accepted.client_order_id,
        order_id=accepted.order_id,
        symbol=accepted.symbol,
        side=SIDE_WORDS[accepted.side],
        price=price_or_none(accepted.price_ticks, instrument),
        quantity=quantity_text(quantity_lots, instrument),
        status="canceled" if canceled else "waiting" if waits else "open" if leaves_lots else "filled",
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
        price=price_or_none(order.price_ticks, instrument),
        leaves_quantity=quantity_text(order.leaves_quantity_lots, instrument),
        waiting=order.waits,
        trigger_price=price_or_none(order.trigger_ticks, instrument),
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
        positions=position_bodies(report, reference),
        margins=margin_bodies(report, reference),
        occurred=moment_text(report.occurred_ns),
        maker_fee=scaled_text(report.maker_fee_ppm, PPM_DECIMALS),
        taker_fee=scaled_text(report.taker_fee_ppm, PPM_DECIMALS),
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


def market_body(symbol: str, changed: MarketPhaseChanged | None) -> MarketBody:
    """`changed`: what was told of it last; a market of which nothing was told is open."""
    if changed is None:
        return MarketBody(symbol=symbol, phase=MarketPhase.OPEN, until=None, reason=None)
    return MarketBody(
        symbol=symbol,
        phase=changed.market_phase,
        until=moment_text(changed.until_ns) if changed.until_ns else None,
        reason=changed.phase_reason,
    )


def phase_body(change: PhaseChange) -> PhaseBody:
    return PhaseBody(
        number=change.number,
        symbol=change.symbol,
        phase=change.market_phase,
        until=moment_text(change.until_ns) if change.until_ns else None,
        reason=change.phase_reason,
        occurred=moment_text(change.occurred_ns),
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
    elif isinstance(event, OrderAmended):
        told |= AmendedBody.of(event, reference).model_dump()
    elif isinstance(event, OrderTriggered):
        told |= {"order_id": event.order_id, "client_order_id": event.client_order_id, "symbol": event.symbol}
        told["last_price"] = price_text(event.last_ticks, reference.instruments[event.symbol])
    elif isinstance(event, AccountMoved):
        told |= {"movement_id": event.movement_id, "transfer_id": event.transfer_id, "asset": event.asset}
        told["amount"] = amount_text(event.amount_minor, reference.assets[event.asset])
    else:
        told |= margin_execution(event, reference) or refusal_of(event)
    return told


def refusal_of(event: AccountEvent) -> dict[str, object]:
    """What was asked for and not done."""
    if isinstance(event, OrderRejected):
        reason: dict[str, object] = {"symbol": event.symbol, "reject_reason": event.reject_reason.value}
    elif isinstance(event, AmendRejected):
        reason = {"amend_reject_reason": event.amend_reject_reason.value}
    else:
        assert isinstance(event, CancelRejected)
        reason = {"cancel_reject_reason": event.cancel_reject_reason.value}
    return {"client_order_id": event.client_order_id, **reason}
