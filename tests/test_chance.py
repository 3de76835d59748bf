"""Draws are addressed, uniform, independent, and the same everywhere."""

from collections import Counter
from math import sqrt
from statistics import fmean, pvariance

import pytest

from trading_ecosystem.chance import Dice

DRAWS = 40_000
PINNED = [2671023933, 2940480224, 1443155063, 2999014401]


def correlation(one: list[float], other: list[float]) -> float:
    mean_one, mean_other = fmean(one), fmean(other)
    covariance = fmean([(a - mean_one) * (b - mean_other) for a, b in zip(one, other, strict=True)])
    return covariance / sqrt(pvariance(one) * pvariance(other))


def test_a_draw_has_an_address_and_no_history() -> None:
    dice = Dice(7, "market.BTC")
    forward = [dice.bits(i) for i in range(100)]
    backward = [Dice(7, "market.BTC").bits(i) for i in reversed(range(100))]
    assert forward == backward[::-1]


def test_the_draws_of_this_version_never_change() -> None:
    dice = Dice(7, "market.BTC")
    assert [dice.bits(0), dice.bits(1), dice.bits(1, 1), dice.bits(1 << 40)] == PINNED


@pytest.mark.parametrize("step", [1, 1_000_000_000, 3_600 * 10**9])
def test_uniform_draws_fill_their_range_whatever_the_spacing_of_the_index(step: int) -> None:
    dice = Dice(3, "latency")
    buckets = Counter(int(dice.uniform(i * step) * 64) for i in range(DRAWS))
    expected = DRAWS / 64
    chi_square = sum((buckets[b] - expected) ** 2 / expected for b in range(64))
    assert chi_square < 110  # 63 degrees of freedom: p = 0.0002.


def test_normal_draws_have_the_moments_of_the_normal_distribution() -> None:
    dice = Dice(11, "market.ETH")
    draws = [dice.normal(i) for i in range(DRAWS)]
    assert abs(fmean(draws)) < 0.02
    assert abs(pvariance(draws) - 1) < 0.03
    assert abs(fmean([x**4 for x in draws]) - 3) < 0.2


@pytest.mark.parametrize(
    ("seed", "name", "lane", "shift"), [(8, "a", 0, 0), (7, "b", 0, 0), (7, "a", 1, 0), (7, "a", 0, 1)]
)
def test_other_seeds_names_lanes_and_indices_are_uncorrelated(seed: int, name: str, lane: int, shift: int) -> None:
    one, other = Dice(7, "a"), Dice(seed, name)
    draws = [one.uniform(i) for i in range(DRAWS)]
    others = [other.uniform(i + shift, lane) for i in range(DRAWS)]
    assert abs(correlation(draws, others)) < 0.02


def test_below_stays_below_and_reaches_every_value() -> None:
    dice = Dice(5, "sizes")
    assert {dice.below(6, i) for i in range(500)} == set(range(6))
    assert dice.below(1, 3) == 0
