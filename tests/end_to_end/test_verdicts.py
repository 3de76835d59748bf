"""Exit codes and streams: a program reads one object, a person reads the rest, and a script reads the code."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

Ran = Callable[..., Path]
NOT_SEEN = ("--set", "method.0.to=0.9999")
USDT_LIMIT = "  USDT:\n    warning: {at: 50bps, for: 60s, resolves: 35bps}\n    critical: {at: 100bps"
LOOSENED = ("two-desks-limits.yaml", USDT_LIMIT, USDT_LIMIT.replace("100bps", "2000bps"))
CALM = """
name: usdt-cliff-9m-twin
title: Nothing happens
story: What the negative twin of the cliff must be.
family: calm
severity: critical
world: two-desks
duration: 9m
steady_state:
  for: 1m
  hold: [no_alerts]
"""
RUN_KEYS = ("verdict", "digest", "seed", "simulated_s", "wall_s", "events", "alerts")
ALERT_KEYS = ("rule", "subject", "severity", "breach_at", "fired_at", "resolved_at", "latency_s", "deadline_s")
ISO_UTC = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")


def code_of(folder: Path) -> int:
    return int((folder / "code").read_text())


def object_of(folder: Path) -> dict[str, Any]:
    """Standard output must be one object and nothing else."""
    text = (folder / "stdout").read_text(encoding="utf-8")
    found, end = json.JSONDecoder().raw_decode(text)
    assert isinstance(found, dict) and text[end:] == "\n"
    return found


def test_pass_is_zero_and_its_object_keeps_every_promise(ran: Ran) -> None:
    folder = ran()
    found = object_of(folder)
    assert code_of(folder) == 0 and found["verdict"] == "PASS" and found["reasons"] == []
    assert set(RUN_KEYS) <= set(found)
    assert re.fullmatch(r"[0-9a-f]{64}", found["digest"])
    assert found["seed"] == 1 and found["simulated_s"] == 540.0 and found["events"] > 10_000 and found["wall_s"] > 0
    assert found["twin"]["verdict"] == "PASS" and found["twin"]["alerts"] == []


def test_an_alert_tells_when_it_was_due_and_when_it_came(ran: Ran) -> None:
    alerts = object_of(ran())["alerts"]
    assert [alert["severity"] for alert in alerts] == ["warning", "critical"]
    for alert in alerts:
        assert set(ALERT_KEYS) <= set(alert)
        assert (alert["rule"], alert["subject"]) == ("peg_deviation", "USDT")
        assert ISO_UTC.fullmatch(alert["breach_at"]) and ISO_UTC.fullmatch(alert["fired_at"])
    critical = alerts[1]
    assert critical["deadline_s"] == 65.0 and 60.0 <= critical["latency_s"] <= critical["deadline_s"]


def test_people_read_standard_error_only(ran: Ran) -> None:
    words = (ran() / "stderr").read_text(encoding="utf-8")
    assert "PASS" in words and "peg_deviation on USDT" in words and "report out/usdt-cliff-9m/report.html" in words
    assert "\x1b" not in words, "colours belong on a terminal"


def test_what_is_kept_is_the_page_the_result_and_the_trail(ran: Ran) -> None:
    folder = ran()
    kept = sorted(str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*") if path.is_file())
    assert kept == [f"usdt-cliff-9m/{name}" for name in ("report.html", "result.json", "trail.jsonl")]
    assert json.loads((folder / "out/usdt-cliff-9m/result.json").read_text(encoding="utf-8")) == object_of(folder)


def test_a_scenario_without_visible_effect_is_invalid(ran: Ran) -> None:
    folder = ran(*NOT_SEEN)
    found = object_of(folder)
    assert code_of(folder) == 3 and found["verdict"] == "INVALID"
    assert found["reasons"][0].startswith("effect: USDT/USD below 0.985: never seen")


def test_a_loosened_limit_is_a_fail_that_names_the_missed_alert(ran: Ran) -> None:
    folder = ran(edits=(LOOSENED,))
    found = object_of(folder)
    assert code_of(folder) == 1 and found["verdict"] == "FAIL"
    assert len(found["reasons"]) == 1
    assert "peg_deviation USDT critical" in found["reasons"][0] and "missed" in found["reasons"][0]
    assert [each["detection"] for each in found["expectations"]] == ["missed"]
    assert "missed" in (folder / "stderr").read_text(encoding="utf-8")


def test_the_twin_is_the_run_that_a_scenario_without_injections_gives(ran: Ran) -> None:
    """The same world and seed over the same time, to the last byte: the twin is no run of its own kind."""
    calm = object_of(ran(edits=(("usdt-cliff-9m.yaml", "", CALM),)))
    assert calm["verdict"] == "PASS"
    assert calm["digest"] == object_of(ran())["twin"]["digest"]


def test_validate_accepts_what_run_runs(tse: Callable[..., "CompletedProcess[str]"]) -> None:
    done = tse("validate", "usdt-cliff-9m.yaml")
    assert (done.returncode, done.stdout) == (0, "") and "good" in done.stderr


def test_validate_and_suite_refuse_what_the_world_does_not_have(
    tse: Callable[..., "CompletedProcess[str]"], place: Path
) -> None:
    scenario = (place / "usdt-cliff-9m.yaml").read_text(encoding="utf-8")
    (place / "only").mkdir()
    (place / "only" / "bent.yaml").write_text(scenario.replace("ent: USDT/USD", "ent: USDT/EUR"), encoding="utf-8")
    for arguments in (("validate", "only/bent.yaml"), ("suite", "only")):
        done = tse(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "unknown instrument 'USDT/EUR'" in done.stderr and len(done.stderr.splitlines()) == 1
