"""Places orders of every kind with the exchange core alone: no service, no clock, no network. Prints the tape."""

from pathlib import Path
from typing import Any

from trading_ecosystem.assembly import load_world
from trading_ecosystem.messages.market import BookTopChanged
from trading_ecosystem.messages.message import Message, field_names, values_of
from trading_ecosystem.messages.order_changes import AmendOrder, CancelAllAfter, CancelAllOrders
from trading_ecosystem.messages.orders import CancelOrder, OrderType, SelfTradeMode, Side, SubmitOrder, TimeInForce as T
from trading_ecosystem.messages.runtime import WakeAt
from trading_ecosystem.messages.triggers import SubmitPair, SubmitTriggerOrder, TriggerKind
from trading_ecosystem.simulators.exchange.core import Exchange

WORLD = load_world(Path(__file__).parents[2] / "worlds" / "two-desks.yaml")
B, S, NO, OWN = Side.BUY, Side.SELL, 0, SelfTradeMode.CANCEL_INCOMING


def order(account: str, name: str, side: Side, price: int, lots: int, lives: T = T.GTC, **terms: Any) -> SubmitOrder:
    kind = OrderType.LIMIT if price else OrderType.MARKET
    return SubmitOrder("exchange", account, name, "BTC/USD", side, kind, lives, price, lots, **terms)


def waiting(
    name: str, side: Side, kind: TriggerKind, trigger: int = 0, trail: int = 0, price: int = 0
) -> SubmitTriggerOrder:
    given: Any = {"to": "exchange", "account": "beta", "client_order_id": name, "symbol": "BTC/USD", "side": side}
    given |= {"trigger_kind": kind, "trigger_ticks": trigger, "trail_ppm": trail, "price_ticks": price}
    return SubmitTriggerOrder(**given, quantity_lots=5, time_in_force=T.GTC, expires_ns=0, self_trade=OWN)


pair: Any = {"to": "exchange", "account": "beta", "symbol": "BTC/USD", "side": S, "quantity_lots": 4}
pair |= {"time_in_force": T.GTC}
pair |= {"expires_ns": 0, "self_trade": OWN, "client_order_id": "aim", "price_ticks": 6_020_000, "post_only": True}
pair |= {"trigger_client_order_id": "guard", "trigger_kind": TriggerKind.STOP, "trigger_ticks": 5_998_200}
COMMANDS: list[Message] = [
    order("alpha", "ask", S, 6_001_000, 30),
    order("alpha", "bid", B, 5_999_000, 30),
    order("alpha", "iceberg", S, 6_002_000, 90, display_lots=10),
    order("alpha", "shy", B, 5_998_000, 10, post_only=True),
    order("alpha", "today", B, 5_990_000, 10, T.DAY),
    order("alpha", "soon", B, 5_985_000, 10, T.GTD, expires_ns=500),
    order("beta", "market", B, 0, 10),
    order("beta", "spend", B, 0, 0, quote_minor=36_000_000_000),
    order("beta", "some", B, 6_001_000, 20, T.IOC),
    order("beta", "all", B, 6_002_000, 500, T.FOK),
    waiting("stop", S, TriggerKind.STOP, trigger=5_998_500),
    waiting("stop-limit", S, TriggerKind.STOP, trigger=5_998_400, price=5_998_300),
    waiting("profit", B, TriggerKind.TAKE_PROFIT, trigger=5_996_000),
    waiting("profit-limit", B, TriggerKind.TAKE_PROFIT, trigger=5_996_000, price=5_984_000),
    waiting("trail", S, TriggerKind.TRAILING, trail=500),
    SubmitPair(**pair, trail_ppm=0, trigger_price_ticks=0),
    order("beta", "sweep", S, 5_995_000, 45),
    order("alpha", "mine", S, 5_990_000, 5, self_trade=OWN),
    AmendOrder(to="exchange", account="alpha", client_order_id="soon", price_ticks=5_986_000, quantity_lots=8),
    CancelOrder("exchange", "alpha", "iceberg"),
    CancelAllAfter(to="exchange", account="beta", timeout_ns=100),
    CancelAllOrders(to="exchange", account="alpha", only_symbol="BTC/USD"),
]
venue = Exchange("exchange", WORLD.venues["exchange"], WORLD.reference, WORLD.accounts, seed=1)
for now, command in enumerate(COMMANDS, 1):
    for told in venue.handle(command, now):
        if isinstance(told, WakeAt | BookTopChanged):
            continue
        shown = dict(zip(field_names(type(told)), values_of(told), strict=True))
        keys = ("account", "client_order_id", "price_ticks", "quantity_lots", "last_ticks", "reason", "reject_reason")
        print(f"{now:3}  {type(told).__name__:15}", *(shown[key] for key in keys if key in shown))
