"""Overdue settlements and books that do not agree: noticed within their deadlines, and not where nothing is wrong."""

from typing import Any

import pytest
from tests.changing import replace

from trading_ecosystem.messages.accounts import Holding, HoldingsReported, QueryAccount, QueryHoldings
from trading_ecosystem.messages.custody import QuerySettlements, Settlement, SettlementsReported, SettlementStatus
from trading_ecosystem.messages.orders import Side
from trading_ecosystem.production.risk_monitor.rules.settlement_overdue import overdue_ns

SECOND = 1_000_000_000
START = 1_772_409_600 * SECOND
UNIT = 100_000_000
HELD = {
    "alpha": {"USD": 3_000_000, "USDT": 1_000_000, "BTC": 20, "ETH": 400},
    "beta": {"USD": 2_000_000, "USDT": 1_500_000, "BTC": 15, "ETH": 300},
}


def settlements(*due: float, at: float, account: str = "alpha") -> SettlementsReported:
    """Open instructions by the second in which they were or are due."""
    open_ones = tuple(
        Settlement(
            instruction_id=number,
            trade_id=number,
            venue="exchange",
            settlement_status=SettlementStatus.PENDING,
            due_ns=START + round(due_at * SECOND),
            retry_ns=0,
            age_days=0,
        )
        for number, due_at in enumerate(due, start=1)
    )
    return SettlementsReported(
        to="risk",
        custodian="custodian",
        account=account,
        settlements=open_ones,
        unsettled_count=len(open_ones),
        occurred_ns=START + round(at * SECOND),
    )


def holdings(at: float, trade_id: int = 1, account: str = "alpha", **less: int) -> HoldingsReported:
    """What the venue has too, and `less` of some assets, in minor units."""
    held = tuple(
        Holding(account=account, asset=asset, posted_minor=amount * UNIT - less.get(asset, 0) - 5, pending_minor=5)
        for asset, amount in HELD[account].items()
    )
    return HoldingsReported(
        to="risk",
        custodian="custodian",
        account=account,
        holdings=held,
        occurred_ns=START + round(at * SECOND),
        last_trade_id=trade_id,
    )


def test_it_asks_the_custodian_every_few_seconds(rig: Any) -> None:
    rig.begin()
    rig.wait(3.9)
    rig.said.clear()
    rig.wait(4)
    assert [(type(m), m.account) for _, m in rig.said if isinstance(m, QuerySettlements)] == [
        (QuerySettlements, "alpha"),
        (QuerySettlements, "beta"),
    ]
    assert [m.account for _, m in rig.said if isinstance(m, QueryHoldings)] == ["alpha", "beta"]


def asked_of_settlements(rig: Any, until: int) -> list[int]:
    """The seconds at which alpha's are asked for, when no answer comes."""
    rig.said.clear()
    rig.stay(4, until)
    return [round(at) for at, m in rig.said if isinstance(m, QuerySettlements) and m.account == "alpha"]


@pytest.mark.parametrize(
    ("due", "asked"),
    [((), [20, 24]), ((100,), [20, 24]), ((3,), [20, 24]), ((-6,), [12, 16, 20, 24]), ((-16,), [8, 12, 16, 20, 24])],
)
def test_it_asks_again_when_a_settlement_could_be_overdue_by_the_next_question(
    rig: Any, due: tuple[float, ...], asked: list[int]
) -> None:
    rig.begin()
    rig.wait(4)
    rig.hear(settlements(*due, at=4), 4)
    assert asked_of_settlements(rig, 25) == asked


def fired(rig: Any, rule: str) -> list[str]:
    return [alert.removeprefix(f"{rule}:") for alert in rig.fired() if alert.startswith(rule)]


# Overdue.


@pytest.mark.parametrize(
    ("due", "age"), [((), 0), ((100,), 0), ((60,), 0), ((59,), 1 * SECOND), ((40, 59), 20 * SECOND)]
)
def test_the_oldest_counts_from_its_due_time(due: tuple[float, ...], age: int) -> None:
    assert overdue_ns(settlements(*due, at=60), START + 61 * SECOND) == age


def test_a_clock_that_is_ahead_makes_nothing_overdue() -> None:
    assert overdue_ns(settlements(70, at=3600), START + 60 * SECOND) == 0


def test_a_settlement_that_stays_open_is_a_warning_and_then_critical(rig: Any) -> None:
    rig.begin()
    for at in range(5, 65, 5):
        rig.stay(at - 5, at)
        rig.hear(settlements(10, at=at), at)
    fired = [(m.alert_id, at) for at, m in rig.said if hasattr(m, "breached_ns")]
    assert fired == [
        ("settlement_overdue:alpha:warning:1", 30),
        ("settlement_overdue:alpha:critical:1", 55),
    ]  # 20 s and 45 s after it was due; within 60 s.


def test_what_settles_on_time_is_no_alert_and_what_settles_resolves_it(rig: Any) -> None:
    rig.begin()
    rig.hear(settlements(70, 80, at=5), 5)
    rig.hear(settlements(5, at=20), 20)
    assert fired(rig, "settlement_overdue") == []
    rig.hear(settlements(5, at=26), 26)
    assert fired(rig, "settlement_overdue") == ["alpha:warning:1"]
    rig.hear(settlements(at=30), 30)
    rig.hear(settlements(5, at=29), 31)  # Older than the last: it says nothing.
    rig.stay(31, 640)
    assert "settlement_overdue:alpha:warning:1" in rig.resolved()


