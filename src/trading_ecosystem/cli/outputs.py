"""The files that a run leaves in the report folder: <scenario>/report.html, result.json and trail.jsonl.

Rule 1: a file is written under another name and then renamed: it is there whole, or not at all.
Rule 2: a folder that cannot be written to is refused before the run, without being made.
"""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from trading_ecosystem.cli.json_output import Object, run_object
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.validation.results import RunResult

Kept = dict[Path, int]  # Files of the report folder and when they were changed, in ns.


def check_folder(folder: Path, option: str = "--report") -> None:
    """Raise `Problem` where what the option asks for could not be written."""
    if folder.exists() and not folder.is_dir():
        raise Problem(f"{option} {folder}: is a file, not a folder")
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not there.is_dir():
        raise Problem(f"{option} {folder}: {there} is a file, not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise Problem(f"{option} {folder}: no permission to write in {there}")


def check_file(path: Path, option: str) -> None:
    """Raise `Problem` where the file could not be written."""
    if path.is_dir():
        raise Problem(f"{option} {path}: is a folder, not a file")
    check_folder(path.parent, option)


def write_run(result: RunResult, folder: Path) -> Path:
    """Write the report and the result; returns the path of the report."""
    from trading_ecosystem.report.page import render

    place = folder / result.scenario
    report = place / "report.html"
    write_whole(report, render(result))
    write_whole(place / "result.json", as_json(run_object(result, str(report))))
    return report


def write_index(results: Sequence[RunResult], folder: Path) -> Path:
    from trading_ecosystem.report.index import render_index

    index = folder / "index.html"
    write_whole(index, render_index(results))
    return index


def write_whole(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise Problem(f"{path}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def as_json(value: Object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def files_in(folder: Path | None) -> Kept:
    if folder is None or not folder.is_dir():
        return {}
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*")) if path.is_file()}


def kept_since(folder: Path | None, before: Kept) -> str:
    """Which files are new, in words."""
    new = [str(path) for path, changed in files_in(folder).items() if before.get(path) != changed]
    return f"kept: {', '.join(new)}" if new else "nothing was kept"
