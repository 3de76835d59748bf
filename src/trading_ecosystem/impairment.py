"""One fault of a link, as both modes inflict it on messages: delays in, delays out.

Rule 1: a fault is a function of the moment and of the message's number in it; it remembers nothing.
"""

from typing import Final, final

from mypy_extensions import i64

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.chaos import LinkFault

MILLION: Final = 1_000_000


@final
class Impairment:
    """One active fault on a link, by the injection that made it."""

    __slots__ = ("delay_ns", "dice", "fault", "injection_id", "probability_ppm")

    def __init__(self, injection_id: str, fault: LinkFault, probability_ppm: int, delay_ns: int, dice: Dice) -> None:
        self.injection_id = injection_id
        self.fault = fault
        self.probability_ppm = probability_ppm
        self.delay_ns = delay_ns
        self.dice = dice

    def strikes(self, elapsed_ns: i64, nth: i64) -> bool:
        return self.dice.below(MILLION, elapsed_ns, nth) < self.probability_ppm

    def fate(self, delays_ns: list[int], elapsed_ns: i64, nth: i64) -> list[int]:
        """What becomes of a message's deliveries: () lost, (5,) late, (5, 9) twice."""
        if self.fault is LinkFault.DELAY:
            return [delay + self.delay_ns for delay in delays_ns]
        if not self.strikes(elapsed_ns, nth):
            return delays_ns
        if self.fault is LinkFault.LOSE:
            return []
        if self.fault is LinkFault.DUPLICATE:
            return delays_ns + delays_ns
        spread = self.dice.below(min(self.delay_ns, (1 << 31) - 1), elapsed_ns, nth + 1_000)
        return [delay + spread for delay in delays_ns]
