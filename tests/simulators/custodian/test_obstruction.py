"""What stands in the way of transfers, and what leaves custody unasked: held where it must be, told, and put right.

The rig replaces each core by a restored twin at every step, so all of this survives a crash.
"""

import pytest
from tests.simulators.custodian.coupled import (
    HOUR_NS,
    MINUTE_NS,
    NOBODY_APPROVES,
    SECOND_NS,
    START_NS,
    Coupled,
    deposit,
    order,
    transfer,
    withdraw,
)

from trading_ecosystem.messages.chaos import (
    CustodyFault,
    DrainAccount,
    FaultCustody,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    RestoreCustody,
)
from trading_ecosystem.messages.custody import Posting, TransactionPosted
from trading_ecosystem.messages.orders import Side
from trading_ecosystem.messages.transfers import TransferChanged, TransferPosted, TransferStatus
from trading_ecosystem.simulators.custodian.transfer_config import NOT_OFFERED

DAY_NS = 24 * HOUR_NS
FRIDAY_EVENING_NS = START_NS + 4 * DAY_NS + 22 * HOUR_NS  # START_NS is the midnight before a Monday.
MONDAY_NS = START_NS + 7 * DAY_NS + 6 * HOUR_NS
UNDO = RestoreCustody(to="custodian", injection_id="f")


def fault(kind: CustodyFault, by_ns: int = 0, name: str = "f") -> FaultCustody:
    return FaultCustody(to="custodian", injection_id=name, custody_fault=kind, by_ns=by_ns, share_ppm=0)


def drain(account: str = "bob", asset: str = "BTC", share_ppm: int = 850_000, name: str = "f") -> DrainAccount:
    return DrainAccount(to="custodian", injection_id=name, account=account, asset=asset, share_ppm=share_ppm)


def changes(rig: Coupled, request_id: str) -> list[tuple[str, int]]:
    """Each status with the time by which the end was expected."""
    told = [each for each in rig.said(TransferChanged) if isinstance(each, TransferChanged)]
    return [(each.transfer_status.value, each.expected_ns) for each in told if each.request_id == request_id]


def on_friday_evening() -> Coupled:
    rig = Coupled(NOBODY_APPROVES)
    rig.run(FRIDAY_EVENING_NS - START_NS)
    return rig


# All transfers.


def test_of_frozen_transfers_nothing_arrives_in_any_direction_and_trades_settle() -> None:
    rig = Coupled(NOBODY_APPROVES)
    rig.say(fault(CustodyFault.FREEZE_ALL))
    rig.say(withdraw("out", "ann", "USD", 300), transfer("in", "ann.vault", "ann", "USD", 40))
    rig.say(transfer("away", "bob", "bob.vault", "BTC", 2), deposit("new", "bob", "USD", 5))
    rig.say(order("bob", "o1", Side.SELL, 5, 1), order("ann", "o2", Side.BUY, 5, 1))
    rig.run(2 * HOUR_NS)
    assert rig.custody("transit") == {"USD": 345, "BTC": 2}
    for name in ("out", "in", "away", "new"):
        assert rig.status(name) is TransferStatus.IN_PROGRESS, name
    assert rig.venue("ann")["USD"] == 695 and len(rig.said(TransactionPosted)) == 1
    assert rig.differences() == {"USD": 0, "BTC": 0}
    rig.say(UNDO)
    rig.run(HOUR_NS)
    for name in ("out", "in", "away", "new"):
        assert rig.status(name) is TransferStatus.COMPLETED, name
    assert rig.custody("transit") == {} and rig.venue("ann")["USD"] == 735


def test_frozen_withdrawals_leave_the_way_between_accounts_open() -> None:
    rig = Coupled(NOBODY_APPROVES)
    rig.say(fault(CustodyFault.FREEZE), withdraw("out", "ann", "USD", 300), transfer("t", "ann", "ann.vault", "USD", 9))
    rig.run(HOUR_NS)
    assert (rig.status("out"), rig.status("t")) == (TransferStatus.IN_PROGRESS, TransferStatus.COMPLETED)


