"""Transfers one by one: worked through in numbers, refused in the order of precedence, approved by four eyes."""

import pytest
from tests.changing import replace
from tests.simulators.custodian.coupled import (
    HOUR_NS,
    MINUTE_NS,
    NOBODY_APPROVES,
    SECOND_NS,
    START_NS,
    Coupled,
    approve,
    deposit,
    order,
    transfer,
    withdraw,
)

from trading_ecosystem.messages.chaos import CustodyFault, FaultCustody, InjectionRefused, RestoreCustody
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import Side
from trading_ecosystem.messages.transfers import (
    AccountMoved,
    AllowDestination,
    CancelTransfer,
    CreditAccount,
    DebitAccount,
    DestinationAllowed,
    MovementAnswered,
    MovementRefusal,
    QueryTransfers,
    RejectTransfer,
    TransferChanged,
    TransferPosted,
    TransferRefusal,
    TransferRefused,
    TransferRequested,
    TransfersReported,
    TransferStatus,
)
from trading_ecosystem.simulators.custodian.transfer_config import NOT_OFFERED
from trading_ecosystem.simulators.custodian.transfers import TRANSITIONS
from trading_ecosystem.simulators.custodian.venue_moves import SEND_AGAIN_NS


def refusals(outputs: list[Message]) -> list[str]:
    return [each.transfer_refusal.value for each in outputs if isinstance(each, TransferRefused)]


def statuses(rig: Coupled, request_id: str) -> list[str]:
    changes = [each for each in rig.said(TransferChanged) if isinstance(each, TransferChanged)]
    return [each.transfer_status.value for each in changes if each.request_id == request_id]


def digest_of(rig: Coupled) -> object:
    return rig.cores["custodian"].save()


# Worked through.


def test_a_withdrawal_from_the_venue_debits_there_first_and_arrives_when_it_is_final() -> None:
    rig = Coupled(NOBODY_APPROVES)
    rig.say(withdraw("w", "ann", "USD", 300))
    rig.run(SECOND_NS)
    assert rig.venue("ann")["USD"] == 700 and rig.custody("ann")["USD"] == 700
    assert rig.custody("transit") == {"USD": 300} and statuses(rig, "w") == ["in_progress", "confirming"]
    rig.run(MINUTE_NS)
    assert rig.status("w") is TransferStatus.COMPLETED
    assert rig.custody("transit") == {} and rig.differences() == {"USD": 0, "BTC": 0}
    assert rig.custody("external")["USD"] == -(1000 + 500 + 300) + 300


def test_a_deposit_to_the_venue_is_credited_when_it_is_final() -> None:
    rig = Coupled()
    rig.say(deposit("d", "bob", "BTC", 5))
    rig.run(HOUR_NS - 1)
    assert rig.venue("bob")["BTC"] == 50 and statuses(rig, "d") == ["confirming"]
    rig.run(SECOND_NS)
    assert rig.venue("bob")["BTC"] == rig.custody("bob")["BTC"] == 55
    assert statuses(rig, "d") == ["confirming", "in_progress", "completed"]


@pytest.mark.parametrize(
    ("account", "credit_account", "moved"),
    [("ann", "ann.vault", -40), ("ann.vault", "ann", 40), ("ann", "sub", -40)],
)
def test_what_moves_between_accounts_of_one_owner_leaves_here_and_arrives_there(
    account: str, credit_account: str, moved: int
) -> None:
    rig = Coupled()
    rig.say(transfer("t", account, credit_account, "USD", 40))
    rig.run(SECOND_NS)
    assert rig.status("t") is TransferStatus.COMPLETED
    assert rig.venue("ann")["USD"] == 1000 + moved == rig.custody("ann")["USD"]
    together = sum(rig.custody(name).get("USD", 0) for name in ("ann", "ann.vault", "sub"))
    assert together == 1300 and rig.differences() == {"USD": 0, "BTC": 0}


