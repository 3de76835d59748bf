"""Ends a live run: lets it settle, has the audit closed, and judges.

Rule 1: a run is judged once, on what the core recorded up to its end; whoever asks later gets the same answer.
Rule 2: a coordinator that was started anew within a run goes on to its end, and judges it INVALID.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, final

from trading_ecosystem.live.clock import Clock
from trading_ecosystem.messages.message import Message
from trading_ecosystem.validation.result_files import to_plain
from trading_ecosystem.validation.results import Judgement
from trading_ecosystem.validation.test_coordinator.core import TestCoordinator

SETTLE_S = 1.0  # In which what was said at the end arrives.


class Stage(StrEnum):
    IDLE = "idle"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the audit found when it was closed, and its own part of the result as plain data."""

    findings: Sequence[Message]
    result: Any


Close = Callable[[int], Awaitable[Evidence]]  # Close the audit at this moment.


@final
class Conductor:
    """`end_ns` is ns since 1970, UTC, on the ecosystem's clock."""

    def __init__(self, core: TestCoordinator, clock: Clock, start_ns: int, end_ns: int, close: Close) -> None:
        self.start_ns, self.end_ns = start_ns, end_ns
        self._core, self._clock, self._close = core, clock, close
        self.result = ""  # JSON, when the run is judged.

    @property
    def stage(self) -> Stage:
        return Stage.ENDED if self.result else Stage.RUNNING

    async def run(self) -> Judgement:
        """Wait for the end, and judge."""
        while not self._clock.begun or self._clock.now_ns() < self.end_ns:
            await asyncio.sleep(max(0.02, min(1.0, self._clock.wall_seconds(self.end_ns))))
        await asyncio.sleep(SETTLE_S)
        evidence = await self._close(self.end_ns)
        for finding in evidence.findings:
            self._core.handle(finding, self.end_ns)
        judgement = self._core.judgement(self.end_ns)
        self.result = json.dumps(
            {
                "judgement": to_plain(judgement),
                "series": to_plain(self._core.series()),
                "counts": self._core.counts(),
                "audit": evidence.result,
            }
        )
        return judgement
