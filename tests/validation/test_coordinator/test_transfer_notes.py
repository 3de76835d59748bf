"""What the coordinator holds to be true of transfers: which are late, and that what is taken out is no drawdown."""

from decimal import Decimal

import pytest

from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.transfers import (
    AccountMoved,
    MovementRefusal,
    TransferChanged,
    TransferKind,
    TransferRefusal,
    TransferRefused,
    TransferRequested,
    TransferStatus,
)
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.test_coordinator.conditions import Condition, Quantity
from trading_ecosystem.validation.test_coordinator.ground_truth import GroundTruth
from trading_ecosystem.validation.test_coordinator.measures import Breach
from trading_ecosystem.validation.test_coordinator.recorder import Recorder
from trading_ecosystem.validation.test_coordinator.transfer_notes import TransferNotes

Balances = dict[str, dict[str, int]]
LATE = Condition(quantity=Quantity.TRANSFER_OVERDUE, subject="alpha", sustain_ns=5)
FALLEN = Condition(quantity=Quantity.DRAWDOWN, subject="firm", level=Decimal("0.01"), sustain_ns=0)


def requested(number: int, account: str = "alpha") -> TransferRequested:
    return TransferRequested(
        custodian="c",
        transfer_id=number,
        request_id=f"r{number}",
        operator="o",
        transfer_kind=TransferKind.WITHDRAWAL,
        debit_account=account,
        credit_account="external",
        place="p",
        asset="USD",
        amount_minor=1,
        approvals_needed=0,
        digest="",
        occurred_ns=1,
    )


def changed(number: int, status: TransferStatus, expected_ns: int, ns: int) -> TransferChanged:
    return TransferChanged(
        custodian="c",
        transfer_id=number,
        request_id=f"r{number}",
        change_number=1,
        transfer_status=status,
        operator="",
        movement_refusal=MovementRefusal.NONE,
        expected_ns=expected_ns,
        occurred_ns=ns,
    )


@pytest.fixture
def truth(reference: ReferenceData, balances: Balances) -> GroundTruth:
    return GroundTruth(reference, balances, (LATE, FALLEN), 0)


@pytest.fixture
def notes(truth: GroundTruth, reference: ReferenceData) -> TransferNotes:
    return TransferNotes(truth, Recorder(reference, 10**9))


def test_a_transfer_is_late_from_its_time_until_its_end(truth: GroundTruth, notes: TransferNotes) -> None:
    notes.note(requested(1))
    notes.note(changed(1, TransferStatus.AWAITING_APPROVAL, 0, 2))
    notes.note(changed(1, TransferStatus.IN_PROGRESS, 10, 3))
    assert truth.breaches(14)[LATE.text] == ()
    assert truth.breaches(15)[LATE.text] == (Breach(begin_ns=10, held_ns=15, end_ns=None),)
    assert truth.began_ns(LATE, 16) == 10
    notes.note(changed(1, TransferStatus.COMPLETED, 10, 20))
    assert truth.breaches(30)[LATE.text] == (Breach(begin_ns=10, held_ns=15, end_ns=20),)
    notes.note(changed(1, TransferStatus.IN_PROGRESS, 10, 3))  # Late, and over.
    assert truth.breaches(30)[LATE.text] == (Breach(begin_ns=10, held_ns=15, end_ns=20),)
    assert notes.counts == {"transfers requested": 1, "transfers completed": 1}


def test_what_is_expected_later_than_first_told_is_late_then(truth: GroundTruth, notes: TransferNotes) -> None:
    notes.note(requested(1))
    for expected_ns in (10, 40):
        notes.note(changed(1, TransferStatus.IN_PROGRESS, expected_ns, 3))
    assert truth.breaches(40)[LATE.text] == ()
    assert truth.breaches(50)[LATE.text] == (Breach(begin_ns=40, held_ns=45, end_ns=None),)


def test_what_ends_before_it_is_heard_of_is_never_late(truth: GroundTruth, notes: TransferNotes) -> None:
    notes.note(changed(1, TransferStatus.COMPLETED, 10, 5))
    notes.note(requested(1))
    notes.note(changed(1, TransferStatus.IN_PROGRESS, 10, 3))
    assert truth.breaches(90)[LATE.text] == ()


def test_anothers_transfer_and_a_refusal_are_nothing_to_the_firm(truth: GroundTruth, notes: TransferNotes) -> None:
    notes.note(requested(1, "noise"))
    notes.note(changed(1, TransferStatus.IN_PROGRESS, 10, 3))
    refused = TransferRefused(
        custodian="c",
        request_id="r",
        operator="o",
        transfer_refusal=TransferRefusal.TOO_LATE,
        occurred_ns=4,
    )
    notes.note(refused)
    assert truth.breaches(90)[LATE.text] == () and notes.counts["transfers refused"] == 1


def test_what_is_taken_out_is_booked_once_and_is_no_drawdown(
    truth: GroundTruth, notes: TransferNotes, reference: ReferenceData
) -> None:
    for number, symbol in enumerate(reference.instruments, start=1):
        truth.quote(QuotePublished(symbol, 10_000, 1, 10_000, 1, number, number))
    before = truth.portfolio.equity
    position = truth.portfolio.positions["USD"]
    half = position.held_minor // 2
    assert half and truth.portfolio.high_water_mark == before
    event = AccountMoved(
        account="alpha",
        venue="exchange",
        account_sequence=1,
        occurred_ns=50,
        movement_id=1,
        transfer_id=1,
        asset="USD",
        amount_minor=-half,
    )
    notes.note(event)
    notes.note(event)
    assert truth.portfolio.equity == before - half
    assert truth.portfolio.high_water_mark == truth.portfolio.equity
    assert truth.breaches(100)[FALLEN.text] == ()