def test_what_the_venue_does_not_have_free_fails_and_moves_nothing() -> None:
    rig = Coupled(NOBODY_APPROVES)
    rig.say(order("ann", "o1", Side.BUY, 5, 150))  # Locks 750 of 1000.
    rig.say(withdraw("w", "ann", "USD", 251))
    rig.run(SECOND_NS)
    assert rig.status("w") is TransferStatus.FAILED
    changed = rig.said(TransferChanged)[-1]
    assert isinstance(changed, TransferChanged)
    assert changed.movement_refusal is MovementRefusal.INSUFFICIENT_BALANCE
    assert rig.venue("ann")["USD"] == 1000 and rig.said(TransferPosted) == []


@pytest.mark.parametrize(
    ("command", "source", "held"),
    [
        (deposit("r", "ann", "USD", 30), "external", -1800),
        (transfer("r", "ann.vault", "ann", "USD", 30), "ann.vault", 300),
    ],
)
def test_what_the_venue_does_not_credit_goes_back_to_where_it_came_from(
    command: Message, source: str, held: int
) -> None:
    rig = Coupled(NOBODY_APPROVES)
    rig.send = lambda message: None  # type: ignore[method-assign]  # Nothing reaches the venue.
    rig.say(command)
    rig.run(2 * MINUTE_NS)
    assert rig.custody("transit") == {"USD": 30} and rig.custody(source)["USD"] == held - 30
    rig.say(
        MovementAnswered(
            to="custodian",
            venue="exchange",
            movement_id=1,
            movement_refusal=MovementRefusal.TOO_LARGE,
            occurred_ns=rig.now,
        )
    )
    assert rig.status("r") is TransferStatus.FAILED
    assert rig.custody("transit") == {} and rig.custody(source)["USD"] == held


def test_what_is_still_to_settle_is_waited_for() -> None:
    rig = Coupled(NOBODY_APPROVES)
    rig.say(order("bob", "o1", Side.SELL, 5, 50), order("ann", "o2", Side.BUY, 5, 50))
    rig.say(withdraw("w", "bob", "USD", 600, "cold.bob"))
    rig.run(9 * MINUTE_NS)
    assert rig.venue("bob")["USD"] == 150 and rig.custody("bob")["USD"] == 500
    assert rig.differences()["USD"] == 0 and rig.on_the_way("USD") == -600
    rig.run(MINUTE_NS + SECOND_NS)
    assert rig.venue("bob")["USD"] == rig.custody("bob")["USD"] == 150
    assert statuses(rig, "w") == ["in_progress", "in_progress", "confirming"]
    rig.run(MINUTE_NS)
    assert rig.status("w") is TransferStatus.COMPLETED


def test_what_settles_late_is_waited_for_as_long_as_it_takes() -> None:
    rig = Coupled(NOBODY_APPROVES)
    fault = FaultCustody(to="custodian", injection_id="f", custody_fault=CustodyFault.DELAY, by_ns=HOUR_NS, share_ppm=0)
    rig.say(fault, order("bob", "o1", Side.SELL, 5, 50), order("ann", "o2", Side.BUY, 5, 50))
    rig.say(withdraw("w", "bob", "USD", 600, "cold.bob"))
    rig.run(HOUR_NS)
    assert rig.custody("bob")["USD"] == 500 and rig.status("w") is TransferStatus.IN_PROGRESS
    assert rig.differences()["USD"] == 0
    rig.run(15 * MINUTE_NS)
    assert rig.status("w") is TransferStatus.COMPLETED and rig.custody("bob")["USD"] == 150


