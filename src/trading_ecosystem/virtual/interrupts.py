"""Ctrl-C waits for a moment between two pieces of work.

Compiled code cannot be interrupted: where Python raises KeyboardInterrupt within the arithmetic of large integers, the
compiled build takes it for a lack of memory, and aborts.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


@contextmanager
def heard_later() -> Iterator[Callable[[], None]]:
    """What was to be interrupted within is interrupted at the end, or where the work calls what it is given.

    Other threads than the main one never are.
    """
    if current_thread() is not main_thread():
        yield lambda: None
        return
    heard: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        heard.append(number)

    before = signal.getsignal(signal.SIGINT)

    def hear() -> None:
        if heard and callable(before):
            heard.clear()
            before(signal.SIGINT, None)

    signal.signal(signal.SIGINT, note)
    try:
        yield hear
    finally:
        signal.signal(signal.SIGINT, before)
    hear()
