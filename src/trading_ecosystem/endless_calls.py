"""Ends calls into code of others that do not come back, by a signal that the machine sends every second.

Rule 1: what is interrupted is a call that has been going on for `PATIENCE` signals, and nothing else. Signals of a
process that stands still count as one, so that a machine that sleeps or is slow ends nothing.
Rule 2: an endless loop is ended at the same message in every run, as it comes back in none; only its own state is lost.
Rule 3: compiled code cannot be interrupted, nor can code that catches everything in its loop.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import Final

from trading_ecosystem.foreign_calls import CALL, NeverReturned

EVERY_S: Final = 1.0
PATIENCE: Final = 5


@contextmanager
def endless_calls_ended(every_s: float = EVERY_S) -> Iterator[None]:
    """While within. In the main thread of systems that have such a signal; elsewhere nothing is ended."""
    if current_thread() is not main_thread() or not hasattr(signal, "setitimer"):
        yield
        return
    last, seen = CALL.number, 0

    def look(number: int, frame: FrameType | None) -> None:
        nonlocal last, seen
        if not CALL.going or CALL.number != last:
            last, seen = CALL.number, 0
            return
        seen += 1
        if seen >= PATIENCE:
            seen = 0
            raise NeverReturned(f"it did not return within {PATIENCE * every_s:.0f} s")

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, every_s, every_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
