"""The service processes of an ecosystem: started, stopped, killed, paused and restarted by the name of their instance.

Rule 1: an instance moves only by the table `NEXT`; what is not in it is refused and has no effect.
Rule 2: an exit that nobody asked for is told, and put right by a restart; one that keeps coming back is left alone.
"""

import asyncio
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import final

from trading_ecosystem.orchestrator.child import Child, Command

GRACE_S = 10.0  # Between SIGTERM and SIGKILL.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0  # Before a restart.
MOST_EXITS, WINDOW_S = 5, 60.0


class State(StrEnum):
    DOWN = "down"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    WAITING = "waiting"  # To be restarted.
    HALTED = "halted"  # It ended too often; somebody has to look.


class Step(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"  # Asked to stop, or killed on purpose.
    EXIT = "exit"
    GIVE_UP = "give_up"


NEXT: dict[tuple[State, Step], State] = {
    (State.DOWN, Step.START): State.RUNNING,
    (State.WAITING, Step.START): State.RUNNING,
    (State.HALTED, Step.START): State.RUNNING,
    (State.RUNNING, Step.PAUSE): State.PAUSED,
    (State.PAUSED, Step.RESUME): State.RUNNING,
    (State.RUNNING, Step.END): State.STOPPING,
    (State.PAUSED, Step.END): State.STOPPING,
    (State.WAITING, Step.END): State.DOWN,
    (State.HALTED, Step.END): State.DOWN,
    (State.STOPPING, Step.EXIT): State.DOWN,
    (State.RUNNING, Step.EXIT): State.WAITING,
    (State.PAUSED, Step.EXIT): State.WAITING,
    (State.WAITING, Step.GIVE_UP): State.HALTED,
}


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that happened to an instance. `unexpected`: nobody had asked for it."""

    instance: str
    state: State
    detail: str
    unexpected: bool


class ProcessRefused(Exception):
    """What was asked of a process cannot be done in the state that it is in."""


@final
class Process:
    """What is known of one instance."""

    __slots__ = ("child", "command", "exits", "restart", "restarts", "state")

    def __init__(self, command: Command) -> None:
        self.command = command
        self.state = State.DOWN
        self.child: Child | None = None
        self.exits: deque[float] = deque(maxlen=MOST_EXITS)  # Unexpected ones, in seconds of the machine.
        self.restarts = 0
        self.restart: asyncio.TimerHandle | None = None


@final
class Processes:
    """Runs on one event loop, in its main thread. `tell` hears of everything; it must neither wait nor raise."""

    def __init__(self, commands: dict[str, Command], tell: Callable[[Notice], None]) -> None:
        self._processes = {instance: Process(command) for instance, command in commands.items()}
        self._tell = tell

    def instances(self) -> list[str]:
        return list(self._processes)

    def state(self, instance: str) -> State:
        return self._processes[instance].state

    def pid(self, instance: str) -> int | None:
        child = self._processes[instance].child
        return None if child is None else child.pid

    def restarts(self, instance: str) -> int:
        """How often it was started again after an exit that nobody had asked for."""
        return self._processes[instance].restarts

    # What can be asked. All raise `ProcessRefused`.

    def start(self, instance: str) -> None:
        process = self._processes[instance]
        state = self._after(instance, Step.START)
        try:
            process.child = Child(process.command, lambda code: self._exited(instance, code))
        except OSError as error:
            raise ProcessRefused(f"{instance} cannot be started: {error}") from None
        process.state = state
        self._forget_restart(process)
        self._say(instance, f"pid {process.child.pid}")

    async def stop(self, instance: str, grace_s: float = GRACE_S) -> None:
        """Ask it to end, and after the grace make it end. Returns when it has ended; a stopped one stays so."""
        if self.state(instance) not in (State.DOWN, State.STOPPING):
            self._move(instance, Step.END)
        child = self._processes[instance].child
        if child is None:
            return
        child.signal(signal.SIGTERM)
        child.signal(signal.SIGCONT)  # A paused process hears nothing else.
        try:
            await asyncio.wait_for(child.ended.wait(), grace_s)
        except TimeoutError:
            self._say(instance, f"killed: it did not end within {grace_s:g} s", unexpected=True)
            child.signal(signal.SIGKILL)
            await child.ended.wait()

    async def kill(self, instance: str) -> None:
        """End it at once, as a crash would. It stays down until it is started."""
        self._move(instance, Step.END)
        child = self._processes[instance].child
        if child is not None:
            child.signal(signal.SIGKILL)
            await child.ended.wait()

    def pause(self, instance: str) -> None:
        """It keeps its memory and its connections, and does nothing."""
        self._move(instance, Step.PAUSE)
        self._running(instance).signal(signal.SIGSTOP)
        self._say(instance, "")

    def resume(self, instance: str) -> None:
        self._move(instance, Step.RESUME)
        self._running(instance).signal(signal.SIGCONT)
        self._say(instance, "")

    async def restart(self, instance: str, grace_s: float = GRACE_S) -> None:
        """Stop it if it runs, and start it."""
        await self.stop(instance, grace_s)
        self.start(instance)

    # What happens.

    def _exited(self, instance: str, code: int) -> None:
        self._processes[instance].child = None
        self._move(instance, Step.EXIT)
        if self.state(instance) is State.DOWN:
            self._say(instance, exit_words(code))
        else:
            self._plan_restart(instance, exit_words(code))

    def _plan_restart(self, instance: str, words: str) -> None:
        process = self._processes[instance]
        process.exits.append(time.monotonic())
        recent = sum(process.exits[-1] - at < WINDOW_S for at in process.exits)
        if recent == MOST_EXITS:
            self._move(instance, Step.GIVE_UP)
            self._say(instance, f"{words}; {MOST_EXITS} times within {WINDOW_S:g} s", unexpected=True)
            return
        pause_s = min(FIRST_PAUSE_S * 2 ** (recent - 1), LONGEST_PAUSE_S)
        process.restart = asyncio.get_running_loop().call_later(pause_s, self._start_again, instance)
        self._say(instance, f"{words}; restart in {pause_s:g} s", unexpected=True)

    def _start_again(self, instance: str) -> None:
        try:
            self.start(instance)
        except ProcessRefused as refused:
            self._plan_restart(instance, str(refused))
        else:
            self._processes[instance].restarts += 1

    def _move(self, instance: str, step: Step) -> None:
        process = self._processes[instance]
        process.state = self._after(instance, step)
        if step is Step.END:
            self._forget_restart(process)

    def _after(self, instance: str, step: Step) -> State:
        state = self.state(instance)
        if (state, step) not in NEXT:
            raise ProcessRefused(f"{instance} is {state}: it cannot {step.replace('_', ' ')} now")
        return NEXT[state, step]

    def _forget_restart(self, process: Process) -> None:
        if process.restart is not None:
            process.restart.cancel()
            process.restart = None

    def _running(self, instance: str) -> Child:
        child = self._processes[instance].child
        assert child is not None, f"{instance} is {self.state(instance)} without a process"
        return child

    def _say(self, instance: str, detail: str, unexpected: bool = False) -> None:
        self._tell(Notice(instance=instance, state=self.state(instance), detail=detail, unexpected=unexpected))


def exit_words(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
