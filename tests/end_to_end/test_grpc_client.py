"""The examples of the pages at a running ecosystem: an order and its fills, and a stock exporter's span."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.xdist_group("ten lines")  # What it needs is dear, and made once.

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
COMMAND = (sys.executable, "-m", "trading_ecosystem.cli.main")
PATIENCE_S = 240


def done(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*words], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


class Ecosystem:
    """One that is up, as the person sees it who brought it up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        told = done(*COMMAND, "status", "--json", "--folder", str(folder))
        assert told.returncode == 0, told.stderr
        self.addresses = {each["instance"]: each["addresses"] for each in json.loads(told.stdout)["services"]}

    def get(self, instance: str, path: str) -> httpx.Response:
        token = (self.folder / "operator" / f"{instance}.rest.token").read_text(encoding="ascii")
        url = f"http://{self.addresses[instance]['rest']}/api/v1/{path}"
        return httpx.get(url, headers={"authorization": f"Bearer {token}"}, timeout=30)


@pytest.fixture(scope="module")
def ecosystem(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ecosystem]:
    """One for all tests of this file."""
    folder = tmp_path_factory.mktemp("live") / "ecosystem"
    try:
        up = done(*COMMAND, "up", "--speed", "5", "--ready-within", "180", "--folder", str(folder))
        assert up.returncode == 0, up.stderr
        yield Ecosystem(folder)
    finally:
        down = done(*COMMAND, "down", "--folder", str(folder))
    assert down.returncode == 0 and not folder.exists(), down.stderr


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it comes to this within half a minute."""
    ends_s = time.monotonic() + 30
    while not holds():
        if time.monotonic() > ends_s:
            return False
        time.sleep(0.2)
    return True


def test_ten_lines_place_an_order_and_stream_its_fills(ecosystem: Ecosystem) -> None:
    assert eventually(lambda: ecosystem.get("exchange", "books/BTC-USD").status_code == 200)
    ran = done(sys.executable, str(EXAMPLES / "place_order.py"), ecosystem.addresses["exchange"]["grpc"])
    assert ran.returncode == 0, ran.stderr
    first, *fills = ran.stdout.splitlines()
    name, *events = first.split()
    assert name.startswith("by-hand-") and events[0] == "order_accepted"
    assert events.count("order_filled") == len(fills) > 0
    assert sum(int(fill.split()[0]) for fill in fills) == 100
    assert fills[-1].endswith(", 0 to go") and not any(fill.endswith(", 0 to go") for fill in fills[:-1])


def test_an_order_of_somebody_unknown_is_refused(ecosystem: Ecosystem, tmp_path: Path) -> None:
    text = (EXAMPLES / "place_order.py").read_text(encoding="utf-8")
    assert text.count('"operator"') == 1
    stranger = tmp_path / "stranger.py"
    stranger.write_text(text.replace('"operator"', '"observer"'), encoding="utf-8")
    ran = done(sys.executable, str(stranger), ecosystem.addresses["exchange"]["grpc"])
    assert ran.returncode == 1 and "PERMISSION_DENIED" in ran.stderr


def test_a_stock_exporters_span_is_in_the_timeline_of_what_others_told(ecosystem: Ecosystem) -> None:
    ran = done(sys.executable, str(EXAMPLES / "send_span.py"), ecosystem.addresses["audit_correlator"]["grpc"])
    assert ran.returncode == 0 and not ran.stderr, ran.stderr

    def told() -> list[Any]:
        entries = ecosystem.get("audit_correlator", "surroundings").json()["entries"]
        return [entry for entry in entries if entry["subject"] == "my-bot"]

    assert eventually(lambda: bool(told()))
    (span,) = told()
    assert span["kind"] == "span" and span["text"].startswith("decide for ") and "signal=buy" in span["text"]
