"""Ctrl-C waits for a moment between two pieces of work.

Compiled code cannot be interrupted: where Python raises KeyboardInterrupt within the arithmetic of large integers, the
compiled build takes it for a lack of memory, and aborts.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


@contextmanager
def heard_later() -> Iterator[None]:
    """What was to be interrupted within is interrupted at the end. Other threads than the main one never are."""
    if current_thread() is not main_thread():
        yield
        return
    heard: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard and callable(before):
        before(signal.SIGINT, None)
