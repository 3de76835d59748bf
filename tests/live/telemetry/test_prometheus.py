"""The Prometheus configuration: promtool takes it and its rules do what their tests say; names are those we measure."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from trading_ecosystem.live.telemetry.metrics import FIGURES

FOLDER = Path(__file__).parents[3] / "deploy" / "prometheus"
RULES = sorted(path.name for path in (FOLDER / "rules").glob("*.yml"))
SUFFIXES = re.compile(r"_(bucket|sum|count)$")


@pytest.fixture
def promtool(need_program: Callable[[str, str], str]) -> str:
    return need_program("promtool", "Debian package prometheus")


def run(promtool: str, *arguments: str, folder: Path = FOLDER) -> str:
    done = subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_the_configuration(promtool: str, tmp_path: Path) -> None:
    folder = tmp_path / "prometheus"
    shutil.copytree(FOLDER, folder)
    (folder / "registry.token").write_text("token")
    assert "SUCCESS" in run(promtool, "check", "config", "prometheus.yml", folder=folder)


@pytest.mark.parametrize("name", RULES)
def test_the_rules_do_what_their_tests_say(name: str, promtool: str) -> None:
    assert "SUCCESS" in run(promtool, "test", "rules", f"tests/{name}")


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_tested(name: str) -> None:
    rules = yaml.safe_load((FOLDER / "rules" / name).read_text())
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule}
    assert alerts
    tests = (FOLDER / "tests" / name).read_text()
    assert [alert for alert in sorted(alerts) if alert not in tests] == []


@pytest.mark.parametrize("name", RULES)
def test_rules_speak_of_figures_that_are_measured(name: str) -> None:
    rules = yaml.safe_load((FOLDER / "rules" / name).read_text())
    expressions = " ".join(rule["expr"] for group in rules["groups"] for rule in group["rules"])
    named = set(re.findall(r"\b((?:tse|risk|market_data|exchange|custodian|trading)_[a-z_]+)(?=[\[{ )])", expressions))
    measured = {SUFFIXES.sub("", each) for each in named} - {"risk_monitor"}
    assert measured
    assert sorted(measured - set(FIGURES)) == []
