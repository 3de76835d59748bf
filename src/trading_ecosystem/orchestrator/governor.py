"""Leads the accelerated time of an ecosystem, and lets it stand still while a service lags.

Rule 1: only a service that runs and has been awake in this life is waited for; one that was killed or paused is not.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol, final

from trading_ecosystem.live.clock import SECOND_NS
from trading_ecosystem.live.pace import Leader, Pulse, lag_of
from trading_ecosystem.orchestrator.folder import RunFolder
from trading_ecosystem.orchestrator.processes import State


class States(Protocol):
    """How the processes are, as `Processes` knows it."""

    def state(self, instance: str) -> State: ...


@final
class Governor:
    """`waited_ns`: how long, in ns of the machine, time has stood still so far."""

    def __init__(self, folder: RunFolder, instances: Sequence[str], start_ns: int, speed: int) -> None:
        self.waited_ns = 0
        self._folder, self._instances = folder, tuple(instances)
        self._lag_ns = lag_of(speed)
        self._leader = Leader(folder.clock, start_ns, speed)
        self._pulses: dict[str, Pulse] = {}
        self._leading: asyncio.Task[None] | None = None

    def start(self, processes: States) -> None:
        """Let time run. All services have their folders by now."""
        self._pulses = {instance: Pulse(self._folder.pulse(instance)) for instance in self._instances}
        self._leading = asyncio.create_task(self._lead(processes))

    def stop(self) -> None:
        if self._leading is not None:
            self._leading.cancel()
        self._leader.stand_still()

    def forget(self, instance: str) -> None:
        """Its process has ended."""
        if instance in self._pulses:
            self._pulses[instance].forget()

    async def _lead(self, processes: States) -> None:
        looked_ns = time.monotonic_ns()
        while True:
            await asyncio.sleep(self._lag_ns / 8 / SECOND_NS)
            now_ns = time.monotonic_ns()
            if self._somebody_lags(processes, now_ns):
                self._leader.stand_still()
                self.waited_ns += now_ns - looked_ns
            else:
                self._leader.lead_on()
            looked_ns = now_ns

    def _somebody_lags(self, processes: States, now_ns: int) -> bool:
        for instance, pulse in self._pulses.items():
            last_ns = pulse.last_ns()
            if last_ns and now_ns - last_ns > self._lag_ns and processes.state(instance) is State.RUNNING:
                return True
        return False
