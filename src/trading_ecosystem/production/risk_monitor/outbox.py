"""What the monitor says, and what it will do when.

Rule 1: there is one task behind every `WakeAt`. Wakes of one moment come in the order they were asked for, so
each `Wake` finds the very task it was asked for, and the causal trail of what follows is true.
"""

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import final

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import WakeAt

NOTHING: Sequence[Message] = ()


@final
class Outbox:
    """The messages of the current step, and the tasks still to come."""

    __slots__ = ("_messages", "_sequence", "_tasks")

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._tasks: list[tuple[int, int, str]] = []
        self._sequence = 0

    def send(self, message: Message) -> None:
        self._messages.append(message)

    def wake(self, task: str, at_ns: int) -> None:
        """Ask for a `Wake` for this task. `at_ns` is not before now."""
        self._sequence += 1
        heappush(self._tasks, (at_ns, self._sequence, task))
        self._messages.append(WakeAt(at_ns))

    def due(self, now: int) -> str:
        """The task that this wake is for; empty for a wake that nobody of this incarnation asked for."""
        if not self._tasks or self._tasks[0][0] > now:
            return ""
        return heappop(self._tasks)[2]

    def take(self) -> Sequence[Message]:
        """All messages since the last call, in order."""
        if not self._messages:
            return NOTHING
        messages = self._messages
        self._messages = []
        return messages
