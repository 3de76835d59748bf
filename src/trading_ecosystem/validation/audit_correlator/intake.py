"""Puts the spans of all services into one causal order, and hands them to the correlator as envelopes.

Rule 1: a cause comes before its effect, even where the clock of its sender was ahead; what one service said stays in
order. Otherwise the order is that of time, and at one moment that of message ids.
Rule 2: the order depends on the spans alone, not on their arrival, as long as none comes later than the bound.
Rule 3: ids are counted 1, 2, 3, ... in that order; a cause that does not come within the bound has an id of nothing.

A span moves on when every known sender has told something later, or when it has waited as long as the bound.
"""

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from heapq import heappop, heappush
from typing import NamedTuple, final

from trading_ecosystem.core import Core
from trading_ecosystem.live.door import Refused
from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.message import Message

PAGE = 1024
MOST_CONFLICTS = 1_000  # Kept to be looked at; all are counted.

Decode = Callable[[str, bytes], Message]  # Raises `Refused` for what it cannot read.


class MessageSpan(NamedTuple):
    """A message of a service, with its delivery facts. `place` counts 1, 2, 3, ... in the spool of its sender."""

    message_id: int
    causation_id: int
    correlation_id: int
    sender: str
    sent_ns: int
    kind: str
    body: bytes
    spool: str
    place: int


class Fate(StrEnum):
    TAKEN = "taken"
    REPEATED = "repeated"  # The same span again: nothing changes.
    CONFLICT = "conflict"  # The same id with other content: the first stays.
    UNREADABLE = "unreadable"  # No message can be read from it; its effects will be orphans.


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """Two spans claim one id."""

    message_id: int
    sender: str  # Of the second.
    kind: str
    sent_ns: int


@dataclass(frozen=True, kw_only=True)
class Completeness:
    """What is known of one sender's spans. `missing` were spooled and never came."""

    sender: str
    taken: int
    missing: int
    repeated: int
    conflicts: int
    unreadable: int
    late: int  # Came when later spans had already gone on.
    reached_ns: int  # All of its spans sent before this moment have come.