def test_a_freeze_keeps_what_is_on_its_way_out_in_transit_and_nothing_else() -> None:
    rig = Coupled(NOBODY_APPROVES)
    rig.say(FaultCustody(to="custodian", injection_id="f", custody_fault=CustodyFault.FREEZE, by_ns=0, share_ppm=0))
    rig.say(withdraw("w", "ann", "USD", 300), withdraw("v", "bob.vault", "BTC", 2, "cold.bob"))
    rig.say(transfer("t", "ann", "ann.vault", "USD", 10), deposit("d", "ann", "USD", 5))
    rig.say(order("bob", "o1", Side.SELL, 5, 1), order("ann", "o2", Side.BUY, 5, 1))
    rig.run(2 * HOUR_NS)
    assert rig.custody("transit") == {"USD": 300, "BTC": 2}
    assert rig.status("t") is rig.status("d") is TransferStatus.COMPLETED
    assert rig.custody("bob")["BTC"] == 49  # And trades settle.
    (report,) = rig.say(QueryTransfers(to="custodian", asker="me", account="ann"))
    assert isinstance(report, TransfersReported) and report.open_count == 1
    assert START_NS < report.transfers[0].expected_ns < rig.now - HOUR_NS
    rig.say(RestoreCustody(to="custodian", injection_id="f"))
    rig.run(2 * HOUR_NS)
    assert rig.custody("transit") == {} and rig.status("w") is rig.status("v") is TransferStatus.COMPLETED


def test_a_custodian_that_takes_no_transfers_has_nothing_to_freeze_and_refuses_by_name() -> None:
    rig = Coupled(NOT_OFFERED)
    fault = FaultCustody(to="custodian", injection_id="f", custody_fault=CustodyFault.FREEZE, by_ns=0, share_ppm=0)
    assert [type(each) for each in rig.say(fault)] == [InjectionRefused]
    for command in (deposit("d", "ann", "USD", 1), approve(rig, "d"), allow("ann", "x")):
        assert refusals(rig.say(command)) == ["not_offered"]


# Refusals.


def allow(account: str, destination: str, operator: str = "operator") -> AllowDestination:
    return AllowDestination(to="custodian", operator=operator, account=account, destination=destination)


BAD_REQUESTS: list[tuple[Message, TransferRefusal]] = [
    (withdraw("known", "ann", "USD", 2), TransferRefusal.REQUEST_ID_REUSED),
    (withdraw("known", "nobody", "DOGE", 0), TransferRefusal.REQUEST_ID_REUSED),
    (withdraw("r", "nobody", "DOGE", 0), TransferRefusal.UNKNOWN_ACCOUNT),
    (withdraw("r", "external", "USD", 1), TransferRefusal.UNKNOWN_ACCOUNT),
    (withdraw("r", "transit", "USD", 1), TransferRefusal.UNKNOWN_ACCOUNT),
    (withdraw("r", "fees", "USD", 1), TransferRefusal.UNKNOWN_ACCOUNT),
    (deposit("r", "transit", "USD", 1), TransferRefusal.UNKNOWN_ACCOUNT),
    (withdraw("r", "ann", "DOGE", 0), TransferRefusal.UNKNOWN_ASSET),
    (deposit("r", "ann", "DOGE", 1), TransferRefusal.UNKNOWN_ASSET),
    (withdraw("r", "ann", "USD", 0, "nowhere"), TransferRefusal.INVALID_AMOUNT),
    (withdraw("r", "ann", "USD", -1), TransferRefusal.INVALID_AMOUNT),
    (deposit("r", "ann", "USD", 0), TransferRefusal.INVALID_AMOUNT),
    (deposit("r", "ann", "USD", (1 << 63) - 1), TransferRefusal.INVALID_AMOUNT),
    (withdraw("r", "ann", "USD", 401, "nowhere"), TransferRefusal.UNKNOWN_DESTINATION),
    (withdraw("r", "ann", "USD", 1, "cold.bob"), TransferRefusal.UNKNOWN_DESTINATION),
    (transfer("r", "ann", "nobody", "USD", 1), TransferRefusal.UNKNOWN_DESTINATION),
    (transfer("r", "ann", "external", "USD", 1), TransferRefusal.UNKNOWN_DESTINATION),
    (transfer("r", "ann", "bob", "USD", 1), TransferRefusal.OTHER_OWNER),
    (transfer("r", "ann.vault", "bob.vault", "USD", 1), TransferRefusal.OTHER_OWNER),
    (transfer("r", "ann", "ann", "USD", 1), TransferRefusal.SAME_ACCOUNT),
    (withdraw("r", "ann.vault", "USD", 401), TransferRefusal.VELOCITY_LIMIT),
    (withdraw("r", "ann.vault", "USD", 301), TransferRefusal.INSUFFICIENT_BALANCE),
    (transfer("r", "ann.vault", "ann", "USD", 301), TransferRefusal.INSUFFICIENT_BALANCE),
    (transfer("r", "ann.vault", "ann", "BTC", 1), TransferRefusal.INSUFFICIENT_BALANCE),
    (transfer("r", "ann.vault", "ann", "USD", (1 << 63) - 1), TransferRefusal.INSUFFICIENT_BALANCE),
]


