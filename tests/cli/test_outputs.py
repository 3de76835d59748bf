"""Files are there whole or not at all, and folders that cannot be written to are refused before."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from trading_ecosystem.cli import outputs
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.validation.results import RunResult


def test_writes_report_and_result(result: RunResult, tmp_path: Path) -> None:
    report = outputs.write_run(result, tmp_path / "new" / "out")
    assert report == tmp_path / "new" / "out" / "usdt-depeg-36h" / "report.html"
    assert sorted(path.name for path in report.parent.iterdir()) == ["report.html", "result.json"]
    kept = json.loads((report.parent / "result.json").read_text(encoding="utf-8"))
    assert (kept["verdict"], kept["report"]) == ("PASS", str(report))


def test_a_second_run_replaces_the_first(result: RunResult, tmp_path: Path) -> None:
    outputs.write_run(result, tmp_path)
    outputs.write_run(replace(result, seed=8), tmp_path)
    assert json.loads((tmp_path / "usdt-depeg-36h" / "result.json").read_text(encoding="utf-8"))["seed"] == 8


def test_nothing_half_written_where_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.mkdir()
    (target / "in the way").touch()
    with pytest.raises(Problem, match=r"page\.html"):
        outputs.write_whole(target, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_index_lies_above_the_reports(result: RunResult, tmp_path: Path) -> None:
    assert outputs.write_index([result], tmp_path) == tmp_path / "index.html"
    assert "usdt-depeg-36h/report.html" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_check_folder_makes_nothing(tmp_path: Path) -> None:
    outputs.check_folder(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_check_folder_refuses_files(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder in (file, file / "below"):
        with pytest.raises(Problem, match="is a file, not a folder"):
            outputs.check_folder(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_check_folder_refuses_what_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Problem, match="no permission"):
        outputs.check_folder(tmp_path / "out")


def test_kept_since_names_new_and_changed_files(tmp_path: Path) -> None:
    old, changed = tmp_path / "old", tmp_path / "changed"
    old.touch()
    changed.touch()
    before = outputs.files_in(tmp_path)
    assert outputs.kept_since(tmp_path, before) == "nothing was kept"
    os.utime(changed, ns=(1, 1))
    (tmp_path / "new").touch()
    assert outputs.kept_since(tmp_path, before) == f"kept: {changed}, {tmp_path / 'new'}"
    assert outputs.kept_since(None, {}) == "nothing was kept"
