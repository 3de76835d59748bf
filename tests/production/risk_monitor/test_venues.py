"""A firm with accounts at two venues: what is of the one says nothing of the other."""

from typing import Any

import pytest

from trading_ecosystem.messages.accounts import Holding, HoldingsReported, QueryAccount
from trading_ecosystem.messages.health import HealthChanged
from trading_ecosystem.messages.market import MarketPhase, MarketPhaseChanged, PhaseReason
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import Side
from trading_ecosystem.messages.risk import Exposure

NORTH, SOUTH = "exchange.north", "exchange.south"
UNIT = 10**8


def asked(messages: list[Message]) -> list[tuple[str, str]]:
    return [(message.to, message.account) for message in messages if isinstance(message, QueryAccount)]


def said_since(rig: Any, at: float) -> list[Message]:
    return [message for told, message in rig.said if told >= at]


def doubts(rig: Any) -> str:
    return next(message.detail for _, message in reversed(rig.said) if isinstance(message, HealthChanged))


def by_subject(exposures: tuple[Exposure, ...], measure: str) -> dict[str, Exposure]:
    return {each.subject: each for each in exposures if each.measure == measure}


def holdings(rig: Any, account: str, at: int, last_trade_id: int, usd: int = 0) -> None:
    """What custody says of an account, `usd` beside what the rig's venue says."""
    held = {"alpha": [3_000_000, 1_000_000, 20, 400], "beta": [2_000_000, 1_500_000, 15, 300]}[account]
    amounts = dict(zip(("USD", "USDT", "BTC", "ETH"), held, strict=True))
    amounts["USD"] += usd
    rig.hear(
        HoldingsReported(
            to="risk",
            custodian="custodian",
            account=account,
            holdings=tuple(
                Holding(account=account, asset=asset, posted_minor=amount * UNIT, pending_minor=0)
                for asset, amount in amounts.items()
            ),
            occurred_ns=1_772_409_600 * 10**9 + at * 10**9,
            last_trade_id=last_trade_id,
        ),
        at,
    )


def test_a_venue_that_falls_silent_is_down_and_its_neighbour_is_not(two_venues: Any) -> None:
    two_venues.begin()
    two_venues.dark = (SOUTH,)
    two_venues.stay(0, 30)
    assert two_venues.fired() == [f"venue_down:{SOUTH}:critical:1"]
    assert doubts(two_venues) == (
        f"no heartbeat of {SOUTH}; events of account beta may be missing since the venue was away"
    )


def test_what_lies_elsewhere_stays_certain(two_venues: Any) -> None:
    two_venues.begin()
    two_venues.dark = (SOUTH,)
    two_venues.stay(0, 59)
    report = two_venues.figures(60)
    positions = by_subject(report.exposures, "position_at_venue")
    assert not report.certain
    assert {subject.partition(":")[0] for subject, each in positions.items() if each.certain} == {NORTH}
    assert {subject.partition(":")[0] for subject, each in positions.items() if not each.certain} == {SOUTH}
    assert positions[f"{NORTH}:BTC"].value == 20 * UNIT
    assert not by_subject(report.exposures, "position")["BTC"].certain


def test_a_fill_counts_at_its_own_venue_and_in_the_sum(two_venues: Any) -> None:
    two_venues.begin()
    two_venues.fill("beta", "BTC/USD", Side.BUY, "2", "60000", 1)
    two_venues.fill("alpha", "BTC/USD", Side.SELL, "0.5", "60000", 2)
    two_venues.stay(2, 59)
    report = two_venues.figures(60)
    positions = by_subject(report.exposures, "position_at_venue")
    for asset, each in by_subject(report.exposures, "position").items():
        parts = [exposure.value for subject, exposure in positions.items() if subject.endswith(f":{asset}")]
        assert sum(parts) == each.value
    assert positions[f"{SOUTH}:BTC"].value == 17 * UNIT and positions[f"{NORTH}:BTC"].value == 19_50000000
    shares = by_subject(report.exposures, "concentration")
    assert shares[NORTH].value + shares[SOUTH].value in (999_999, 1_000_000)
    assert shares[NORTH].value == pytest.approx(1e6 * (3e6 + 3e4 + 1e6 + 19.5 * 6e4 + 1e6) / 11.35e6, abs=2)


def test_an_event_under_the_name_of_the_other_venue_is_none(two_venues: Any) -> None:
    two_venues.begin()
    two_venues.places["beta"] = NORTH
    two_venues.fill("beta", "BTC/USD", Side.BUY, "2", "60000", 1)
    two_venues.stay(1, 59)
    assert by_subject(two_venues.figures(60).exposures, "position")["BTC"].value == 35 * UNIT


def test_a_venue_that_was_away_is_asked_for_its_own_accounts(two_venues: Any) -> None:
    two_venues.begin()
    two_venues.heartbeat(1, session=2, venue=SOUTH)
    assert asked(said_since(two_venues, 1)) == [(SOUTH, "beta")]


def test_each_venue_is_asked_for_what_lies_there(two_venues: Any) -> None:
    assert asked([message for _, message in two_venues.said]) == [(NORTH, "alpha"), (SOUTH, "beta")]


def test_a_market_is_halted_where_it_is_halted(two_venues: Any) -> None:
    two_venues.begin()
    halted = MarketPhaseChanged(
        venue=SOUTH,
        symbol="BTC/USD",
        market_phase=MarketPhase.HALTED,
        phase_reason=PhaseReason.VENUE_HALT,
        until_ns=0,
        occurred_ns=0,
    )
    two_venues.hear(halted, 1)
    assert doubts(two_venues) == f"BTC/USD is not open at {SOUTH}: halted"


def test_a_break_names_the_venue_whose_books_differ(two_venues: Any) -> None:
    """Both venues number their trades from 1: what custody has of the one is not compared with the other's."""
    two_venues.begin()
    for at in range(4, 30, 4):
        two_venues.stay(at - 4, at - 1)
        two_venues.wait(at)
        holdings(two_venues, "alpha", at, last_trade_id=7)
        holdings(two_venues, "beta", at, last_trade_id=3, usd=50)
    assert [each for each in two_venues.fired() if each.startswith("reconciliation")] == [
        f"reconciliation_break:{SOUTH}:USD:critical:1"
    ]
