"""The background follows the reference, thins out under stress, and is there to be traded with."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from trading_ecosystem.messages.accounts import AccountReported, OpenOrder, QueryAccount
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    AccountEvent,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderType,
    Side,
    SubmitOrder,
    TimeInForce,
    TradeExecuted,
)
from trading_ecosystem.simulators.exchange.config import LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange

Make = Callable[..., Exchange]
RICH = {"USD": 10**12, "BTC": 10**9}
WORLD = {"ann": RICH, "background": RICH, "noise": RICH}
MIDDLE = 100_000


@pytest.fixture
def calm(ladder: LiquidityConfig) -> LiquidityConfig:
    """The ladder without noise traders."""
    return replace(ladder, noise_ppm=0)


def quote(middle_ticks: int, occurred_ns: int, half_spread_ticks: int = 1) -> QuotePublished:
    bid_ticks, ask_ticks = middle_ticks - half_spread_ticks, middle_ticks + half_spread_ticks
    return QuotePublished("BTC/USD", bid_ticks, 1, ask_ticks, 1, 0, occurred_ns)


def limit(client_order_id: str, side: Side, price_ticks: int, quantity_lots: int) -> SubmitOrder:
    return SubmitOrder(
        "venue",
        "ann",
        client_order_id,
        "BTC/USD",
        side,
        OrderType.LIMIT,
        TimeInForce.GTC,
        price_ticks,
        quantity_lots,
    )


def report(exchange: Exchange, account: str) -> AccountReported:
    [answer] = exchange.handle(QueryAccount(to="venue", asker="me", account=account), 10**9)
    assert isinstance(answer, AccountReported)
    return answer


def ladder_of(exchange: Exchange, side: Side) -> list[tuple[int, int]]:
    """Price and lots, from the touch outwards."""
    orders: tuple[OpenOrder, ...] = report(exchange, "background").open_orders
    return [(order.price_ticks, order.leaves_quantity_lots) for order in orders if order.side is side]


def test_it_lays_real_orders_around_the_reference(make_exchange: Make, calm: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, calm)
    assert exchange.handle(quote(MIDDLE, 5), 6) == [BookTopChanged("venue", "BTC/USD", 99_900, 100, 100_100, 100, 1, 6)]
    assert ladder_of(exchange, Side.BUY) == [(99_900, 100), (99_800, 150), (99_600, 225)]
    assert ladder_of(exchange, Side.SELL) == [(100_100, 100), (100_200, 150), (100_400, 225)]


def test_it_stays_until_the_reference_has_moved_far_enough(make_exchange: Make, calm: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, calm)
    exchange.handle(quote(MIDDLE, 1), 1)
    assert exchange.handle(quote(MIDDLE + 49, 2), 2) == []
    [moved] = exchange.handle(quote(MIDDLE + 51, 3), 3)
    assert isinstance(moved, BookTopChanged)
    assert (moved.bid_ticks, moved.ask_ticks) == (99_950, 100_152)


@pytest.mark.parametrize(
    "ignored",
    [
        quote(MIDDLE * 2, 9),  # As old as the last.
        quote(MIDDLE * 2, 8),
        QuotePublished("BTC/USD", 0, 0, MIDDLE, 1, 0, 10),
        QuotePublished("BTC/USD", MIDDLE, 1, 0, 0, 0, 10),
        QuotePublished("BTC/USD", MIDDLE + 300, 1, MIDDLE + 200, 1, 0, 10),  # Crossed.
        QuotePublished("NO/NE", MIDDLE, 1, MIDDLE, 1, 0, 10),
    ],
)
def test_a_quote_without_news_changes_nothing(
    make_exchange: Make, ladder: LiquidityConfig, ignored: QuotePublished
) -> None:
    exchange = make_exchange(WORLD, ladder)
    exchange.handle(quote(MIDDLE, 9), 9)
    before = exchange.save()
    assert exchange.handle(ignored, 11) == []
    assert exchange.save() == before


def test_a_quote_without_liquidity_places_nothing(make_exchange: Make, ladder: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, ladder)
    assert exchange.handle(QuotePublished("ETH/USD", MIDDLE, 1, MIDDLE, 1, 0, 10), 11) == []


def test_it_never_quotes_inside_the_reference(make_exchange: Make, calm: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, calm)
    exchange.handle(quote(MIDDLE, 1, half_spread_ticks=700), 1)
    assert ladder_of(exchange, Side.BUY)[0] == (99_300, 100)


def test_it_does_not_follow_a_single_print(make_exchange: Make, ladder: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, ladder)
    exchange.handle(quote(MIDDLE, 1), 1)
    laid = ladder_of(exchange, Side.BUY)
    for number, far in enumerate((MIDDLE * 2, MIDDLE // 2, MIDDLE * 20), start=2):
        assert exchange.handle(quote(far, number), number) == []
    exchange.handle(quote(MIDDLE, 5), 5)
    assert ladder_of(exchange, Side.BUY) == laid


def test_it_follows_a_second_quote_that_says_the_same(make_exchange: Make, calm: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, calm)
    exchange.handle(quote(MIDDLE, 1), 1)
    exchange.handle(quote(MIDDLE * 9 // 10, 2), 2)
    rebuilt = make_exchange(WORLD, calm)
    rebuilt.restore(exchange.save())
    assert rebuilt.handle(quote(MIDDLE * 91 // 100, 3), 3)
    assert ladder_of(rebuilt, Side.SELL)[0][0] < MIDDLE * 92 // 100
    assert exchange.handle(quote(MIDDLE * 2, 20_000_000_003), 20_000_000_003)  # After a silence, at once.


def test_stress_widens_and_thins_it_and_calm_brings_it_back(make_exchange: Make, calm: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, calm)
    moment, spreads, depths = 0, [], []
    for storm in (False, True, False):
        for step in range(300):
            moment += 1
            swing = (2_000 if storm else 80) * (step % 2)
            exchange.handle(quote(MIDDLE + swing, moment), moment)
        [(bid_ticks, bid_lots), *_] = ladder_of(exchange, Side.BUY)
        [(ask_ticks, _), *_] = ladder_of(exchange, Side.SELL)
        spreads.append((ask_ticks - bid_ticks) * 1_000 // MIDDLE)
        depths.append(bid_lots)
    assert spreads == [2, 10, 2]
    assert depths == [100, 20, 100]


def test_a_desk_at_the_touch_is_behind_and_inside_it_is_first(make_exchange: Make, calm: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, calm)
    exchange.handle(quote(MIDDLE, 1), 1)
    answers = exchange.handle(limit("buy", Side.BUY, 100_200, 120), 2)
    trades = [answer for answer in answers if isinstance(answer, TradeExecuted)]
    assert [(trade.price_ticks, trade.quantity_lots) for trade in trades] == [(100_100, 100), (100_200, 20)]
    assert {trade.seller_account for trade in trades} == {"background"}
    told = {answer.account for answer in answers if isinstance(answer, AccountEvent)}
    assert told == {"ann"}


def test_a_ladder_that_was_hit_is_filled_up_at_the_next_quote(make_exchange: Make, calm: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, calm)
    exchange.handle(quote(MIDDLE, 1), 1)
    exchange.handle(limit("sell", Side.SELL, 99_900, 30), 2)
    assert ladder_of(exchange, Side.BUY)[0] == (99_900, 70)
    exchange.handle(quote(MIDDLE, 3), 3)
    assert ladder_of(exchange, Side.BUY)[0] == (99_900, 100)
    assert exchange.handle(quote(MIDDLE, 4), 4) == []


def test_a_ladder_that_lost_its_first_level_is_filled_up_after_a_restore(
    make_exchange: Make, calm: LiquidityConfig
) -> None:
    exchange, restored = make_exchange(WORLD, calm), make_exchange(WORLD, calm)
    exchange.handle(quote(MIDDLE, 1), 1)
    exchange.handle(limit("sell", Side.SELL, 99_900, 100), 2)
    assert ladder_of(exchange, Side.BUY)[0] == (99_800, 150)
    restored.restore(exchange.save())
    exchange.handle(quote(MIDDLE, 3), 3)
    restored.handle(quote(MIDDLE, 3), 3)
    assert ladder_of(exchange, Side.BUY)[0] == ladder_of(restored, Side.BUY)[0] == (99_900, 100)


def test_a_jump_hits_the_stale_orders_of_a_desk(make_exchange: Make, calm: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, calm)
    exchange.handle(quote(MIDDLE, 1), 1)
    exchange.handle(limit("bid", Side.BUY, 99_950, 130), 2)
    answers = exchange.handle(quote(98_000, 3), 3)
    fills = [answer for answer in answers if isinstance(answer, OrderFilled)]
    # The ladder's first two asks, at 98098 and 98196, are sold to the desk at the desk's price.
    assert [(fill.price_ticks, fill.quantity_lots, fill.leaves_quantity_lots) for fill in fills] == [
        (99_950, 100, 30),
        (99_950, 30, 0),
    ]
    assert ladder_of(exchange, Side.SELL)[0] == (98_196, 120)
    assert ladder_of(exchange, Side.SELL)[0][0] > ladder_of(exchange, Side.BUY)[0][0]


def test_without_funds_it_quotes_less_or_nothing(make_exchange: Make, calm: LiquidityConfig) -> None:
    poor = {"USD": 99_900 * 20 + 6_000, "BTC": 120 * 10}
    exchange = make_exchange({**WORLD, "background": poor}, calm)
    exchange.handle(quote(MIDDLE, 1), 1)
    assert ladder_of(exchange, Side.BUY) == [(99_900, 20)]
    assert ladder_of(exchange, Side.SELL) == [(100_100, 100), (100_200, 20)]
    empty = make_exchange({"ann": RICH}, calm)
    assert empty.handle(quote(MIDDLE, 1), 1) == []


def test_a_price_near_zero_leaves_the_bids_out(make_exchange: Make, calm: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, calm)
    exchange.handle(QuotePublished("BTC/USD", 1, 1, 1, 1, 0, 1), 1)
    assert ladder_of(exchange, Side.BUY) == []
    assert ladder_of(exchange, Side.SELL)[0] == (2, 100)


def test_noise_trades_at_the_rate_and_sizes_asked_for(make_exchange: Make, ladder: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, ladder)
    orders = noise_orders(exchange, {})
    assert 0.2 * 2_000 < len(orders) < 0.4 * 2_000
    assert min(lots for _, _, lots in orders) == 1
    assert max(lots for _, _, lots in orders) == 60
    assert 0.4 < sum(side is Side.BUY for _, side, _ in orders) / len(orders) < 0.6


def test_a_desk_does_not_shift_the_dice_of_the_noise(make_exchange: Make, ladder: LiquidityConfig) -> None:
    alone = noise_orders(make_exchange(WORLD, ladder), {})
    desk: dict[int, list[Message]] = {
        1_000 * step + 1: [
            limit(f"bid {step}", Side.BUY, 99_990, 25),
            limit(f"ask {step}", Side.SELL, 100_010, 25),
        ]
        for step in range(0, 2_000, 7)
    }
    beside = noise_orders(make_exchange(WORLD, ladder), desk)
    assert beside == alone
    assert noise_orders(make_exchange(WORLD, ladder, seed=2), {}) != alone


def noise_orders(exchange: Exchange, others: dict[int, list[Message]]) -> list[tuple[int, Side, int]]:
    """When noise traders took from the book, on which side and how much. The ladder is deeper than they are hungry."""
    found: dict[tuple[int, Side], int] = {}
    desk_fills = 0
    for step in range(1, 2_001):
        now = 1_000 * step
        for answer in exchange.handle(quote(MIDDLE, now), now):
            if isinstance(answer, TradeExecuted):
                assert "noise" in (answer.buyer_account, answer.seller_account)
                key = (answer.occurred_ns, answer.taker_side)
                found[key] = found.get(key, 0) + answer.quantity_lots
            desk_fills += isinstance(answer, OrderFilled)
        for command in others.get(now + 1, []):
            exchange.handle(command, now + 1)
    assert bool(desk_fills) == bool(others)
    return [(now, side, lots) for (now, side), lots in found.items()]


def test_noise_takes_no_price_beyond_the_last_level_of_the_ladder(make_exchange: Make, ladder: LiquidityConfig) -> None:
    exchange = make_exchange({"ann": RICH, "noise": RICH}, replace(ladder, noise_ppm=1_000_000))
    exchange.handle(limit("far", Side.SELL, 100_401, 10**6), 1)
    exchange.handle(limit("near", Side.SELL, 100_400, 100), 1)
    bought = 0
    for step in range(1, 60):
        for answer in exchange.handle(quote(MIDDLE, step), step):
            if isinstance(answer, TradeExecuted):
                assert (answer.buyer_account, answer.price_ticks) == ("noise", 100_400)
                bought += answer.quantity_lots
    assert bought == 100


def test_noise_without_funds_is_silent(make_exchange: Make, ladder: LiquidityConfig) -> None:
    exchange = make_exchange({"ann": RICH, "background": RICH}, replace(ladder, noise_ppm=1_000_000))
    said = [answer for step in range(1, 60) for answer in exchange.handle(quote(MIDDLE, step), step)]
    assert [type(answer) for answer in said] == [BookTopChanged]


def test_nobody_hears_of_the_orders_of_the_background(make_exchange: Make, ladder: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, ladder)
    said = [answer for step in range(1, 200) for answer in exchange.handle(quote(MIDDLE + step * 60, step), step)]
    assert not [answer for answer in said if isinstance(answer, OrderAccepted | OrderFilled | OrderCanceled)]
    assert any(isinstance(answer, TradeExecuted) for answer in said)
