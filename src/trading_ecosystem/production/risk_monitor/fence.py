"""The fence around somebody else's rule: what goes wrong inside it is named, told once, and ends it, and nothing else.

Rule 1: whatever a rule raises or answers, the monitor goes on; the other rules do not notice.
Rule 2: only what could be a figure of this rule gets out: a whole number, of a subject that it has a limit for.
Rule 3: every bound is a count, never a time, so that the same history ends the same rule at the same message.
A call that never returns is ended from outside (`endless_calls.py`), at the same message too.
"""

from collections.abc import Sequence
from typing import Final, final

from trading_ecosystem.foreign_calls import CALL, NeverReturned
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.messages.message import Message
from trading_ecosystem.production.risk_monitor.config import RulePart
from trading_ecosystem.production.risk_monitor.doubts import Doubts
from trading_ecosystem.production.risk_monitor.rules.rule import NEVER, NOTHING, Figure, Rule, Sight

MOST_FIGURES: Final = 1_000  # In one answer.
MOST_HURRIED: Final = 1_000  # Looks in a row that it asked for, each sooner after the last than
HURRY_NS: Final = 1_000_000
FAILURES: Final = (Exception, SystemExit, NeverReturned)

log = Log(__name__)


class Nonsense(Exception):
    """An answer that is none, in words that follow `failed in hear:`."""


@final
class Fence(Rule):
    """Hands every call on to the rule of a plug-in, until one fails. Then `failure` says which, where and how."""

    def __init__(self, part: RulePart, sight: Sight, doubts: Doubts) -> None:
        build = part.plugin.build
        assert build is not None
        self.failure = ""
        self._name: str = part.plugin.name
        self._path = part.path
        self._subjects: tuple[str, ...] = part.entry.subjects
        self._doubts = doubts
        self._inner: Rule | None = None
        self._is_given_up = False
        self._due_ns = NEVER
        self._looked_ns = 0
        self._hurried = 0
        try:
            CALL.begin()
            self._take(build(part.entry, sight))
        except FAILURES as error:
            self._note("its constructor", error)

    def hear(self, message: Message, now: int) -> Sequence[Figure]:
        if self._inner is None:
            return self._give_up(now)
        try:
            CALL.begin()
            return self._checked(self._inner.hear(message, now))
        except FAILURES as error:
            return self._fail("hear", error, now)

    def look(self, now: int) -> Sequence[Figure]:
        if self._inner is None:
            return self._give_up(now)
        try:
            self._count_look(now)
            CALL.begin()
            return self._checked(self._inner.look(now))
        except FAILURES as error:
            return self._fail("look", error, now)

    def due_ns(self, now: int) -> int:
        """A rule that fails here is looked at once more when the monitor looks, to be given up."""
        if self._inner is None:
            return NEVER
        try:
            CALL.begin()
            due_ns: object = self._inner.due_ns(now)
            CALL.end()
            if not isinstance(due_ns, int):
                raise TypeError
            self._due_ns = due_ns
            return due_ns
        except FAILURES as error:
            self._note("due_ns", error)
            return NEVER

    # Failure.

    def _fail(self, where: str, error: BaseException, now: int) -> Sequence[Figure]:
        self._note(where, error)
        return self._give_up(now)

    def _note(self, where: str, error: BaseException) -> None:
        """The event names the type of an error: its text may be another in another process. The log has all of it."""
        CALL.end()
        self._inner = None
        self._doubts.changed = True
        what = str(error) if isinstance(error, Nonsense | NeverReturned) else type(error).__name__
        self.failure = f"rule {self._name} failed in {where}: {what}"
        log.error(
            "a rule failed: it judges no more",
            rule=self._name,
            path=self._path,
            where=where,
            what=what,
            exc_info=error,
        )

    def _give_up(self, now: int) -> Sequence[Figure]:
        """None of its figures is known any more, so that no clock ends an alert of it."""
        if self._is_given_up:
            return NOTHING
        self._is_given_up = True
        return [Figure(subject, None, now) for subject in self._subjects]

    # Checks.

    def _take(self, built: object) -> None:
        CALL.end()
        if not isinstance(built, Rule):
            raise TypeError
        self._inner = built

    def _checked(self, answer: object) -> Sequence[Figure]:
        CALL.end()
        if answer is NOTHING:
            return NOTHING
        if not isinstance(answer, list) and not isinstance(answer, tuple):
            raise TypeError(f"an answer is a list or a tuple, not a {type(answer).__name__}")
        if len(answer) > MOST_FIGURES:
            raise Nonsense(f"more than {MOST_FIGURES} figures at once")
        for figure in answer:
            self._check(figure)
        return answer

    def _check(self, figure: object) -> None:
        if not isinstance(figure, Figure) or not has_right_types(figure):
            raise TypeError("a figure has a subject, a whole number or None, and a moment in ns")
        if figure.subject not in self._subjects:
            raise Nonsense(f"a figure of {figure.subject}, for which there is no limit")
        if figure.at_ns < 0:
            raise Nonsense("a figure from before 1970")

    def _count_look(self, now: int) -> None:
        if self._due_ns == NEVER or self._due_ns > now:
            return
        self._hurried = self._hurried + 1 if now < self._looked_ns + HURRY_NS else 0
        self._looked_ns = now
        if self._hurried > MOST_HURRIED:
            raise Nonsense(f"more than {MOST_HURRIED} looks in a row, each within a millisecond of the last")


def has_right_types(figure: Figure) -> bool:
    """Of a figure that plain Python made; a compiled one can have no others."""
    return (
        isinstance(figure.subject, str)
        and (figure.value is None or type(figure.value) is int)
        and isinstance(figure.at_ns, int)
    )
