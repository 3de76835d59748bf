"""The supervisor's side of being started in the background: it is handed a request, and tells how it fares.

Rule 1: a starter that has left is no error; a supervisor that is up goes on without it.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import TextIO, final

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.orchestrator.control import Line
from trading_ecosystem.orchestrator.folder import FILE_MODE, Held
from trading_ecosystem.orchestrator.readiness import NotReady
from trading_ecosystem.orchestrator.request import UpRequest
from trading_ecosystem.orchestrator.supervisor import Supervisor, terms_of


@final
class Pipe:
    """Lines to the starter, as long as it reads them, and to the log as soon as there is one."""

    def __init__(self) -> None:
        self._starter: TextIO | None = sys.stdout
        self._log: TextIO | None = None

    def write(self, line: Line) -> None:
        text = json.dumps(line) + "\n"
        if self._log is not None:
            self._log.write(text)
            self._log.flush()
        if self._starter is not None:
            try:
                self._starter.write(text)
                self._starter.flush()
            except BrokenPipeError:
                self.close()

    def log_to(self, path: Path) -> None:
        """From now on; and what goes to standard error goes there too."""
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
        os.dup2(log, sys.stderr.fileno())
        os.close(log)
        self._log = sys.stderr

    def close(self) -> None:
        """The starter is told no more."""
        self._starter = None
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def main() -> int:
    """Run the supervisor that standard input asks for."""
    request = UpRequest.from_line(sys.stdin.readline())
    pipe = Pipe()
    try:
        asyncio.run(supervise(request, pipe))
    except Held:
        pipe.write({"held": True})
    except Problem as problem:
        pipe.write({"problem": str(problem)})
    except NotReady as failure:
        pipe.write({"failed": str(failure)})
    else:
        return 0
    return 1


async def supervise(request: UpRequest, pipe: Pipe) -> None:
    supervisor = Supervisor(request, terms_of(request), pipe.write)
    stop_at_signals(supervisor)

    def up() -> None:
        pipe.write({"up": True})
        pipe.close()

    await supervisor.run(lambda: pipe.log_to(supervisor.folder.supervisor_log), up)


def stop_at_signals(supervisor: Supervisor) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.ask_to_stop)