# Bank hours.


def test_in_bank_hours_a_withdrawal_leaves_on_the_next_business_day_and_its_owner_is_told() -> None:
    rig = on_friday_evening()
    rig.say(fault(CustodyFault.BANK_HOURS))
    rig.say(withdraw("w", "ann", "USD", 300), transfer("t", "ann", "ann.vault", "USD", 9))
    rig.run(SECOND_NS)
    arrives_ns = MONDAY_NS + MINUTE_NS + 30 * SECOND_NS
    assert changes(rig, "w") == [("in_progress", rig.now + 89 * SECOND_NS), ("in_progress", arrives_ns)]
    assert rig.status("t") is TransferStatus.COMPLETED
    rig.run(MONDAY_NS - rig.now - 1)
    assert rig.status("w") is TransferStatus.IN_PROGRESS
    rig.run(1)
    assert rig.status("w") is TransferStatus.CONFIRMING
    rig.run(MINUTE_NS)
    assert rig.status("w") is TransferStatus.COMPLETED and rig.custody("transit") == {}
    assert len(changes(rig, "w")) == 4  # Told once.


def test_before_anybody_is_told_a_withdrawal_is_late_and_from_then_on_it_is_not() -> None:
    rig = on_friday_evening()
    rig.say(fault(CustodyFault.BANK_HOURS, by_ns=40 * MINUTE_NS), withdraw("w", "ann", "USD", 300))
    rig.run(40 * MINUTE_NS - 1)
    assert changes(rig, "w") == [("in_progress", FRIDAY_EVENING_NS + 90 * SECOND_NS)]
    rig.run(1)
    arrives_ns = MONDAY_NS + MINUTE_NS + 30 * SECOND_NS
    assert changes(rig, "w")[1:] == [("in_progress", arrives_ns)]
    rig.say(withdraw("v", "ann", "USD", 20))
    rig.run(SECOND_NS)
    assert changes(rig, "v")[-1] == ("in_progress", arrives_ns)
    rig.run(MONDAY_NS + MINUTE_NS - rig.now)
    assert rig.status("w") is rig.status("v") is TransferStatus.COMPLETED


def test_bank_hours_end_for_what_waits_as_for_what_comes() -> None:
    rig = on_friday_evening()
    rig.say(fault(CustodyFault.BANK_HOURS), withdraw("w", "ann", "USD", 300))
    rig.run(HOUR_NS)
    rig.say(UNDO, withdraw("v", "ann", "USD", 20))
    rig.run(2 * MINUTE_NS)
    assert rig.status("w") is rig.status("v") is TransferStatus.COMPLETED


def test_who_is_told_later_than_the_bank_opens_has_it_before_that() -> None:
    rig = on_friday_evening()
    rig.say(fault(CustodyFault.BANK_HOURS, by_ns=5 * DAY_NS), withdraw("w", "ann", "USD", 300))
    rig.run(MONDAY_NS + 2 * MINUTE_NS - rig.now)
    assert rig.status("w") is TransferStatus.COMPLETED
    assert [status for status, _ in changes(rig, "w")] == ["in_progress", "confirming", "completed"]


# What leaves unasked.


