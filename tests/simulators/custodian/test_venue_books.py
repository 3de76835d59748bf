"""Venue and custody keep the same books, profits in perpetuals included, whatever a crowd and a network do."""

from typing import Any

import pytest
from tests.simulators.custodian.coupled import HOUR_NS, MINUTE_NS, SECOND_NS, Draws
from tests.simulators.custodian.coupled_margin import FUND_MINOR, CoupledMargin
from tests.simulators.exchange.margin_crowd import MarginCrowd

from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.books import (
    BookEntry,
    BooksReported,
    NettingSettled,
    Profit,
    ProfitSettled,
    ProfitsReported,
    QueryBooks,
    SettleProfits,
)
from trading_ecosystem.messages.custody import FailReason, SettlementCanceled, SettlementFailed, SettlementInstructed
from trading_ecosystem.messages.perpetuals import PositionChanged
from trading_ecosystem.messages.transfers import MovementAnswered, MovementRefusal

CUT_OFF_NS = 30 * HOUR_NS  # On Tuesday, from the start.


def purse_of(rig: CoupledMargin) -> Any:
    return rig.cores["exchange"].save()["perpetuals"]["purses"][0]  # type: ignore[index]


def costs_of(rig: CoupledMargin) -> int:
    contracts = rig.cores["exchange"].save()["perpetuals"]["contracts"]  # type: ignore[index]
    return sum(position[1] for contract in contracts.values() for position in contract["positions"])


