"""docs/coverage.md names, for each control that must notice a failure, scenarios that expect its alert."""

import re
from pathlib import Path

import yaml

from trading_ecosystem.production.risk_monitor.plugins import BUILT_IN

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| `(\w+)` \| (.+) \|$", re.MULTILINE)
NAME = re.compile(r"`([\w-]+)`")
CELLS = 43  # That must notice a failure first.


def expected_rules(name: str) -> set[str]:
    scenario = yaml.safe_load((ROOT / "scenarios" / f"{name}.yaml").read_text(encoding="utf-8"))
    return {expectation["alert"] for expectation in scenario.get("expect", [])}


def test_what_a_cell_names_expects_its_alert() -> None:
    cells = ROW.findall(PAGE)
    assert len({(mode, control) for mode, control, _, _ in cells}) == CELLS
    for mode, control, rule, cell in cells:
        assert rule in BUILT_IN, (mode, control)
        names = NAME.findall(cell)
        assert names, (mode, control)
        for name in names:
            assert rule in expected_rules(name), f"{name} does not expect {rule}: {mode}, {control}"


def test_every_rule_is_expected_by_a_scenario() -> None:
    expected = set().union(*(expected_rules(path.stem) for path in (ROOT / "scenarios").glob("*.yaml")))
    assert set(BUILT_IN) <= expected
