"""The circuit breaker and the calls through it, beside slow and obvious twins of both."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from trading_ecosystem.live.calls import (
    SECOND_NS,
    TRANSITIONS,
    Breaker,
    CallFailed,
    Calls,
    Circuit,
    CircuitOpen,
    DeadlinePassed,
    Policy,
    Signal,
    Unanswered,
)

TRIPS_AFTER, COOLS_NS = 3, 100
Outcome = tuple[str, int]  # answer, no or fault; and how long it takes, in ns.


class Fault(Exception):
    pass


class SaidNo(Exception):
    pass


class NaiveBreaker:
    """Keeps the whole history, and reads the present from its end every time it is asked."""

    def __init__(self) -> None:
        self.history: list[tuple[str, int]] = []  # What happened, and when.

    def circuit(self) -> Circuit:
        """`opened` and `closed` are written down; a trial is what was let out after an opening."""
        for event, _ in reversed(self.history):
            if event == "opened":
                return Circuit.OPEN
            if event == "cooled":
                return Circuit.HALF_OPEN
            if event == "closed":
                return Circuit.CLOSED
        return Circuit.CLOSED

    def era(self) -> int:
        return sum(event in ("opened", "cooled", "closed") for event, _ in self.history)

    def since_change(self) -> list[str]:
        events = [event for event, _ in self.history]
        changes = [i for i, event in enumerate(events) if event in ("opened", "cooled", "closed")]
        return events[changes[-1] + 1 :] if changes else events

    def admit(self, now_ns: int) -> int | None:
        if self.circuit() is Circuit.OPEN:
            opened_ns = next(at_ns for event, at_ns in reversed(self.history) if event == "opened")
            if now_ns < opened_ns + COOLS_NS:
                return None
            self.history.append(("cooled", now_ns))
        if self.circuit() is Circuit.HALF_OPEN:
            trials = [event for event in self.since_change() if event in ("trial", "withdrawn")]
            if trials and trials[-1] == "trial":
                return None
            self.history.append(("trial", now_ns))
        return self.era()

    def report(self, era: int, answered: bool, now_ns: int) -> None:
        if era != self.era():
            return
        self.history.append(("answer" if answered else "fault", now_ns))
        if self.circuit() is Circuit.HALF_OPEN:
            self.history.append(("closed" if answered else "opened", now_ns))
        elif self.since_change()[-TRIPS_AFTER:] == ["fault"] * TRIPS_AFTER:
            self.history.append(("opened", now_ns))

    def withdraw(self, era: int, now_ns: int) -> None:
        if era == self.era() and self.circuit() is Circuit.HALF_OPEN:
            self.history.append(("withdrawn", now_ns))

    def away_ns(self, now_ns: int) -> int:
        away, left_ns = 0, None
        for event, at_ns in self.history:
            if event == "opened" and left_ns is None:
                left_ns = at_ns
            if event == "closed" and left_ns is not None:
                away, left_ns = away + at_ns - left_ns, None
        return away + (0 if left_ns is None else now_ns - left_ns)


class BreakerBesideItsTwin(RuleBasedStateMachine):
    """Attempts overlap, and their results come in any order, as they do from a slow target."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 1_000
        self.breaker, self.naive = Breaker(TRIPS_AFTER, COOLS_NS), NaiveBreaker()
        self.underway: list[tuple[int, int]] = []

    @rule(passed_ns=st.sampled_from((0, 1, 50, COOLS_NS - 1, COOLS_NS)))
    def time_passes(self, passed_ns: int) -> None:
        self.now_ns += passed_ns

    @rule()
    def admit(self) -> None:
        ticket, era = self.breaker.admit(self.now_ns), self.naive.admit(self.now_ns)
        assert (ticket is None) == (era is None)
        if ticket is not None and era is not None:
            self.underway.append((ticket, era))

    @rule(which=st.integers(0, 5), answered=st.booleans())
    def report(self, which: int, answered: bool) -> None:
        if self.underway:
            ticket, era = self.underway.pop(which % len(self.underway))
            self.breaker.report(ticket, answered, self.now_ns)
            self.naive.report(era, answered, self.now_ns)

    @rule(which=st.integers(0, 5))
    def withdraw(self, which: int) -> None:
        if self.underway:
            ticket, era = self.underway.pop(which % len(self.underway))
            self.breaker.withdraw(ticket)
            self.naive.withdraw(era, self.now_ns)

    @invariant()
    def agree(self) -> None:
        assert self.breaker.circuit is self.naive.circuit()
        assert self.breaker.away_ns(self.now_ns) == self.naive.away_ns(self.now_ns)


