"""The exchange does what a slow and obvious twin does, under any stream of commands.

The twin keeps lists only: it looks for the best order at each match, and reckons from the open orders what is locked.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from hypothesis import given, settings, strategies as st

from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    AccountEvent,
    CancelOrder,
    CancelRejected,
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
from trading_ecosystem.messages.runtime import Start, Wake
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.exchange.config import LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange

Make = Callable[..., Exchange]
MAKER_FEE, TAKER_FEE = 1_000, 3_000
ACCOUNTS = {
    "ann": {"USD": 6_000, "BTC": 400, "ETH": 400},
    "bob": {"USD": 4_000, "BTC": 300},
    "cid": {"USD": 300, "BTC": 20, "ETH": 20},
}
SYMBOLS = ("BTC/USD", "ETH/USD")


@dataclass
class Resting:
    number: int
    order: SubmitOrder
    leaves: int


class Twin:
    """One lot is 10 minor of its base, and costs its price in minor USD."""

    def __init__(self) -> None:
        self.holds = Counter({(name, asset): has for name, assets in ACCOUNTS.items() for asset, has in assets.items()})
        self.resting: list[Resting] = []
        self.seen: dict[tuple[str, str], SubmitOrder] = {}
        self.number = 0
        self.trade_number = 0
        self.said: list[tuple[object, ...]] = []

    def locked(self, account: str, asset: str) -> int:
        return sum(
            lock(r.order, r.leaves) for r in self.resting if (r.order.account, pays(r.order)) == (account, asset)
        )

    def free(self, account: str, asset: str) -> int:
        return self.holds[account, asset] - self.locked(account, asset)

    def cancel(self, message: CancelOrder) -> None:
        for resting in self.resting:
            if (resting.order.account, resting.order.client_order_id) == (message.account, message.client_order_id):
                self.remove(resting, "requested")
                return
        self.said.append(("cancel rejected", message.account, message.client_order_id))

    def remove(self, resting: Resting, reason: str) -> None:
        self.resting.remove(resting)
        self.say_canceled(resting, reason)

    def say_canceled(self, resting: Resting, reason: str) -> None:
        self.said.append(("canceled", resting.order.account, resting.order.client_order_id, resting.leaves, reason))

    def submit(self, order: SubmitOrder) -> None:
        first = self.seen.setdefault((order.account, order.client_order_id), order)
        if first is not order and first == order:
            return
        reason = self.refusal(order, first)
        if reason:
            self.said.append(("rejected", order.account, order.client_order_id, reason))
            return
        self.number += 1
        self.said.append(("accepted", order.account, order.client_order_id, self.number))
        taker = Resting(self.number, order, order.quantity_lots)
        self.match(taker)
        if taker.leaves and order.order_type is OrderType.LIMIT and order.time_in_force is TimeInForce.GTC:
            self.resting.append(taker)
        elif taker.leaves:
            self.say_canceled(taker, "not_filled")

    def refusal(self, order: SubmitOrder, first: SubmitOrder) -> str:
        if order.symbol not in SYMBOLS:
            return "unknown_symbol"
        if first is not order:
            return "client_order_id_reused"
        if order.quantity_lots < 1:
            return "invalid_quantity"
        is_market = order.order_type is OrderType.MARKET
        if (order.price_ticks != 0) if is_market else (order.price_ticks < 1):
            return "invalid_price"
        takes = is_market or order.time_in_force is TimeInForce.IOC or self.best_against(order) is not None
        if order.post_only and takes:
            return "would_take"
        if not is_market and lock(order, order.quantity_lots) > self.free(order.account, pays(order)):
            return "insufficient_funds"
        return ""

    def best_against(self, order: SubmitOrder) -> Resting | None:
        found = [r for r in self.resting if r.order.symbol == order.symbol and r.order.side is not order.side]
        if order.order_type is OrderType.LIMIT:
            found = [r for r in found if reaches(order, r.order.price_ticks)]
        sign = 1 if order.side is Side.BUY else -1
        return min(found, key=lambda r: (sign * r.order.price_ticks, r.number), default=None)

    def match(self, taker: Resting) -> None:
        while taker.leaves:
            maker = self.best_against(taker.order)
            if maker is None:
                return
            if maker.order.account == taker.order.account:
                self.remove(maker, "self_trade")
                continue
            lots = self.lots_of_match(taker, maker)
            if lots == 0:
                return
            self.trade(taker, maker, lots)

    def lots_of_match(self, taker: Resting, maker: Resting) -> int:
        lots = min(taker.leaves, maker.leaves)
        if taker.order.order_type is OrderType.MARKET:
            price_ticks, free = maker.order.price_ticks, self.free(taker.order.account, pays(taker.order))
            while lots and cost(taker.order.side, price_ticks, lots, TAKER_FEE) > free:
                lots -= 1
        return lots

    def trade(self, taker: Resting, maker: Resting, lots: int) -> None:
        price_ticks, symbol = maker.order.price_ticks, maker.order.symbol
        buyer, seller = (taker, maker) if taker.order.side is Side.BUY else (maker, taker)
        fees = {id(taker): ceil_fee(price_ticks * lots, TAKER_FEE), id(maker): ceil_fee(price_ticks * lots, MAKER_FEE)}
        base = symbol[:3]
        self.holds[buyer.order.account, base] += 10 * lots
        self.holds[seller.order.account, base] -= 10 * lots
        self.holds[buyer.order.account, "USD"] -= price_ticks * lots + fees[id(buyer)]
        self.holds[seller.order.account, "USD"] += price_ticks * lots - fees[id(seller)]
        self.holds["fees", "USD"] += fees[id(taker)] + fees[id(maker)]
        taker.leaves -= lots
        maker.leaves -= lots
        self.trade_number += 1
        self.said.append(("trade", self.trade_number, symbol, price_ticks, lots, buyer.number, seller.number))
        for party in (maker, taker):
            self.said.append(
                ("filled", party.order.account, party.order.client_order_id, lots, party.leaves, fees[id(party)])
            )
        if maker.leaves == 0:
            self.resting.remove(maker)


def ceil_fee(notional: int, fee_ppm: int) -> int:
    return ceil(notional * fee_ppm / 1_000_000)


def cost(side: Side, price_ticks: int, lots: int, fee_ppm: int) -> int:
    notional = price_ticks * lots
    return notional + ceil_fee(notional, fee_ppm) if side is Side.BUY else 10 * lots


def lock(order: SubmitOrder, lots: int) -> int:
    """The fee of each lot is rounded up, so that any number of partial fills is covered."""
    return cost(order.side, order.price_ticks, 1, TAKER_FEE) * lots


def pays(order: SubmitOrder) -> str:
    return "USD" if order.side is Side.BUY else order.symbol[:3]


def reaches(order: SubmitOrder, price_ticks: int) -> bool:
    return order.price_ticks >= price_ticks if order.side is Side.BUY else order.price_ticks <= price_ticks


def spoken(message: Message) -> list[tuple[object, ...]]:
    """What the exchange says, in the words of the twin."""
    match message:
        case OrderAccepted():
            return [("accepted", message.account, message.client_order_id, message.order_id)]
        case OrderRejected():
            return [("rejected", message.account, message.client_order_id, str(message.reject_reason))]
        case OrderCanceled():
            quantity_lots, reason = message.quantity_lots, str(message.reason)
            return [("canceled", message.account, message.client_order_id, quantity_lots, reason)]
        case CancelRejected():
            return [("cancel rejected", message.account, message.client_order_id)]
        case OrderFilled():
            quantities = (message.quantity_lots, message.leaves_quantity_lots, message.fee_minor)
            return [("filled", message.account, message.client_order_id, *quantities)]
        case TradeExecuted():
            parties = (message.buyer_order_id, message.seller_order_id)
            return [("trade", message.trade_id, message.symbol, message.price_ticks, message.quantity_lots, *parties)]
    return []


OWNERS = st.sampled_from(["ann", "bob", "cid"])
IDS = st.integers(0, 40).map(str)


@st.composite
def submits(draw: st.DrawFn) -> SubmitOrder:
    order_type = draw(st.sampled_from([OrderType.LIMIT] * 5 + [OrderType.MARKET]))
    is_market = order_type is OrderType.MARKET
    return SubmitOrder(
        "venue",
        draw(OWNERS),
        draw(IDS),
        draw(st.sampled_from(["BTC/USD"] * 6 + ["ETH/USD", "NO/NE"])),
        draw(st.sampled_from(Side)),
        order_type,
        draw(st.sampled_from([TimeInForce.GTC] * 3 + [TimeInForce.IOC])),
        draw(st.sampled_from([0, 0, 0, 5]))
        if is_market
        else draw(st.integers(0, 12).map(lambda x: 95 + x if x else 0)),
        draw(st.integers(0, 12)),
        draw(st.sampled_from([False, False, False, True])),
    )


CANCELS = st.builds(CancelOrder, st.just("venue"), OWNERS, IDS)
COMMANDS = st.lists(st.one_of(submits(), submits(), submits(), CANCELS), max_size=60)


@given(COMMANDS)
@settings(max_examples=100, deadline=None)
def test_it_does_what_the_twin_does(make_exchange: Make, commands: list[Message]) -> None:
    exchange, twin = make_exchange(ACCOUNTS), Twin()
    for command in commands:
        twin.said.clear()
        twin.submit(command) if isinstance(command, SubmitOrder) else twin.cancel(command)  # type: ignore[arg-type]
        assert [words for answer in exchange.handle(command, 1) for words in spoken(answer)] == twin.said
    for account in (*ACCOUNTS, "fees"):
        [report] = exchange.handle(QueryAccount(to="venue", asker="me", account=account), 2)
        assert isinstance(report, AccountReported)
        for balance in report.balances:
            assert balance.locked_minor == twin.locked(account, balance.asset)
            assert balance.free_minor == twin.free(account, balance.asset)


@given(COMMANDS, st.data())
@settings(max_examples=60, deadline=None)
def test_duplicated_commands_change_nothing(make_exchange: Make, commands: list[Message], data: st.DataObject) -> None:
    """Every submission comes twice, the second time some messages later; a cancel once, after both."""
    once, twice = make_exchange(ACCOUNTS), make_exchange(ACCOUNTS)
    orders = [command for command in commands if isinstance(command, SubmitOrder)]
    first = {(order.account, order.client_order_id): order for order in reversed(orders)}
    orders = [order for order in orders if first[order.account, order.client_order_id] is order]
    late: list[SubmitOrder] = []
    for order in orders:
        assert twice.handle(order, 1) == once.handle(order, 1)
        late.append(order)
        while late and data.draw(st.sampled_from([True, False])):
            assert twice.handle(late.pop(0), 1) == []
    assert twice.save() == once.save()


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[int, Message]]:
    """Commands between quotes that wander and jump, with time going on."""
    now, middle = 0, 100
    stream: list[tuple[int, Message]] = []
    for _ in range(draw(st.integers(0, 50))):
        now += draw(st.integers(0, 400))
        kind = draw(st.integers(0, 9))
        if kind < 4:
            middle = max(20, middle + draw(st.sampled_from([-9, -2, -1, 0, 1, 2, 9])))
            stream.append((now, QuotePublished("BTC/USD", middle - 1, 1, middle + 1, 1, 0, now)))
        elif kind == 4:
            stream.append((now, draw(st.sampled_from([Wake(), Start(memory={})]))))
        else:
            stream.append((now, draw(st.one_of(submits(), submits(), CANCELS))))
    return stream


WORLD = {
    **ACCOUNTS,
    "background": {"USD": 60_000, "BTC": 5_000},
    "noise": {"USD": 20_000, "BTC": 2_000},
}


@given(streams(), st.data())
@settings(max_examples=80, deadline=None)
def test_a_restored_exchange_goes_on_as_the_saved_one(
    make_exchange: Make, ladder: LiquidityConfig, stream: list[tuple[int, Message]], data: st.DataObject
) -> None:
    boundary = data.draw(st.integers(0, len(stream)))
    original, restored = make_exchange(WORLD, ladder), make_exchange(WORLD, ladder)
    for now, message in stream[:boundary]:
        original.handle(message, now)
    saved = json.dumps(original.save(), sort_keys=True)
    restored.restore(json.loads(saved))
    assert json.dumps(restored.save(), sort_keys=True) == saved
    for now, message in stream[boundary:]:
        assert restored.handle(message, now) == original.handle(message, now)
    assert restored.save() == original.save()


@given(streams())
@settings(max_examples=80, deadline=None)
def test_every_asset_and_every_lot_is_conserved(
    make_exchange: Make, ladder: LiquidityConfig, reference: ReferenceData, stream: list[tuple[int, Message]]
) -> None:
    exchange = make_exchange(WORLD, ladder)
    ordered: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    sequences: Counter[str] = Counter()
    for now, message in stream:
        for answer in exchange.handle(message, now):
            if isinstance(answer, OrderAccepted):
                ordered[answer.account] += answer.quantity_lots
            elif isinstance(answer, OrderFilled | OrderCanceled):
                ended[answer.account] += answer.quantity_lots
            if isinstance(answer, AccountEvent):
                sequences[answer.account] += 1
                assert answer.account_sequence == sequences[answer.account]
    totals: Counter[str] = Counter()
    for account in (*WORLD, "fees"):
        [report] = exchange.handle(QueryAccount(to="venue", asker="me", account=account), 10**9)
        assert isinstance(report, AccountReported)
        totals.update({line.asset: line.free_minor + line.locked_minor for line in report.balances})
        if account in ACCOUNTS:
            assert ordered[account] - ended[account] == sum(line.leaves_quantity_lots for line in report.open_orders)
    assert totals == {asset: sum(held.get(asset, 0) for held in WORLD.values()) for asset in reference.assets}
