"""An alert lives by its table: it fires when a breach has lasted, once per episode, and resolves when it is over."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.risk import AlertAcknowledged, AlertFired, AlertResolved
from trading_ecosystem.messages.runtime import Plain, Remember, WakeAt
from trading_ecosystem.production.risk_monitor.alerts import TRANSITIONS, Status, Watch
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.production.risk_monitor.levels import Level, Levels
from trading_ecosystem.production.risk_monitor.outbox import NOTHING, Outbox

LIMIT, LOW = 100, 80
SUSTAIN, RESOLVES_AFTER, AT_MOST_EVERY = 6, 5, 20


class Life:
    """A watch with one alert, its wakes and its memory; one value a second."""

    def __init__(self, limits: Limits, sustain: int = SUSTAIN, memory: dict[str, Plain] | None = None) -> None:
        level = Level(at=LIMIT, for_ns=sustain, resolves=LOW)
        limits = replace(limits, resolves_after_ns=RESOLVES_AFTER, fires_at_most_every_ns=AT_MOST_EVERY)
        self.watch = Watch("peg_deviation", "X", "ppm", Levels(warning=None, critical=level), limits)
        self.outbox = Outbox()
        self.memory: dict[str, Plain] = {}
        self.wakes: list[int] = []
        self.said: list[tuple[int, Message]] = []

    def crash(self, limits: Limits, sustain: int, now: int) -> None:
        memory, said = json.loads(json.dumps(self.memory)), self.said
        self.__init__(limits, sustain)  # type: ignore[misc]
        self.memory, self.said = memory, said
        self.watch.recall(memory, now, self.outbox)
        self._keep(now)

    def hear(self, value: int, now: int) -> None:
        for due in [wake for wake in self.wakes if wake <= now]:
            self.wakes.remove(due)
            if self.outbox.due(due):
                self.watch.last(due, self.outbox)
            self._keep(due)
        self.watch.update(value, now, now, self.outbox)
        self._keep(now)

    def _keep(self, now: int) -> None:
        for message in self.outbox.take():
            if isinstance(message, WakeAt):
                self.wakes.append(message.at_ns)
            elif isinstance(message, Remember):
                self.memory[message.key] = message.value
            else:
                self.said.append((now, message))

    def fired(self) -> list[tuple[int, int]]:
        return [(at, message.breached_ns) for at, message in self.said if isinstance(message, AlertFired)]

    def resolved(self) -> list[int]:
        return [at for at, message in self.said if isinstance(message, AlertResolved)]


def twin(values: list[int], sustain: int) -> tuple[list[tuple[int, int]], list[int]]:
    """Both histories, by looking back over all values again and again."""
    fired: list[tuple[int, int]] = []
    resolved: list[int] = []
    for now in range(len(values)):
        if len(fired) == len(resolved):
            begin, end = resolved[-1] if resolved else 0, now if sustain else now + 1
            run = trailing(values[begin:end], lambda each: each >= LIMIT)
            if run > 0 and now - (end - run) >= sustain:
                fired.append((now, end - run))
                continue
        if len(fired) > len(resolved):
            young = now - fired[-1][0] < AT_MOST_EVERY
            low = trailing(values[fired[-1][0] : now + 1], lambda each: each < LOW)
            if not young and low > RESOLVES_AFTER:
                resolved.append(now)
    return fired, resolved


def trailing(values: list[int], holds: object) -> int:
    count = 0
    for value in reversed(values):
        if not holds(value):  # type: ignore[operator]
            break
        count += 1
    return count


RUNS = st.lists(st.tuples(st.sampled_from([0, 79, 80, 99, 100, 150]), st.integers(1, 12)), max_size=14)


@settings(max_examples=300, deadline=None)
@given(RUNS, st.sampled_from([0, SUSTAIN]), st.sets(st.integers(0, 100), max_size=3))
def test_every_history_is_that_of_the_slow_twin_also_through_crashes(
    limits: Limits, runs: list[tuple[int, int]], sustain: int, crashes: set[int]
) -> None:
    values = [value for value, seconds in runs for _ in range(seconds)]
    life = Life(limits, sustain)
    for now, value in enumerate(values):
        life.hear(value, now)
        if now in crashes:
            life.crash(limits, sustain, now)
            life.hear(value, now)  # A feed repeats what holds.
    assert (life.fired(), life.resolved()) == twin(values, sustain)


def test_a_flapping_value_fires_once_in_the_time_allowed(limits: Limits) -> None:
    life = Life(limits, sustain=0)
    for now in range(200):
        life.hear(150 if now % 14 < 7 else 0, now)
    moments = [at for at, _ in life.fired()]
    assert len(moments) > 3
    assert all(later - earlier >= AT_MOST_EVERY for earlier, later in pairwise(moments))


def test_a_tremble_between_resolves_and_limit_is_one_episode(limits: Limits) -> None:
    life = Life(limits, sustain=0)
    for now in range(300):
        life.hear((LIMIT, LOW)[now % 2], now)
    assert (len(life.fired()), life.resolved()) == (1, [])


def test_a_second_leg_after_a_recovery_is_a_second_episode(limits: Limits) -> None:
    life = Life(limits, sustain=0)
    for now in range(60):
        life.hear(150 if now < 10 or now > 40 else 0, now)
    ids = [message.alert_id for _, message in life.said if isinstance(message, AlertFired | AlertResolved)]
    assert ids == [f"peg_deviation:X:critical:{episode}" for episode in (1, 1, 2)]


def test_the_wake_is_asked_for_with_the_first_value_in_breach(limits: Limits) -> None:
    life = Life(limits)
    life.hear(150, 3)
    assert life.wakes == [3 + SUSTAIN]
    life.hear(150, 4)
    assert life.wakes == [3 + SUSTAIN]
    life.hear(150, 3 + SUSTAIN)
    assert life.fired() == [(3 + SUSTAIN, 3)]


def test_a_breach_that_ended_before_a_crash_does_not_count_after_it(limits: Limits) -> None:
    life = Life(limits)
    for now, value in enumerate([150, 150, 0]):
        life.hear(value, now)
    life.crash(limits, SUSTAIN, 2)
    for now in range(3, 3 + SUSTAIN):
        life.hear(150, now)
    assert life.fired() == []
    life.hear(150, 3 + SUSTAIN)
    assert life.fired() == [(3 + SUSTAIN, 3)]


def test_severities_have_their_own_episodes(limits: Limits) -> None:
    levels = Levels(warning=Level(at=50, for_ns=0, resolves=50), critical=Level(at=LIMIT, for_ns=0, resolves=LIMIT))
    watch, outbox = Watch("concentration", "X", "ppm", levels, limits), Outbox()
    fired = []
    for now, value in ((0, 60), (700, 120), (1400, 60), (2100, 60), (2800, 120)):
        watch.update(value, now * 10**9, now * 10**9, outbox)
        fired += [message.alert_id for message in outbox.take() if isinstance(message, AlertFired)]
    assert fired == ["concentration:X:warning:1", "concentration:X:critical:1", "concentration:X:critical:2"]


def test_an_acknowledgement_is_told_once_and_only_of_a_firing_alert(limits: Limits) -> None:
    life = Life(limits, sustain=0)
    alert_id = "peg_deviation:X:critical:1"
    life.watch.acknowledge(alert_id, "ann", 0, life.outbox)
    life.hear(150, 1)
    for operator in ("ann", "bob"):
        life.watch.acknowledge(alert_id, operator, 2, life.outbox)
        life._keep(2)
    told = [message for _, message in life.said if isinstance(message, AlertAcknowledged)]
    assert [(message.alert_id, message.operator) for message in told] == [(alert_id, "ann")]


def test_nothing_is_told_before_it_is_remembered(limits: Limits) -> None:
    life = Life(limits, sustain=0)
    life.watch.update(150, 1, 1, life.outbox)
    kinds = [type(message) for message in life.outbox.take()]
    assert kinds == [Remember, AlertFired]
    assert life.outbox.take() is NOTHING


@pytest.mark.parametrize("status", list(Status))
def test_every_status_can_be_left(status: Status) -> None:
    assert any(before is status for before, _ in TRANSITIONS)
    assert status in {*TRANSITIONS.values(), Status.INACTIVE}