def test_what_leaves_unasked_is_outside_and_comes_back_to_the_unit() -> None:
    rig = Coupled(NOBODY_APPROVES)
    outside = rig.custody("external")["BTC"]
    started, posted = rig.say(drain())
    assert isinstance(started, InjectionStarted) and isinstance(posted, TransferPosted)
    assert (started.kind, started.subjects) == ("custodian.outflow", ("bob",))
    assert (posted.transfer_id, posted.movement_id) == (0, 0)
    assert posted.postings == (
        Posting(debit_account="bob", credit_account="external", asset="BTC", amount_minor=42),
    )  # 85% of 50, whole units.
    assert rig.custody("bob")["BTC"] == 8 and rig.custody("external")["BTC"] == outside + 42
    assert rig.venue("bob")["BTC"] == 50 and rig.differences()["BTC"] == 42
    back, ended = rig.say(UNDO)
    assert isinstance(back, TransferPosted) and isinstance(ended, InjectionEnded)
    assert rig.custody("bob")["BTC"] == 50 and rig.custody("external")["BTC"] == outside
    assert rig.differences()["BTC"] == 0
    assert rig.say(drain(), UNDO) == []  # Once.


def test_what_was_sold_and_is_gone_settles_when_it_is_back_or_not_at_all() -> None:
    rig = Coupled(NOBODY_APPROVES)
    rig.say(drain(share_ppm=1_000_000))
    rig.say(order("bob", "o1", Side.SELL, 5, 3), order("ann", "o2", Side.BUY, 5, 3))
    rig.run(HOUR_NS)
    assert rig.custody("bob").get("BTC", 0) == 0 and rig.pending("bob") == {"BTC": -3, "USD": 15}
    rig.say(UNDO)
    rig.run(31 * HOUR_NS)
    assert rig.custody("bob") == {"BTC": 47, "USD": 515} and rig.pending("bob") == {}


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (drain(account="nobody"), "nobody has nothing of BTC here that could leave"),
        (drain(account="sub"), "sub has nothing of BTC here that could leave"),
        (drain(share_ppm=1), "bob has nothing of BTC here that could leave"),  # Less than a unit.
        (drain(share_ppm=0), "what leaves is more than nothing and no more than all"),
        (drain(share_ppm=1_000_001), "what leaves is more than nothing and no more than all"),
    ],
)
def test_nothing_of_nothing_leaves(command: DrainAccount, why: str) -> None:
    (refused,) = Coupled().say(command)
    assert isinstance(refused, InjectionRefused) and refused.detail == why


# Together.


def test_settlement_transfers_and_holdings_are_disturbed_side_by_side_and_each_once() -> None:
    rig = Coupled(NOBODY_APPROVES)
    for command in (
        fault(CustodyFault.SAYS_DONE, name="books"),
        fault(CustodyFault.FREEZE_ALL, name="ways"),
        drain(name="holdings"),
    ):
        assert isinstance(rig.say(command)[0], InjectionStarted)
    (refused,) = rig.say(fault(CustodyFault.BANK_HOURS, name="again"))
    assert isinstance(refused, InjectionRefused) and refused.detail == "transfers are obstructed already, by ways"
    assert isinstance(rig.say(drain("ann", "USD", 500_000, name="more"))[0], InjectionStarted)
    rig.say(withdraw("w", "ann", "USD", 100))
    rig.run(HOUR_NS)
    rig.say(RestoreCustody(to="custodian", injection_id="books"))
    rig.run(HOUR_NS)
    assert rig.status("w") is TransferStatus.IN_PROGRESS and rig.custody("bob")["BTC"] == 8
    for name in ("ways", "holdings", "more"):
        rig.say(RestoreCustody(to="custodian", injection_id=name))
    rig.run(HOUR_NS)
    assert rig.status("w") is TransferStatus.COMPLETED and rig.differences() == {"USD": 0, "BTC": 0}
    ended = [each.injection_id for each in rig.said(InjectionEnded) if isinstance(each, InjectionEnded)]
    assert ended == ["books", "ways", "holdings", "more"]


@pytest.mark.parametrize("kind", [CustodyFault.FREEZE_ALL, CustodyFault.BANK_HOURS])
def test_where_nothing_is_transferred_nothing_can_be_obstructed(kind: CustodyFault) -> None:
    (refused,) = Coupled(NOT_OFFERED).say(fault(kind))
    assert isinstance(refused, InjectionRefused) and "no transfers are taken here" in refused.detail
