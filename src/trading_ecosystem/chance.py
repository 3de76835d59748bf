"""Chance as a pure function: the same seed, name and index give the same draw, in any order.

Rule 1: a draw has an address (seed, name, index, lane) and no history, so nobody's dice can shift another's.
Rule 2: all products stay below 2**63, so the compiled and the plain build draw the same.
"""

from hashlib import sha256
from statistics import NormalDist
from typing import final

from mypy_extensions import i64

INVERSE_NORMAL = NormalDist().inv_cdf


def mix(x: i64) -> i64:
    """A bijection of 32-bit integers with near-perfect avalanche.

    The constants are of the two-round family found by Chris Wellons' hash-prospector search.
    """
    x = ((x >> 16) ^ x) * 0x2C1B3C6D & 0xFFFFFFFF
    x = ((x >> 12) ^ x) * 0x297A2D39 & 0xFFFFFFFF
    return (x >> 15) ^ x


@final
class Dice:
    """One named stream of chance. `index` is usually a step count or a time, `lane` tells draws of one index apart."""

    __slots__ = ("_high", "_low")

    def __init__(self, seed: int, name: str) -> None:
        digest = sha256(f"{seed}:{name}".encode()).digest()
        self._low: i64 = int.from_bytes(digest[:4], "big")
        self._high: i64 = int.from_bytes(digest[4:8], "big")

    def bits(self, index: i64, lane: i64 = 0) -> i64:
        """32 uniform bits."""
        x = mix((index & 0xFFFFFFFF) ^ self._low)
        x = mix(x ^ ((index >> 32) & 0xFFFFFFFF) ^ self._high)
        return mix((x + lane * 0x1E3779B9) & 0xFFFFFFFF)

    def uniform(self, index: i64, lane: i64 = 0) -> float:
        """A float strictly between 0 and 1."""
        return (float(self.bits(index, lane)) + 0.5) / 4294967296.0

    def below(self, bound: i64, index: i64, lane: i64 = 0) -> i64:
        """An integer from 0 to bound - 1; `bound` up to 2**31."""
        return (self.bits(index, lane) * bound) >> 32

    def normal(self, index: i64, lane: i64 = 0) -> float:
        """A standard normal draw, by the inverse of its distribution."""
        return INVERSE_NORMAL(self.uniform(index, lane))
