"""Message faults: the same fates as in virtual time, each with its undo, each counted."""

import pytest

from trading_ecosystem.chance import Dice
from trading_ecosystem.impairment import Impairment
from trading_ecosystem.live.faults.messages import MessageFaults
from trading_ecosystem.messages.chaos import LinkFault
from trading_ecosystem.virtual.network import Link

START = 1_000_000_000_000
MILLION = 1_000_000
A, B = "exchange", "custodian"


def impairment(fault: LinkFault, probability_ppm: int = MILLION, delay_ns: int = 0, name: str = "i1") -> Impairment:
    return Impairment(name, fault, probability_ppm, delay_ns, Dice(1, fault.value))


@pytest.mark.parametrize(
    ("fault", "delay_ns", "fates"),
    [
        (LinkFault.LOSE, 0, ()),
        (LinkFault.DUPLICATE, 0, (0, 0)),
        (LinkFault.DELAY, 7_000, (7_000,)),
    ],
)
def test_a_fault_strikes_its_link_until_it_is_restored(fault: LinkFault, delay_ns: int, fates: tuple[int, ...]) -> None:
    faults = MessageFaults(START)
    faults.impair(A, B, impairment(fault, delay_ns=delay_ns))
    assert faults.fates(A, B, START) == fates
    assert faults.fates(B, A, START) == (0,)
    faults.restore("another")
    assert faults.fates(A, B, START) == fates
    faults.restore("i1")
    assert faults.fates(A, B, START) == (0,)


def test_a_repeated_fault_strikes_once_and_several_add_up() -> None:
    faults = MessageFaults(START)
    for _ in range(2):
        faults.impair(A, B, impairment(LinkFault.DUPLICATE))
    faults.impair(A, B, impairment(LinkFault.DELAY, delay_ns=5, name="i2"))
    assert faults.fates(A, B, START) == (5, 5)


def test_loss_has_its_probability_and_everything_is_counted() -> None:
    faults = MessageFaults(START)
    faults.impair(A, B, impairment(LinkFault.LOSE, 300_000))
    faults.impair(A, B, impairment(LinkFault.DUPLICATE, 500_000, name="i2"))
    faults.impair(A, B, impairment(LinkFault.REORDER, MILLION, 50_000, name="i3"))
    fates = [faults.fates(A, B, START + n * 1_000) for n in range(4_000)]
    assert 1_080 < fates.count(()) < 1_320
    assert 1_250 < sum(len(each) == 2 for each in fates) < 1_550
    assert faults.counts.lost == fates.count(())
    assert faults.counts.doubled == sum(len(each) == 2 for each in fates)
    assert faults.counts.late == sum(delay > 0 for each in fates for delay in each)


def test_messages_of_one_moment_draw_apart() -> None:
    faults = MessageFaults(START)
    faults.impair(A, B, impairment(LinkFault.LOSE, 500_000))
    assert len({faults.fates(A, B, START) for _ in range(64)}) == 2


@pytest.mark.parametrize("fault", [LinkFault.LOSE, LinkFault.DUPLICATE, LinkFault.REORDER])
def test_the_first_message_of_a_link_has_the_fate_that_it_has_in_virtual_time(fault: LinkFault) -> None:
    """One message per link and moment: then number, moment and dice are the same in both modes."""
    for elapsed in range(0, 50_000, 1_000):
        live, virtual = MessageFaults(START), Link(0, 0, Dice(1, "latency"))
        live.impair(A, B, impairment(fault, 500_000, 9_000))
        virtual.impair(impairment(fault, 500_000, 9_000))
        due = virtual.fates_ns(START + elapsed, elapsed)
        assert [START + elapsed + delay for delay in live.fates(A, B, START + elapsed)] == due
