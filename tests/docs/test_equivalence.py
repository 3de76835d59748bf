"""docs/equivalence.md speaks of every scenario that is shipped, and of no difference; it says which is outstanding."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUTSTANDING = re.compile(r"^Run in virtual time alone so far: (.*)$", re.MULTILINE)
ROW = re.compile(
    r"^\| ([\w-]+) \| [\d.]+ h \| (\w+), .* \| (\w+), .* \| (\d+) \| (.+) \| [0-9a-f]{16} \|$", re.MULTILINE
)


def test_every_scenario_has_a_row_without_a_difference() -> None:
    page = (ROOT / "docs" / "equivalence.md").read_text(encoding="utf-8")
    rows = ROW.findall(page)
    outstanding = re.findall(r"`([\w-]+)`", "".join(OUTSTANDING.findall(page)))
    shipped = sorted(path.stem for path in (ROOT / "scenarios").glob("*.yaml"))
    assert sorted([*outstanding, *(name for name, *_ in rows)]) == shipped
    for name, virtual, live, alerts, differences in rows:
        assert (virtual, live, differences) == ("PASS", "PASS", "none") and int(alerts) > 0, name
