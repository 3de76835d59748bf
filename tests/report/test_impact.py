"""Impact is measured on ladders of which it can be reckoned by hand."""

from dataclasses import replace
from math import log

import pytest
from tests.simulators.exchange.conftest import LADDER, REFERENCE

from trading_ecosystem.report.impact import Weather, far_exponent, fitted, measured, sizes_of
from trading_ecosystem.simulators.exchange.config import ExchangeConfig

RICH = {"USD": 10**15, "BTC": 10**12}
ACCOUNTS = {"background": RICH, "noise": RICH}
# Distances of 100, 200 and 400 ticks, sizes of 100, 150 and 225 lots; a storm has 500 and more, and a fifth of it.
STILL = replace(LADDER, noise_ppm=0)
CONFIG = ExchangeConfig(maker_fee_ppm=100, taker_fee_ppm=200, heartbeat_ns=10**12, liquidity=STILL)


def test_sizes_go_from_the_first_level_to_the_whole_ladder() -> None:
    calm, storm = (sizes_of(STILL, "BTC/USD", weather) for weather in Weather)
    assert (calm[0], calm[-1], storm[0], storm[-1]) == (100, 475, 20, 95)


def test_impact_is_the_mean_price_beyond_the_middle() -> None:
    found = measured("exchange", CONFIG, REFERENCE, ACCOUNTS, "BTC/USD", 100_000, orders=20, seed=1)
    whole_ppm = (100 * 1_000 + 150 * 2_000 + 225 * 4_000) / 475
    calm, storm = (found[weather].impacts_ppm for weather in Weather)
    assert calm[0] == pytest.approx(1_000, rel=0.01)
    assert calm[-1] == pytest.approx(whole_ppm, rel=0.01)
    assert storm[0] == pytest.approx(5_000, rel=0.02)
    assert storm[-1] == pytest.approx(5 * whole_ppm, rel=0.02)
    assert list(calm) == sorted(calm) and list(storm) == sorted(storm)


@pytest.mark.parametrize("power", [0.3, 0.5, 1.0])
def test_a_power_law_is_found_again(power: float) -> None:
    sizes = [1, 3, 10, 30, 100]
    assert fitted(sizes, [7.0 * lots**power for lots in sizes]) == pytest.approx(power)


def test_far_out_it_is_the_ratio_of_two_logarithms() -> None:
    assert far_exponent(STILL) == pytest.approx(log(2) / log(1.5))
    assert far_exponent(replace(STILL, spacing_ppm=600_000, growth_ppm=1_560_000)) == pytest.approx(0.5)
    assert far_exponent(replace(STILL, growth_ppm=0)) is None


def test_a_long_ladder_comes_to_what_spacing_and_growth_make_of_it() -> None:
    own = replace(STILL.instruments["BTC/USD"], half_spread_ppm=10, depth_lots=1_000)
    ladder = replace(STILL, levels=20, spacing_ppm=400_000, growth_ppm=960_000, instruments={"BTC/USD": own})
    rich = {"USD": 10**25, "BTC": 10**20}
    config = replace(CONFIG, liquidity=ladder)
    found = measured("exchange", config, REFERENCE, dict.fromkeys(ACCOUNTS, rich), "BTC/USD", 10**9, orders=6, seed=1)
    sizes, impacts = found[Weather.CALM].sizes_lots[6:], found[Weather.CALM].impacts_ppm[6:]
    assert fitted(sizes, impacts) == pytest.approx(0.5, abs=0.02)
