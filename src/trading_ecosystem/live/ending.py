"""How a process ends that must not go on: at once, but for its last words, with a code that says why.

Rule 1: nothing leaves and nothing is written after a core has broken one of its own rules, or its store has failed it.
Rule 2: its next life recovers.
"""

import asyncio
import logging
import os
from typing import Any, NoReturn

from trading_ecosystem.live.store.ports import Damaged, StoreBroken, StoreRefused
from trading_ecosystem.live.telemetry.lines import Log

BROKEN_STORE = 74  # EX_IOERR of sysexits.h: what is durable is not known any more.
BROKEN_RULE = 70  # EX_SOFTWARE: something happened that the code says cannot.
BEYOND_REPAIR = (StoreBroken, StoreRefused, Damaged)  # What a running process cannot put right in its store.

log = Log(__name__)


def end_at_once(code: int, what: str, problem: BaseException) -> NoReturn:
    log.critical(what, detail=str(problem), exc_info=problem)
    logging.shutdown()  # The last line is the one that is wanted most.
    os._exit(code)


def end_with(task: "asyncio.Task[Any]") -> None:
    """For a task that the process cannot do without: an error that nobody expected in it ends the process."""

    def look(done: "asyncio.Task[Any]") -> None:
        if not done.cancelled() and (problem := done.exception()) is not None:
            end_at_once(BROKEN_RULE, "a task of this process has failed", problem)

    task.add_done_callback(look)
