"""March 2023 minute by minute: the alerts come at the real breaches, and the nine days before raise none.

The prices are not part of the project: TSE_DATA names their folder, or they lie in ../shared/data.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

Tse = Callable[..., "CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("TSE_DATA", ROOT.parent / "shared" / "data")) / "svb_2023"
SCENARIO = "usdc-svb-2023.yaml"
NIGHT: tuple[str, ...] = (
    "replay.from=2023-03-10T20:00:00Z",
    "replay.until=2023-03-11T03:30:00Z",
    "steady_state.for=1h",
)
NIGHT += ("effect.0.below=0.988",)
DAYS = ("replay.from=2023-03-01T00:00:00Z", "replay.until=2023-03-10T00:00:00Z")
# A world that is as patient as one price a minute asks for. The limits of the peg stay as they are.
PATIENT = (
    ("two-desks.yaml", "heartbeat_every: 1s", "heartbeat_every: 30s"),
    ("two-desks.yaml", "quote_age: 10s", "quote_age: 3m"),
    ("two-desks-limits.yaml", "venue_down: {critical: 10s}", "venue_down: {critical: 3m}"),
    ("two-desks-limits.yaml", "stale_data: {warning: 10s, critical: 60s}", "stale_data: {warning: 3m, critical: 10m}"),
)

pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no recorded prices in {DATA}; TSE_DATA names their folder"),
]


@pytest.fixture
def replay(place: Path, tse: Tse) -> Callable[..., tuple[int, dict[str, Any]]]:
    def run(*settings: str) -> tuple[int, dict[str, Any]]:
        shutil.copy(ROOT / "scenarios" / SCENARIO, place)
        words = [word for setting in settings for word in ("--set", setting)]
        done = tse("run", SCENARIO, "--replay", str(DATA), "--json", *words)
        assert done.returncode in (0, 1, 3), done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


@pytest.fixture
def patient(place: Path) -> None:
    for name, old, new in PATIENT:
        text = (place / name).read_text(encoding="utf-8")
        assert old in text
        (place / name).write_text(text.replace(old, new), encoding="utf-8")


def peg_of_usdc(found: dict[str, Any], severity: str) -> list[dict[str, Any]]:
    wanted = ("peg_deviation", "USDC", severity)
    return [each for each in found["alerts"] if (each["rule"], each["subject"], each["severity"]) == wanted]


def check_night(code: int, found: dict[str, Any], longest_s: float) -> None:
    assert (code, found["verdict"], found["reasons"]) == (0, "PASS", [])
    for severity, minute in (("warning", "2023-03-10T22:02"), ("critical", "2023-03-11T03:10")):
        first = peg_of_usdc(found, severity)[0]
        assert first["breach_at"].startswith(minute), first
        assert 60.0 <= first["latency_s"] <= longest_s == first["deadline_s"]


def test_the_night_of_the_tenth_raises_the_alerts_at_the_real_breaches(
    replay: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    code, found = replay(*NIGHT)
    check_night(code, found, 65.0)
    assert found["injections"] == [] and found["twin"]["alerts"] == []


@pytest.mark.usefixtures("patient")
def test_the_nine_days_before_raise_no_critical_alert(replay: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    """One price a minute is what is recorded; the same world hears the night of the tenth."""
    every_minute = ("quotes_every=60s", "steady_state.hold=[no_alerts, ledger_balanced]")
    code, found = replay(*DAYS, *every_minute)
    assert found["simulated_s"] == 9 * 86_400.0 and found["counts"]["quotes"] > 9 * 1_440 * 6 - 7
    assert [alert for alert in found["alerts"] if alert["severity"] == "critical"] == []
    assert code == 3, "nothing was seen, so nothing was tested"
    check_night(*replay(*NIGHT, *every_minute, "expect.0.within=60s", "expect.1.within=60s"), 120.0)
