"""Every kind of fault, injected into real services: what must be noticed is, and nothing else happens to anybody.

The scenarios are in `scenarios/`. Together with those that are shipped they have every injection that the format knows.
"""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.configuration.scalars import instant_ns
from trading_ecosystem.validation.audit_correlator.verify import verify
from trading_ecosystem.validation.test_coordinator.injection_format import INJECTIONS
from trading_ecosystem.validation.test_coordinator.scenario import load

SCENARIOS = Path(__file__).with_name("scenarios")
ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "trading_ecosystem.cli.main")
SPEED = 30
PATIENCE_S = 300
MINUTE_NS = 60_000_000_000
LEASE_NS = 15_000_000_000 * SPEED  # As long as a lease seems to those who live in simulated time.
LEASE_SLACK_NS = 5_000_000_000 * SPEED  # A last renewal just before its holder dies, and a look a second.

PAIRS = ("BTC/USD", "ETH/USD", "BTC/USDT", "ETH/USDT", "USDT/USD", "USDC/USD")
STALE = {f"stale_data:{pair}:warning" for pair in PAIRS}
DOWN = {"venue_down:exchange:critical"}
ALERTS = {
    "processes": DOWN,
    "stores": DOWN | STALE,
    "links": DOWN | STALE,
    "messages": set(),
    "market": {"stale_data:ETH/USDT:warning", "stale_data:BTC/USDT:warning"},
    "audit": set(),
    "venue": set(),
}
SHIPPED = ROOT / "scenarios"  # Each of them is run live for `docs/equivalence.md`.


class Ran:
    """What a live run left: its result, its trail, and how the ecosystem was right after it."""

    def __init__(self, result: dict[str, Any], status: dict[str, Any]) -> None:
        self.result, self.status = result, status
        self.trail = Path(result["trail"])
        head, *entries = [json.loads(line) for line in self.trail.read_text(encoding="ascii").splitlines()]
        self._fields, self._entries = head[1]["fields"], entries

    def said(self, kind: str) -> list[dict[str, Any]]:
        """The messages of a kind, by the names of their fields."""
        return [dict(zip(self._fields[kind], each[7], strict=True)) for each in self._entries if each[6] == kind]

    def alerts(self) -> Counter[str]:
        return Counter(f"{each['rule']}:{each['subject']}:{each['severity']}" for each in self.said("AlertFired"))


class Ecosystem:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tse(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [*COMMAND, *words, "--folder", str(self.folder)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def run(self, name: str) -> Ran:
        ran = self.tse("run", "--live", str(SCENARIOS / f"{name}.yaml"), "--json")
        assert ran.stdout, ran.stderr
        return Ran(json.loads(ran.stdout), json.loads(self.tse("status", "--json").stdout))


@pytest.fixture(scope="module")
def ecosystem(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ecosystem]:
    """One for all tests of this file, and one at a time on this machine: two would lack the time to be on time."""
    folder = tmp_path_factory.mktemp("live") / "ecosystem"
    with (Path(tempfile.gettempdir()) / f"tse-live-faults-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ecosystem = Ecosystem(folder)
        try:
            up = ecosystem.tse("up", "--speed", str(SPEED), "--ready-within", "180")
            assert up.returncode == 0, up.stderr
            yield ecosystem
        finally:
            down = ecosystem.tse("down")
        assert down.returncode == 0 and not folder.exists(), down.stderr


def test_the_scenarios_have_every_kind_of_injection() -> None:
    paths = [*SCENARIOS.glob("*.yaml"), *SHIPPED.glob("*.yaml")]
    kinds = {step.kind for path in paths for step in load(path).method}
    assert kinds == set(INJECTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ALERTS))
def test_what_is_broken_is_noticed_survived_and_put_right(name: str, ecosystem: Ecosystem) -> None:
    ran = ecosystem.run(name)
    assert ran.result["verdict"] == "PASS", ran.result["reasons"]
    assert ran.alerts() == dict.fromkeys(ALERTS[name], 1)
    begun = [each["injection_id"] for each in ran.said("InjectionStarted")]
    assert sorted(begun) == sorted(step.injection_id for step in load(SCENARIOS / f"{name}.yaml").method)
    assert sorted(begun) == sorted(each["injection_id"] for each in ran.said("InjectionEnded"))
    nothing_is_lost(ran)
    everybody_is_there(ran)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "rule"), [("reports", "reconciliation_break"), ("custody", "settlement_overdue")])
def test_what_is_late_or_told_wrongly_is_noticed(name: str, rule: str, ecosystem: Ecosystem) -> None:
    """By one rule, of whichever accounts and assets it befell."""
    ran = ecosystem.run(name)
    assert ran.result["verdict"] == "PASS", ran.result["reasons"]
    assert {alert.partition(":")[0] for alert in ran.alerts()} == {rule}
    everything_is_settled_once(ran)
    everybody_is_there(ran)


@pytest.mark.slow
def test_what_a_dead_coordinator_broke_heals_by_lease_and_is_judged_invalid(ecosystem: Ecosystem) -> None:
    ran = ecosystem.run("coordinator")
    assert ran.result["verdict"] == "INVALID"
    assert ran.result["reasons"][0].startswith("the coordinator died during the run")
    died_ns = next(each["occurred_ns"] for each in ran.said("InjectionStarted") if "killed" in each["injection_id"])
    ended = {each["injection_id"]: each["occurred_ns"] - died_ns for each in ran.said("InjectionEnded")}
    assert sorted(ended) == ["coordinator-killed", "custodian-store-away", "cut", "desk-paused", "fall"]
    assert all(0 < after_ns < LEASE_NS + LEASE_SLACK_NS for after_ns in ended.values()), ended
    assert "never" not in [each["injection_id"] for each in ran.said("CrashService")]
    nothing_is_lost(ran)
    everybody_is_there(ran)


@pytest.mark.slow
def test_what_was_said_while_the_audit_was_dead_is_in_the_trail(ecosystem: Ecosystem) -> None:
    ran = ecosystem.run("audit")
    (crash,) = ran.result["injections"]
    dead = range(instant_ns(crash["started_at"]), instant_ns(crash["ended_at"]))
    assert len(dead) > MINUTE_NS // 2
    assert [trade for trade in ran.said("TradeExecuted") if trade["occurred_ns"] in dead]
    assert [report for report in ran.said("RiskReported") if report["occurred_ns"] in dead]
    assert verify(ran.trail).is_whole


def nothing_is_lost(ran: Ran) -> None:
    """As below, and no settlement failed."""
    everything_is_settled_once(ran)
    assert ran.result["counts"]["settlements failed"] == 0


def everything_is_settled_once(ran: Ran) -> None:
    """Each trade is told once and settled once; accounts balance; no service broke a rule."""
    traded = [trade["trade_id"] for trade in ran.said("TradeExecuted")]
    assert sorted(traded) == list(range(1, len(traded) + 1)) and len(traded) > 20
    instructed = [each["trade_id"] for each in ran.said("SettlementInstructed")]
    assert len(instructed) == len(set(instructed))
    assert set(traded) - set(instructed) <= set(sorted(traded)[-3:]), "only the last may be on their way"
    assert ran.result["counts"]["invariants violated"] == 0


def everybody_is_there(ran: Ran) -> None:
    """All serve, and no process has ended that was not killed on purpose."""
    for each in ran.status["services"]:
        assert (each["state"], each["ready"], each["restarts"]) == ("running", True, 0), each