def settle_at_a_cut_off(rig: CoupledMargin) -> None:
    """To a minute after the next one: everything has been asked and answered, and nothing traded since."""
    day_ns = 24 * HOUR_NS
    rig.run((rig.now // day_ns + 1) * day_ns + 6 * HOUR_NS + MINUTE_NS - rig.now)


def test_after_a_cut_off_custody_has_what_the_wallets_gained() -> None:
    rig = CoupledMargin(crashes=False)
    rig.trade(MarginCrowd(3), Draws(3, "spot"), 120, MINUTE_NS)
    settle_at_a_cut_off(rig)
    purse = purse_of(rig)
    assert rig.custody("insurance")["USD"] == purse["fund_minor"] != FUND_MINOR
    assert rig.custody("clearing").get("USD", 0) == -costs_of(rig)
    (report,) = rig.cores["exchange"].handle(QueryAccount(to="exchange", asker="me", account="bob"), rig.now)
    assert isinstance(report, AccountReported)
    (margin,) = report.margins
    assert margin.moved_in_minor == margin.wallet_minor
    free_minor = sum(each.free_minor + each.locked_minor for each in report.balances if each.asset == "USD")
    assert rig.custody("bob")["USD"] + rig.pending("bob").get("USD", 0) == free_minor + margin.wallet_minor


def test_who_crashes_at_every_step_keeps_the_same_books() -> None:
    said: list[list[object]] = []
    for crashes in (False, True):
        rig = CoupledMargin(crashes=crashes)
        rig.trade(MarginCrowd(3), Draws(3, "spot"), 8, MINUTE_NS)
        settle_at_a_cut_off(rig)
        assert len(rig.said(ProfitsReported)) == 1 and len(rig.compared()) == 30
        said.append([message for _, message in rig.log])
    assert said[0] == said[1]


@pytest.mark.parametrize("seed", range(3))
def test_books_agree_at_every_comparison_whatever_the_network_does(seed: int) -> None:
    rig = CoupledMargin(Draws(seed, "network"), crashes=False)
    crowd, draws = MarginCrowd(seed), Draws(seed, "spot")
    for _ in range(3):
        rig.trade(crowd, draws, 40, HOUR_NS)
        settle_at_a_cut_off(rig)
    compared = rig.compared()
    assert len(compared) > 20 and all(each.breaks == () and each.entry_count >= 15 for each in compared)
    assert any(isinstance(each, NettingSettled) for _, each in rig.log)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_settled_is_what_was_told_to_have_been_gained(seed: int) -> None:
    rig = CoupledMargin(Draws(seed, "network"), crashes=False)
    rig.trade(MarginCrowd(seed), Draws(seed, "spot"), 120, HOUR_NS)
    settle_at_a_cut_off(rig)
    gained: dict[str, int] = {}
    for _, event in rig.log:
        if isinstance(event, PositionChanged):
            change = event.realised_minor + event.funding_minor - event.fee_minor
            gained[event.account] = gained.get(event.account, 0) + change
        elif type(event).__name__ == "LossCovered":
            gained[event.account] = gained.get(event.account, 0) + event.amount_minor  # type: ignore[attr-defined]
    settled: dict[str, int] = {}
    for event in rig.said(ProfitSettled):
        assert isinstance(event, ProfitSettled)
        settled[event.account] = settled.get(event.account, 0) + event.amount_minor
    assert {name: minor for name, minor in gained.items() if minor} == {
        n: minor for n, minor in settled.items() if minor
    }


def test_one_movement_for_an_account_and_a_day_and_none_for_a_day_without() -> None:
    rig = CoupledMargin(crashes=False)
    rig.trade(MarginCrowd(3), Draws(3, "spot"), 60, MINUTE_NS)
    settle_at_a_cut_off(rig)
    of_profits = [each for each in rig.said(SettlementInstructed) if each.trade_id == 0]  # type: ignore[attr-defined]
    debits = [each.postings[0] for each in of_profits]  # type: ignore[attr-defined]
    accounts = [each.debit_account if each.credit_account == "clearing" else each.credit_account for each in debits]
    assert sorted(accounts) == sorted(set(accounts)) and "fees" in accounts and "insurance" in accounts
    rig.run(4 * HOUR_NS)
    assert len([each for each in rig.said(SettlementInstructed) if each.trade_id == 0]) == len(of_profits)  # type: ignore[attr-defined]


def test_the_same_question_has_the_same_answer_and_another_one_is_out_of_turn() -> None:
    rig = CoupledMargin(crashes=False)
    rig.trade(MarginCrowd(3), Draws(3, "spot"), 60, MINUTE_NS)
    venue = rig.cores["exchange"]
    first = venue.handle(SettleProfits(to="exchange", asker="custodian", movement_id=1), rig.now)
    saved = venue.save()
    assert isinstance(first[-1], ProfitsReported) and first[-1].profits and len(first) > 1
    again = venue.handle(SettleProfits(to="exchange", asker="custodian", movement_id=1), rig.now)
    assert list(again) == [first[-1]] and venue.save() == saved
    for asker, movement_id, refusal in (
        ("mallory", 2, MovementRefusal.NOT_THE_CUSTODIAN),
        ("mallory", 7, MovementRefusal.NOT_THE_CUSTODIAN),
        ("custodian", 3, MovementRefusal.OUT_OF_TURN),
    ):
        (answer,) = venue.handle(SettleProfits(to="exchange", asker=asker, movement_id=movement_id), rig.now)
        assert isinstance(answer, MovementAnswered) and answer.movement_refusal is refusal
        assert venue.save() == saved


def test_an_answer_that_was_not_asked_for_changes_nothing() -> None:
    rig = CoupledMargin(crashes=False)
    before = rig.cores["custodian"].save()
    rig.say(ProfitsReported(to="custodian", venue="exchange", movement_id=1, profits=(), occurred_ns=rig.now))
    rig.say(
        BooksReported(
            to="custodian", venue="exchange", last_trade_id=0, last_movement_id=0, entries=(), occurred_ns=rig.now
        )
    )
    assert rig.cores["custodian"].save() == before and not rig.compared()


def test_a_difference_is_told_as_a_break_and_books_of_another_trade_are_asked_for_again() -> None:
    rig = CoupledMargin(crashes=False)
    told: list[BooksReported] = []
    send = rig.send

    def bent(message: Any) -> None:
        """Bob has one more of everything at the venue than he has."""
        if isinstance(message, BooksReported) and not told:
            told.append(message)
            other_trade = BooksReported(**{**fields_of(message), "last_trade_id": 9})
            send(other_trade)
        elif isinstance(message, BooksReported):
            entries = tuple(
                BookEntry(
                    account=each.account, asset=each.asset, amount_minor=each.amount_minor + (each.account == "bob")
                )
                for each in message.entries
            )
            send(BooksReported(**{**fields_of(message), "entries": entries}))
        else:
            send(message)

    rig.send = bent  # type: ignore[method-assign]
    rig.run(HOUR_NS + SECOND_NS)
    assert not rig.compared() and len(rig.said(QueryBooks)) == 1
    rig.run(10 * SECOND_NS)
    (compared,) = rig.compared()
    assert {(each.account, each.asset, each.venue_minor - each.custody_minor) for each in compared.breaks} == {
        ("bob", asset, 1) for asset in ("USD", "BTC", "ETH")
    }
    assert len(rig.said(QueryBooks)) == 2


def test_a_loss_that_custody_cannot_pay_fails_and_ages_until_it_can_and_is_never_given_up() -> None:
    rig = CoupledMargin(crashes=False)
    lines = {1: -600_000, 8: 200_000}  # ann has 509,000 in custody. By the number of the answer.
    answers: list[ProfitsReported] = []
    send = rig.send

    def bent(message: Any) -> None:
        if isinstance(message, ProfitsReported):
            answers.append(message)
            amount_minor = lines.get(len(answers), 0)
            profit = Profit(account="ann", asset="USD", amount_minor=amount_minor)
            send(ProfitsReported(**{**fields_of(message), "profits": (profit,) if amount_minor else ()}))
        else:
            send(message)

    rig.send = bent  # type: ignore[method-assign]
    rig.run(9 * 24 * HOUR_NS)
    fails = [each for each in rig.said(SettlementFailed) if isinstance(each, SettlementFailed)]
    assert [each.age_days for each in fails] == list(range(len(fails))) and len(fails) > 5
    assert {each.fail_reason for each in fails} == {FailReason.BUYER_LACKS_CASH} and all(
        each.retry_ns for each in fails
    )
    assert not rig.said(SettlementCanceled) and rig.custody("ann")["USD"] == 509_000
    rig.run(6 * 24 * HOUR_NS)
    assert rig.custody("ann")["USD"] == 109_000 and rig.pending("ann") == {}


def fields_of(message: BooksReported | ProfitsReported) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__dataclass_fields__}
