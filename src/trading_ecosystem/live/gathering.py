"""How a commit waits for company: those who were answered by the last one often ask again at once.

Rule 1: nobody waits for more callers than were there a moment ago, nor longer than a few commits take.
Rule 2: where there was but one caller, or none, nobody waits.
"""

import asyncio
from collections.abc import Sequence

from trading_ecosystem.live.sealing import Departures

PAUSE_S, PAUSES = 0.0005, 8


async def gather(waiting: Sequence[Departures], company: int) -> None:
    """Return when as many callers wait as the last commit had, or after the last pause. `waiting` grows meanwhile."""
    for _ in range(PAUSES if company > 1 else 0):
        if callers_in(waiting) >= company:
            break
        await asyncio.sleep(PAUSE_S)


def callers_in(group: Sequence[Departures]) -> int:
    """How many wait for an answer; behind an event that was heard is nobody who does."""
    return sum(departures.answered is not None for departures in group)
