"""Transfers that are late are noticed, and what is brought in or taken out is no profit, no drawdown and no break."""

from typing import Any

import pytest
from tests.production.risk_monitor.conftest import limits_with

from trading_ecosystem.messages.accounts import Holding, HoldingsReported
from trading_ecosystem.messages.books import ProfitSettled
from trading_ecosystem.messages.transfers import (
    AccountMoved,
    QueryTransfers,
    Transfer,
    TransferKind,
    TransfersReported,
    TransferStatus,
)
from trading_ecosystem.production.risk_monitor.rules.transfer_overdue import overdue_ns

SECOND = 1_000_000_000
START = 1_772_409_600 * SECOND
UNIT = 100_000_000
HELD = {"USD": 3_000_000, "USDT": 1_000_000, "BTC": 20, "ETH": 400}


@pytest.fixture
def watching(rig: Any) -> Any:
    """A rig whose monitor watches transfers."""
    rig.limits = limits_with(rig.reference, {"transfer_overdue": {"warning": "20s", "critical": "45s"}})
    rig.restart(0)
    rig.begin()
    return rig


def transfers(*expected: float, at: float, movement_id: int = 0, account: str = "alpha") -> TransfersReported:
    """Open ones by the second in which they are to be completed; 0 for one that waits for people."""
    open_ones = tuple(
        Transfer(
            transfer_id=number,
            request_id=f"r{number}",
            transfer_kind=TransferKind.WITHDRAWAL,
            debit_account=account,
            credit_account="external",
            asset="USD",
            amount_minor=1,
            transfer_status=TransferStatus.IN_PROGRESS,
            expected_ns=START + round(expected_at * SECOND) if expected_at else 0,
        )
        for number, expected_at in enumerate(expected, start=1)
    )
    return TransfersReported(
        to="risk",
        custodian="custodian",
        account=account,
        transfers=open_ones,
        open_count=len(open_ones),
        last_movement_id=movement_id,
        occurred_ns=START + round(at * SECOND),
    )


def moved(rig: Any, movement_id: int, asset: str, amount: int, at: float) -> None:
    rig.sequence["alpha"] += 1
    event = AccountMoved(
        account="alpha",
        venue="exchange",
        account_sequence=rig.sequence["alpha"],
        occurred_ns=START + round(at * SECOND),
        movement_id=movement_id,
        transfer_id=1,
        asset=asset,
        amount_minor=amount * UNIT,
    )
    rig.hear(event, at)


def holdings(at: float, **less: int) -> HoldingsReported:
    held = tuple(
        Holding(account="alpha", asset=asset, posted_minor=(amount - less.get(asset, 0)) * UNIT, pending_minor=0)
        for asset, amount in HELD.items()
    )
    return HoldingsReported(
        to="risk",
        custodian="custodian",
        account="alpha",
        holdings=held,
        occurred_ns=START + round(at * SECOND),
        last_trade_id=1,
    )


@pytest.mark.parametrize(
    ("expected", "age"), [((), 0), ((0,), 0), ((100,), 0), ((60,), 0), ((59,), SECOND), ((0, 59, 40), 20 * SECOND)]
)
def test_the_latest_counts_from_its_time_and_what_waits_for_people_is_not_late(
    expected: tuple[float, ...], age: int
) -> None:
    assert overdue_ns(transfers(*expected, at=60), START + 61 * SECOND) == age


def test_a_transfer_that_is_late_is_a_warning_and_then_critical_and_resolves(watching: Any) -> None:
    for at in range(5, 65, 5):
        watching.stay(at - 5, at)
        watching.hear(transfers(10, at=at), at)
    fired = [(m.alert_id, at) for at, m in watching.said if hasattr(m, "breached_ns")]
    assert fired == [("transfer_overdue:alpha:warning:1", 30), ("transfer_overdue:alpha:critical:1", 55)]
    watching.hear(transfers(at=65), 65)
    watching.hear(transfers(10, at=64), 66)  # Older than the last: it says nothing.
    watching.stay(66, 700)
    assert "transfer_overdue:alpha:critical:1" in watching.resolved()


def test_it_asks_for_transfers_only_where_they_are_watched(watching: Any, rig: Any) -> None:
    watching.said.clear()
    watching.wait(8)
    assert [m.account for _, m in watching.said if isinstance(m, QueryTransfers)] == ["alpha", "beta"] * 2
    rig.limits = rig.limits.with_limits("transfer_overdue")
    rig.restart(8)
    rig.said.clear()
    rig.wait(16)
    assert [m for _, m in rig.said if isinstance(m, QueryTransfers)] == []


def test_what_is_taken_out_is_no_loss_and_no_drawdown(watching: Any) -> None:
    watching.stay(0, 61)
    before = watching.figures(60)
    moved(watching, 1, "USD", -2_000_000, 62)
    moved(watching, 2, "BTC", -10, 63)
    watching.stay(63, 121)
    after = watching.figures(120)
    assert after.equity_minor == before.equity_minor - 2_600_000 * UNIT
    assert (after.drawdown_ppm, after.realised_minor, after.unrealised_minor) == (0, 0, 0)
    assert watching.fired() == []
    watching.stay(121, 181, BTC_USD="54000")  # 10% of what is left in BTC, and no more.
    fallen = watching.figures(180)
    assert fallen.high_water_mark_minor == after.equity_minor
    assert fallen.realised_minor + fallen.unrealised_minor == fallen.equity_minor - after.equity_minor < 0


def test_the_books_are_compared_as_of_one_movement(watching: Any) -> None:
    moved(watching, 1, "USD", -100, 1)
    told(watching, 4, 8, movement_id=0)  # Without it, as the custodian says.
    told(watching, 8, 24, movement_id=1, USD=100)
    assert watching.fired() == []
    told(watching, 24, 44, movement_id=1, USD=101)
    assert watching.fired() == ["reconciliation_break:USD:critical:1"]


def test_a_profit_that_is_settled_is_compared_as_of_its_movement_and_changes_no_wealth(watching: Any) -> None:
    watching.stay(0, 1)
    watching.sequence["alpha"] += 1
    settled = ProfitSettled(
        account="alpha",
        venue="exchange",
        account_sequence=watching.sequence["alpha"],
        occurred_ns=START + SECOND,
        movement_id=1,
        asset="USD",
        amount_minor=100 * UNIT,
    )
    watching.hear(settled, 1)
    told(watching, 4, 8, movement_id=0)  # Without it, as the custodian says.
    told(watching, 8, 24, movement_id=1, USD=-100)
    assert watching.fired() == []
    told(watching, 24, 64, movement_id=1, USD=-101)
    assert watching.fired() == ["reconciliation_break:USD:critical:1"]
    figures = watching.figures(60)
    assert (figures.realised_minor, figures.unrealised_minor, figures.drawdown_ppm) == (0, 0, 0)


def told(rig: Any, since: int, until: int, movement_id: int, **less: int) -> None:
    """Reports every four seconds, just after they were asked for."""
    for at in range(since + 4, until + 1, 4):
        rig.stay(at - 4, at)
        rig.hear(transfers(at=at, movement_id=movement_id), at)
        rig.hear(holdings(at, **less), at)