@pytest.mark.parametrize(("command", "refusal"), BAD_REQUESTS)
def test_a_bad_request_is_refused_by_name_and_changes_nothing(command: Message, refusal: TransferRefusal) -> None:
    rig = Coupled()
    rig.say(withdraw("known", "ann", "USD", 1))
    before = digest_of(rig)
    assert refusals(rig.say(command)) == [refusal.value]
    assert digest_of(rig) == before


BAD_DECISIONS: list[tuple[str, str, str, TransferRefusal]] = [
    ("approve", "unheard", "stranger", TransferRefusal.UNKNOWN_REQUEST),
    ("approve", "w", "stranger", TransferRefusal.NOT_AN_APPROVER),
    ("reject", "w", "stranger", TransferRefusal.NOT_AN_APPROVER),
    ("approve", "done", "controller", TransferRefusal.TOO_LATE),
    ("reject", "done", "controller", TransferRefusal.TOO_LATE),
    ("approve", "w", "operator", TransferRefusal.OWN_REQUEST),
    ("reject", "w", "operator", TransferRefusal.OWN_REQUEST),
    ("approve other", "w", "controller", TransferRefusal.OTHER_CONTENT),
    ("approve", "half", "controller", TransferRefusal.ALREADY_APPROVED),
    ("cancel", "unheard", "operator", TransferRefusal.UNKNOWN_REQUEST),
    ("cancel", "w", "controller", TransferRefusal.NOT_THE_REQUESTER),
    ("cancel", "done", "operator", TransferRefusal.TOO_LATE),
]


@pytest.mark.parametrize(("kind", "request_id", "operator", "refusal"), BAD_DECISIONS)
def test_a_bad_decision_is_refused_by_name_and_changes_nothing(
    kind: str, request_id: str, operator: str, refusal: TransferRefusal
) -> None:
    rig = Coupled()
    rig.say(withdraw("w", "ann", "USD", 50, operator="operator"), deposit("done", "ann", "USD", 1))
    rig.say(withdraw("half", "ann", "USD", 150, operator="operator"))
    rig.say(approve(rig, "half", "controller"))
    rig.run(2 * MINUTE_NS)
    command: Message = approve(rig, request_id, operator, "0" * 64 if kind == "approve other" else "")
    if kind == "reject":
        command = RejectTransfer(to="custodian", request_id=request_id, operator=operator)
    elif kind == "cancel":
        command = CancelTransfer(to="custodian", request_id=request_id, operator=operator)
    before = digest_of(rig)
    assert refusals(rig.say(command)) == [refusal.value]
    assert digest_of(rig) == before


def test_the_same_request_again_has_no_second_effect() -> None:
    rig = Coupled(NOBODY_APPROVES)
    rig.say(withdraw("w", "ann.vault", "USD", 300))
    before = digest_of(rig)
    assert rig.say(withdraw("w", "ann.vault", "USD", 300)) == [] and digest_of(rig) == before
    rig.run(HOUR_NS)
    assert rig.say(withdraw("w", "ann.vault", "USD", 300)) == []
    assert refusals(rig.say(withdraw("w", "ann.vault", "USD", 299))) == ["request_id_reused"]
    assert rig.custody("ann.vault") == {} and len(rig.said(TransferRequested)) == 1


# Controls.


