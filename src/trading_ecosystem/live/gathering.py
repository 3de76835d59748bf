"""How a commit waits for company: those who were answered by the last one often ask again at once.

Rule 1: nobody waits for more callers than were there a moment ago, nor longer than `LONGEST_S`.
Rule 2: where there was but one caller, or none, nobody waits.
"""

import asyncio
from contextlib import suppress
from typing import final

LONGEST_S = 0.016


@final
class Company:
    """Counts the callers of the next commit as they come. Behind an event that was heard is nobody who waits."""

    def __init__(self) -> None:
        self._here = 0
        self._expected = 0  # As many as the last commit had.
        self._complete = asyncio.Event()

    def join(self) -> None:
        """One more caller waits for an answer."""
        self._here += 1
        if self._here >= self._expected:
            self._complete.set()

    async def gather(self) -> None:
        """Return when as many wait as the last commit had, or after the longest time."""
        if self._expected > 1 and self._here < self._expected:
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_S):
                    await self._complete.wait()

    def depart(self) -> None:
        """The commit begins with those who are here."""
        self._expected, self._here = self._here, 0
        self._complete.clear()
