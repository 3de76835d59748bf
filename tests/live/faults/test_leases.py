"""Leases against an obvious twin, and the watch over them under a clock of its own."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.live.faults.leases import LENGTH_NS, Leases, watch

NAMES = ("a", "b", "c")
HOLDERS = ("one", "other")
LENGTHS = st.integers(1, 120)
STEPS = st.one_of(
    st.tuples(st.just("grant"), st.sampled_from(NAMES), st.sampled_from(HOLDERS), LENGTHS),
    st.tuples(st.just("end"), st.sampled_from(NAMES), st.just(""), st.just(0)),
    st.tuples(st.just("renew"), st.just(""), st.sampled_from(HOLDERS), LENGTHS),
    st.tuples(st.just("look"), st.just(""), st.just(""), st.just(0)),
    st.tuples(st.just("pass"), st.just(""), st.just(""), st.integers(0, 130)),
)


@dataclass
class Twin:
    """One lease, as a row of moments that it covers."""

    holder: str
    covered: set[int]


def covering(now: int, length: int) -> set[int]:
    return set(range(now, now + length))


@given(st.lists(STEPS, max_size=60))
@settings(max_examples=100, deadline=None)
def test_a_lease_lasts_as_long_as_the_twin_says(steps: list[tuple[str, str, str, int]]) -> None:
    leases, twins, now = Leases(), dict[str, Twin](), 0
    for word, name, holder, number in [*steps, ("pass", "", "", 130), ("look", "", "", 0)]:
        if word == "pass":
            now += number
        elif word == "grant":
            leases.grant(name, holder, now, number)
            twins[name] = Twin(holder, covering(now, number))
        elif word == "end":
            leases.end(name)
            twins.pop(name, None)
        elif word == "renew":
            held = [each for each, twin in twins.items() if twin.holder == holder and now in twin.covered]
            for each in held:
                twins[each].covered |= covering(now, number)
            assert leases.renew(holder, now, number) == held
        else:
            gone = {each for each, twin in twins.items() if now not in twin.covered}
            told = leases.expired(now)
            assert (set(told), len(told)) == (gone, len(gone))
            twins = {each: twin for each, twin in twins.items() if each not in gone}
        assert leases.next_ns() == min((max(twin.covered) + 1 for twin in twins.values()), default=None)


def test_those_that_end_first_are_told_first() -> None:
    leases = Leases()
    for now, name in enumerate(("late", "later", "latest")):
        leases.grant(name, "one", now, 100)
    leases.grant("late", "one", 50, 100)
    assert leases.expired(150) == ["later", "latest", "late"]
    assert leases.expired(150) == []


SECOND = 1_000_000_000
Step = tuple[float, str, str]  # When, in seconds; what; whose or which.


class Watched:
    """A watch whose sleep moves its clock, and with it a plan of what is done to the leases."""

    def __init__(self, plan: list[Step]) -> None:
        self.leases = Leases()
        self.now_ns = 0
        self.plan = list(plan)
        self.expired: list[tuple[float, str]] = []

    async def expire(self, lease_id: str) -> None:
        self.expired.append((self.now_ns / SECOND, lease_id))

    async def sleep(self, seconds: float) -> None:
        wake_ns = self.now_ns + max(1, round(seconds * SECOND))
        while self.plan and self.plan[0][0] * SECOND <= wake_ns:
            at_s, word, name = self.plan.pop(0)
            self.now_ns = int(at_s * SECOND)
            self.do(word, name)
        self.now_ns = wake_ns
        if self.now_ns >= 100 * SECOND:
            raise asyncio.CancelledError

    def do(self, word: str, name: str) -> None:
        if word == "renew":
            self.leases.renew(name, self.now_ns)
        elif word == "end":
            self.leases.end(name)
        else:
            self.leases.grant(name, f"holder of {name}", self.now_ns)

    def run(self) -> list[tuple[float, str]]:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(watch(self.leases, self.expire, lambda: self.now_ns, self.sleep))
        return self.expired


@pytest.mark.parametrize(
    ("plan", "expired"),
    [
        ([(0.2, "grant", "a")], [(15.2, "a")]),
        ([(0.2, "grant", "a"), (10, "renew", "holder of a")], [(25, "a")]),
        ([(0.2, "grant", "a"), (10, "renew", "somebody")], [(15.2, "a")]),
        ([(0, "grant", "a"), (10, "renew", "holder of a"), (24.9, "renew", "holder of a")], [(39.9, "a")]),
        ([(1, "grant", "a"), (5.5, "grant", "b"), (6, "renew", "holder of a")], [(20.5, "b"), (21, "a")]),
        ([(1, "grant", "a"), (6, "end", "a")], []),
        ([(0.2, "grant", "a"), (15.3, "renew", "holder of a")], [(15.2, "a")]),
    ],
)
def test_what_is_not_renewed_is_undone_at_its_end_and_once(plan: list[Step], expired: list[tuple[float, str]]) -> None:
    assert LENGTH_NS == 15 * SECOND
    assert Watched(plan).run() == expired
