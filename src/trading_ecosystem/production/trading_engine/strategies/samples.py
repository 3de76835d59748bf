"""Prices at equal distances in time, and what follows from them: the move over all of them, and their volatility.

Rule 1: sums and squares are integers, kept up to date and never rounded; a variance is rounded down once per sample.
Rule 2: where prices were missing, the last one known stands for them, so that the window always spans its time.
"""

from math import isqrt
from typing import Final, final

PPB: Final = 1_000_000_000
DAY_NS: Final = 86_400_000_000_000


@final
class Samples:
    """The last `count` prices, one in each `every_ns`: the first of each. Prices are bid plus ask, in ticks.

    The variance is that of returns from sample to sample around zero, with weights that fall by 1 in `count` per
    sample: the estimator of Moskowitz, Ooi and Pedersen (2012), section 2.4, with the centre of mass at the window.
    """

    __slots__ = ("_every_ns", "_returns", "_slot", "_variance_ppb2", "count", "prices", "square_sum", "sum")

    def __init__(self, every_ns: int, count: int) -> None:
        self._every_ns: int = every_ns
        self._slot = -1
        self._returns = 0
        self._variance_ppb2 = 0
        self.count: int = count
        self.prices: list[int] = []
        self.sum = 0
        self.square_sum = 0

    @property
    def full(self) -> bool:
        return len(self.prices) == self.count

    def take(self, price: int, now: int) -> bool:
        """Whether this price is a sample. It is above zero."""
        slot = now // self._every_ns
        if slot <= self._slot:
            return False
        if self.prices:
            last = self.prices[-1]
            missed = slot - self._slot - 1
            self._vary((price - last) * PPB // last, missed + 1)
            for _ in range(min(missed, self.count)):
                self._add(last)
        self._slot = slot
        self._add(price)
        return True

    def day_volatility_ppb(self) -> int:
        """One standard deviation of the return of a day, in parts per billion."""
        return isqrt(self._variance_ppb2 * DAY_NS // self._every_ns)

    def _vary(self, return_ppb: int, slots: int) -> None:
        """A return over several slots is one of as many equal variances."""
        self._returns = min(self._returns + 1, self.count)
        self._variance_ppb2 += (return_ppb * return_ppb // slots - self._variance_ppb2) // self._returns

    def _add(self, price: int) -> None:
        self.prices.append(price)
        self.sum += price
        self.square_sum += price * price
        if len(self.prices) > self.count:
            gone = self.prices.pop(0)
            self.sum -= gone
            self.square_sum -= gone * gone
