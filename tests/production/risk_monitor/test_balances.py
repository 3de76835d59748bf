"""What a venue reports of an account, against what it told of fills and movements."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.production.risk_monitor.conftest import limits_with

from trading_ecosystem.messages.accounts import AccountReported, Balance, Holding, HoldingsReported, QueryAccount
from trading_ecosystem.messages.health import HealthChanged
from trading_ecosystem.messages.orders import Side
from trading_ecosystem.messages.perpetuals import MarginBalance
from trading_ecosystem.messages.risk import AlertFired
from trading_ecosystem.production.risk_monitor.accounts import Account
from trading_ecosystem.production.risk_monitor.levels import SECOND_NS
from trading_ecosystem.reference import ReferenceData

HELD = {"USD": "3000000", "USDT": "1000000", "BTC": "20", "ETH": "400"}
PHANTOM = {**HELD, "BTC": "20000"}
UNIT = 10**8
SANE: dict[str, object] = {"balance_sanity": {"critical": "5s"}, "ask_venue_every": "10s"}
FIRED = "balance_sanity:alpha:critical:1"


@pytest.fixture
def sane(new_rig: Callable[[], Any], reference: ReferenceData) -> Any:
    rig = new_rig()
    rig.__init__(reference, limits_with(reference, SANE))
    rig.begin()
    return rig


def holdings(rig: Any, at: float, held: dict[str, str]) -> None:
    lines = tuple(
        Holding(account="alpha", asset=asset, posted_minor=rig.minor(asset, amount), pending_minor=0)
        for asset, amount in held.items()
    )
    moment = 1_772_409_600 * SECOND_NS + round(at * SECOND_NS)
    rig.hear(
        HoldingsReported(to="risk", custodian="custodian", account="alpha", holdings=lines, occurred_ns=moment), at
    )


def balance(rig: Any, asset: str) -> int:
    amount: int = rig.monitor._rulebook.firm.portfolio.position(asset).total_minor
    return amount


def doubts(rig: Any) -> str:
    return next(message.detail for _, message in reversed(rig.said) if isinstance(message, HealthChanged))


def test_the_venue_is_asked_often_enough(sane: Any) -> None:
    for at in range(1, 32):
        sane.quotes(at)
        if at % 10 == 0:
            sane.report("alpha", at + 0.1)
    asked = [at for at, message in sane.said if isinstance(message, QueryAccount) and message.account == "alpha"]
    assert sorted({at for at in asked if at > 0}) == [10, 20, 30]


def test_a_phantom_credit_is_told_and_never_counted(sane: Any) -> None:
    sane.stay(0, 9)
    sane.report("alpha", 10, PHANTOM)
    sane.stay(10, 14)
    assert sane.fired() == [] and "account alpha what no fill and no movement explains: BTC" in doubts(sane)
    sane.stay(14, 59)
    assert sane.fired() == [FIRED]
    [(told, alert)] = [(at, message) for at, message in sane.said if isinstance(message, AlertFired)]
    assert (told, alert.value, alert.limit, alert.unit) == (15, 1, 1, "assets")
    assert balance(sane, "BTC") == 35 * UNIT
    report = sane.figures(59)
    assert not report.certain and report.equity_minor == report.high_water_mark_minor == 11_350_000 * UNIT
    sane.report("alpha", 61)
    assert doubts(sane) == ""
    sane.stay(61, 700)
    assert sane.resolved() == [FIRED] and balance(sane, "BTC") == 35 * UNIT


def test_a_report_that_is_put_right_in_time_is_no_alert(sane: Any) -> None:
    sane.stay(0, 9)
    sane.report("alpha", 10, PHANTOM)
    sane.stay(10, 14)
    sane.report("alpha", 14.9)
    sane.stay(15, 60)
    assert sane.fired() == []


def test_custody_that_agrees_with_us_leaves_the_phantom_alone(sane: Any) -> None:
    sane.stay(0, 9)
    sane.report("alpha", 10, PHANTOM)
    for at in range(11, 60):
        sane.quotes(at)
        holdings(sane, at + 0.5, HELD)
    assert balance(sane, "BTC") == 35 * UNIT and "explains: BTC" in doubts(sane)


def test_a_fill_that_was_told_twice_is_told_and_then_put_right_by_custody(sane: Any) -> None:
    sane.stay(0, 9)
    for at in (9.1, 9.2):  # Under two numbers: nothing shows that it is the same.
        sane.fill("alpha", "BTC/USD", Side.BUY, "1", "60000", at)
    assert balance(sane, "BTC") == 37 * UNIT
    right = {**HELD, "USD": "2940000", "BTC": "21"}
    sane.report("alpha", 10, right, sequence=2)
    holdings(sane, 11, right)
    assert balance(sane, "BTC") == 37 * UNIT  # Not before it was told.
    sane.stay(11, 16)
    assert sane.fired() == [FIRED]
    holdings(sane, 16.5, right)
    assert balance(sane, "BTC") == 36 * UNIT and doubts(sane) == ""
    sane.stay(17, 30)
    assert sane.figures(20).equity_minor == 11_350_000 * UNIT


def test_what_is_on_its_way_is_nothing(sane: Any) -> None:
    sane.stay(0, 9)
    sane.report("alpha", 10, {**HELD, "USD": "2940000", "BTC": "21"}, sequence=1)  # The fill comes later, or never.
    sane.stay(10, 60)
    assert sane.fired() == [] and balance(sane, "BTC") == 36 * UNIT


def test_a_lost_event_does_not_let_a_phantom_in(sane: Any) -> None:
    sane.stay(0, 9)
    sane.report("alpha", 10, PHANTOM)
    sane.report("alpha", 11, {**PHANTOM, "USD": "2940000", "BTC": "20001"}, sequence=1)
    sane.stay(11, 20)
    assert sane.fired() == [FIRED] and balance(sane, "BTC") == 35 * UNIT


def test_a_venue_that_was_away_is_believed(sane: Any) -> None:
    sane.stay(0, 9)
    sane.heartbeat(9.5, session=2)
    sane.report("alpha", 10, {**HELD, "BTC": "21"})
    sane.stay(10, 30)
    assert sane.fired() == [] and balance(sane, "BTC") == 36 * UNIT


def test_nothing_ends_while_the_venue_is_silent(sane: Any) -> None:
    sane.stay(0, 9)
    sane.report("alpha", 10, PHANTOM)
    sane.stay(10, 16)
    sane.report("alpha", 17)
    sane.dark = ("exchange",)
    sane.stay(17, 1_000)
    assert FIRED in sane.fired() and FIRED not in sane.resolved()


def test_without_the_limit_reports_are_believed(rig: Any) -> None:
    rig.begin()
    rig.report("alpha", 10, PHANTOM)
    assert balance(rig, "BTC") == 20_015 * UNIT


def test_a_wallet_that_nothing_explains_is_not_counted_either(sane: Any) -> None:
    sane.stay(0, 9)
    equity = sane.monitor._rulebook.firm.portfolio.equity_minor
    wallet = MarginBalance(
        asset="USD", wallet_minor=9, moved_in_minor=0, equity_minor=9, initial_minor=0, maintenance_minor=0
    )
    balances = reported(0, {asset: sane.minor(asset, amount) for asset, amount in HELD.items()}).balances
    moment = 1_772_409_610 * SECOND_NS
    told: dict[str, Any] = {
        "to": "risk",
        "venue": "exchange",
        "account": "alpha",
        "account_sequence": 0,
        "open_orders": (),
    }
    sane.hear(AccountReported(**told, balances=balances, margins=(wallet,), occurred_ns=moment), 10)
    sane.stay(10, 16)
    assert sane.fired() == [FIRED] and "explains: margin" in doubts(sane)
    assert sane.monitor._rulebook.firm.portfolio.equity_minor == equity


# For any course of events.


def reported(sequence: int, amounts: dict[str, int]) -> AccountReported:
    lines = tuple(Balance(asset=asset, free_minor=amount, locked_minor=0) for asset, amount in amounts.items())
    return AccountReported(
        to="me",
        venue="venue",
        account="a",
        account_sequence=sequence,
        balances=lines,
        open_orders=(),
        occurred_ns=0,
    )


CHANGES = st.lists(st.tuples(st.sampled_from("AB"), st.integers(-9, 9)), max_size=30)
WRONG = st.dictionaries(st.sampled_from("ABC"), st.integers(-5, 5).filter(bool), max_size=3)


@given(CHANGES, WRONG)
@settings(max_examples=200, deadline=None)
def test_what_is_unexplained_is_what_was_made_up(changes: list[tuple[str, int]], wrong: dict[str, int]) -> None:
    account = Account("a", "venue")
    account.keeps_own = True
    account.take(reported(0, {"A": 100, "B": 100}))
    truth = {"A": 100, "B": 100}
    for sequence, (asset, change) in enumerate(changes, start=1):
        account.add(asset, change)
        account.sequence = sequence
        truth[asset] += change
    told = {asset: truth.get(asset, 0) + wrong.get(asset, 0) for asset in "ABC"}
    assert account.take(reported(len(changes), told)) == {}
    assert account.unexplained == wrong and bool(account.doubt) == bool(wrong)
    assert {asset: amount for asset, amount in account.amounts.items() if amount} == {
        asset: amount for asset, amount in truth.items() if amount
    }
    assert account.yield_to_venue() == wrong
    assert {asset: account.amounts.get(asset, 0) for asset in "ABC"} == told and account.doubt == ""
