"""Whether what the monitor is certain of may have changed since it said so last."""

from typing import final


@final
class Doubts:
    """One for the whole monitor: who learns what makes a figure certain, or no longer certain, sets `changed`."""

    __slots__ = ("changed",)

    def __init__(self) -> None:
        self.changed = False
