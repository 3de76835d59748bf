"""Links: order, latency as a function of the moment, and every fault with its undo."""

import pytest

from trading_ecosystem.chance import Dice
from trading_ecosystem.impairment import Impairment
from trading_ecosystem.messages.chaos import LinkFault
from trading_ecosystem.virtual.network import HELD, Link

BASE, JITTER = 1_000, 500


def link() -> Link:
    return Link(BASE, JITTER, Dice(1, "latency.a>b"))


def impaired(fault: LinkFault, probability_ppm: int = 1_000_000, delay_ns: int = 0) -> Link:
    made = link()
    made.impair(Impairment("i1", fault, probability_ppm, delay_ns, Dice(1, fault.value)))
    return made


def test_a_sound_link_keeps_order_and_is_never_faster_than_its_base() -> None:
    sound, last = link(), 0
    for now in range(0, 100_000, 37):
        due = sound.due_ns(now, now)
        assert due >= now + BASE
        assert due >= last
        last = due


def test_latency_is_a_function_of_the_moment_not_of_the_traffic() -> None:
    quiet, busy = link(), link()
    for now in range(0, 5_000_000, 1_000):
        busy.due_ns(now, now)
    moment = 50_000_000
    assert quiet.due_ns(moment, moment) == busy.due_ns(moment, moment)


def test_jitter_varies_and_its_mean_is_the_one_asked_for() -> None:
    sound = link()
    latencies = [sound.latency_ns(now) - BASE for now in range(0, 40_000_000_000, 10_007_000)]
    assert len(set(latencies)) > 500
    assert 0.85 * JITTER < sum(latencies) / len(latencies) < 1.15 * JITTER


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (LinkFault.PARTITION, 0),
        (LinkFault.LOSE, 0),
        (LinkFault.DUPLICATE, 2),
        (LinkFault.DELAY, 1),
        (LinkFault.REORDER, 1),
    ],
)
def test_how_many_times_a_message_arrives(fault: LinkFault, expected: int) -> None:
    assert len(impaired(fault, delay_ns=9_000).fates_ns(0, 0)) == expected


def test_hold_keeps_and_delay_delays() -> None:
    assert impaired(LinkFault.HOLD).fates_ns(5, 5) == [HELD]
    sound = link().due_ns(5, 5)
    assert impaired(LinkFault.DELAY, delay_ns=7_000).fates_ns(5, 5) == [sound + 7_000]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("other", [LinkFault.LOSE, LinkFault.DUPLICATE, LinkFault.DELAY, LinkFault.REORDER])
def test_what_is_held_is_struck_by_another_fault_only_when_it_is_released(other: LinkFault, first: bool) -> None:
    faults = [other, LinkFault.HOLD] if first else [LinkFault.HOLD, other]
    made = impaired(faults[0], delay_ns=9_000)
    made.impair(Impairment("i2", faults[1], 1_000_000, 9_000, Dice(1, "second")))
    assert made.fates_ns(5, 5) == [HELD]


@pytest.mark.parametrize("first", [True, False])
def test_what_a_partition_took_no_hold_can_release(first: bool) -> None:
    faults = [LinkFault.PARTITION, LinkFault.HOLD]
    made = impaired(faults[0 if first else 1])
    made.impair(Impairment("i2", faults[1 if first else 0], 1_000_000, 0, Dice(1, "second")))
    assert made.fates_ns(5, 5) == []


def test_reorder_lets_a_later_message_arrive_first() -> None:
    made = impaired(LinkFault.REORDER, probability_ppm=500_000, delay_ns=1_000_000)
    arrivals = [made.fates_ns(now, now)[0] for now in range(0, 1_000_000, 10_000)]
    assert arrivals != sorted(arrivals)


def test_loss_has_the_probability_asked_for_and_restore_ends_it() -> None:
    made = impaired(LinkFault.LOSE, probability_ppm=300_000)
    lost = sum(not made.fates_ns(now, now) for now in range(0, 4_000_000, 1_000))
    assert 1_080 < lost < 1_320
    made.restore("another")
    assert made.impairments
    made.restore("i1")
    assert not made.impairments


def test_messages_of_one_moment_draw_apart() -> None:
    made = impaired(LinkFault.LOSE, probability_ppm=500_000)
    fates = [bool(made.fates_ns(1_000, 1_000)) for _ in range(64)]
    assert True in fates
    assert False in fates


def test_the_jitter_of_a_moment_is_the_same_whatever_the_link_carried_first() -> None:
    early, late = link(), link()
    moments = range(0, 5_000_000, 1_000)
    latencies = [early.latency_ns(moment) for moment in moments]
    assert [late.latency_ns(moment) for moment in reversed(moments)] == latencies[::-1]
    assert [latency - BASE for latency in latencies[:4]] == [253, 1325, 298, 309]
