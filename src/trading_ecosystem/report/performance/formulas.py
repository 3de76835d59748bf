"""The figures of a series of returns: Sharpe ratio, drawdown, and the year that they are stretched to.

A return is a share: 0.01 is one percent. None stands for what is not defined.
"""

import math
from collections.abc import Sequence
from itertools import accumulate
from statistics import fmean, stdev

YEAR_NS = 365 * 86_400_000_000_000  # Crypto markets are never closed.


def sharpe(returns: Sequence[float], every_ns: int) -> float | None:
    """Mean over standard deviation, by the root of the periods of a year: Sharpe, "The Sharpe ratio", Journal of
    Portfolio Management 21 (1994), equations 3 to 6, over a benchmark that brings nothing. The deviation is that of a
    sample, with n - 1. None for less than two returns, or where all are the same."""
    if len(returns) < 2:
        return None
    deviation = stdev(returns)
    return fmean(returns) / deviation * math.sqrt(YEAR_NS / every_ns) if deviation else None


def growth(returns: Sequence[float]) -> list[float]:
    """What 1 has become, at the beginning and after each return."""
    return list(accumulate(returns, lambda wealth, share: wealth * (1.0 + share), initial=1.0))


def drawdowns(wealth: Sequence[float]) -> list[float]:
    """How far each value is below the highest so far, as a share of that: 0 or less."""
    return [value / highest - 1.0 for value, highest in zip(wealth, accumulate(wealth, max), strict=True)]
