"""Runs one core on the live clock. Its twin on the virtual clock is virtual/world.py.

Rule 1: a journaled core's inputs are durable before anything that they led to leaves this process.
Rule 2: what leaves is in the spool of the audit first; a crash loses a delivery, never the trace of it.
Rule 3: when the store is away, commands are refused and events held back; when it or the core is broken, the process
  ends before anything of that leaves.
Rule 4: a journaled core handles at once all that came before a commit: one after the other from a warm cache, inputs
  take a fraction of the time that each takes alone. A core without a journal handles each as it comes.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple, final

from trading_ecosystem.core import Core, JournaledCore
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.commits import Commits
from trading_ecosystem.live.door import Header, Listener, RefusalCode, Refused
from trading_ecosystem.live.ending import BROKEN_RULE, end_at_once, end_with
from trading_ecosystem.live.gathering import Company
from trading_ecosystem.live.hub import Hub
from trading_ecosystem.live.identifiers import Identifiers
from trading_ecosystem.live.inputs import Input, pack
from trading_ecosystem.live.ports import Chronicle, Codec, Post, Retell, Spool
from trading_ecosystem.live.sealing import WAKE, Departures, seal
from trading_ecosystem.live.store.ports import StoreAway
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.live.telemetry.logs import handling
from trading_ecosystem.live.telemetry.spans import SpanRecord
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.message import Addressed, Message
from trading_ecosystem.messages.runtime import Remember, Start, WakeAt

MOST_HELD = 100_000  # Events that wait while the store is away.
MOST_AT_ONCE = 4_000  # Inputs that are handled before anything else has its turn.
RETOLD_AT_ONCE = 10_000  # Messages, when the history is made whole again.
OUTSIDE = Header(message_id=0, correlation_id=0)  # The cause of what nothing here caused.

log = Log(__name__)


class Stage(StrEnum):
    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


Answered = asyncio.Future[Sequence[Message]]


class Given(NamedTuple):
    """A message for the core. `begins`: the trace of the message itself, where nobody else has told it."""

    message: Message
    cause: Header
    answered: Answered | None = None
    begins: SpanRecord | None = None


@final
class Runner:
    """The one core of a process, behind its `Door`."""

    def __init__(
        self,
        instance: str,
        core: Core,
        clock: Clock,
        codec: Codec,
        commits: Commits,
        spool: Spool,
        hub: Hub,
        post: Post,
        chronicle: Chronicle,
    ) -> None:
        self.instance = instance
        self.clock = clock
        self.hub = hub
        self.core = core
        self._codec = codec
        self._commits = commits
        self._spool = spool
        self._post = post
        self._chronicle = chronicle
        self._journaled = isinstance(core, JournaledCore)
        self._stage = Stage.STARTING
        self._core_health = (HealthStatus.NOT_SERVING, "starting")
        self._identifiers = Identifiers()
        self._given: list[Given] = []  # Not handled yet.
        self._waiting: list[Departures] = []  # Handled, and not committed yet.
        self._company = Company()
        self._unpublished: list[Departures] = []  # Committed by an earlier life that died before it published.
        self._held: deque[tuple[Message, Header]] = deque()
        self._timers: set[asyncio.TimerHandle] = set()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._committing: asyncio.Task[None] | None = None
        self.delivered: Counter[str] = Counter()  # To the core, by type.
        self.lost = 0  # Events that no room was left for.

    # Life.

    def recover(self, retell: Retell) -> int:
        """Rebuild the core from its store. Returns how many inputs were handled again. Blocks.

        `retell` is handed what the core said since its snapshot: the history may have missed the end of it.
        """
        if not isinstance(self.core, JournaledCore):
            return 0
        state = self._commits.last_state()
        if state is not None:
            self.core.restore(json.loads(state))
        mark = self._spool.last_mark()
        said: list[Message] = []
        for record, inputs in self._commits.later_inputs():
            said.extend(self._handle_again(inputs, record > mark))
            if len(said) >= RETOLD_AT_ONCE:
                retell(said)
                said = []
        retell(said)
        return self._commits.backlog.inputs

    def _handle_again(self, inputs: Sequence[Input], publish: bool) -> Iterator[Message]:
        for each in inputs:
            self.clock.not_before(each.now_ns)
            outputs = self.core.handle(self._codec.decode(each.kind, each.body), each.now_ns)
            kept = [output for output in outputs if not isinstance(output, (WakeAt, Remember))]
            yield from kept
            if publish:
                self._unpublished.append(self._seal(kept, each.cause, each.now_ns))

    async def start(self) -> None:
        """Hand the core its `Start`, and serve from now on."""
        self._committing = asyncio.create_task(self._commit_forever())
        end_with(self._committing)
        self._depart(self._unpublished)
        self._unpublished = []
        memory = {} if self._journaled else {key: json.loads(text) for key, text in self._commits.recall().items()}
        self._stage = Stage.SERVING
        self._core_health = (HealthStatus.SERVING, "")
        header = self._identifiers.header(OUTSIDE)
        start = Start(memory=memory)
        self._give(Given(start, header, begins=SpanRecord(header, 0, self.clock.now_ns(), self.instance, start)))
        self._take_held()

    async def settle(self) -> None:
        """Take nothing more, and let what was taken become durable and leave."""
        self._stage = Stage.DRAINING
        for timer in self._timers:
            timer.cancel()
        await self._idle.wait()
        if self._committing is not None:
            self._committing.cancel()
        self._lose(sum(message is not WAKE for message, _ in self._held))
        self._held.clear()

    async def close(self) -> None:
        """Keep a snapshot, so that the next start is quick, and let the store's thread go."""
        if self._journaled and self._commits.backlog.inputs:
            await self._keep_snapshot()
        self._commits.close()

    def _lose(self, count: int) -> None:
        if count and not self.lost:
            log.warning("events find no room or no core any more, and are lost; they are counted", stage=self._stage)
        self.lost += count

    # Inputs.

    def take(self, message: Message, cause: Header) -> None:
        """An event, or an answer, from another process."""
        if self._stage is Stage.SERVING and not self._commits.trouble:
            self._give(Given(message, cause))
        elif self._stage is not Stage.DRAINING and (message is WAKE or len(self._held) < MOST_HELD):
            self._held.append((message, cause))
        elif message is not WAKE:
            with handling(cause):
                self._lose(1)

    def take_commands(self, messages: Sequence[tuple[Message, Header]]) -> "asyncio.Future[Sequence[Message]]":
        """Several commands at once. The future is done when all of them are durable; raises `Refused` like `ask`."""
        self._refuse_unless_serving()
        for message, cause in messages[:-1]:
            self._give(Given(message, cause))
        return self._answer(*messages[-1])

    async def ask(self, message: Message, cause: Header | None = None) -> Sequence[Message]:
        self._refuse_unless_serving()
        return await self._answer(message, cause or OUTSIDE)

    def _answer(self, message: Message, cause: Header) -> Answered:
        answered: Answered = asyncio.get_running_loop().create_future()
        self._give(Given(message, cause, answered))
        return answered

    def _refuse_unless_serving(self) -> None:
        status, detail = self.health()
        if status is HealthStatus.NOT_SERVING:
            raise Refused(RefusalCode.NOT_SERVING, detail)

    def _take_held(self) -> None:
        while self._held and not self._commits.trouble:
            self._give(Given(*self._held.popleft()))

    def _give(self, given: Given) -> None:
        if self._journaled:
            if given.answered is not None:
                self._company.join()
            self._given.append(given)
            self._begin_to_commit()
            return
        departures = self._handle(given, self.clock.now_ns())
        if departures.memories or not self._idle.is_set():
            self._waiting.append(departures)
            self._begin_to_commit()
        else:
            self._depart([departures])

    def _handle(self, given: Given, now_ns: int) -> Departures:
        message, cause, answered, begins = given
        try:
            outputs = self.core.handle(message, now_ns)
        except Exception as problem:
            with handling(cause):
                end_at_once(BROKEN_RULE, f"the core has failed at a {type(message).__name__}", problem)
        self.delivered[type(message).__name__] += 1
        departures = self._seal(outputs, cause, now_ns)
        departures.answered = answered
        if begins is not None:
            departures.timers.insert(0, begins)
        return departures

    # Outputs.

    def _seal(self, outputs: Sequence[Message], cause: Header, now_ns: int) -> Departures:
        departures = seal(self.instance, self._identifiers, outputs, cause, now_ns)
        for at_ns, timer in zip(departures.wakes, departures.timers, strict=True):
            self._set_timer(at_ns, timer.header)
        return departures

    def _depart(self, group: Sequence[Departures]) -> None:
        spans = [span for departures in group for span in (*departures.timers, *departures.sealed)]
        if spans or self._journaled:
            self._spool.write(spans, self._commits.record)
        here: list[tuple[Header, Message, bytes | None]] = []
        for departures in group:
            for span in departures.sealed:
                message = span.message
                if isinstance(message, HealthChanged) and message.service == self.instance:
                    self._core_health = (message.health, message.detail)
                if not (isinstance(message, Addressed) and self._post(message, span.header)):
                    here.append((span.header, message, span.body()))
        if here:
            self.hub.tell(here)
        for departures in group:
            if departures.answered is not None and not departures.answered.done():
                departures.answered.set_result(departures.outputs)

    # Time.

    def _set_timer(self, at_ns: int, header: Header) -> None:
        loop = asyncio.get_running_loop()
        handle: asyncio.TimerHandle

        def due() -> None:
            self._timers.discard(handle)
            if self.clock.now_ns() < at_ns:
                self._set_timer(at_ns, header)  # A Wake is never early.
            else:
                self.take(WAKE, header)

        handle = loop.call_later(self.clock.wall_seconds(at_ns), due)
        self._timers.add(handle)

    # Commits.

    def _begin_to_commit(self) -> None:
        self._idle.clear()
        self._work.set()

    async def _commit_forever(self) -> None:
        while True:
            await self._work.wait()
            await self._company.gather()
            self._company.depart()
            self._work.clear()
            frames = self._handle_given()
            group, self._waiting = self._waiting, []
            await self._commits.commit(frames, [memory for each in group for memory in each.memories])
            self._depart(group)
            if self._commits.backlog.is_long:
                await self._keep_snapshot()
            self._take_held()
            if not self._waiting and not self._given:
                self._idle.set()

    def _handle_given(self) -> list[bytes]:
        """Returns the inputs as the journal keeps them; what they led to waits."""
        given, self._given = self._given[:MOST_AT_ONCE], self._given[MOST_AT_ONCE:]
        frames: list[bytes] = []
        for each in given:
            now_ns = self.clock.now_ns()
            frames.append(pack(now_ns, each.cause, *self._codec.encode(each.message)))
            self._waiting.append(self._handle(each, now_ns))
        if self._given:
            self._work.set()
        return frames

    async def _keep_snapshot(self) -> None:
        """After the history has all that led to it: what came before a snapshot is never told again."""
        assert isinstance(self.core, JournaledCore)
        state = json.dumps(self.core.save(), separators=(",", ":")).encode()
        try:
            await self._chronicle.write()
            await self._commits.keep_snapshot(state)
        except StoreAway as away:
            log.info("a snapshot waits for the store", detail=str(away))

    # What surfaces see.

    def health(self) -> tuple[HealthStatus, str]:
        if self._stage is not Stage.SERVING:
            return HealthStatus.NOT_SERVING, self._stage.value
        if self._commits.trouble:
            return HealthStatus.NOT_SERVING, f"the store is away: {self._commits.trouble}"
        return self._core_health

    @property
    def held(self) -> int:
        """Events that wait for the start, or for the store to be back."""
        return len(self._held)

    @property
    def uncommitted(self) -> int:
        """Messages that were taken, and whose outputs wait for the next commit."""
        return len(self._given) + len(self._waiting)

    def listen(self, listener: Listener) -> Callable[[], None]:
        return self.hub.listen(listener)