def test_another_custodian_and_another_account_say_nothing(rig: Any) -> None:
    rig.begin()
    strange = settlements(1, at=600)
    rig.hear(replace(strange, custodian="other"), 600)
    rig.hear(replace(strange, account="noise"), 600)
    assert fired(rig, "settlement_overdue") == []


# Breaks.


def compared(rig: Any, until: int, since: int = 0, trade_id: int = 1, **less: int) -> None:
    """Reports of both accounts every four seconds, just after they were asked for; alpha's lack something."""
    for at in range(since + 4, until + 1, 4):
        rig.stay(at - 4, at)
        rig.hear(holdings(at, trade_id, "alpha", **less), at)
        rig.hear(holdings(at, trade_id, "beta"), at)


def test_books_that_differ_twice_are_a_break_of_that_asset(rig: Any) -> None:
    rig.begin()
    compared(rig, 4)
    compared(rig, 12, since=4, BTC=1)
    assert rig.fired() == []
    rig.stay(12, 16)
    fired = [(m.alert_id, at, m.value) for at, m in rig.said if hasattr(m, "breached_ns")]
    assert fired == [("reconciliation_break:BTC:critical:1", 16, 4 * SECOND)]  # It differs from the report at 8 s on.


def test_a_break_closes_with_the_first_report_that_agrees(rig: Any) -> None:
    rig.begin()
    compared(rig, 16, ETH=-7)
    compared(rig, 700, since=16)
    assert rig.fired() == rig.resolved() == ["reconciliation_break:ETH:critical:1"]


def test_one_report_that_differs_is_no_alert(rig: Any) -> None:
    rig.begin()
    for since in range(0, 200, 8):
        compared(rig, since + 4, since=since, USD=3)
        compared(rig, since + 8, since=since + 4)
    assert rig.fired() == []


@pytest.mark.parametrize("trade_id", [0, -1])
def test_trades_that_custody_does_not_have_yet_are_no_break(rig: Any, trade_id: int) -> None:
    """It says that it cannot tell how far it is, or that it has nothing of the fills, whose trade id is 1."""
    rig.begin()
    for at in range(4, 60, 4):
        rig.stay(rig.at, at)
        rig.hear(holdings(at, trade_id), at)
        rig.fill("alpha", "BTC/USD", Side.BUY, "0.1", "60000", at + 1)
        rig.wait(at + 2)
    assert fired(rig, "reconciliation_break") == []


def test_trades_that_custody_says_it_has_and_does_not_are_a_break(rig: Any) -> None:
    rig.begin()
    for at in range(4, 30, 4):
        rig.stay(rig.at, at)
        rig.hear(holdings(at, trade_id=1), at)
        rig.fill("alpha", "BTC/USD", Side.BUY, "0.1", "60000", at + 1)
        rig.wait(at + 2)
    assert sorted(fired(rig, "reconciliation_break")) == ["BTC:critical:1", "USD:critical:1"]


def test_while_the_account_is_in_doubt_nothing_is_compared(rig: Any) -> None:
    rig.begin()
    rig.fill("alpha", "BTC/USD", Side.BUY, "0.1", "60000", 1, skip=1)
    compared(rig, 100, BTC=1)
    assert rig.fired() == []


def asked_of_alpha(rig: Any, since: float) -> list[float]:
    return [at for at, m in rig.said if isinstance(m, QueryAccount) and m.account == "alpha" and at >= since]


def test_while_the_venue_tells_later_than_custody_was_asked_it_is_asked_and_nothing_is_a_break(rig: Any) -> None:
    """What it has not told yet is in custody's books before; once it has told all, what differs is a break."""
    rig.begin()
    rig.fill("alpha", "BTC/USD", Side.BUY, "0.1", "60000", 3, late=5)
    compared(rig, 24, since=4)
    assert fired(rig, "reconciliation_break") == []
    assert asked_of_alpha(rig, 4)[0] == 12  # When the answer of second 8 would have been compared.
    rig.report("alpha", 25, {"USD": "2994000", "USDT": "1000000", "BTC": "20.1", "ETH": "400"}, sequence=1)
    compared(rig, 40, since=28)
    assert sorted(fired(rig, "reconciliation_break")) == ["BTC:critical:1", "USD:critical:1"]


def test_what_comes_sooner_than_custody_was_asked_is_compared(rig: Any) -> None:
    rig.begin()
    rig.fill("alpha", "BTC/USD", Side.BUY, "0.1", "60000", 3, late=4)
    compared(rig, 24, since=4)
    assert sorted(fired(rig, "reconciliation_break")) == ["BTC:critical:1", "USD:critical:1"]


def test_an_answer_that_lacks_what_was_said_since_leaves_the_venue_late(rig: Any) -> None:
    """It knows of an event that has not come: they come late still."""
    rig.begin()
    rig.fill("alpha", "BTC/USD", Side.BUY, "0.1", "60000", 3, late=5)
    rig.report("alpha", 5, {"USD": "2988000", "USDT": "1000000", "BTC": "20.2", "ETH": "400"}, sequence=2)
    compared(rig, 40, since=8)
    assert fired(rig, "reconciliation_break") == []


def test_a_break_is_remembered_through_a_restart(rig: Any) -> None:
    rig.begin()
    compared(rig, 16, BTC=1)
    rig.restart(20)
    rig.begin(20)
    compared(rig, 60, since=20, BTC=1)
    assert rig.fired() == ["reconciliation_break:BTC:critical:1"]
