"""The object of `--json`: its names are a promise, so the schema here is written out by hand."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from trading_ecosystem.cli.json_output import run_object, suite_object
from trading_ecosystem.validation.results import BoundarySide, Nearness, RunResult, Verdict

INSTANT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
MAYBE_INSTANT = {"anyOf": [INSTANT, {"type": "null"}]}
MAYBE_NUMBER = {"type": ["number", "null"]}
VERDICT = {"enum": ["PASS", "FAIL", "INVALID"]}
TEXT = {"type": "string", "minLength": 1}
ALERT: dict[str, Any] = {
    "rule": TEXT,
    "subject": TEXT,
    "severity": {"enum": ["warning", "critical"]},
    "breach_at": MAYBE_INSTANT,
    "fired_at": INSTANT,
    "resolved_at": MAYBE_INSTANT,
    "latency_s": MAYBE_NUMBER,
    "deadline_s": MAYBE_NUMBER,
}
NEARNESS = {
    "type": "object",
    "required": ["limit", "percent", "near"],
    "properties": {"limit": TEXT, "percent": {"type": "integer"}, "near": {"type": "boolean"}},
}
ALERTS = {"type": "array", "items": {"type": "object", "required": list(ALERT), "properties": ALERT}}
RUN: dict[str, Any] = {
    "scenario": TEXT,
    "verdict": VERDICT,
    "reasons": {"type": "array", "items": TEXT},
    "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "seed": {"type": "integer"},
    "simulated_s": {"type": "number"},
    "wall_s": {"type": "number"},
    "events": {"type": "integer"},
    "alerts": ALERTS,
    "expectations": {"type": "array", "items": {"type": "object", "required": ["rule", "condition", "detection"]}},
    "checks": {"type": "array", "items": {"type": "object", "required": ["kind", "text", "passed", "detail"]}},
    "twin": {
        "anyOf": [
            {"type": "null"},
            {"type": "object", "required": ["verdict", "alerts"], "properties": {"verdict": VERDICT, "alerts": ALERTS}},
        ]
    },
    "boundary": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["side", "changes", "verdict", "reasons", "digest", "alerts", "nearness"],
            "properties": {
                "side": {"enum": ["under", "over"]},
                "verdict": VERDICT,
                "alerts": ALERTS,
                "nearness": {"type": "array", "items": NEARNESS},
            },
        },
    },
    "latencies": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["rule", "count", "missed", "median_s", "worst_s", "deadline_s"],
            "properties": {"median_s": MAYBE_NUMBER, "worst_s": MAYBE_NUMBER, "deadline_s": MAYBE_NUMBER},
        },
    },
    "report": {"type": ["string", "null"]},
    "trail": {"type": ["string", "null"]},
}
SCHEMA = {"type": "object", "required": list(RUN), "properties": RUN}


def as_read(value: object) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


@pytest.mark.parametrize("verdict", list(Verdict))
def test_run_object_keeps_its_promise(result: RunResult, verdict: Verdict) -> None:
    judged = replace(result.judgement, verdict=verdict, reasons=("why",))
    near = (Nearness(limit="deviation of USDT above 1% for 1m", percent=95, near=True),)
    changes = ("method.0.to: 0.9905",)
    side = BoundarySide(side="under", changes=changes, judgement=judged, digest="0" * 64, nearness=near)
    for changed in (
        replace(result, judgement=judged, boundary=(side,)),
        replace(result, judgement=judged, twin=None, trail="x"),
    ):
        jsonschema.validate(as_read(run_object(changed, None)), SCHEMA)


def test_an_alert_tells_its_times(result: RunResult) -> None:
    alert, allowed = as_read(run_object(result, None))["alerts"]
    assert alert["breach_at"] == "2026-03-02T01:00:00.250Z"
    assert alert["fired_at"] == "2026-03-02T01:01:01.150Z"
    assert (alert["latency_s"], alert["deadline_s"]) == (60.9, 65.0)
    assert (allowed["breach_at"], allowed["resolved_at"], allowed["latency_s"]) == (None, None, None)


def test_figures_and_paths(result: RunResult) -> None:
    found = run_object(replace(result, trail="out/x/trail.jsonl"), "out/x/report.html")
    assert (found["simulated_s"], found["wall_s"], found["seed"]) == (144_000.0, 7.412, 7)
    assert (found["report"], found["trail"]) == ("out/x/report.html", "out/x/trail.jsonl")
    assert (run_object(result, None)["report"], run_object(result, None)["trail"]) == (None, None)


def test_suite_object_holds_its_runs_in_order(result: RunResult) -> None:
    results = [replace(result, scenario=name) for name in ("b", "a")]
    runs = [run_object(each, None) for each in results]
    found = as_read(suite_object(results, runs, Verdict.FAIL, 1.23456, None))
    assert (found["verdict"], found["wall_s"]) == ("FAIL", 1.235)
    assert [run["scenario"] for run in found["scenarios"]] == ["b", "a"]


def test_a_suite_tells_latencies_and_coverage_across_its_runs(result: RunResult) -> None:
    found = as_read(suite_object([result], [run_object(result, None)], Verdict.PASS, 1.0, None))
    (latency,) = found["latencies"]
    figures = {"rule": "peg_deviation", "count": 1, "missed": 0, "median_s": 60.9, "worst_s": 60.9, "deadline_s": 65.0}
    assert latency == {**figures, "scenario": result.scenario}
    assert found["scenarios"][0]["latencies"] == [figures]
    assert found["coverage"]["peg_deviation"] == {result.scenario: "critical"}
    assert found["coverage"]["venue_down"] == {}
