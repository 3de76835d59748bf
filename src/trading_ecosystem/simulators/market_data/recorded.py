"""Recorded bars as pure data, and the price that they give at a moment.

Rule 1: a bar gives one price, its close, known with the last quote before the bar's end. When its high and low were
        traded is not recorded, and a replay invents nothing.
Rule 2: a close holds until the next one. Before the first close the first open holds.
"""

from dataclasses import dataclass, field
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class Bars:
    """Bars of one symbol in order of time: parallel lists, prices in quote units, times in ns since 1970, UTC."""

    bar_ns: int
    open_ns: list[int]
    opens: list[float]
    highs: list[float]
    lows: list[float]
    closes: list[float]


@final
@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What is replayed, by symbol. `notes` tell what was used, what was left out, and where the record has gaps."""

    bars: dict[str, Bars] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@final
class Track:
    """Walks along bars. Fast where the moments asked for go forward; right for any moment."""

    __slots__ = ("_at", "_closes", "_first", "_known_ns")

    def __init__(self, bars: Bars, step_ns: int) -> None:
        assert bars.open_ns, "a symbol without a bar is not recorded"
        until_known_ns = max(0, bars.bar_ns - step_ns)
        self._known_ns = [open_ns + until_known_ns for open_ns in bars.open_ns]
        self._closes = bars.closes
        self._first = bars.opens[0]
        self._at = 0

    def price(self, at_ns: int) -> float:
        """The price at this moment."""
        at = self._at
        known_ns = self._known_ns
        if known_ns[at] > at_ns:
            at = 0
        while at + 1 < len(known_ns) and known_ns[at + 1] <= at_ns:
            at += 1
        self._at = at
        return self._closes[at] if known_ns[at] <= at_ns else self._first