def test_more_than_so_much_needs_one_more() -> None:
    rig = Coupled()
    rig.say(withdraw("small", "ann", "USD", 100), withdraw("large", "ann", "USD", 101))
    needed = [each.approvals_needed for each in rig.said(TransferRequested) if isinstance(each, TransferRequested)]
    assert needed == [1, 2]
    rig.say(approve(rig, "large", "operator"))
    assert rig.status("large") is TransferStatus.AWAITING_APPROVAL
    rig.say(approve(rig, "large", "controller"))
    assert rig.status("large") is TransferStatus.IN_PROGRESS


@pytest.mark.parametrize("crashes", [False, True])
def test_what_nobody_approves_expires_and_what_was_reserved_is_free_again(crashes: bool) -> None:
    rig = Coupled(crashes=crashes)
    rig.say(withdraw("w", "ann.vault", "USD", 300))
    assert refusals(rig.say(transfer("t", "ann.vault", "ann", "USD", 1))) == ["insufficient_balance"]
    rig.run(3 * HOUR_NS)
    assert rig.status("w") is TransferStatus.EXPIRED
    rig.say(*(transfer(f"t{part}", "ann.vault", "ann", "USD", 100) for part in range(3)))
    rig.run(SECOND_NS)
    assert rig.custody("ann.vault") == {} and rig.status("t2") is TransferStatus.COMPLETED


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (RejectTransfer(to="custodian", request_id="w", operator="officer"), TransferStatus.REJECTED),
        (CancelTransfer(to="custodian", request_id="w", operator="ann"), TransferStatus.CANCELED),
    ],
)
def test_what_is_rejected_or_taken_back_moves_nothing_and_does_not_count(
    command: Message, status: TransferStatus
) -> None:
    rig = Coupled()
    rig.say(withdraw("w", "ann.vault", "USD", 300), command)
    assert rig.status("w") is status and rig.said(TransferPosted) == []
    assert refusals(rig.say(withdraw("x", "ann.vault", "USD", 300))) == []  # 600 would be above 400.


def test_a_destination_that_is_new_is_held_and_then_used() -> None:
    rig = Coupled()
    (allowed,) = rig.say(allow("sub", "new.ann"))
    assert isinstance(allowed, DestinationAllowed) and allowed.owner == "ann"
    assert refusals(rig.say(allow("ann", "new.ann"))) == ["already_allowed"]
    assert refusals(rig.say(allow("transit", "x"))) == ["unknown_account"]
    rig.say(withdraw("w", "ann", "USD", 50, "new.ann"))
    rig.say(approve(rig, "w"))
    assert rig.status("w") is TransferStatus.HELD
    rig.run(2 * HOUR_NS - 1)
    assert rig.status("w") is TransferStatus.HELD
    rig.run(2 * MINUTE_NS)
    assert rig.status("w") is TransferStatus.COMPLETED


def test_the_limit_is_of_any_span_and_of_the_owner() -> None:
    rig = Coupled()
    rig.say(withdraw("a", "ann", "USD", 300))
    rig.run(HOUR_NS)
    assert refusals(rig.say(withdraw("b", "ann.vault", "USD", 101))) == ["velocity_limit"]
    assert refusals(rig.say(withdraw("c", "bob", "USD", 400, "cold.bob"))) == []
    rig.say(approve(rig, "a"), approve(rig, "a", "controller"))
    rig.run(3 * HOUR_NS - 1)
    assert refusals(rig.say(withdraw("d", "ann.vault", "USD", 101))) == ["velocity_limit"]
    rig.run(1)
    assert refusals(rig.say(withdraw("e", "ann.vault", "USD", 101))) == []


# The venue.


def movement(
    number: int, amount: int = 10, account: str = "ann", asset: str = "USD", by: str = "custodian"
) -> DebitAccount:
    return DebitAccount(
        to="exchange", asker=by, movement_id=number, transfer_id=1, account=account, asset=asset, amount_minor=amount
    )


def answer(rig: Coupled, command: Message) -> str:
    found = [each for each in rig.say(command) if isinstance(each, MovementAnswered)]
    return found[-1].movement_refusal.value


