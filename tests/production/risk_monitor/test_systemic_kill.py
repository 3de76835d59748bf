"""Where venues fail together, and the limits say so, every desk is stopped."""

import json

import pytest
from tests.production.risk_monitor.conftest import TWO, Rig, limits_with, ns

from trading_ecosystem.messages.kill_switch import EngageKillSwitch, KillSwitchChanged
from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.production.risk_monitor.core import RiskMonitor
from trading_ecosystem.reference import ReferenceData

DESKS = {"alpha": "desk.alpha", "beta": "desk.beta"}


class Stopping(Rig):
    def restart(self, at: float) -> None:
        self.at, self.wakes = at, []
        self.monitor = RiskMonitor("risk", self.limits, self.reference, self.venues, "custodian", DESKS)
        self.hear(Start(memory=json.loads(json.dumps(self.memory))), at)

    def stopped(self) -> list[tuple[float, str, str]]:
        return [(at, each.to, each.grounds) for at, each in self.said if isinstance(each, EngageKillSwitch)]

    def told(self, account: str, engaged: bool, at: float) -> None:
        changed = KillSwitchChanged(account=account, engaged=engaged, operator="x", grounds="x", occurred_ns=ns(at))
        self.hear(changed, at)


@pytest.fixture
def rig(reference: ReferenceData) -> Stopping:
    made = Stopping(reference, limits_with(reference, {"systemic_venue": {"critical": 2, "kill": True}}, TWO), TWO)
    made.begin()
    return made


def test_one_silent_venue_stops_nobody(rig: Stopping) -> None:
    rig.dark = ("exchange.north",)
    rig.stay(0, 60)
    assert rig.stopped() == []


def test_two_stop_every_desk_in_the_step_in_which_the_alert_fires(rig: Stopping) -> None:
    rig.dark = ("exchange.north", "exchange.south")
    rig.stay(0, 12)
    grounds = "systemic_venue:venues:critical:1"
    assert grounds in rig.fired()
    assert rig.stopped()[:2] == [(10.0, "desk.alpha", grounds), (10.0, "desk.beta", grounds)]


def test_a_desk_is_told_until_it_says_that_it_is_stopped(rig: Stopping) -> None:
    rig.dark = ("exchange.north", "exchange.south")
    rig.stay(0, 11)
    rig.told("alpha", True, 11)
    rig.stay(11, 30)
    again = [to for at, to, _ in rig.stopped() if at > 11]
    assert "desk.beta" in again and "desk.alpha" not in again


def test_a_desk_that_is_let_go_while_both_are_away_is_stopped_again(rig: Stopping) -> None:
    rig.dark = ("exchange.north", "exchange.south")
    rig.stay(0, 11)
    for account in ("alpha", "beta"):
        rig.told(account, True, 11)
    rig.told("alpha", False, 12)
    rig.stay(12, 80)
    assert [to for at, to, _ in rig.stopped() if at > 12][:1] == ["desk.alpha"]


def test_one_that_is_let_go_when_a_venue_is_back_is_not(rig: Stopping) -> None:
    rig.dark = ("exchange.north", "exchange.south")
    rig.stay(0, 11)
    for account in ("alpha", "beta"):
        rig.told(account, True, 11)
    rig.dark = ("exchange.north",)
    rig.stay(11, 15)
    rig.told("alpha", False, 15)
    rig.stay(15, 90)
    assert [to for at, to, _ in rig.stopped() if at > 11] == []


def test_without_the_word_nobody_is_stopped(reference: ReferenceData) -> None:
    plain = Stopping(reference, limits_with(reference, {"systemic_venue": {"critical": 2}}, TWO), TWO)
    plain.begin()
    plain.dark = ("exchange.north", "exchange.south")
    plain.stay(0, 30)
    assert plain.stopped() == []
