"""A monitor that was away says so when it is back, and for how long."""

import pytest
from tests.production.risk_monitor.conftest import Rig, limits_with, ns

from trading_ecosystem.messages.risk import AlertFired
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.reference import ReferenceData

LIMIT_NS = 10 * 10**9
ALERT = "own_heartbeat:risk_monitor:critical:1"


@pytest.fixture
def rig(reference: ReferenceData) -> Rig:
    made = Rig(reference, limits_with(reference, {"own_heartbeat": {"critical": f"{LIMIT_NS // 10**9}s"}}))
    made.begin()
    made.stay(0, 62)
    return made


def test_the_first_start_is_no_absence(rig: Rig) -> None:
    assert rig.fired() == []


@pytest.mark.parametrize(("away", "told"), [(9.9, False), (10.0, True), (300.0, True)])
def test_after_a_restart_it_tells_how_long_nobody_watched(rig: Rig, away: float, told: bool) -> None:
    """It remembered at 60 that it lived, and died soon after."""
    rig.restart(60 + away)
    fired = [message for _, message in rig.said if isinstance(message, AlertFired)]
    assert [each.alert_id for each in fired] == ([ALERT] if told else [])
    if told:
        assert (fired[0].value, fired[0].breached_ns) == (round(away * 10**9), ns(70))
        assert fired[0].occurred_ns == ns(60 + away)


def test_it_is_over_when_it_has_watched_for_a_while(rig: Rig, limits: Limits) -> None:
    rig.restart(100)
    rig.begin(100)
    rig.stay(100, 100 + limits.fires_at_most_every_ns // 10**9 + 15)
    assert ALERT in rig.resolved()


def test_two_restarts_in_a_row_are_two_absences_only_if_both_were(rig: Rig) -> None:
    rig.restart(100)
    rig.restart(104)
    assert rig.fired() == [ALERT]
