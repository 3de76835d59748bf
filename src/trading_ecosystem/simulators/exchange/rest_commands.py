"""What participants ask of the venue over REST, and the commands that it becomes.

Rule 1: what no order can be is refused here, by the name of its field; what this venue does not take, it says itself.
"""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from trading_ecosystem.configuration import scalars
from trading_ecosystem.live.command_fields import NAME
from trading_ecosystem.live.rest.amounts import AMOUNT, INSTANT, moment_ns
from trading_ecosystem.live.rest.parameters import steps_of
from trading_ecosystem.live.rest.problems import Trouble, unknown
from trading_ecosystem.messages.order_changes import AmendOrder, CancelAllAfter
from trading_ecosystem.messages.orders import OrderType, SelfTradeMode, Side, SubmitOrder, TimeInForce
from trading_ecosystem.messages.triggers import SubmitPair, SubmitTriggerOrder, TriggerKind
from trading_ecosystem.reference import Asset, Instrument, ReferenceData

SideWord = Literal["buy", "sell"]
TypeWord = Literal["limit", "market", "stop", "take_profit", "trailing_stop"]
TriggerWord = Literal["stop", "take_profit", "trailing_stop"]
TimeWord = Literal["GTC", "IOC", "FOK", "DAY", "GTD"]
LastingWord = Literal["GTC", "DAY", "GTD"]
SelfTradeWord = Literal["cancel_resting", "cancel_incoming", "cancel_both", "decrement"]
SIDES: dict[SideWord, Side] = {"buy": Side.BUY, "sell": Side.SELL}
TIMES_IN_FORCE: dict[TimeWord, TimeInForce] = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "DAY": TimeInForce.DAY,
    "GTD": TimeInForce.GTD,
}
TRIGGERS: dict[str, TriggerKind] = {
    "stop": TriggerKind.STOP,
    "take_profit": TriggerKind.TAKE_PROFIT,
    "trailing_stop": TriggerKind.TRAILING,
}
SELF_TRADE: dict[SelfTradeWord, SelfTradeMode] = {
    "cancel_resting": SelfTradeMode.CANCEL_RESTING,
    "cancel_incoming": SelfTradeMode.CANCEL_INCOMING,
    "cancel_both": SelfTradeMode.CANCEL_BOTH,
    "decrement": SelfTradeMode.DECREMENT,
}
SYMBOL = Field(min_length=3, max_length=64, description="BASE/QUOTE, such as BTC/USD, or a perpetual, such as BTC-PERP")
LONGEST_TIMEOUT_S = 86_400


class NewOrder(BaseModel):
    """A market order has no price and never rests. `post_only`: rejected rather than trade at once. `display`: what an
    iceberg shows at a time. A market order may say its `quote_amount` instead of its quantity: what a buy spends, fee
    included, or what a sell is paid. A stop, take profit or trailing stop waits for the last traded price: the first
    two for `trigger_price`, the last until the price is `trail` away from its best; with a `price` it is a limit order
    then, without one a market order. `expires` is for GTD alone. `reduce_only`: it may make a position in a perpetual
    smaller, and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account: str = Field(pattern=NAME)
    client_order_id: str = Field(pattern=NAME)
    symbol: str = SYMBOL
    side: SideWord
    type: TypeWord
    time_in_force: TimeWord = "GTC"
    price: str | None = Field(default=None, pattern=AMOUNT)
    quantity: str | None = Field(default=None, pattern=AMOUNT)
    post_only: bool = False
    display: str | None = Field(default=None, pattern=AMOUNT)
    quote_amount: str | None = Field(default=None, pattern=AMOUNT)
    expires: str | None = Field(default=None, pattern=INSTANT)
    trigger_price: str | None = Field(default=None, pattern=AMOUNT)
    trail: str | None = Field(default=None, description="A share of the price, such as 2.5% or 40bps", max_length=40)
    self_trade: SelfTradeWord | None = None
    reduce_only: bool = False


class NewPair(BaseModel):
    """A limit order and one that waits, of one side and size; whichever is filled, triggered or canceled first cancels
    the other. The fields of the second are named after their `trigger`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account: str = Field(pattern=NAME)
    symbol: str = SYMBOL
    side: SideWord
    quantity: str = Field(pattern=AMOUNT)
    time_in_force: LastingWord = "GTC"
    expires: str | None = Field(default=None, pattern=INSTANT)
    self_trade: SelfTradeWord | None = None
    client_order_id: str = Field(pattern=NAME)
    price: str = Field(pattern=AMOUNT)
    post_only: bool = False
    trigger_client_order_id: str = Field(pattern=NAME)
    trigger_type: TriggerWord
    trigger_price: str | None = Field(default=None, pattern=AMOUNT)
    trail: str | None = Field(default=None, description="A share of the price, such as 2.5% or 40bps", max_length=40)
    trigger_limit: str | None = Field(default=None, pattern=AMOUNT)


