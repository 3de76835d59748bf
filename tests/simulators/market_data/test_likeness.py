"""The figures are what their definitions say, on numbers for which these can be worked out otherwise."""

import math

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.chance import Dice
from trading_ecosystem.simulators.market_data import likeness

MOVES = st.lists(st.integers(-100, 100).map(float), min_size=5, max_size=60).filter(lambda xs: len(set(xs)) > 1)


def test_the_kurtosis_of_a_coin_is_one_and_of_a_bell_is_three() -> None:
    assert likeness.kurtosis([1.0, -1.0] * 50) == pytest.approx(1.0)
    dice = Dice(1, "bell")
    assert likeness.kurtosis([dice.normal(i) for i in range(50_000)]) == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("index", [1.5, 3.0, 6.0])
def test_the_tail_index_of_a_power_law_is_its_exponent(index: float) -> None:
    dice = Dice(2, "pareto")
    sizes = [dice.uniform(i) ** (-1.0 / index) for i in range(100_000)]
    assert likeness.tail_index(sizes) == pytest.approx(index, rel=0.1)


def test_what_remembers_its_last_value_forgets_by_the_same_share_at_each_lag() -> None:
    dice, value, values = Dice(3, "memory"), 0.0, []
    for i in range(60_000):
        value = 0.8 * value + dice.normal(i)
        values.append(value)
    found = likeness.autocorrelations(values, (1, 2, 5))
    assert found == pytest.approx([0.8, 0.64, 0.8**5], abs=0.03)


@given(MOVES, st.integers(1, 4))
def test_autocorrelation_is_its_slow_definition(values: list[float], lag: int) -> None:
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / len(values)
    pairs = [(values[i] - mean) * (values[i + lag] - mean) for i in range(len(values) - lag)]
    assert likeness.autocorrelation(values, lag) == pytest.approx(sum(pairs) / len(pairs) / variance, abs=1e-9)


@given(MOVES, st.floats(0.5, 5.0), st.floats(-5.0, 5.0))
def test_figures_do_not_depend_on_the_unit(values: list[float], scale: float, shift: float) -> None:
    other = [scale * value + shift for value in values]
    assert likeness.kurtosis(other) == pytest.approx(likeness.kurtosis(values), rel=1e-6)
    assert likeness.correlation(values, other) == pytest.approx(1.0)
    assert likeness.correlation(values, [-value for value in other]) == pytest.approx(-1.0)


def test_a_price_that_never_moves_has_no_figures_and_is_in_no_band() -> None:
    figures = likeness.measured([0.0] * 3_000)
    assert all(math.isnan(value) for value in figures.values())
    assert likeness.outside(figures) == list(likeness.BANDS)
    assert math.isnan(likeness.correlation([0.0, 0.0], [1.0, 2.0]))


def test_a_lag_beyond_the_values_has_no_figure() -> None:
    assert math.isnan(likeness.autocorrelation([1.0, 2.0, 3.0], 3))
