"""The command as a person runs it: in a process of its own, in a folder with one scenario, its world and its limits.

`tse` runs it in a folder of this test; `ran` runs it once for all tests that want the same run, and hands out the
folder that it left: `stdout`, `stderr`, `code`, and the report folder `out`.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import pytest

import trading_ecosystem

ROOT = Path(__file__).parents[2]
PACKAGE = Path(trading_ecosystem.__file__).parents[1]
COMMAND = (sys.executable, "-m", "trading_ecosystem.cli.main")
FILES = ("features/scenarios/usdt-cliff-9m.yaml", "worlds/two-desks.yaml", "worlds/two-desks-limits.yaml")
SCENARIO = "usdt-cliff-9m.yaml"
PATIENCE_S = 240

Edit = tuple[str, str, str]  # A file of the folder, what stands there ("" for all), and what is to stand instead.
Tse = Callable[..., "subprocess.CompletedProcess[str]"]


def surroundings(changed: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command that finds the package that is tested, wherever it runs."""
    return {**os.environ, "PYTHONPATH": str(PACKAGE), **changed}


def furnish(folder: Path, *edits: Edit) -> None:
    for file in FILES:
        shutil.copy(ROOT / file, folder)
    for name, old, new in edits:
        text = (folder / name).read_text(encoding="utf-8")
        assert not old or text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        (folder / name).write_text(text.replace(old, new) if old else new, encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the small scenario, its world and its limits."""
    furnish(tmp_path)
    return tmp_path


@pytest.fixture
def tse(place: Path) -> Tse:
    def run(*arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=place,
            env=surroundings(changed),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def run(*arguments: str, edits: tuple[Edit, ...] = (), **changed: str) -> Path:
        """The folder of `tse run SCENARIO --json --report out` with these arguments, run once by whoever is first."""
        key = sha256(repr((arguments, edits, sorted(changed.items()))).encode()).hexdigest()[:16]
        folder = shared / f"run-{key}"
        with (shared / f"run-{key}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                fill(shared / f"run-{key}.unfinished", arguments, edits, changed).rename(folder)
        return folder

    return run


def fill(folder: Path, arguments: tuple[str, ...], edits: tuple[Edit, ...], changed: dict[str, str]) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    furnish(folder, *edits)
    done = subprocess.run(
        [*COMMAND, "run", SCENARIO, "--json", "--report", "out", *arguments],
        cwd=folder,
        env=surroundings(changed),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    for name, text in (("stdout", done.stdout), ("stderr", done.stderr), ("code", str(done.returncode))):
        (folder / name).write_text(text, encoding="utf-8")
    return folder
