"""The steps in which a stream is told: how far time goes, who speaks, and what the monitor must have done by then.

Rule 1: time moves on when the monitor has handled everything before, so each of its inputs has one possible moment.
Rule 2: what it must have done is what a second core does, called directly: the oracle of every live run.
"""

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import groupby
from typing import final

from tests.planes.recording import SENDERS, Stream, Told

from trading_ecosystem import routes
from trading_ecosystem.assembly import core_builders, load_world
from trading_ecosystem.core import Core
from trading_ecosystem.messages.message import Addressed, Message
from trading_ecosystem.messages.risk import AcknowledgeAlert, AlertFired
from trading_ecosystem.messages.runtime import Remember, Start, Wake, WakeAt

OPERATOR = "operator"
TIMER = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """`delivered`: inputs of the core, `published`: messages that it has told everybody, both up to here."""

    at_ns: int
    sender: str  # TIMER: time alone.
    messages: tuple[Message, ...]
    delivered: int
    published: int


@dataclass(frozen=True, kw_only=True)
class Schedule:
    stream: Stream
    steps: tuple[Step, ...]
    published: tuple[Message, ...]
    asked: tuple[Message, ...]  # Its questions.


def schedule_of(stream: Stream) -> Schedule:
    return Twin(core_builders(load_world(stream.world), 0, None)[routes.RISK_MONITOR](), stream).run()


@final
class Twin:
    """A core that is handed everything at its moment, timers included."""

    def __init__(self, core: Core, stream: Stream) -> None:
        self._core = core
        self._stream = stream
        self._wakes: list[int] = []
        self._delivered = 0
        self._steps: list[Step] = []
        self.published: list[Message] = []
        self.asked: list[Message] = []

    def run(self) -> Schedule:
        self._step(self._stream.start_ns, TIMER, (Start(memory={}),))
        unread = 0
        for at_ns, told in groupby(self._stream.told, lambda each: each.at_ns):
            self._tick(at_ns, list(told))
            fired = [each for each in self.published[unread:] if isinstance(each, AlertFired)]
            unread = len(self.published)
            for alert in fired[:1]:
                self._step(at_ns, OPERATOR, (acknowledgement(alert),))
        return Schedule(
            stream=self._stream,
            steps=tuple(self._steps),
            published=tuple(self.published),
            asked=tuple(self.asked),
        )

    def _tick(self, at_ns: int, told: list[Told]) -> None:
        self._wake_until(at_ns)
        for sender in SENDERS:
            messages = tuple(each.message for each in told if each.sender == sender)
            if messages:
                self._step(at_ns, sender, messages)
                self._wake_until(at_ns)

    def _wake_until(self, at_ns: int) -> None:
        while self._wakes and self._wakes[0] <= at_ns:
            self._step(heappop(self._wakes), TIMER, (Wake(),))

    def _step(self, at_ns: int, sender: str, messages: tuple[Message, ...]) -> None:
        for message in messages:
            self._delivered += 1
            for output in self._core.handle(message, at_ns):
                self._sort(output)
        self._steps.append(
            Step(
                at_ns=at_ns,
                sender=sender,
                messages=messages,
                delivered=self._delivered,
                published=len(self.published),
            )
        )

    def _sort(self, output: Message) -> None:
        if isinstance(output, WakeAt):
            heappush(self._wakes, output.at_ns)
        elif isinstance(output, Addressed):
            self.asked.append(output)
        elif not isinstance(output, Remember):
            self.published.append(output)


def acknowledgement(alert: AlertFired) -> AcknowledgeAlert:
    return AcknowledgeAlert(to=routes.RISK_MONITOR, alert_id=alert.alert_id, operator=OPERATOR)
