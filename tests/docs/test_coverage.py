"""docs/coverage.md names, for each control that must notice a failure, scenarios that expect its alert."""

import re
from pathlib import Path

import yaml

from trading_ecosystem.production.risk_monitor.plugins import BUILT_IN

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| `(\w+)` \| (.+) \|$", re.MULTILINE)
NAME = re.compile(r"`([\w-]+)`")
FEWEST_PROVEN = 30  # Cells; the rest say that they are open.


def expected_rules(name: str) -> set[str]:
    scenario = yaml.safe_load((ROOT / "scenarios" / f"{name}.yaml").read_text(encoding="utf-8"))
    return {expectation["alert"] for expectation in scenario.get("expect", [])}


def test_what_a_cell_names_expects_its_alert() -> None:
    proven = 0
    for mode, control, rule, cell in ROW.findall(PAGE):
        assert rule in BUILT_IN, (mode, control)
        if cell.startswith("open"):
            continue
        names = NAME.findall(cell)
        assert names, (mode, control)
        proven += 1
        for name in names:
            assert rule in expected_rules(name), f"{name} does not expect {rule}: {mode}, {control}"
    assert proven >= FEWEST_PROVEN


def test_every_rule_is_tried_or_said_to_be_open() -> None:
    """Of the rules that no scenario expects, this page does not keep silent."""
    expected = set().union(*(expected_rules(path.stem) for path in (ROOT / "scenarios").glob("*.yaml")))
    untried = set(BUILT_IN) - expected
    said = {rule for _, _, rule, cell in ROW.findall(PAGE) if cell.startswith("open")}
    assert untried <= said
