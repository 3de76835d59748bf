"""The Alertmanager's configuration: amtool takes it, and each alert goes to whom it is for."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from trading_ecosystem.production.risk_monitor.notify.alertmanager import ALIVE
from trading_ecosystem.production.risk_monitor.plugins import BUILT_IN

FILE = Path(__file__).parents[2] / "deploy" / "alertmanager" / "alertmanager.yml"
LABELS = {"alertname", "subject", "severity", "instance"}  # That the monitor gives an alert.


@pytest.fixture
def amtool(need_program: Callable[[str, str], str]) -> str:
    return need_program("amtool", "Debian package prometheus-alertmanager")


def run(amtool: str, *arguments: str) -> str:
    done = subprocess.run([amtool, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_amtool_takes_it(amtool: str) -> None:
    assert "SUCCESS" in run(amtool, "check-config", str(FILE))


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("alertname=peg_deviation", "subject=USDT", "severity=warning"), "desk"),
        (("alertname=peg_deviation", "subject=USDT", "severity=critical"), "risk_officer"),
        (("alertname=alert_escalation", "subject=peg_deviation:USDT", "severity=critical"), "head_of_risk"),
        ((f"alertname={ALIVE}", "severity=none"), "dead_mans_switch"),
    ],
)
def test_each_alert_goes_to_whom_it_is_for(amtool: str, labels: tuple[str, ...], receiver: str) -> None:
    arguments = ("config", "routes", "test", f"--config.file={FILE}", f"--verify.receivers={receiver}")
    run(amtool, *arguments, "instance=risk_monitor", *labels)


def test_it_speaks_of_labels_and_rules_that_there_are() -> None:
    told = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    known = {ALIVE, *BUILT_IN}
    matchers = [each for route in told["route"]["routes"] for each in route["matchers"]]
    for rule in told["inhibit_rules"]:
        matchers += [*rule["source_matchers"], *rule["target_matchers"]]
        assert set(rule["equal"]) <= LABELS
    assert set(told["route"]["group_by"]) <= LABELS
    for label, _, value in (matcher.partition("=") for matcher in matchers):
        assert label in LABELS and (label != "alertname" or value.strip('"') in known), (label, value)
