"""A critical alert that nobody answers calls for somebody else, and an answer holds for a while only."""

import pytest
from tests.production.risk_monitor.conftest import Rig, limits_with, ns

from trading_ecosystem.messages.risk import AcknowledgeAlert, AlertFired
from trading_ecosystem.reference import ReferenceData

MINUTE, HOUR = 60, 3_600
PATIENCE = {"unacknowledged": "15m", "acknowledged": "24h"}
PEG = "peg_deviation:USDT:critical:1"
CALLED = "alert_escalation:peg_deviation:USDT:critical:1"


@pytest.fixture
def rig(reference: ReferenceData) -> Rig:
    """USDT is at 0.98 from second 1 on; its critical alert fires at 61."""
    made = Rig(reference, limits_with(reference, {"alert_escalation": PATIENCE}))
    made.begin()
    made.stay(0, 70, USDT_USD="0.98")
    assert PEG in made.fired()
    return made


def escalations(rig: Rig) -> list[AlertFired]:
    told = [message for _, message in rig.said if isinstance(message, AlertFired)]
    return [message for message in told if message.rule == "alert_escalation"]


def acknowledge(rig: Rig, at: float) -> None:
    rig.hear(AcknowledgeAlert(to="risk", alert_id=PEG, operator="ann"), at)


def hold(rig: Rig, until: float, price: str = "0.98") -> None:
    """Prices come every 5 s, which is often enough to be fresh."""
    for at in range(int(rig.at) + 5, int(until) + 1, 5):
        rig.quotes(at, USDT_USD=price)


def test_a_quarter_of_an_hour_without_an_answer(rig: Rig) -> None:
    hold(rig, 61 + 15 * MINUTE - 2)
    rig.wait(61 + 15 * MINUTE - 0.001)
    assert escalations(rig) == []
    rig.wait(61 + 15 * MINUTE)
    [called] = [each for each in escalations(rig) if each.subject == "peg_deviation:USDT"]
    assert (called.alert_id, called.occurred_ns) == (CALLED, ns(61 + 15 * MINUTE))
    assert called.breached_ns == ns(61 + 15 * MINUTE)


def test_an_answer_in_time_calls_nobody(rig: Rig) -> None:
    acknowledge(rig, 100)
    hold(rig, HOUR)
    assert [each for each in escalations(rig) if each.subject == "peg_deviation:USDT"] == []


def test_acknowledged_is_not_resolved(reference: ReferenceData) -> None:
    patience = {"unacknowledged": "60s", "acknowledged": "10m"}
    rig = Rig(reference, limits_with(reference, {"alert_escalation": patience}))
    rig.begin()
    rig.stay(0, 65, USDT_USD="0.98")
    acknowledge(rig, 65)
    hold(rig, 65 + 11 * MINUTE - 5)
    assert [each for each in escalations(rig) if each.subject == "peg_deviation:USDT"] == []
    hold(rig, 65 + 11 * MINUTE + 5)
    [called] = [each for each in escalations(rig) if each.subject == "peg_deviation:USDT"]
    assert called.occurred_ns == ns(65 + 11 * MINUTE)


def test_it_ends_with_the_answer(rig: Rig) -> None:
    hold(rig, 61 + 16 * MINUTE)
    acknowledge(rig, rig.at + 1)
    hold(rig, rig.at + 15 * MINUTE)
    assert CALLED in rig.resolved() and PEG not in rig.resolved()


def test_it_ends_with_the_alert_itself(rig: Rig) -> None:
    hold(rig, 61 + 16 * MINUTE)
    hold(rig, rig.at + 15 * MINUTE, price="1.0")
    assert {CALLED, PEG} <= set(rig.resolved())


def test_a_restart_does_not_start_the_time_anew(rig: Rig) -> None:
    rig.restart(600)
    rig.begin(600, USDT_USD="0.98")
    hold(rig, 61 + 15 * MINUTE + 15)
    [called] = [each for each in escalations(rig) if each.subject == "peg_deviation:USDT"]
    assert ns(61 + 15 * MINUTE) <= called.occurred_ns <= ns(61 + 15 * MINUTE + 10)


def test_an_answer_survives_a_restart(rig: Rig) -> None:
    acknowledge(rig, 100)
    rig.restart(600)
    rig.begin(600, USDT_USD="0.98")
    hold(rig, HOUR)
    assert [each for each in escalations(rig) if each.subject == "peg_deviation:USDT"] == []


def test_nobody_is_called_about_a_call_or_a_warning(rig: Rig) -> None:
    hold(rig, HOUR)
    assert {each.subject for each in escalations(rig)} == {"peg_deviation:USDT"}