def credit(number: int, amount: int) -> CreditAccount:
    debit = movement(number, amount)
    return CreditAccount(
        to=debit.to,
        asker=debit.asker,
        movement_id=number,
        transfer_id=1,
        account="ann",
        asset="USD",
        amount_minor=amount,
    )


BAD_MOVEMENTS: list[tuple[Message, MovementRefusal]] = [
    (movement(2, 0, "nobody", "DOGE", by="stranger"), MovementRefusal.NOT_THE_CUSTODIAN),
    (movement(1, 11), MovementRefusal.OUT_OF_TURN),  # Its number was used for another.
    (movement(3), MovementRefusal.OUT_OF_TURN),
    (movement(0), MovementRefusal.OUT_OF_TURN),
    (movement(2, 0, "nobody", "DOGE"), MovementRefusal.UNKNOWN_ACCOUNT),
    (movement(2, 1, "fees"), MovementRefusal.UNKNOWN_ACCOUNT),
    (movement(2, 0, "ann", "DOGE"), MovementRefusal.UNKNOWN_ASSET),
    (movement(2, 0), MovementRefusal.INVALID_AMOUNT),
    (movement(2, -1), MovementRefusal.INVALID_AMOUNT),
    (movement(2, 991), MovementRefusal.INSUFFICIENT_BALANCE),
    (movement(2, (1 << 63) - 1), MovementRefusal.INSUFFICIENT_BALANCE),
    (credit(2, (1 << 63) - 1), MovementRefusal.TOO_LARGE),
    (credit(2, (1 << 63) - 1490), MovementRefusal.TOO_LARGE),
]


@pytest.mark.parametrize(("command", "refusal"), BAD_MOVEMENTS)
def test_the_venue_refuses_by_name_and_moves_nothing(command: Message, refusal: MovementRefusal) -> None:
    rig = Coupled()
    assert answer(rig, movement(1)) == "none"
    before, said = rig.venue("ann"), len(rig.said(AccountMoved))
    assert answer(rig, command) == refusal.value
    assert rig.venue("ann") == before and len(rig.said(AccountMoved)) == said
    if refusal not in (MovementRefusal.NOT_THE_CUSTODIAN, MovementRefusal.OUT_OF_TURN):
        rig.say(order("ann", "o", Side.BUY, 1, 1))
        assert answer(rig, command) == refusal.value  # Once refused is refused for ever.


def test_the_venue_makes_a_movement_once_and_answers_it_as_often_as_it_is_asked() -> None:
    rig = Coupled()
    assert [answer(rig, movement(1)) for _ in range(3)] == ["none"] * 3
    assert rig.venue("ann")["USD"] == 990 and len(rig.said(AccountMoved)) == 1
    assert answer(rig, credit(2, 5)) == "none" and rig.venue("ann")["USD"] == 995


def test_the_custodian_asks_until_it_is_answered_and_hears_no_other_answer() -> None:
    rig = Coupled(NOBODY_APPROVES)
    rig.say(withdraw("w", "ann", "USD", 10))
    rig.queue = [each for each in rig.queue if not isinstance(each[3], DebitAccount)]
    wrong = MovementAnswered(
        to="custodian", venue="exchange", movement_id=2, movement_refusal=MovementRefusal.NONE, occurred_ns=rig.now
    )
    unheard = replace(wrong, movement_id=1, movement_refusal=MovementRefusal.OUT_OF_TURN)
    rig.say(wrong, unheard, replace(wrong, movement_id=1, venue="other"))
    assert rig.status("w") is TransferStatus.IN_PROGRESS and rig.said(TransferPosted) == []
    rig.run(SEND_AGAIN_NS + SECOND_NS)
    assert rig.status("w") is TransferStatus.CONFIRMING and rig.venue("ann")["USD"] == 990


def test_no_end_has_a_way_on() -> None:
    ends = {TransferStatus.COMPLETED, TransferStatus.FAILED, TransferStatus.EXPIRED}
    ends |= {TransferStatus.REJECTED, TransferStatus.CANCELED}
    assert not ends & {status for status, _ in TRANSITIONS}
    assert ends | {status for status, _ in TRANSITIONS} == set(TransferStatus)