TestBreaker = BreakerBesideItsTwin.TestCase
TestBreaker.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_the_table_knows_every_circuit_and_signal() -> None:
    assert {circuit for circuit, _ in TRANSITIONS} == set(Circuit) == set(TRANSITIONS.values())
    assert {signal for _, signal in TRANSITIONS} == set(Signal)


# Calls.


class World:
    """Time that passes only where somebody lets it, and a target that answers by a script."""

    def __init__(self, script: list[Outcome]) -> None:
        self.now_ns = 0
        self.script = list(script)
        self.asked = 0

    async def attempt(self, left_ns: int) -> str:
        self.asked += 1
        outcome, takes_ns = self.script.pop(0) if self.script else ("answer", 0)
        self.now_ns += takes_ns
        if outcome == "fault":
            raise Fault("away")
        if outcome == "no":
            raise SaidNo("not like this")
        return "answer"

    async def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)

    def calls(self, policy: Policy, below: Callable[[int], int] = lambda bound: bound - 1) -> Calls:
        return Calls("exchange", lambda error: isinstance(error, Fault), policy, lambda: self.now_ns, below, self.sleep)


MILLISECOND_NS = 1_000_000
POLICY = Policy(
    deadline_ns=1_000 * MILLISECOND_NS,
    attempts=4,
    first_pause_ns=100 * MILLISECOND_NS,
    longest_pause_ns=300 * MILLISECOND_NS,
    trips_after=100,
)


def expected(script: list[Outcome], idempotent: bool) -> tuple[str, int, int]:
    """How a call ends, after how many attempts, and at what time: written out without any cleverness."""
    now_ns, asked, pauses = 0, 0, [100, 200, 300]
    while True:
        outcome, takes_ns = script[asked] if asked < len(script) else ("answer", 0)
        asked += 1
        now_ns += takes_ns
        if outcome != "fault":
            return outcome, asked, now_ns
        if not idempotent or asked == 4 or now_ns + pauses[asked - 1] * MILLISECOND_NS >= POLICY.deadline_ns:
            return "fault", asked, now_ns
        now_ns += pauses[asked - 1] * MILLISECOND_NS


OUTCOMES = st.tuples(
    st.sampled_from(("fault", "fault", "fault", "no", "answer")),
    st.integers(0, 500).map(lambda milliseconds: milliseconds * MILLISECOND_NS),
)


