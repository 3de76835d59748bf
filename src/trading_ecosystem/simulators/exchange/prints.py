"""Which prices are too far from the one before to be believed at once."""

from typing import Final

PPM: Final = 1_000_000
LARGEST_MOVE_PPM: Final = 50_000  # From one quote to the next, if that is to be followed at once,
DOUBTS_NS: Final = 10_000_000_000  # and the one before is no older than this.


def is_far(middle: int, from_middle: int) -> bool:
    return abs(middle - from_middle) * PPM > from_middle * LARGEST_MOVE_PPM
