"""docs/equivalence.md has a row of every scenario that is shipped, and no difference."""

import re
from pathlib import Path

from trading_ecosystem.validation.test_coordinator.scenario import load

ROOT = Path(__file__).parents[2]
ROW = re.compile(
    r"^\| ([\w-]+) \| [\d.]+ h \| (\w+), .* \| (\w+), .* \| (\d+) \| (.+) \| [0-9a-f]{16} \|$", re.MULTILINE
)


def test_every_scenario_has_a_row_without_a_difference() -> None:
    rows = ROW.findall((ROOT / "docs" / "equivalence.md").read_text(encoding="utf-8"))
    shipped = {path.stem: load(path) for path in (ROOT / "scenarios").glob("*.yaml")}
    assert sorted(name for name, *_ in rows) == sorted(shipped)
    for name, virtual, live, alerts, differences in rows:
        assert (virtual, live, differences) == ("PASS", "PASS", "none"), name
        assert int(alerts) >= len(shipped[name].expect), name
        assert int(alerts) > 0 or shipped[name].family == "calm", name
