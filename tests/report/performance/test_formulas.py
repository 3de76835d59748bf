"""Ratios against values worked by hand."""

from fractions import Fraction
from math import isclose, sqrt

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.report.performance.formulas import YEAR_NS, drawdowns, growth, sharpe

DAY_NS = 86_400_000_000_000


def test_the_sharpe_ratio_of_three_days() -> None:
    """Mean 2%, deviation of the sample 1%, and 365 days to a year: 2 x 19.105."""
    found = sharpe([0.01, 0.02, 0.03], DAY_NS)
    assert found is not None and isclose(found, 2 * sqrt(365), rel_tol=1e-12)
    assert isclose(found, 38.2099, rel_tol=1e-5)


def test_the_sharpe_ratio_of_hours_and_of_losses() -> None:
    """-1%, 1%, -3%: mean -1%, squares of 0, 2, -2 over 2: deviation 2%."""
    found = sharpe([-0.01, 0.01, -0.03], DAY_NS // 24)
    assert found is not None and isclose(found, -0.5 * sqrt(8_760), rel_tol=1e-12)


@pytest.mark.parametrize("returns", [[], [0.01], [0.01, 0.01], [0.0, 0.0, 0.0]])
def test_without_two_different_returns_there_is_no_ratio(returns: list[float]) -> None:
    assert sharpe(returns, DAY_NS) is None


def test_the_drawdown_is_from_the_highest_so_far() -> None:
    """100, 110, 99, 108.9, 130.68, 98.01: 10% below 110, 1% below it, and 25% below 130.68."""
    found = drawdowns(growth([0.1, -0.1, 0.1, 0.2, -0.25]))
    assert [round(share, 12) for share in found] == [0.0, 0.0, -0.1, -0.01, 0.0, -0.25]


def test_a_fall_from_the_beginning_counts() -> None:
    assert [round(share, 12) for share in drawdowns(growth([-0.5, 0.5]))] == [0.0, -0.5, -0.25]


@given(st.lists(st.fractions(Fraction(-1, 2), Fraction(1, 2), max_denominator=1_000), min_size=2, max_size=30))
def test_against_exact_arithmetic(returns: list[Fraction]) -> None:
    """The slow way: every pair of moments for the drawdown, fractions for the ratio."""
    wealth = [Fraction(1)]
    for share in returns:
        wealth.append(wealth[-1] * (1 + share))
    worst = min(later / earlier - 1 for at, earlier in enumerate(wealth) for later in wealth[at:])
    assert isclose(min(drawdowns(growth([float(share) for share in returns]))), worst, abs_tol=1e-12)
    mean = sum(returns) / len(returns)
    variance = sum((share - mean) ** 2 for share in returns) / (len(returns) - 1)
    found = sharpe([float(share) for share in returns], DAY_NS)
    if variance == 0:
        assert found is None or abs(found) > 1e9  # What the rounding of floats leaves of nothing.
    else:
        assert found is not None
        squared = mean * mean / variance * YEAR_NS / DAY_NS
        assert isclose(found * abs(found), squared if mean > 0 else -squared, rel_tol=1e-6, abs_tol=1e-9)
