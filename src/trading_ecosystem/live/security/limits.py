"""An end for calls that have none of their own: all take the same time at most, so one timer watches all of them.

A timer for each call (`asyncio.timeout`) costs as much as a tenth of a bare call.
"""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar, final

Result = TypeVar("Result")


class OutOfTime(Exception):
    """It took longer than it may."""


@final
class Limits:
    """`seconds` is what each has. One event loop."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_s: dict[asyncio.Task[object], float] = {}  # On the loop's clock; what began first ends first.
        self._overdue: dict[asyncio.Task[object], int] = {}  # How often it had been cancelled by others before.
        self._timer: asyncio.TimerHandle | None = None

    async def within(self, work: Awaitable[Result]) -> Result:
        """What it returns. Raises OutOfTime where it took too long; it is cancelled then."""
        task = asyncio.current_task()
        assert task is not None
        self._ends_s[task] = ends_s = time.monotonic() + self._seconds
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(ends_s, self._look)
        try:
            return await work
        except asyncio.CancelledError:
            if task in self._overdue and task.uncancel() <= self._overdue[task]:
                raise OutOfTime from None
            raise
        finally:
            self._ends_s.pop(task, None)
            if self._overdue:
                self._overdue.pop(task, None)

    def _look(self) -> None:
        """Cancel what is overdue, and look again when the next one is."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        self._timer = None
        for task, ends_s in list(self._ends_s.items()):
            if ends_s > now_s:
                self._timer = loop.call_at(ends_s, self._look)
                return
            del self._ends_s[task]
            self._overdue[task] = task.cancelling()
            task.cancel()
