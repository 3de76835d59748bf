"""A venue's past is told whole, in pages, however often and in whatever pieces it was recorded."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings, strategies

from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import OrderAmended
from trading_ecosystem.messages.orders import (
    CancelReason,
    Liquidity,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    RejectReason,
    Side,
    TradeExecuted,
)
from trading_ecosystem.messages.perpetuals import PositionChanged
from trading_ecosystem.simulators.exchange.store import DESIGN, PlacedOrder, TradeHistory


@pytest.fixture
def history(any_store_url: str) -> Iterator[TradeHistory]:
    store = open_store(any_store_url, "exchange", DESIGN)
    yield store.history
    store.close()


def position_changed(sequence: int, symbol: str = "BTC-PERP", account: str = "alpha") -> PositionChanged:
    return PositionChanged(
        account=account,
        venue="exchange",
        account_sequence=sequence,
        occurred_ns=sequence,
        symbol=symbol,
        position_lots=-sequence,
        cost_minor=-(2**62),
        realised_minor=-1,
        funding_minor=2,
        fee_minor=-3,
        wallet_minor=2**62,
    )


def test_changes_of_positions_are_told_once_in_pages_and_by_symbol(history: TradeHistory) -> None:
    told = [position_changed(n, "BTC-PERP" if n % 2 else "ETH-PERP") for n in range(1, 8)]
    history.record([*told[:4], trade(1)])
    history.record([position_changed(1, account="beta"), *told])
    assert history.margin.changes("alpha", "", 0, 3) == told[:3]
    assert history.margin.changes("alpha", "", 3, 100) == told[3:]
    assert history.margin.changes("alpha", "ETH-PERP", 2, 100) == [told[3], told[5]]
    assert history.margin.changes("gamma", "", 0, 100) == []


def trade(trade_id: int, symbol: str = "BTC/USD", buyer: str = "alpha", seller: str = "beta") -> TradeExecuted:
    return TradeExecuted(
        venue="exchange",
        trade_id=trade_id,
        symbol=symbol,
        price_ticks=6_000_000 + trade_id,
        quantity_lots=3,
        taker_side=Side.SELL,
        buyer_account=buyer,
        seller_account=seller,
        buyer_order_id=1,
        seller_order_id=2,
        buyer_fee_minor=-5,
        seller_fee_minor=2**62,
        occurred_ns=1_700_000_000_000_000_000 + trade_id,
    )


def accepted(order_id: int, account: str = "alpha", quantity_lots: int = 10) -> OrderAccepted:
    return OrderAccepted(
        account, "exchange", order_id, 100 + order_id, order_id, f"c-{order_id}", "BTC/USD", Side.BUY, 60, quantity_lots
    )


def filled(order_id: int, leaves: int, account: str = "alpha", sequence: int = 50) -> OrderFilled:
    return OrderFilled(
        account,
        "exchange",
        sequence,
        200,
        order_id,
        f"c-{order_id}",
        "BTC/USD",
        Side.BUY,
        60,
        1,
        leaves,
        0,
        Liquidity.MAKER,
        7,
    )


def canceled(order_id: int, account: str = "alpha") -> OrderCanceled:
    return OrderCanceled(account, "exchange", 60, 300, order_id, f"c-{order_id}", "BTC/USD", 4, CancelReason.SELF_TRADE)


def test_trades_come_back_as_they_were_in_pages(history: TradeHistory) -> None:
    trades = [trade(number) for number in range(1, 8)]
    history.record(trades)
    assert history.trades() == trades
    assert history.trades(limit=3) == trades[:3]
    assert history.trades(after=3, limit=3) == trades[3:6]
    assert history.trades(after=7) == []


def test_trades_of_a_symbol_and_of_an_account(history: TradeHistory) -> None:
    history.record([trade(1), trade(2, symbol="ETH/USD"), trade(3, buyer="gamma"), trade(4, seller="alpha", buyer="x")])
    assert [each.trade_id for each in history.trades(symbol="ETH/USD")] == [2]
    assert [each.trade_id for each in history.trades(account="alpha")] == [1, 2, 4]
    assert [each.trade_id for each in history.trades(account="beta", symbol="BTC/USD")] == [1, 3]
    assert history.trades(symbol="'; DROP TABLE trade; --") == []


def test_an_order_is_told_with_what_became_of_it(history: TradeHistory) -> None:
    history.record([accepted(1), filled(1, 7), filled(1, 4)])
    history.record([canceled(1), accepted(2), accepted(3, account="beta", quantity_lots=1), filled(3, 0, "beta")])
    assert history.order("alpha", "c-1") == PlacedOrder(
        order_id=1,
        account="alpha",
        client_order_id="c-1",
        symbol="BTC/USD",
        side=Side.BUY,
        price_ticks=60,
        quantity_lots=10,
        leaves_quantity_lots=4,
        accepted_ns=101,
        canceled_ns=300,
        cancel_reason=CancelReason.SELF_TRADE,
    )
    leaves = {each.order_id: (each.leaves_quantity_lots, each.cancel_reason) for each in history.orders()}
    assert leaves == {1: (4, CancelReason.SELF_TRADE), 2: (10, None), 3: (0, None)}
    assert [each.order_id for each in history.orders(account="alpha", after=1)] == [2]
    assert [each.order_id for each in history.orders(symbol="BTC/USD", limit=2)] == [1, 2]
    assert history.orders(symbol="ETH/USD") == []
    assert history.order("beta", "c-1") is None


def amended(order_id: int, sequence: int, price_ticks: int, quantity_lots: int, leaves: int) -> OrderAmended:
    return OrderAmended(
        account="alpha",
        venue="exchange",
        account_sequence=sequence,
        occurred_ns=250,
        order_id=order_id,
        client_order_id=f"c-{order_id}",
        symbol="BTC/USD",
        price_ticks=price_ticks,
        quantity_lots=quantity_lots,
        leaves_quantity_lots=leaves,
    )


def test_an_amended_order_is_told_as_it_became(history: TradeHistory) -> None:
    history.record([accepted(1), filled(1, 7)])
    history.record([amended(1, 51, 62, 15, 12)])
    found = history.order("alpha", "c-1")
    assert found is not None
    assert (found.price_ticks, found.quantity_lots, found.leaves_quantity_lots) == (62, 15, 12)
    history.record([accepted(1), filled(1, 7), amended(1, 51, 62, 15, 12)])  # Told again.
    history.record([filled(1, 9, sequence=52)])
    found = history.order("alpha", "c-1")
    assert found is not None
    assert (found.quantity_lots, found.leaves_quantity_lots) == (15, 9)


def test_what_is_not_history_is_left_out(history: TradeHistory) -> None:
    rejected = OrderRejected(
        account="alpha",
        venue="exchange",
        account_sequence=1,
        occurred_ns=1,
        client_order_id="c-9",
        symbol="BTC/USD",
        reject_reason=RejectReason.INVALID_PRICE,
    )
    health = HealthChanged(service="exchange", health=HealthStatus.SERVING, detail="", occurred_ns=1)
    history.record([rejected, health])
    history.record([])
    assert history.orders() == [] and history.trades() == []


STORY: list[Message] = [
    accepted(1),
    filled(1, 9),
    trade(1),
    accepted(2),
    filled(1, 5),
    trade(2),
    canceled(2),
    amended(1, 51, 61, 18, 13),
    filled(1, 9, sequence=52),
    amended(1, 53, 61, 15, 6),
    filled(1, 0, sequence=54),
    trade(3),
]


@settings(max_examples=25, deadline=None)
@given(cuts=strategies.lists(strategies.tuples(strategies.integers(0, 12), strategies.integers(0, 12)), max_size=6))
def test_told_again_from_any_place_it_is_the_same(cuts: list[tuple[int, int]]) -> None:
    once = past_of([STORY])
    again = past_of([*(STORY[first:last] for first, last in cuts if first == 0), STORY, *(STORY[a:b] for a, b in cuts)])
    assert again == once


def past_of(batches: list[list[Message]]) -> tuple[list[TradeExecuted], list[PlacedOrder]]:
    store = open_store("memory:", "exchange", DESIGN)
    for batch in batches:
        store.history.record(batch)
    told = store.history.trades(), store.history.orders()
    store.close()
    return told
