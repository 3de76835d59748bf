"""Generated prices look like recorded ones: fat tails, clustering, correlation, calm stablecoins."""

import math
from collections.abc import Callable

import pytest

from trading_ecosystem.chance import Dice
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.market_data.config import MarketDataConfig, Reversion
from trading_ecosystem.simulators.market_data.likeness import BANDS, autocorrelation, log_returns, measured, outside
from trading_ecosystem.simulators.market_data.process import AssetValues, Reverting
from trading_ecosystem.simulators.market_data.recorded import Recorded

START_NS = 1_772_409_600_000_000_000
MINUTES = 20 * 1440
BTC, ETH, USDT, USDC = 3, 4, 1, 2

Configure = Callable[..., MarketDataConfig]


def generated(config: MarketDataConfig, reference: ReferenceData, seed: int, steps: int) -> list[list[float]]:
    values = AssetValues(config, reference, seed, START_NS, Recorded())
    history = [list(values.values)]
    for _ in range(steps):
        values.advance()
        history.append(list(values.values))
    return history


def returns_of(history: list[list[float]], asset: int) -> list[float]:
    return log_returns([values[asset] for values in history])


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_crypto_returns_of_a_minute_are_like_recorded_ones(
    configure: Configure, reference: ReferenceData, seed: int
) -> None:
    history = generated(configure(every="60s"), reference, seed, MINUTES)
    for asset in (BTC, ETH):
        returns = returns_of(history, asset)
        figures = measured(returns)
        assert outside(figures) == [], figures
        year = math.sqrt(sum(value * value for value in returns) / MINUTES * 525_600)
        assert 0.7 < year / (0.55 if asset == BTC else 0.70) < 1.5


def test_a_gaussian_walk_fails_the_same_check() -> None:
    dice = Dice(1, "gauss")
    failed = outside(measured([1e-3 * dice.normal(i) for i in range(MINUTES)]))
    assert set(failed) == set(BANDS) - {"autocorrelation of returns, 1 minute"}


def test_steps_of_a_second_cluster_and_jump_as_well(config: MarketDataConfig, reference: ReferenceData) -> None:
    history = generated(config, reference, 5, 6 * 3600)
    minutes = returns_of(history[::60], BTC)
    daily = math.sqrt(sum(value * value for value in minutes) * 4)
    assert 0.01 < daily < 0.10  # 55% a year is 2.9% a day, times what the hour and the mood make of it.
    assert abs(autocorrelation(returns_of(history, BTC), 1)) < 0.05


def test_crypto_assets_correlate_by_the_product_of_their_correlations(
    configure: Configure, reference: ReferenceData
) -> None:
    history = generated(configure(every="60s"), reference, 3, 5 * 1440)
    first, second = returns_of(history, BTC), returns_of(history, ETH)
    calm = [(a, b) for a, b in zip(first, second, strict=True) if abs(a) < 3e-3 and abs(b) < 3e-3]  # Without jumps.
    assert len(calm) > 0.99 * len(first)
    products = sum(a * b for a, b in calm)
    size = math.sqrt(sum(a * a for a, _ in calm) * sum(b * b for _, b in calm))
    assert products / size == pytest.approx(0.85 * 0.85, abs=0.06)


@pytest.mark.parametrize(("asset", "bound_bps"), [(USDT, 5.0), (USDC, 2.0)])
def test_a_calm_stablecoin_stays_at_its_peg(
    configure: Configure, reference: ReferenceData, asset: int, bound_bps: float
) -> None:
    history = generated(configure(every="10s"), reference, 9, 5 * 8640)
    deviations = sorted(abs(values[asset] - 1.0) * 1e4 for values in history)
    assert deviations[int(len(deviations) * 0.999)] < bound_bps
    assert deviations[len(deviations) // 2] > 0.2  # It does move.


def test_a_deviation_halves_in_its_half_life() -> None:
    quiet = Reversion(deviation_ppm=0, half_life_ns=100)
    reverting = Reverting(quiet, Dice(1, "x"), 10, 0.08)
    for step in range(10):
        reverting.step(step)
    assert reverting.deviation == pytest.approx(0.04)


def test_the_numeraire_is_one_and_a_run_begins_at_the_values_given(
    config: MarketDataConfig, reference: ReferenceData
) -> None:
    history = generated(config, reference, 1, 100)
    assert history[0] == [1.0, 1.0, 1.0, 65000.0, 3200.0]
    assert {values[0] for values in history} == {1.0}


def test_an_asset_does_not_shift_the_dice_of_another(config: MarketDataConfig, reference: ReferenceData) -> None:
    without = ReferenceData("USD", [a for a in reference.assets.values() if a.name != "ETH"], [])
    both, alone = generated(config, reference, 4, 500), generated(config, without, 4, 500)
    assert [values[:4] for values in both] == alone
    assert generated(config, reference, 5, 500) != both
