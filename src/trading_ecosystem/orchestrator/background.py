"""A supervisor in the background, as whoever starts it sees it. It blocks, and loads nothing of the supervisor itself.

Rule 1: what the starter must know comes as JSON lines over a pipe; the last says `up`, `held`, `problem` or `failed`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import final

from trading_ecosystem.orchestrator.control import Line
from trading_ecosystem.orchestrator.readiness import NotReady
from trading_ecosystem.orchestrator.request import UpRequest

FINAL = ("up", "held", "problem", "failed")


@final
class Started:
    """A supervisor that was started in the background. It outlives this process."""

    def __init__(self, request: UpRequest) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "trading_ecosystem.orchestrator"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(request.to_line())
        self._process.stdin.close()

    def lines(self) -> Iterator[Line]:
        """What it tells, up to its last line. Raises `NotReady` where it ends without one."""
        assert self._process.stdout is not None
        for text in self._process.stdout:
            line: Line = json.loads(text)
            yield line
            if any(key in line for key in FINAL):
                return
        raise NotReady(f"the supervisor ended with code {self._process.wait()} before it had said why")

    def stop(self) -> None:
        """Returns when it is gone, with all that it had started."""
        self._process.terminate()
        self._process.wait()
