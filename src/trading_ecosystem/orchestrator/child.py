"""One child process, in a process group of its own, which never outlives the process that started it.

Rule 1: a signal goes only to a child that has not been reaped, so its number cannot be somebody else's by now.
Rule 2: when this process dies, however that comes about, the kernel kills the child.
Rule 3: when the child ends, what is left of its group is killed with it.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from trading_ecosystem.configuration.document import Problem

LOG_MODE = 0o600
BOUND = str(Path(__file__).with_name("bound.py"))


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run, in which folder; its standard output and error are added to the file `log`."""

    arguments: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    log: Path


def check_system() -> None:
    """Raises `Problem` where children cannot be watched and bound to this process."""
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        raise Problem("processes are supervised on Linux only; elsewhere use the containers")


@final
class Child:
    """Runs from now on. `on_exit` is called on the event loop with its exit code, below 0 for a signal."""

    def __init__(self, command: Command, on_exit: Callable[[int], None]) -> None:
        assert threading.current_thread() is threading.main_thread(), "a child is bound to the thread that starts it"
        self._on_exit = on_exit
        self._process = launch(command)
        self.pid = self._process.pid
        self._watch = os.pidfd_open(self.pid)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._watch, self._end)
        self.ended = asyncio.Event()

    def signal(self, number: signal.Signals) -> None:
        """To the whole group; to nobody when the child has ended."""
        if not self.ended.is_set():
            os.killpg(self.pid, number)

    def _end(self) -> None:
        self._loop.remove_reader(self._watch)
        os.close(self._watch)
        self.signal(signal.SIGKILL)
        code = self._process.wait()
        self.ended.set()
        self._on_exit(code)


def launch(command: Command) -> "subprocess.Popen[bytes]":
    """Raises OSError where it cannot be started."""
    log = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, LOG_MODE)
    try:
        return subprocess.Popen(  # noqa: S603  No shell, and every argument is ours.
            [sys.executable, "-I", "-S", BOUND, str(os.getpid()), *command.arguments],
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
            umask=0o077,
        )
    finally:
        os.close(log)