@final
class Pages:
    """Numbers by id, 0 where there is none. Ids are counters, so that neighbours share a page."""

    __slots__ = ("_pages",)

    def __init__(self) -> None:
        self._pages: dict[int, array[int]] = {}

    def get(self, key: int) -> int:
        page = self._pages.get(key // PAGE)
        return 0 if page is None else page[key % PAGE]

    def put(self, key: int, value: int) -> None:
        page = self._pages.get(key // PAGE)
        if page is None:
            page = self._pages[key // PAGE] = array("q", bytes(8 * PAGE))
        page[key % PAGE] = value


@final
class SpoolProgress:
    """How far one spool is known without a gap."""

    __slots__ = ("_ahead", "_gap_since_ns", "highest", "next_place", "reached_ns", "received")

    def __init__(self) -> None:
        self.next_place = 1
        self.highest = 0
        self.received = 0
        self.reached_ns = 0
        self._ahead: dict[int, int] = {}  # sent_ns by place, behind a gap.
        self._gap_since_ns = 0

    def has(self, place: int) -> bool:
        """Whether it has come, or is not waited for any more."""
        return place < self.next_place or place in self._ahead

    def note(self, place: int, sent_ns: int, wall_ns: int) -> None:
        self.received += 1
        self.highest = max(self.highest, place)
        if place < self.next_place:
            return  # It was given up, and came after all.
        if not self._ahead:
            self._gap_since_ns = wall_ns
        self._ahead[place] = sent_ns
        self._advance(wall_ns)

    def give_up_before(self, wall_ns: int) -> None:
        """Wait no longer for what a gap that is older than this hides."""
        if self._ahead and self._gap_since_ns < wall_ns:
            self.next_place = min(self._ahead)
            self._advance(wall_ns)

    def _advance(self, wall_ns: int) -> None:
        while self.next_place in self._ahead:
            self.reached_ns = max(self.reached_ns, self._ahead.pop(self.next_place))
            self.next_place += 1
            self._gap_since_ns = wall_ns


@final
class SenderProgress:
    __slots__ = ("conflicts", "late", "repeated", "spools", "taken", "unreadable")

    def __init__(self) -> None:
        self.spools: dict[str, SpoolProgress] = {}
        self.taken = 0
        self.repeated = 0
        self.conflicts = 0
        self.unreadable = 0
        self.late = 0

    def spool(self, spool_id: str) -> SpoolProgress:
        found = self.spools.get(spool_id)
        if found is None:
            found = self.spools[spool_id] = SpoolProgress()
        return found

    @property
    def reached_ns(self) -> int:
        return max((spool.reached_ns for spool in self.spools.values()), default=0)

    @property
    def missing(self) -> int:
        return sum(spool.highest - spool.received for spool in self.spools.values())


@final
class Waiting:
    """A span that has come and not yet gone on."""

    __slots__ = ("arrived_ns", "caused", "gone", "impatient", "line", "message", "orphaned", "queued", "span")

    def __init__(self, span: MessageSpan, message: Message, arrived_ns: int, line: "Line") -> None:
        self.span = span
        self.line = line
        self.message = message
        self.arrived_ns = arrived_ns
        self.caused = False  # Its cause has gone on, or is not waited for.
        self.orphaned = False  # Its cause is not waited for any more.
        self.impatient = False  # It has waited so long that what its sender said before does not hold it up.
        self.queued = False
        self.gone = False


@final
class Line:
    """The spans of one spool that wait, by place. What one service says goes on in the order in which it said it."""

    __slots__ = ("_places", "moment_ns")

    def __init__(self) -> None:
        self._places: list[tuple[int, int, Waiting]] = []  # Place, message id: two of a liar may have one place.
        self.moment_ns = 0  # Of the latest that has gone on.

    def join(self, waiting: Waiting) -> None:
        heappush(self._places, (waiting.span.place, waiting.span.message_id, waiting))

    def first(self) -> Waiting | None:
        while self._places and self._places[0][2].gone:
            heappop(self._places)
        return self._places[0][2] if self._places else None


@final
class Intake:
    """`senders`: the instances that are waited for. `bound_ns`: how long, in wall time; `wall_ns` never goes back.

    `cause_bound_ns`: how long a message waits for its cause, whose sender may have to be started first.
    """

    def __init__(self, core: Core, decode: Decode, senders: Iterable[str], bound_ns: int, cause_bound_ns: int) -> None:
        self._core = core
        self._decode = decode
        self._bound_ns, self._cause_bound_ns = bound_ns, cause_bound_ns
        self._progress = {sender: SenderProgress() for sender in senders}
        self._waiting: dict[int, Waiting] = {}
        self._lines: dict[str, Line] = {}  # By spool.
        self._effects: dict[int, dict[int, Waiting]] = {}  # By the cause that they wait for, then by their id.
        self._queue: list[tuple[int, int, Waiting]] = []  # Moment, message id.
        self._arrivals: deque[Waiting] = deque()
        self._id_of = Pages()  # The counted id of a message that has gone on.
        self._content_of = Pages()
        self._moments = array("q", (0,))  # By counted id.
        self._skipped: dict[int, int] = {}  # The counted ids of causes that did not come.
        self._now = 0
        self.conflicts: list[Conflict] = []

    # Arrival.

    def add(self, span: MessageSpan, wall_ns: int) -> Fate:
        """Take in one span. It reaches the core in `release` or `drain`."""
        progress = self._progress_of(span.sender)
        content = hash(span[:7]) or 1
        known = self._content_of.get(span.message_id)
        if known:
            return self._repeat(progress, span, wall_ns, known == content)
        self._content_of.put(span.message_id, content)
        progress.spool(span.spool).note(span.place, span.sent_ns, wall_ns)
        try:
            message = self._decode(span.kind, span.body)
        except Refused:
            progress.unreadable += 1
            return Fate.UNREADABLE
        progress.taken += 1
        if span.sent_ns < self._now:
            progress.late += 1
        waiting = Waiting(span, message, wall_ns, self._line_of(span.spool))
        self._waiting[span.message_id] = waiting
        self._arrivals.append(waiting)
        waiting.line.join(waiting)
        self._place(waiting)
        return Fate.TAKEN

    def _repeat(self, progress: SenderProgress, span: MessageSpan, wall_ns: int, same: bool) -> Fate:
        if same:
            progress.repeated += 1
            return Fate.REPEATED
        spool = progress.spool(span.spool)
        if not spool.has(span.place):
            spool.note(span.place, span.sent_ns, wall_ns)
        progress.conflicts += 1
        if len(self.conflicts) < MOST_CONFLICTS:
            conflict = Conflict(message_id=span.message_id, sender=span.sender, kind=span.kind, sent_ns=span.sent_ns)
            self.conflicts.append(conflict)
        return Fate.CONFLICT

    def _place(self, waiting: Waiting) -> None:
        cause = waiting.span.causation_id
        if cause == 0 or self._id_of.get(cause):
            self._cause_is_done(waiting)
        elif self._closes_a_circle(waiting):
            self._orphan(waiting)
        else:
            self._effects.setdefault(cause, {})[waiting.span.message_id] = waiting

    def _closes_a_circle(self, waiting: Waiting) -> bool:
        """Whether, by what the senders tell, a message is its own cause."""
        message_id, cause = waiting.span.message_id, waiting.span.causation_id
        if cause != message_id and message_id not in self._effects:
            return False
        while cause != message_id:
            above = self._waiting.get(cause)
            if above is None or above.caused:
                return False
            cause = above.span.causation_id
        return True

    def _cause_is_done(self, waiting: Waiting) -> None:
        waiting.caused = True
        self._queue_in_turn(waiting)

    def _queue_in_turn(self, waiting: Waiting) -> None:
        """Not before its cause is done and, unless it is impatient, all that its sender said before has gone on."""
        if waiting.queued or not waiting.caused or not self._has_its_turn(waiting):
            return
        span = waiting.span
        moment = max(span.sent_ns, waiting.line.moment_ns)
        if not waiting.orphaned and span.causation_id:
            moment = max(moment, self._moments[self._id_of.get(span.causation_id)])
        waiting.queued = True
        heappush(self._queue, (moment, span.message_id, waiting))

    def _has_its_turn(self, waiting: Waiting) -> bool:
        return waiting.impatient or waiting.line.first() is waiting

    def _line_of(self, spool: str) -> Line:
        found = self._lines.get(spool)
        if found is None:
            found = self._lines[spool] = Line()
        return found

    def _orphan(self, waiting: Waiting) -> None:
        waiting.orphaned = True
        self._cause_is_done(waiting)

    # Moving on.

    def release(self, wall_ns: int) -> list[Message]:
        """Hand over what need not wait any longer. Returns what the core says."""
        give_up_ns = wall_ns - self._bound_ns
        for progress in self._progress.values():
            for spool in progress.spools.values():
                spool.give_up_before(give_up_ns)
        old = self._give_up_causes_of_the_old(wall_ns - self._cause_bound_ns)
        reached_ns = min((progress.reached_ns for progress in self._progress.values()), default=0)

        def may_go(moment: int, waiting: Waiting) -> bool:
            return moment < reached_ns or waiting.arrived_ns < give_up_ns

        return self._hand_over_all(may_go, old)

    def drain(self, until_ns: int) -> list[Message]:
        """The end of a run: hand over all that was sent up to and including this moment, without waiting."""
        for cause, effects in list(self._effects.items()):
            if cause not in self._waiting:
                for waiting in [each for each in effects.values() if each.span.sent_ns <= until_ns]:
                    self._stop_waiting_for_cause(waiting)

        def may_go(moment: int, waiting: Waiting) -> bool:
            return moment <= until_ns

        return self._hand_over_all(may_go, [each for each in self._waiting.values() if each.span.sent_ns <= until_ns])

    def _hand_over_all(self, may_go: Callable[[int, Waiting], bool], held_up: list[Waiting]) -> list[Message]:
        """All that may go. What is held up after that, by a circle of what its senders told, goes out of its turn."""
        said = self._hand_over_while(may_go)
        for waiting in sorted([each for each in held_up if not each.gone], key=lambda each: each.span.sent_ns):
            waiting.impatient = True
            self._queue_in_turn(waiting)
            said += self._hand_over_while(may_go)
        return said

    def _hand_over_while(self, may_go: Callable[[int, Waiting], bool]) -> list[Message]:
        said: list[Message] = []
        queue = self._queue
        while queue and may_go(queue[0][0], queue[0][2]):
            said += self._hand_over()
        return said

    def _give_up_causes_of_the_old(self, give_up_ns: int) -> list[Waiting]:
        """A cause that has come goes on in its own time; only one that has not is given up. Returns the old."""
        old: list[Waiting] = []
        while self._arrivals and self._arrivals[0].arrived_ns < give_up_ns:
            waiting = self._arrivals.popleft()
            old.append(waiting)
            if not waiting.caused and waiting.span.causation_id not in self._waiting:
                self._stop_waiting_for_cause(waiting)
        return [each for each in old if not each.gone]

    def _stop_waiting_for_cause(self, waiting: Waiting) -> None:
        effects = self._effects[waiting.span.causation_id]
        del effects[waiting.span.message_id]
        if not effects:
            del self._effects[waiting.span.causation_id]
        self._orphan(waiting)

    def _hand_over(self) -> Sequence[Message]:
        moment, message_id, waiting = heappop(self._queue)
        if not self._has_its_turn(waiting):  # Something that was said before has come since.
            waiting.queued = False
            return ()
        span = waiting.span
        causation_id = self._cause_id(waiting)
        self._moments.append(moment)
        counted = len(self._moments) - 1
        self._id_of.put(message_id, counted)
        del self._waiting[message_id]
        story = self._id_of.get(span.correlation_id) or self._skipped.get(span.correlation_id, causation_id) or counted
        envelope = Envelope(counted, causation_id, story, span.sender, span.sent_ns, waiting.message)
        self._now = max(self._now, moment)
        said = self._core.handle(envelope, self._now)
        self._go_on_after(waiting, moment)
        return said

    def _go_on_after(self, waiting: Waiting, moment: int) -> None:
        line = waiting.line
        waiting.gone = True
        line.moment_ns = max(line.moment_ns, moment)
        for effect in self._effects.pop(waiting.span.message_id, {}).values():
            self._cause_is_done(effect)
        following = line.first()
        if following is not None:
            self._queue_in_turn(following)

    def _cause_id(self, waiting: Waiting) -> int:
        """The counted id of its cause; for one that did not come, an id that is skipped."""
        cause = waiting.span.causation_id
        if not waiting.orphaned:
            return self._id_of.get(cause)
        if cause not in self._skipped:
            self._moments.append(0)
            self._skipped[cause] = len(self._moments) - 1
        return self._skipped[cause]

    # What is to be known.

    def _progress_of(self, sender: str) -> SenderProgress:
        found = self._progress.get(sender)
        if found is None:
            found = self._progress[sender] = SenderProgress()
        return found

    @property
    def waiting(self) -> int:
        """Spans that have come and not yet gone on."""
        return len(self._waiting)

    def counted_id(self, message_id: int) -> int:
        """The id by which the correlator knows a message; 0 while it does not."""
        return self._id_of.get(message_id)

    def completeness(self) -> tuple[Completeness, ...]:
        """One per sender, by name."""
        return tuple(
            Completeness(
                sender=sender,
                taken=progress.taken,
                missing=progress.missing,
                repeated=progress.repeated,
                conflicts=progress.conflicts,
                unreadable=progress.unreadable,
                late=progress.late,
                reached_ns=progress.reached_ns,
            )
            for sender, progress in sorted(self._progress.items())
        )
