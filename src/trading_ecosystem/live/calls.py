"""How a process calls another one that may be slow, away or broken: deadline, retries, circuit breaker, figures.

Rule 1: a call has one deadline over all its attempts, and only a call that may be repeated is.
Rule 2: an answer that says no is an answer; only the lack of one, or a target that says it is unwell, is a fault.
Rule 3: a result that belongs to an earlier state of the circuit does not move the present one.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, final

Answer = TypeVar("Answer")
SECOND_NS = 1_000_000_000


class Circuit(StrEnum):
    CLOSED = "closed"  # Calls go out.
    OPEN = "open"  # The target failed too often: calls are refused here, and it is left in peace.
    HALF_OPEN = "half_open"  # One call is let out to see whether it is well again.


class Signal(StrEnum):
    TRIPPED = "tripped"  # So many faults in a row.
    COOLED = "cooled"
    PROVED = "proved"  # The one call had an answer.
    FAILED = "failed"  # It had none.


TRANSITIONS: dict[tuple[Circuit, Signal], Circuit] = {
    (Circuit.CLOSED, Signal.TRIPPED): Circuit.OPEN,
    (Circuit.OPEN, Signal.COOLED): Circuit.HALF_OPEN,
    (Circuit.HALF_OPEN, Signal.PROVED): Circuit.CLOSED,
    (Circuit.HALF_OPEN, Signal.FAILED): Circuit.OPEN,
}


@dataclass(frozen=True, kw_only=True)
class Policy:
    """`deadline_ns` is for a call with all its attempts; pauses double from the first to the longest."""

    deadline_ns: int = 2 * SECOND_NS
    attempts: int = 3
    first_pause_ns: int = SECOND_NS // 20
    longest_pause_ns: int = SECOND_NS
    trips_after: int = 5  # Faults in a row.
    cools_ns: int = SECOND_NS


@dataclass(frozen=True, kw_only=True)
class CallStatistics:
    """Of one target since the process began. Times are of the machine, in ns."""

    circuit: Circuit
    calls: int
    failures: int  # Calls that ended without an answer, those refused by the circuit among them.
    refused: int  # By the open circuit; nothing was sent.
    retries: int
    trips: int
    away_ns: int  # How long the circuit was not closed.
    latency_sum_ns: int  # Over all calls, with their retries and pauses.


class CallFailed(Exception):
    """A call that had no answer."""

    def __init__(self, target: str, detail: str) -> None:
        super().__init__(f"{target}: {detail}")
        self.target = target


class CircuitOpen(CallFailed):
    """It was not sent: the target failed too often just now."""


class DeadlinePassed(CallFailed):
    """It may have been sent and may have had its effect; nobody knows yet."""


class Unanswered(CallFailed):
    """Every attempt failed; `__cause__` is the last fault. It may have had its effect."""


@final
class Breaker:
    """Decides whether a call goes out. `now_ns` is any clock that never goes back."""

    def __init__(self, trips_after: int, cools_ns: int) -> None:
        self.circuit = Circuit.CLOSED
        self.trips = 0
        self._trips_after, self._cools_ns = trips_after, cools_ns
        self._state = 0  # Counts the changes of the circuit, to tell late results from present ones.
        self._faults = 0
        self._trying = False
        self._opened_ns = self._left_ns = self._away_ns = 0

    def admit(self, now_ns: int) -> int | None:
        """A ticket for the result of one attempt; None: it must not go out."""
        if self.circuit is Circuit.OPEN and now_ns - self._opened_ns >= self._cools_ns:
            self._move(Signal.COOLED, now_ns)
        if self.circuit is Circuit.OPEN or self._trying:
            return None
        self._trying = self.circuit is Circuit.HALF_OPEN
        return self._state

    def report(self, ticket: int, answered: bool, now_ns: int) -> None:
        if ticket != self._state:
            return
        self._faults = 0 if answered else self._faults + 1
        if self.circuit is Circuit.HALF_OPEN:
            self._move(Signal.PROVED if answered else Signal.FAILED, now_ns)
        elif self._faults >= self._trips_after:
            self._move(Signal.TRIPPED, now_ns)

    def withdraw(self, ticket: int) -> None:
        """The attempt was given up by its caller: it says nothing of the target."""
        if ticket == self._state:
            self._trying = False

    def away_ns(self, now_ns: int) -> int:
        """For how long in all the circuit has not been closed."""
        return self._away_ns + (0 if self.circuit is Circuit.CLOSED else now_ns - self._left_ns)

    def _move(self, signal: Signal, now_ns: int) -> None:
        before, self.circuit = self.circuit, TRANSITIONS[self.circuit, signal]
        self._state += 1
        self._faults, self._trying = 0, False
        if self.circuit is Circuit.OPEN:
            self._opened_ns = now_ns
        if before is Circuit.CLOSED:
            self.trips += 1
            self._left_ns = now_ns
        if self.circuit is Circuit.CLOSED:
            self._away_ns += now_ns - self._left_ns


@final
class Calls:
    """All calls of this process to one target. One event loop."""

    def __init__(
        self,
        target: str,
        is_fault: Callable[[Exception], bool],
        policy: Policy | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
        below: Callable[[int], int] = secrets.randbelow,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`is_fault` tells lack of an answer (Rule 2) from an answer that says no; `below(n)` draws from 0 to n - 1."""
        self.target = target
        self._is_fault, self._policy = is_fault, policy or Policy()
        self._now_ns, self._below, self._sleep = now_ns, below, sleep
        self._breaker = Breaker(self._policy.trips_after, self._policy.cools_ns)
        self._calls = self._failures = self._refused = self._retries = self._latency_sum_ns = 0

    async def call(
        self, attempt: Callable[[int], Awaitable[Answer]], *, idempotent: bool, deadline_ns: int | None = None
    ) -> Answer:
        """What `attempt` returns; it is told how many ns it has, and cancelled after them.

        Raises `CallFailed`, and whatever `attempt` raises that is no fault.
        """
        self._calls += 1
        began_ns = self._now_ns()
        ends_ns = began_ns + (self._policy.deadline_ns if deadline_ns is None else deadline_ns)
        try:
            return await self._try_often(attempt, self._policy.attempts if idempotent else 1, ends_ns)
        except CallFailed:
            self._failures += 1
            raise
        finally:
            self._latency_sum_ns += self._now_ns() - began_ns

    async def _try_often(self, attempt: Callable[[int], Awaitable[Answer]], attempts: int, ends_ns: int) -> Answer:
        for retry in range(attempts - 1):
            try:
                return await self._try_once(attempt, ends_ns)
            except Unanswered:
                pause_ns = self._pause_ns(retry)
                if self._now_ns() + pause_ns >= ends_ns:
                    raise
            await self._sleep(pause_ns / SECOND_NS)
            self._retries += 1
        return await self._try_once(attempt, ends_ns)

    def _pause_ns(self, retry: int) -> int:
        """Anything up to a bound that doubles: those who failed together shall not come back together."""
        return self._below(min(self._policy.longest_pause_ns, self._policy.first_pause_ns << retry) + 1)

    async def _try_once(self, attempt: Callable[[int], Awaitable[Answer]], ends_ns: int) -> Answer:
        left_ns = ends_ns - self._now_ns()
        if left_ns <= 0:
            raise DeadlinePassed(self.target, "the deadline passed before it was sent")
        ticket = self._breaker.admit(self._now_ns())
        if ticket is None:
            self._refused += 1
            raise CircuitOpen(self.target, "it failed too often; not called for a while")
        try:
            answer = await self._within(attempt, left_ns)
        except asyncio.CancelledError:
            self._breaker.withdraw(ticket)
            raise
        except Exception as error:
            said_no = not isinstance(error, CallFailed)
            self._breaker.report(ticket, said_no, self._now_ns())
            raise
        self._breaker.report(ticket, True, self._now_ns())
        return answer

    async def _within(self, attempt: Callable[[int], Awaitable[Answer]], left_ns: int) -> Answer:
        try:
            async with asyncio.timeout(left_ns / SECOND_NS) as timer:
                return await attempt(left_ns)
        except Exception as error:
            if timer.expired():
                raise DeadlinePassed(self.target, "no answer in time") from error
            if self._is_fault(error):
                raise Unanswered(self.target, str(error) or type(error).__name__) from error
            raise

    def statistics(self) -> CallStatistics:
        return CallStatistics(
            circuit=self._breaker.circuit,
            calls=self._calls,
            failures=self._failures,
            refused=self._refused,
            retries=self._retries,
            trips=self._breaker.trips,
            away_ns=self._breaker.away_ns(self._now_ns()),
            latency_sum_ns=self._latency_sum_ns,
        )
