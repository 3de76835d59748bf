"""Runs `features/timeline.feature` on the trail of one run."""

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from trading_ecosystem.cli.main import main
from trading_ecosystem.preparation import RunRequest
from trading_ecosystem.validation.results import RunResult
from trading_ecosystem.virtual.run import run

ROOT = Path(__file__).parents[2]
MINUTE_NS = 60_000_000_000
scenarios(str(ROOT / "features" / "timeline.feature"))


@dataclass
class Asked:
    """A kept run, and what was said to the last question."""

    result: RunResult
    trail: Path
    capture: pytest.CaptureFixture[str]
    code: int = -1
    printed: str = ""
    said: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, *words: str) -> None:
        self.capture.readouterr()
        self.code = main(["timeline", str(self.trail), *words, "--json"])
        self.printed, self.said = self.capture.readouterr()
        self.lines = [json.loads(line) for line in self.printed.splitlines()]

    def first(self, kind: str) -> dict[str, Any]:
        self.ask("--kind", kind)
        return self.lines[0]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    path = ROOT / "features" / "scenarios" / "usdt-cliff-9m.yaml"
    return run(RunRequest(scenario_path=path, report_folder=tmp_path_factory.mktemp("out"), with_twin=False))


@pytest.fixture
def asked(kept: RunResult, capsys: pytest.CaptureFixture[str]) -> Asked:
    return Asked(kept, Path(kept.trail), capsys)


@given('the scenario "usdt-cliff-9m"')
@given("it was run, and its trail was kept")
def was_run(asked: Asked) -> None:
    assert asked.trail.is_file()


@when("the first order that was filled is asked for, by the name that its desk gave it")
def ask_of_filled(asked: Asked) -> None:
    asked.ask("--order", str(asked.first("OrderFilled")["values"]["client_order_id"]))


@when("the causes of the first order of alpha that was accepted are asked for")
def ask_causes(asked: Asked) -> None:
    asked.ask("--kind", "OrderAccepted", "--account", "alpha")
    asked.ask("--causes", str(asked.lines[0]["entry"]))


@when(parsers.parse("tse timeline is typed with {words}"))
def ask(asked: Asked, words: str) -> None:
    asked.ask(*shlex.split(words))


@when("tse timeline is typed for it")
def ask_all(asked: Asked) -> None:
    asked.ask()


@when("one byte of its trail is changed")
def change(asked: Asked, tmp_path: Path) -> None:
    lines = asked.trail.read_bytes().splitlines(keepends=True)
    lines[500] = lines[500].replace(b"0", b"1", 1) if b"0" in lines[500][:9] else lines[500].replace(b"1", b"2", 2)
    asked.trail = tmp_path / "trail.jsonl"
    asked.trail.write_bytes(b"".join(lines))


@then("the lines are its story, from SubmitOrder to OrderFilled")
def story_of_order(asked: Asked) -> None:
    kinds = [line["message"] for line in asked.lines if line["message"] != "AccountReported"]
    assert kinds[:2] == ["SubmitOrder", "OrderAccepted"] and "OrderFilled" in kinds[2:]


@then("no line is about another order")
def of_no_other(asked: Asked) -> None:
    said = [line["values"] for line in asked.lines if line["message"] != "AccountReported"]
    assert len({values["client_order_id"] for values in said}) == 1


@then("every line is within that minute, of trading_engine.alpha and of alpha")
def within_minute(asked: Asked) -> None:
    begin_ns = asked.result.start_ns + 3 * MINUTE_NS
    assert len(asked.lines) > 3
    for line in asked.lines:
        assert begin_ns <= line["at_ns"] <= begin_ns + MINUTE_NS
        assert "trading_engine.alpha" in (line["service"], line["values"].get("to"))
        assert line["values"]["account"] == "alpha"


@then("the lines are those of the alerts that the run raised")
def alerts(asked: Asked) -> None:
    raised = [alert.alert_id for alert in asked.result.judgement.alerts]
    assert raised and [line["values"]["alert_id"] for line in asked.lines] == raised


@then("the one cause is price.drift-1, and all alerts hang under it")
def under_cause(asked: Asked) -> None:
    (root,) = asked.lines
    assert root["cause"]["values"]["injection_id"] == "price.drift-1"
    assert [alert["values"]["alert_id"] for alert in root["alerts"]] == list(asked.result.chains)


@then("each line is the cause of the one before")
def each_the_cause(asked: Asked) -> None:
    assert len(asked.lines) > 1 and asked.lines[0]["message"] == "OrderAccepted"
    for effect, cause in zip(asked.lines, asked.lines[1:], strict=False):
        assert effect["cause_id"] == cause["message_id"] and cause["entry"] < effect["entry"]


@then(parsers.parse("it ends with code {code:d}"))
def ends_with(asked: Asked, code: int) -> None:
    assert asked.code == code


@then(parsers.parse("the one line says: {answer}"))
def one_line(asked: Asked, answer: str) -> None:
    (line,) = asked.said.splitlines()
    assert asked.printed == "" and answer in line
