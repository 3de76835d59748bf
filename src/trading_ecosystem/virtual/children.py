"""Processes that a run starts: Ctrl-C is for the parent, which then stops them; without a parent they end."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.context import BaseContext
from threading import Thread, active_count


def child_context() -> BaseContext:
    """How to start a process. A fork has imported everything already, which takes half a second; it is safe while this
    process has no other thread."""
    return get_context("fork" if sys.platform == "linux" and active_count() == 1 else "spawn")


@contextmanager
def deaf_children() -> Iterator[None]:
    """Processes started within never hear Ctrl-C, from their first moment on; this one hears it when it leaves."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def die_with_parent() -> None:
    """For a child to call: it ends when its parent has, however that came about."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()
