"""Whoever missed trades is told them again, from the id on that it asks for, as far back as the venue remembers."""

import json
from collections.abc import Callable

from hypothesis import given, strategies as st

from trading_ecosystem.messages.accounts import QueryTrades, TradesReported
from trading_ecosystem.messages.orders import OrderType, Side, SubmitOrder, TimeInForce, TradeExecuted
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.recent import RecentTrades

FUNDS = {"USD": 1_000_000, "BTC": 10_000}


def trade(trade_id: int) -> TradeExecuted:
    return TradeExecuted(
        venue="venue",
        trade_id=trade_id,
        symbol="BTC/USD",
        price_ticks=7,
        quantity_lots=2,
        taker_side=Side.SELL,
        buyer_account="ann",
        seller_account="bob",
        buyer_order_id=11,
        seller_order_id=12,
        buyer_fee_minor=1,
        seller_fee_minor=0,
        occurred_ns=5 * trade_id,
    )


@given(count=st.integers(0, 40), maximum=st.integers(1, 9), asked=st.integers(1, 45))
def test_it_tells_all_it_knows_from_an_id_on_and_knows_the_last(count: int, maximum: int, asked: int) -> None:
    recent = RecentTrades(maximum)
    for trade_id in range(1, count + 1):
        recent.add(trade(trade_id))
    restored = RecentTrades(maximum)
    restored.restore(json.loads(json.dumps(recent.save())))
    for memory in (recent, restored):
        told = [each.trade_id for each in memory.since(asked)]
        assert told == list(range(max(asked, memory.oldest_id()), count + 1))
        assert all(each == trade(each.trade_id) for each in memory.since(asked))
        assert memory.oldest_id() <= max(1, count - maximum + 1)
        assert count - memory.oldest_id() + 1 < max(2 * maximum, 1) or count == 0


def test_a_venue_that_is_asked_tells_the_trades_as_it_told_them_first(
    make_exchange: Callable[..., Exchange],
) -> None:
    exchange = make_exchange({"ann": FUNDS, "bob": FUNDS})
    first: list[TradeExecuted] = []
    for number in range(3):
        for account, side in (("ann", Side.SELL), ("bob", Side.BUY)):
            order = SubmitOrder(
                "venue", account, f"{account}-{number}", "BTC/USD", side, OrderType.LIMIT, TimeInForce.GTC, 100, 5
            )
            first += [said for said in exchange.handle(order, 1_000 + number) if isinstance(said, TradeExecuted)]
    assert [each.trade_id for each in first] == [1, 2, 3]
    question = QueryTrades(to="venue", asker="custodian", from_trade_id=2)
    assert exchange.handle(question, 2_000) == [
        TradesReported(to="custodian", venue="venue", from_trade_id=2, trades=tuple(first[1:]), occurred_ns=2_000)
    ]
    nothing_new = exchange.handle(QueryTrades(to="venue", asker="custodian", from_trade_id=4), 2_000)
    assert [said.trades for said in nothing_new if isinstance(said, TradesReported)] == [()]
