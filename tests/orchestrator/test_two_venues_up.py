"""A world with two venues as processes: each has its own life, store and certificate, and one can go dark alone."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.live.security.private_files import KEY

TSE = [sys.executable, "-m", "trading_ecosystem.cli.main"]
ROOT = Path(__file__).parents[2]
SHORT = ROOT / "features" / "scenarios" / "one-of-two-venues-short.yaml"
VENUES = ("exchange.north", "exchange.south")
INSTANCES = {
    *("market_data", *VENUES, "custodian", "trading_engine.alpha", "trading_engine.beta"),
    *("risk_monitor", "test_coordinator", "audit_correlator"),
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ecosystem(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("ecosystem") / "run"
    up = tse(folder, "up", "--world", "two-venues", "--speed", "60", "--tls")
    try:
        assert up.returncode == 0, up.stderr
        yield folder
    finally:
        assert tse(folder, "down").returncode == 0
    assert not folder.exists()


def tse(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "TSE_FOLDER": str(folder)}
    return subprocess.run([*TSE, *words], env=environment, capture_output=True, text=True, check=False)


def services(folder: Path) -> dict[str, Any]:
    told = tse(folder, "status", "--json")
    assert told.returncode == 0, told.stderr
    return {each["instance"]: each for each in json.loads(told.stdout)["services"]}


def test_both_are_there_each_a_process_of_its_own(ecosystem: Path) -> None:
    found = services(ecosystem)
    assert set(found) >= INSTANCES
    assert all(found[instance]["ready"] for instance in INSTANCES)
    assert len({found[venue]["pid"] for venue in VENUES}) == 2
    assert len({found[venue]["addresses"]["grpc"] for venue in VENUES}) == 2


def test_each_has_its_own_store_and_certificate(ecosystem: Path) -> None:
    for venue in VENUES:
        assert list((ecosystem / "services" / venue / "data").iterdir()), venue
    keys = {(ecosystem / "certificates" / venue / KEY).read_bytes() for venue in VENUES}
    assert len(keys) == 2


def test_one_goes_dark_and_comes_back_while_the_other_goes_on(ecosystem: Path) -> None:
    """45 simulated minutes: the same verdict as in virtual time."""
    ran = tse(ecosystem, "run", "--live", str(SHORT), "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads(ran.stdout)
    assert found["verdict"] == "PASS"
    assert "exchange.north" not in [alert["subject"] for alert in found["alerts"]]
