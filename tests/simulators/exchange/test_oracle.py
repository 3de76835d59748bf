"""The exchange does what a slow and obvious twin does, under any stream of commands of any kind."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given, settings, strategies as st
from tests.simulators.exchange.crowd import Crowd
from tests.simulators.exchange.twin import Rules, Twin, spoken

from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import AmendOrder, CancelAllAfter, CancelAllOrders, OrderAmended
from trading_ecosystem.messages.orders import (
    AccountEvent,
    CancelOrder,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderType,
    SelfTradeMode,
    Side,
    SubmitOrder,
    TimeInForce,
)
from trading_ecosystem.messages.runtime import Start, Wake
from trading_ecosystem.messages.triggers import SubmitPair, SubmitTriggerOrder, TriggerKind
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.exchange.config import LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.rules import BandRule, MarketRules
from trading_ecosystem.simulators.exchange.state import assert_locks_owned

Make = Callable[..., Exchange]
MAKER_FEE, TAKER_FEE = 1_000, 30_000
ACCOUNTS = {
    "ann": {"USD": 6_000, "BTC": 400, "ETH": 400},
    "bob": {"USD": 4_000, "BTC": 300},
    "cid": {"USD": 300, "BTC": 20, "ETH": 20},
}
RICH = {name: {"USD": 1_000_000, "BTC": 100_000, "ETH": 100_000} for name in ACCOUNTS}
OWNERS = st.sampled_from(["ann", "bob", "cid"])
IDS = st.integers(0, 40).map(str)
SYMBOLS = st.sampled_from(["BTC/USD"] * 6 + ["ETH/USD", "NO/NE"])
PRICES = st.integers(0, 12).map(lambda x: 95 + x if x else 0)
LOTS = st.integers(0, 12)
MODES = st.sampled_from(SelfTradeMode)
T = TimeInForce
ODD_LIVES = [(T.IOC, 0), (T.FOK, 0), (T.DAY, 0), (T.GTD, 30), (T.GTD, 0), (T.GTC, 9)]
LIFETIMES = st.sampled_from([(T.GTC, 0)] * 6 + ODD_LIVES)
DAY_NS = 86_400_000_000_000


@st.composite
def submits(draw: st.DrawFn) -> SubmitOrder:
    order_type = draw(st.sampled_from([OrderType.LIMIT] * 5 + [OrderType.MARKET]))
    is_market = order_type is OrderType.MARKET
    time_in_force, expires_ns = draw(LIFETIMES)
    by_quote = is_market and draw(st.booleans())
    return SubmitOrder(
        "venue",
        draw(OWNERS),
        draw(IDS),
        draw(SYMBOLS),
        draw(st.sampled_from(Side)),
        order_type,
        draw(st.sampled_from([T.GTC, T.IOC, T.IOC, T.FOK])) if is_market else time_in_force,
        draw(st.sampled_from([0, 0, 0, 5])) if is_market else draw(PRICES),
        draw(st.sampled_from([0, 0, 3])) if by_quote else draw(LOTS),
        draw(st.sampled_from([False, False, False, True])),
        draw(st.sampled_from([0, 0, 0, 1, 2, 3])),
        0 if is_market else expires_ns,
        draw(st.sampled_from([500, 90, 1_500, -1])) if by_quote else 0,
        draw(MODES),
    )


@st.composite
def triggers(draw: st.DrawFn) -> SubmitTriggerOrder:
    kind = draw(st.sampled_from(TriggerKind))
    trails = kind is TriggerKind.TRAILING
    time_in_force, expires_ns = draw(LIFETIMES)
    return SubmitTriggerOrder(
        to="venue",
        account=draw(OWNERS),
        client_order_id=draw(IDS),
        symbol=draw(SYMBOLS),
        side=draw(st.sampled_from(Side)),
        trigger_kind=kind,
        trigger_ticks=draw(st.sampled_from([0, 0, 0, 99])) if trails else draw(PRICES),
        trail_ppm=draw(st.sampled_from([0, 20_000, 35_000, 600_000] if trails else [0, 0, 0, 0, 10_000])),
        price_ticks=draw(st.one_of(st.just(0), PRICES, st.just(-3))),
        quantity_lots=draw(LOTS),
        time_in_force=time_in_force,
        expires_ns=expires_ns,
        self_trade=draw(MODES),
    )


@st.composite
def pairs(draw: st.DrawFn) -> SubmitPair:
    order, waits = draw(submits()), draw(triggers())
    return SubmitPair(
        to="venue",
        account=order.account,
        symbol=order.symbol,
        side=order.side,
        quantity_lots=order.quantity_lots,
        time_in_force=order.time_in_force,
        expires_ns=order.expires_ns,
        self_trade=order.self_trade,
        client_order_id=order.client_order_id,
        price_ticks=order.price_ticks,
        post_only=order.post_only,
        trigger_client_order_id=waits.client_order_id,
        trigger_kind=waits.trigger_kind,
        trigger_ticks=waits.trigger_ticks,
        trail_ppm=waits.trail_ppm,
        trigger_price_ticks=waits.price_ticks,
    )


CANCELS = st.builds(CancelOrder, st.just("venue"), OWNERS, IDS)
AMENDS = st.builds(
    AmendOrder, to=st.just("venue"), account=OWNERS, client_order_id=IDS, price_ticks=PRICES, quantity_lots=LOTS
)
CLEARS = st.builds(
    CancelAllOrders,
    to=st.just("venue"),
    account=OWNERS,
    only_symbol=st.sampled_from(["", "BTC/USD", "NO/NE"]),
)
SILENCES = st.builds(CancelAllAfter, to=st.just("venue"), account=OWNERS, timeout_ns=st.sampled_from([0, 5, 15]))
CHANGES = (AMENDS, AMENDS, CANCELS, CLEARS, SILENCES)
ANY = st.one_of(submits(), submits(), submits(), triggers(), triggers(), pairs(), *CHANGES)
COMMANDS = st.lists(ANY, max_size=60)
STEPS = st.lists(st.sampled_from([0] + [1] * 8 + [2] * 8 + [DAY_NS // 2]), min_size=60, max_size=60)
LIMITS = st.sampled_from([Rules(), Rules(), Rules(minimum_notional=150, largest=9, range_ppm=40_000)])


def report_of(exchange: Exchange, account: str, now: int) -> AccountReported:
    answers = exchange.handle(QueryAccount(to="venue", asker="me", account=account), now)
    [report] = [answer for answer in answers if isinstance(answer, AccountReported)]
    return report


def check(exchange: Exchange, twin: Twin, stream: Iterable[tuple[int, Message]]) -> None:
    """Both say the same to every command, and hold the same after the last."""
    now = 0
    for now, command in stream:
        said = [words for answer in exchange.handle(command, now) for words in spoken(answer)]
        assert said == twin.handle(command, now), (now, command)
    for account in (*ACCOUNTS, "fees"):
        report = report_of(exchange, account, now)
        for balance in report.balances:
            assert balance.locked_minor == twin.locked(account, balance.asset)
            assert balance.free_minor == twin.free(account, balance.asset)
        resting = {order.order_id: order.leaves_quantity_lots for order in report.open_orders if not order.waits}
        assert resting == {order.number: order.leaves for order in twin.resting if order.account == account}
    assert_locks_owned(exchange._matching, exchange._accounts)


def venue_with(make_exchange: Make, limits: Rules, accounts: dict[str, dict[str, int]]) -> Exchange:
    band = BandRule(width_ppm=limits.band_ppm, over_ns=limits.over, halt_ns=limits.halt, auction_ns=limits.auction)
    rules = MarketRules(
        minimum_notional_minor=limits.minimum_notional,
        largest_lots=limits.largest,
        price_range_ppm=limits.range_ppm,
        band=band if limits.band_ppm else None,
    )
    return make_exchange(accounts, taker_fee_ppm=TAKER_FEE, rules=dict.fromkeys(("BTC/USD", "ETH/USD"), rules))


@given(COMMANDS, STEPS, LIMITS)
@settings(max_examples=100, deadline=None)
def test_it_does_what_the_twin_does(
    make_exchange: Make, commands: list[Message], steps: list[int], limits: Rules
) -> None:
    stream = zip(accumulate(steps), commands, strict=False)
    check(venue_with(make_exchange, limits, ACCOUNTS), Twin(ACCOUNTS, MAKER_FEE, TAKER_FEE, rules=limits), stream)


@pytest.mark.parametrize("seed", range(12))
def test_it_does_what_the_twin_does_in_a_crowd(make_exchange: Make, seed: int) -> None:
    """A thousand commands each, so that every kind of order meets every other."""
    limits = Rules(minimum_notional=150, largest=11, range_ppm=45_000) if seed % 3 == 0 else Rules()
    accounts = RICH if seed % 2 else ACCOUNTS
    twin = Twin(accounts, MAKER_FEE, TAKER_FEE, rules=limits)
    check(venue_with(make_exchange, limits, accounts), twin, Crowd(seed).commands(1_000))


BANDS = (Rules(), Rules(band_ppm=25_000, over=90, halt=20, auction=40), Rules(band_ppm=33_000, halt=9, auction=90))


@pytest.mark.parametrize("seed", range(18))
def test_it_does_what_the_twin_does_in_markets_that_stop(make_exchange: Make, seed: int) -> None:
    """With price bands, halts of the venue and quotes of a reference price. Each halts and trades in auctions."""
    limits = replace(BANDS[seed % 3], range_ppm=45_000 if seed % 2 else 0)
    accounts = RICH if seed % 4 else ACCOUNTS
    twin = Twin(accounts, MAKER_FEE, TAKER_FEE, rules=limits)
    check(venue_with(make_exchange, limits, accounts), twin, Crowd(seed, rare=40).commands(1_000))
    assert twin.auction_trades > 0 or accounts is not RICH
    assert twin.trips > 0 or not limits.band_ppm


@given(COMMANDS, st.data())
@settings(max_examples=60, deadline=None)
def test_duplicated_commands_change_nothing(make_exchange: Make, commands: list[Message], data: st.DataObject) -> None:
    """Every submission comes twice, the second time some messages later; a cancel once, after both."""
    once, twice = make_exchange(ACCOUNTS), make_exchange(ACCOUNTS)
    orders = [command for command in commands if isinstance(command, SubmitOrder) and command.expires_ns == 0]
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
            stream.append((now, draw(ANY)))
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
    quantities: dict[int, int] = {}
    for now, message in stream:
        for answer in exchange.handle(message, now):
            if isinstance(answer, OrderAccepted):
                ordered[answer.account] += answer.quantity_lots
                quantities[answer.order_id] = answer.quantity_lots
            elif isinstance(answer, OrderFilled | OrderCanceled):
                ended[answer.account] += answer.quantity_lots
            elif isinstance(answer, OrderAmended):
                ordered[answer.account] += answer.quantity_lots - quantities[answer.order_id]
                quantities[answer.order_id] = answer.quantity_lots
            if isinstance(answer, AccountEvent):
                sequences[answer.account] += 1
                assert answer.account_sequence == sequences[answer.account]
    totals: Counter[str] = Counter()
    for account in (*WORLD, "fees"):
        report = report_of(exchange, account, stream[-1][0] if stream else 0)
        totals.update({line.asset: line.free_minor + line.locked_minor for line in report.balances})
        if account in ACCOUNTS:
            assert ordered[account] - ended[account] == sum(line.leaves_quantity_lots for line in report.open_orders)
    assert totals == {asset: sum(held.get(asset, 0) for held in WORLD.values()) for asset in reference.assets}
