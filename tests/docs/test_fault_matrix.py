"""What docs/fault-matrix.md names is there, and no fault stands in two rows."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "fault-matrix.md").read_text(encoding="utf-8")
HIGHEST = 40


def test_every_path_is_there() -> None:
    paths = re.findall(r"`((?:tests|checks|benchmarks)/[\w/.]+)`", TEXT)
    assert len(paths) > 40
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_every_fault_has_one_row() -> None:
    rows = re.findall(r"^\| (F\d\d(?:, F\d\d)*) \|", TEXT, re.MULTILINE)
    numbers = [int(each[1:]) for row in rows for each in row.split(", ")]
    assert sorted(numbers) == list(range(1, HIGHEST + 1))