class Amendment(BaseModel):
    """The order as it is to be: its price, and its whole quantity with what is filled."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account: str = Field(pattern=NAME)
    symbol: str = SYMBOL
    price: str = Field(pattern=AMOUNT)
    quantity: str = Field(pattern=AMOUNT)


class Silence(BaseModel):
    """All orders of the account are canceled when this many seconds pass without another such call; 0 takes it back."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account: str = Field(pattern=NAME)
    timeout_s: int = Field(ge=0, le=LONGEST_TIMEOUT_S)


def command_of(order: NewOrder, venue: str, reference: ReferenceData) -> SubmitOrder | SubmitTriggerOrder:
    """Raises `Trouble` for what no order can be."""
    instrument = instrument_named(order.symbol, reference)
    if order.type in TRIGGERS:
        return trigger_of(order, venue, instrument)
    refuse_fields(order, ("trigger_price", "trail"), f"a {order.type} order waits for nothing")
    is_limit = order.type == "limit"
    if is_limit != (order.price is not None):
        detail = "a limit order has a price" if is_limit else "a market order has no price"
        raise Trouble(422, "invalid_price", detail, "/price")
    if (order.quantity is None) == (order.quote_amount is None):
        raise Trouble(422, "invalid_quantity", "an order has a quantity or a quote_amount", "/quantity")
    return SubmitOrder(
        venue,
        order.account,
        order.client_order_id,
        order.symbol,
        SIDES[order.side],
        OrderType.LIMIT if is_limit else OrderType.MARKET,
        TIMES_IN_FORCE[order.time_in_force],
        0 if order.price is None else steps_of(order.price, instrument.tick, "price"),
        0 if order.quantity is None else steps_of(order.quantity, instrument.lot, "quantity"),
        order.post_only,
        0 if order.display is None else steps_of(order.display, instrument.lot, "display"),
        expiry_of(order.expires),
        0 if order.quote_amount is None else minor_of(order.quote_amount, reference.assets[instrument.quote]),
        self_trade_of(order.self_trade),
        order.reduce_only,
    )


def trigger_of(order: NewOrder, venue: str, instrument: Instrument) -> SubmitTriggerOrder:
    refuse_fields(order, ("display", "quote_amount"), f"a {order.type} order has no such thing")
    if order.post_only:
        raise Trouble(422, "invalid_terms", f"a {order.type} order is not post only", "/post_only")
    if order.reduce_only:
        raise Trouble(422, "invalid_terms", f"a {order.type} order is not reduce only", "/reduce_only")
    if order.quantity is None:
        raise Trouble(422, "invalid_quantity", "an order has a quantity", "/quantity")
    refuse_trigger(order.type, order.trigger_price, order.trail)
    return SubmitTriggerOrder(
        to=venue,
        account=order.account,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=SIDES[order.side],
        trigger_kind=TRIGGERS[order.type],
        trigger_ticks=0
        if order.trigger_price is None
        else steps_of(order.trigger_price, instrument.tick, "trigger_price"),
        trail_ppm=trail_of(order.trail),
        price_ticks=0 if order.price is None else steps_of(order.price, instrument.tick, "price"),
        quantity_lots=steps_of(order.quantity, instrument.lot, "quantity"),
        time_in_force=TIMES_IN_FORCE[order.time_in_force],
        expires_ns=expiry_of(order.expires),
        self_trade=self_trade_of(order.self_trade),
    )


