"""The risk monitor dies in a drawdown and comes back: its highest mark is kept, its alert neither lost nor repeated."""

import json
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.validation.audit_correlator.trail import MemorySink
from trading_ecosystem.validation.results import Verdict
from trading_ecosystem.virtual.run import execute

SCENARIO = Path(__file__).parents[2] / "features" / "scenarios" / "monitor-restart-short.yaml"


@pytest.fixture(scope="module")
def entries() -> list[list[Any]]:
    sink = MemorySink()
    ended = execute(prepare(RunRequest(scenario_path=SCENARIO)), sink, None)
    assert ended.judgement.verdict is Verdict.PASS, ended.judgement.reasons
    return [json.loads(line) for line in sink.lines]


def of_type(entries: list[list[Any]], name: str) -> list[tuple[int, dict[str, Any]]]:
    """When each was sent, and its fields by name."""
    fields = entries[0][1]["fields"][name]
    return [(entry[1], dict(zip(fields, entry[7], strict=True))) for entry in entries[1:] if entry[6] == name]


def downtime(entries: list[list[Any]]) -> tuple[int, int]:
    ((began_ns, _),) = [each for each in of_type(entries, "InjectionStarted") if each[1]["kind"] == "service.crash"]
    ((ended_ns, _),) = [
        each for each in of_type(entries, "InjectionEnded") if each[1]["injection_id"] == "monitor-killed"
    ]
    return began_ns, ended_ns


def test_it_was_really_gone(entries: list[list[Any]]) -> None:
    began_ns, ended_ns = downtime(entries)
    assert ended_ns - began_ns > 55_000_000_000
    said = [entry for entry in entries[1:] if entry[5] == "risk_monitor" and entry[6] != "Block"]
    assert not [entry for entry in said if began_ns < entry[1] < ended_ns and entry[6] != "Start"]


def test_the_high_water_mark_after_it_is_the_one_before_it(entries: list[list[Any]]) -> None:
    began_ns, ended_ns = downtime(entries)
    reports = of_type(entries, "RiskReported")
    before = [report for at_ns, report in reports if at_ns <= began_ns][-1]
    after = [report for at_ns, report in reports if at_ns > ended_ns]
    assert before["drawdown_ppm"] > 45_000, "it died in a drawdown, or this proves nothing"
    assert after and {report["high_water_mark_minor"] for report in after[:3]} == {before["high_water_mark_minor"]}
    assert before["high_water_mark_minor"] > before["equity_minor"]
    assert any(report["certain"] for report in after[:2])


@pytest.mark.parametrize("severity", ["warning", "critical"])
def test_the_alert_is_neither_lost_nor_repeated(severity: str, entries: list[list[Any]]) -> None:
    began_ns, ended_ns = downtime(entries)
    alert_id = f"pnl_drawdown:firm:{severity}:1"
    fired = [at_ns for at_ns, alert in of_type(entries, "AlertFired") if alert["rule"] == "pnl_drawdown"
             and alert["severity"] == severity]  # fmt: skip
    assert len(fired) == 1 and fired[0] < began_ns, "one episode, from before the crash"
    resolved = [at_ns for at_ns, alert in of_type(entries, "AlertResolved") if alert["alert_id"] == alert_id]
    assert len(resolved) == 1 and resolved[0] > ended_ns, "and the monitor that came back resolved it"
