"""Samples are one price per time, and their sums are those of the window."""

from math import sqrt

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.chance import Dice
from trading_ecosystem.production.trading_engine.strategies.samples import DAY_NS, PPB, Samples

MINUTE = 60_000_000_000
PRICE = 12_000_000


def filled(prices: list[int], count: int) -> Samples:
    samples = Samples(MINUTE, count)
    for at, price in enumerate(prices):
        assert samples.take(price, at * MINUTE)
    return samples


def test_the_first_price_of_each_time_is_a_sample() -> None:
    samples = Samples(MINUTE, 3)
    taken = [samples.take(PRICE + second, second * 1_000_000_000) for second in range(125)]
    assert [second for second in range(125) if taken[second]] == [0, 60, 120]
    assert samples.prices == [PRICE, PRICE + 60, PRICE + 120] and samples.full
    assert not samples.take(1, 61_000_000_000)  # Time does not go back.


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=40), st.integers(2, 12))
def test_sums_are_those_of_the_window(prices: list[int], count: int) -> None:
    samples = filled(prices, count)
    window = prices[-count:]
    assert samples.prices == window and samples.full == (len(window) == count)
    assert samples.sum == sum(window) and samples.square_sum == sum(price * price for price in window)


def test_where_prices_were_missing_the_last_one_stands() -> None:
    samples = filled([PRICE, PRICE + 2], 5)
    assert samples.take(PRICE + 8, 4 * MINUTE)
    assert samples.prices == [PRICE, PRICE + 2, PRICE + 2, PRICE + 2, PRICE + 8]
    assert samples.take(PRICE, 4_000_000 * MINUTE)  # A long silence costs no more than a window.
    assert samples.prices == [PRICE + 8] * 4 + [PRICE]


@pytest.mark.parametrize("move_ppm", [200, 900])
def test_volatility_is_that_of_the_walk(move_ppm: int) -> None:
    dice, price, prices = Dice(3, "walk"), float(PRICE), []
    for step in range(3_000):
        price *= 1 + move_ppm * 1e-6 * dice.normal(step)
        prices.append(round(price))
    day_ppb = move_ppm * 1_000 * sqrt(DAY_NS / MINUTE)
    assert filled(prices, 500).day_volatility_ppb() == pytest.approx(day_ppb, rel=0.1)


def test_volatility_forgets_by_one_in_the_window() -> None:
    samples = filled([PRICE] * 4, 4)
    assert samples.day_volatility_ppb() == 0
    samples.take(PRICE + PRICE // 100, 4 * MINUTE)
    first = samples._variance_ppb2
    assert first == (PPB // 100) ** 2 // 4
    samples.take(PRICE + PRICE // 100, 5 * MINUTE)
    assert samples._variance_ppb2 == first + -first // 4


def test_a_return_over_a_gap_is_spread_over_it() -> None:
    near, far = filled([PRICE], 4), filled([PRICE], 4)
    near.take(PRICE * 101 // 100, MINUTE)
    far.take(PRICE * 102 // 100, 4 * MINUTE)
    assert far.day_volatility_ppb() == near.day_volatility_ppb()  # Twice the move in four times the time.
