"""Real Prometheus finds every service of a running ecosystem by `http_sd`, and reads its figures."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
TSE = [sys.executable, "-m", "trading_ecosystem.cli.main"]
WITHIN_S = 60
INSTANCES = {
    *("market_data", "exchange", "custodian", "trading_engine.alpha", "trading_engine.beta"),
    *("risk_monitor", "test_coordinator", "audit_correlator"),
}
Ask = Callable[[str], Any]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ecosystem(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("ecosystem") / "run"
    environment = {**os.environ, "TSE_FOLDER": str(folder)}
    up = subprocess.run([*TSE, "up", "--speed", "60"], env=environment, capture_output=True, text=True, check=False)
    try:
        assert up.returncode == 0, up.stderr
        yield folder
    finally:
        subprocess.run([*TSE, "down"], env=environment, capture_output=True, check=True)


@pytest.fixture(scope="module")
def prometheus(
    ecosystem: Path, tmp_path_factory: pytest.TempPathFactory, need_program: Callable[[str, str], str]
) -> Iterator[Ask]:
    """Asks a Prometheus with the shipped configuration, but for where the registry is and its token."""
    program = need_program("prometheus", "Debian package prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    shutil.copytree(FOLDER / "rules", folder / "rules")
    registry = json.loads((ecosystem / "state.json").read_text())["registry"]
    text = (FOLDER / "prometheus.yml").read_text()
    assert "http://127.0.0.1:8500" in text
    (folder / "prometheus.yml").write_text(text.replace("http://127.0.0.1:8500", registry))
    shutil.copy(ecosystem / "operator" / "registry.token", folder / "registry.token")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={address}"]
    log = folder / "log.txt"
    with log.open("wb") as output, subprocess.Popen(command, cwd=folder, stdout=output, stderr=output) as process:
        try:
            yield lambda path: ask(f"http://{address}/api/v1/{path}", process, log)
        finally:
            process.terminate()


def ask(url: str, process: "subprocess.Popen[bytes]", log: Path) -> Any:
    """What a query answers; None while nobody does."""
    assert process.poll() is None, log.read_text()
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]
    except OSError:
        return None


def until(asked: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    ends_s = time.monotonic() + WITHIN_S
    while True:
        found = asked()
        if found is not None and holds(found):
            return found
        assert time.monotonic() < ends_s, found
        time.sleep(0.5)


def test_every_service_is_found_and_up(prometheus: Ask) -> None:
    def all_up(found: Any) -> bool:
        targets = found["activeTargets"]
        return len(targets) == len(INSTANCES) and all(each["health"] == "up" for each in targets)

    found = until(lambda: prometheus("targets"), all_up)
    assert {each["labels"]["instance"] for each in found["activeTargets"]} == INSTANCES
    planes = {each["labels"]["plane"] for each in found["activeTargets"]}
    assert planes == {"simulators", "production", "validation"}


def test_figures_of_calls_and_of_the_business_arrive(prometheus: Ask) -> None:
    def count(question: str) -> int:
        return len((prometheus(f"query?query={question}") or {"result": ()})["result"])

    until(lambda: count("tse_requests_total"), bool)
    until(lambda: count("risk_compliance_status"), bool)


def test_the_shipped_rules_are_read_without_fault(prometheus: Ask) -> None:
    def all_well(found: Any) -> bool:
        rules = [rule for group in found["groups"] for rule in group["rules"]]
        return bool(rules) and all(rule["health"] == "ok" for rule in rules)

    until(lambda: prometheus("rules"), all_well)
