"""How much returns of one minute are like those of a real crypto market: six figures, and the band of each.

The figures are the stylised facts of R. Cont, "Empirical properties of asset returns" (Quantitative Finance 1, 2001):
fat tails, returns that say nothing of the next one, and sizes that remember for days. The bands are around what
BTC/USD measured in March 2023; a plain Gaussian walk meets only that of the returns' autocorrelation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import mul
from typing import final

TAIL_SHARE = 100  # The tail is the largest hundredth.
LAGS = (1, 60, 1440)  # In minutes: the next one, an hour, a day.
LEAST_RETURNS = 2 * LAGS[-1]


@final
@dataclass(frozen=True, kw_only=True)
class Band:
    """What a figure may be; the bounds themselves are outside."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        return self.low < value < self.high

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"above {self.low:g}"
        return f"{self.low:g} to {self.high:g}"


BANDS = {
    "kurtosis": Band(low=15.0, high=60.0),
    "tail index": Band(low=2.5, high=3.5),
    "autocorrelation of returns, 1 minute": Band(low=-0.06, high=0.06),
    "autocorrelation of sizes, 1 minute": Band(low=0.25, high=0.45),
    "autocorrelation of sizes, 60 minutes": Band(low=0.12, high=0.25),
    "autocorrelation of sizes, 1440 minutes": Band(low=0.05, high=math.inf),
}


def measured(returns: Sequence[float]) -> dict[str, float]:
    """Every figure that has a band, by its name there. NaN where it is not defined, as for a price that never moves."""
    sizes = [abs(value) for value in returns]
    values = (
        kurtosis(returns),
        tail_index(sizes),
        autocorrelation(returns, 1),
        *(autocorrelation(sizes, lag) for lag in LAGS),
    )
    return dict(zip(BANDS, values, strict=True))


def outside(figures: dict[str, float]) -> list[str]:
    """The names of the figures that are not in their bands."""
    return [name for name, band in BANDS.items() if not band.holds(figures[name])]


# Returns.


def log_returns(prices: Sequence[float]) -> list[float]:
    logarithms = [math.log(price) for price in prices]
    return [after - before for before, after in pairwise(logarithms)]


# Figures.


def centred(values: Sequence[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    return [value - mean for value in values]


def kurtosis(returns: Sequence[float]) -> float:
    """The fourth moment over the square of the second: 3 for Gaussian returns (Pearson's, not the excess)."""
    squares = [value * value for value in centred(returns)]
    variance = math.fsum(squares) / len(squares)
    return math.fsum(map(mul, squares, squares)) / len(squares) / variance**2 if variance else math.nan


def tail_index(sizes: Sequence[float]) -> float:
    """Of the largest hundredth (B. M. Hill, "A simple general approach to inference about the tail", 1975)."""
    largest = sorted(sizes, reverse=True)[: len(sizes) // TAIL_SHARE + 1]
    *tail, threshold = largest
    if not tail or threshold <= 0.0:
        return math.nan
    logarithms = math.fsum(math.log(size / threshold) for size in tail)
    return len(tail) / logarithms if logarithms else math.nan


def autocorrelation(values: Sequence[float], lag: int) -> float:
    (found,) = autocorrelations(values, (lag,))
    return found


def autocorrelations(values: Sequence[float], lags: Sequence[int]) -> list[float]:
    """At each lag, in steps of the values. NaN for a lag as long as the values, or where these are all the same."""
    steps = centred(values)
    variance = math.fsum(map(mul, steps, steps)) / len(steps)
    return [
        sum(map(mul, steps, steps[lag:])) / (len(steps) - lag) / variance if variance and lag < len(steps) else math.nan
        for lag in lags
    ]


def correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Pearson's. NaN where one of the two never changes."""
    a, b = centred(first), centred(second)
    size = math.sqrt(math.fsum(map(mul, a, a)) * math.fsum(map(mul, b, b)))
    return math.fsum(map(mul, a, b)) / size if size else math.nan