@given(script=st.lists(OUTCOMES, max_size=5), idempotent=st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_call_ends_as_its_script_says(script: list[Outcome], idempotent: bool) -> None:
    world = World(script)
    calls = world.calls(POLICY)
    try:
        ended = asyncio.run(calls.call(world.attempt, idempotent=idempotent))
    except Unanswered as failure:
        assert isinstance(failure.__cause__, Fault)
        ended = "fault"
    except SaidNo:
        ended = "no"
    assert (ended, world.asked, world.now_ns) == expected(script, idempotent)
    told = calls.statistics()
    assert (told.calls, told.failures, told.retries) == (1, int(ended == "fault"), world.asked - 1)
    assert told.latency_sum_ns == world.now_ns


@given(draws=st.lists(st.integers(0, 10**9), min_size=3, max_size=3))
@settings(max_examples=30, deadline=None)
def test_a_pause_is_anything_up_to_a_bound_that_doubles(draws: list[int]) -> None:
    bounds: list[int] = []

    def below(bound: int) -> int:
        bounds.append(bound - 1)
        return draws[len(bounds) - 1] % bound

    world = World([("fault", 0)] * 4)
    with pytest.raises(Unanswered):
        asyncio.run(world.calls(POLICY, below).call(world.attempt, idempotent=True, deadline_ns=10 * SECOND_NS))
    assert bounds == [100 * MILLISECOND_NS, 200 * MILLISECOND_NS, 300 * MILLISECOND_NS]
    assert world.now_ns == sum(draw % (bound + 1) for draw, bound in zip(draws, bounds, strict=True))


def test_an_open_circuit_sends_nothing_and_lets_one_call_out_when_it_has_cooled() -> None:
    world = World([("fault", 0)] * 4)
    calls = world.calls(Policy(attempts=1, trips_after=3, cools_ns=50))

    def call() -> str:
        return asyncio.run(calls.call(world.attempt, idempotent=True))

    for _ in range(3):
        with pytest.raises(Unanswered, match="exchange: away"):
            call()
    with pytest.raises(CircuitOpen):
        call()
    assert world.asked == 3
    world.now_ns += 50
    with pytest.raises(Unanswered):  # The one that was let out.
        call()
    with pytest.raises(CircuitOpen):
        call()
    world.now_ns += 50
    assert call() == "answer"
    told = calls.statistics()
    assert (told.circuit, told.trips, told.refused, told.failures, told.away_ns) == (Circuit.CLOSED, 1, 2, 6, 100)


def test_what_says_no_does_not_trip_the_circuit() -> None:
    world = World([("no", 0)] * 20)
    calls = world.calls(Policy(trips_after=2))
    for _ in range(20):
        with pytest.raises(SaidNo):
            asyncio.run(calls.call(world.attempt, idempotent=True))
    assert (world.asked, calls.statistics().failures, calls.statistics().circuit) == (20, 0, Circuit.CLOSED)


def test_a_deadline_that_is_over_sends_nothing() -> None:
    world = World([])
    with pytest.raises(DeadlinePassed):
        asyncio.run(world.calls(POLICY).call(world.attempt, idempotent=True, deadline_ns=0))
    assert world.asked == 0


# With the machine's own time.


def really(policy: Policy) -> Calls:
    return Calls("exchange", lambda error: isinstance(error, Fault), policy)


async def hang(left_ns: int) -> str:
    await asyncio.sleep(60)
    return "late"


def test_an_attempt_that_hangs_is_given_up_at_the_deadline_and_counts_as_a_fault() -> None:
    async def scene() -> Calls:
        calls = really(Policy(deadline_ns=20 * MILLISECOND_NS, trips_after=1))
        with pytest.raises(DeadlinePassed):
            await calls.call(hang, idempotent=True)
        return calls

    told = asyncio.run(scene()).statistics()
    assert (told.circuit, told.retries, told.failures) == (Circuit.OPEN, 0, 1)
    assert 15 * MILLISECOND_NS < told.latency_sum_ns < 5 * SECOND_NS


def test_a_trial_that_its_caller_gives_up_makes_room_for_the_next() -> None:
    async def answer(left_ns: int) -> str:
        return "answer"

    async def fault(left_ns: int) -> str:
        raise Fault("away")

    async def scene() -> str:
        calls = really(Policy(trips_after=1, cools_ns=0))
        with pytest.raises(CallFailed):
            await calls.call(fault, idempotent=False)
        trial = asyncio.create_task(keep(calls.call(hang, idempotent=False)))
        await asyncio.sleep(0)
        with pytest.raises(CircuitOpen):
            await calls.call(answer, idempotent=False)
        trial.cancel()
        await asyncio.gather(trial, return_exceptions=True)
        return await calls.call(answer, idempotent=False)

    assert asyncio.run(scene()) == "answer"


async def keep(call: Awaitable[str]) -> str:
    return await call


def test_a_timeout_inside_an_attempt_is_not_the_deadline_of_the_call() -> None:
    async def attempt(left_ns: int) -> str:
        raise TimeoutError("of a lock")

    with pytest.raises(TimeoutError, match="of a lock"):
        asyncio.run(really(Policy()).call(attempt, idempotent=True))
