"""The numbers that a message can carry: integers of 64 bits with a sign."""

from typing import Final

SMALLEST: Final = -(1 << 63)
LARGEST: Final = (1 << 63) - 1


def carried(value: int) -> int:
    """The value, or the bound that it is beyond."""
    if value > LARGEST:
        return LARGEST
    return value if value >= SMALLEST else SMALLEST
