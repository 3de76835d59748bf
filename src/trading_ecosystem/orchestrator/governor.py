"""Leads the accelerated time of an ecosystem, as fast as its services keep up and no faster than it was asked to.

Rule 1: only a service that runs and has been awake in this life is waited for; one that was killed or paused is not.
Rule 2: time never runs so fast that messages are older than `OLD_NS` when they come, longer than it takes to notice; it
  recovers slowly, for where one was late others will be.
Rule 3: what comes as old when time hardly outruns the machine's was held back on purpose, and slows nothing down.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol, final

from trading_ecosystem.live.clock import SECOND_NS
from trading_ecosystem.live.pace import OLD_NS, Leader, Pulse, lag_of
from trading_ecosystem.orchestrator.folder import RunFolder
from trading_ecosystem.orchestrator.processes import State

DOUBLES_IN_NS = 3_000_000_000  # Of the machine: how long time that was slowed down takes to go twice as fast again.


SEEN_TWICE_WITHIN_NS = 3_000_000_000  # Of the machine: what was held back on purpose comes again, or it is over.
SLOW = 2.0  # A speed at which no machine that works at all makes messages older than `OLD_NS`.
ENOUGH = 4  # Messages that are, and soon after each other: they are old on purpose.


class States(Protocol):
    """How the processes are, as `Processes` knows it."""

    def state(self, instance: str) -> State: ...


@final
class HeldBack:
    """How old messages are on purpose: `age_ns`, 0 where none are."""

    def __init__(self) -> None:
        self.age_ns = 0
        self._old_ages: list[int] = []
        self._unseen_ns = 0

    def heard(self, age_ns: int, speed: float) -> None:
        """A message as old as this has come. A machine that is busy makes it older the faster time runs."""
        if age_ns >= max(self.age_ns, OLD_NS):
            self._unseen_ns = 0
        if age_ns > OLD_NS and speed <= SLOW:
            self._old_ages = [*self._old_ages, age_ns][-ENOUGH:]
            if len(self._old_ages) == ENOUGH:
                self.age_ns = min(self._old_ages)

    def pass_by(self, elapsed_ns: int) -> None:
        self._unseen_ns += elapsed_ns
        if self._unseen_ns > SEEN_TWICE_WITHIN_NS:
            self.age_ns = 0
            self._old_ages = []


@final
class Governor:
    """`waited_ns`: how long, in ns of the machine, time has stood still so far."""

    def __init__(self, folder: RunFolder, instances: Sequence[str], start_ns: int, speed: int) -> None:
        self.waited_ns = 0
        self.speed = float(speed)  # As it is just now.
        self._folder, self._instances = folder, tuple(instances)
        self._highest = float(speed)
        self._oldest_ns = 0  # The age of the oldest message at the last look; it fades until an older one comes.
        self._held_back = HeldBack()
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
            pulses = [pulse.last() for name, pulse in self._pulses.items() if processes.state(name) is State.RUNNING]
            if any(awake_ns and now_ns - awake_ns > self._lag_ns for awake_ns, _ in pulses):
                self._leader.stand_still()
                self.waited_ns += now_ns - looked_ns
            else:
                self._adapt(max((age_ns for _, age_ns in pulses), default=0), now_ns - looked_ns)
                self._leader.lead_on(round(self.speed))
            looked_ns = now_ns

    def _adapt(self, oldest_ns: int, elapsed_ns: int) -> None:
        """What is older than it may be was under way for a fixed time of the machine: slower, it would be in time."""
        if oldest_ns > self._oldest_ns:
            self._held_back.heard(oldest_ns, self.speed)
        self._held_back.pass_by(elapsed_ns)
        late_ns = oldest_ns - self._held_back.age_ns
        if late_ns > OLD_NS and oldest_ns > self._oldest_ns:
            self.speed = max(1.0, self.speed * OLD_NS / late_ns)
        elif late_ns <= OLD_NS:
            self.speed = min(self._highest, self.speed * 2 ** (elapsed_ns / DOUBLES_IN_NS))
        self._oldest_ns = oldest_ns
