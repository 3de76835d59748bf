"""The basis between quote currencies: two ways to the same bitcoin."""

import pytest
from tests.production.risk_monitor.conftest import Rig, limits_with

from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.reference import ReferenceData

ONE_PERCENT = {"at": "1%", "for": "5s", "resolves": "0.8%"}
FIRED = "basis_divergence:BTC/USDT:critical:1"


@pytest.fixture
def rig(reference: ReferenceData) -> Rig:
    watched = Rig(
        reference,
        limits_with(
            reference, {"basis_divergence": {"BTC/USDT": {"warning": {"at": "0.9%"}, "critical": ONE_PERCENT}}}
        ),
    )
    watched.begin()
    watched.stay(0, 5)
    return watched


@pytest.mark.parametrize(
    ("cross", "rate", "fires"),
    [
        ("60599", "1", False),
        ("60600", "1", True),
        ("59400", "1", True),
        ("59401", "1", False),
        ("60600", "0.9905", False),  # A coin that fell explains it,
        ("60000", "0.99", True),  # and one that fell while nothing followed does not.
    ],
)
def test_it_is_what_the_price_of_the_coin_does_not_explain(rig: Rig, cross: str, rate: str, fires: bool) -> None:
    rig.stay(5, 20, BTC_USDT=cross, USDT_USD=rate)
    assert (FIRED in rig.fired()) is fires


def test_all_three_moving_at_one_moment_is_no_divergence(rig: Rig) -> None:
    """Each is told after the other; what they are apart in between lasts no time."""
    for second, (direct, cross) in enumerate([("60000", "60000"), ("66000", "66000")] * 10, start=6):
        rig.quotes(second, BTC_USD=direct, BTC_USDT=cross)
    assert FIRED not in rig.fired()


def test_it_must_last(rig: Rig) -> None:
    rig.stay(5, 9, BTC_USDT="63000")
    rig.stay(9, 20)
    assert FIRED not in rig.fired()


def test_a_cross_without_a_limit_is_not_compared(reference: ReferenceData, limits: Limits) -> None:
    other = Rig(reference, limits)
    other.begin()
    other.stay(0, 20, BTC_USDT="80000")
    assert not [each for each in other.fired() if each.startswith("basis")]