def pair_of(pair: NewPair, venue: str, reference: ReferenceData) -> SubmitPair:
    """Raises `Trouble` for what no pair can be."""
    tick = instrument_named(pair.symbol, reference).tick
    refuse_trigger(pair.trigger_type, pair.trigger_price, pair.trail)
    return SubmitPair(
        to=venue,
        account=pair.account,
        symbol=pair.symbol,
        side=SIDES[pair.side],
        quantity_lots=steps_of(pair.quantity, reference.instruments[pair.symbol].lot, "quantity"),
        time_in_force=TIMES_IN_FORCE[pair.time_in_force],
        expires_ns=expiry_of(pair.expires),
        self_trade=self_trade_of(pair.self_trade),
        client_order_id=pair.client_order_id,
        price_ticks=steps_of(pair.price, tick, "price"),
        post_only=pair.post_only,
        trigger_client_order_id=pair.trigger_client_order_id,
        trigger_kind=TRIGGERS[pair.trigger_type],
        trigger_ticks=0 if pair.trigger_price is None else steps_of(pair.trigger_price, tick, "trigger_price"),
        trail_ppm=trail_of(pair.trail),
        trigger_price_ticks=0 if pair.trigger_limit is None else steps_of(pair.trigger_limit, tick, "trigger_limit"),
    )


def amend_of(client_order_id: str, amendment: Amendment, venue: str, reference: ReferenceData) -> AmendOrder:
    """Raises `Trouble` for a price or quantity that no order has."""
    instrument = instrument_named(amendment.symbol, reference)
    return AmendOrder(
        to=venue,
        account=amendment.account,
        client_order_id=client_order_id,
        price_ticks=steps_of(amendment.price, instrument.tick, "price"),
        quantity_lots=steps_of(amendment.quantity, instrument.lot, "quantity"),
    )


def silence_of(silence: Silence, venue: str) -> CancelAllAfter:
    return CancelAllAfter(to=venue, account=silence.account, timeout_ns=silence.timeout_s * scalars.SECOND_NS)


def instrument_named(symbol: str, reference: ReferenceData) -> Instrument:
    """Raises `Trouble` (404)."""
    instrument = reference.instruments.get(symbol)
    if instrument is None:
        raise unknown("symbol")
    return instrument


def refuse_fields(order: NewOrder, names: tuple[str, ...], detail: str) -> None:
    for name in names:
        if getattr(order, name) is not None:
            raise Trouble(422, "invalid_terms", detail, f"/{name}")


def refuse_trigger(kind: str, trigger_price: str | None, trail: str | None) -> None:
    trails = TRIGGERS[kind] is TriggerKind.TRAILING
    detail = "a trailing stop has a trail" if trails else f"a {kind} order has a trigger_price"
    if (trail if trails else trigger_price) is None:
        raise Trouble(422, "invalid_trigger", detail, "/trail" if trails else "/trigger_price")
    if (trigger_price if trails else trail) is not None:
        raise Trouble(422, "invalid_trigger", f"{detail} alone", "/trigger_price" if trails else "/trail")


def expiry_of(text: str | None) -> int:
    try:
        return 0 if text is None else moment_ns(text)
    except ValueError as problem:
        raise Trouble(422, "invalid_expiry", str(problem), "/expires") from None


def trail_of(text: str | None) -> int:
    """Ppm of the price."""
    try:
        return 0 if text is None else scalars.fraction_ppm(text)
    except ValueError as problem:
        raise Trouble(422, "invalid_trigger", str(problem), "/trail") from None


def minor_of(text: str, asset: Asset) -> int:
    """Minor units of the asset."""
    return steps_of(text, minor_steps(asset), "quote_amount")


def minor_steps(asset: Asset) -> Decimal:
    """One minor unit of it."""
    return Decimal(1).scaleb(-asset.decimals)


def self_trade_of(word: SelfTradeWord | None) -> SelfTradeMode:
    return SelfTradeMode.UNSPECIFIED if word is None else SELF_TRADE[word]
