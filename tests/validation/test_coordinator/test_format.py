"""One table, three uses: what the reader takes and refuses, the schema takes and refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from trading_ecosystem.configuration.document import Problem, parse_document
from trading_ecosystem.validation.test_coordinator import format, injection_format
from trading_ecosystem.validation.test_coordinator.injections import UNDO_WORDS
from trading_ecosystem.validation.test_coordinator.kinds import Duration, Share, Whole
from trading_ecosystem.validation.test_coordinator.scenario import Scenario, load

VALIDATOR = jsonschema.Draft202012Validator(format.json_schema())


def as_text(text: str) -> Any:
    return yaml.load(text, Loader=yaml.BaseLoader)


def test_the_schema_is_a_schema_and_plain_json() -> None:
    schema = format.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema
    assert schema["$schema"] == format.SCHEMA_ADDRESS


def test_the_schema_takes_every_shipped_scenario_as_text_and_as_typed_yaml(shipped: list[Path]) -> None:
    assert len(shipped) >= 4
    for path in shipped:
        text = path.read_text(encoding="utf-8")
        VALIDATOR.validate(as_text(text))
        typed = yaml.safe_load(text)
        for key in ("start", "replay"):
            typed.pop(key, None)  # YAML 1.1 makes dates of these; editors read YAML 1.2, where they are text.
        VALIDATOR.validate(typed)
        assert load(path).name == path.stem


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("duration: 1h", "durration: 1h"),
        ("duration: 1h\n", ""),
        ("duration: 1h", "duration: 1 hour"),
        ("duration: 1h", "duration: 3600"),
        ("family: stablecoin", "family: stablecoins"),
        ("severity: critical\nworld", "severity: fatal\nworld"),
        ("inject: price.drift", "inject: price.drfit"),
        ("    instrument: USDT/USD\n", ""),
        ("    to: 0.98\n", ""),
        ("    to: 0.98\n", "    to: 0.98\n    by: -2%\n"),
        ("to: 0.98", "to: -0.98"),
        ("to: 0.98", "to: cheap"),
        ("over: 10m", "over: 10"),
        ("[no_alerts, ledger_balanced, all_services_healthy]", "[]"),
        ("[no_alerts, ledger_balanced, all_services_healthy]", "[no_alert]"),
        ("{price: USDT/USD, below: 0.985}", "{price: USDT/USD}"),
        ("{price: USDT/USD, below: 0.985}", "{prize: USDT/USD, below: 0.985}"),
        ("{price: USDT/USD, below: 0.985}", "{price: USDT/USD, below: 0.985, above: 1}"),
        ("{price: USDT/USD, below: 0.985}", "{deviation: USDT, above: 0.5}"),
        ("{price: USDT/USD, below: 0.985}", "{silence: exchange}"),
        ("family: stablecoin", "sources: []\nfamily: stablecoin"),
        ("family: stablecoin", "sources: https://example.org/\nfamily: stablecoin"),
        ("family: stablecoin", "incident: two words\nfamily: stablecoin"),
        ("within: 5s", "within: soon"),
        ("within: 5s", "within: 5s\n    episodes: few"),
        ("within: 5s", "within: 5s\n    episodes: -1"),
        ("within: 5s", "within: 5s\n    resolved: maybe"),
        ("alert: venue_down", "alert: [venue_down]"),
        ("restore: price.drift", "restored: price.drift"),
    ],
)
def test_reader_and_schema_refuse_alike(
    before: str, after: str, small_text: str, scenario_of: Callable[[str], Scenario]
) -> None:
    assert before in small_text
    broken = small_text.replace(before, after, 1)
    with pytest.raises(Problem):
        scenario_of(broken)
    assert not VALIDATOR.is_valid(as_text(broken))
    assert VALIDATOR.is_valid(as_text(small_text))


def test_every_key_is_documented_with_its_meaning() -> None:
    pages = format.documentation()
    for table in format.SCENARIO.tables():
        assert f"# {table.name}\n" in pages
        for key in table.keys:
            assert f"| `{key.name}` | " in pages
            assert key.words in pages
            assert key.words.endswith(".")
    assert "default `0s`" in pages


def test_a_table_of_the_documentation_has_four_cells_in_each_line() -> None:
    lines = [line for line in format.documentation().splitlines() if line.startswith("|")]
    assert lines
    assert {line.replace("\\|", "").count("|") for line in lines} == {5}


def test_every_injection_has_its_undo_word() -> None:
    assert set(injection_format.INJECTIONS) == set(UNDO_WORDS)
    for table in injection_format.INJECTIONS.values():
        assert UNDO_WORDS[table.name] in table.meaning


def test_every_default_reads_as_its_own_kind() -> None:
    defaults = [key for table in format.SCENARIO.tables() for key in table.keys if key.default]
    assert defaults
    for key in defaults:
        assert key.default_value() is not None


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        (Duration(1_000), "1ns", "the shortest time allowed is 1us"),
        (Whole(1, 3), "4", "4 is not between 1 and 3"),
        (Share("-99%", "10%"), "11%", "11% is not between -99% and 10%"),
        (Share("0%", "10%"), "-1%", "-1% is not between 0% and 10%"),
    ],
)
def test_a_kind_says_what_would_be_right(kind: Any, text: str, problem: str) -> None:
    with pytest.raises(Problem, match=problem):
        kind.read(parse_document("f", text))
