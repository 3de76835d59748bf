"""`tse doctor`: whether this machine has what it takes, and what to do where it has not."""

import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.text import Text

import trading_ecosystem.core
from trading_ecosystem.cli import terminal
from trading_ecosystem.cli.exits import Exit
from trading_ecosystem.cli.lookup import shipped

OLDEST_PYTHON = (3, 11)
LEAST_DISK_BYTES = 1 << 30
LEAST_MEMORY_BYTES = 2 << 30
GIBIBYTE = 1 << 30
PACKAGES = {"mypy-extensions": "mypy_extensions", "plotly": "plotly", "pyarrow": "pyarrow", "PyYAML": "yaml"}
PACKAGES |= {"rich": "rich", "typer": "typer"}
INSTALL = "pip install -e ."


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the table. What is not `needed` may be missing."""

    what: str
    good: bool
    found: str
    remedy: str
    needed: bool = True


def doctor() -> None:
    """Check this machine. Exit code: 0 if everything needed is there, 1 if not."""
    findings = examine()
    table = terminal.plain_table("What", "", "Found", "What to do")
    for finding in findings:
        table.add_row(finding.what, mark(finding), Text(finding.found), Text("" if finding.good else finding.remedy))
    console = terminal.screen()
    console.print(table)
    missing = [finding.what for finding in findings if finding.needed and not finding.good]
    console.print(Text(f"Missing: {', '.join(missing)}." if missing else "Everything needed is there."))
    raise typer.Exit(Exit.FAIL if missing else Exit.PASS)


def mark(finding: Finding) -> Text:
    if finding.good:
        return Text("✓ ok", "green")
    return Text("✗ missing", "red") if finding.needed else Text("○ optional")


def examine() -> list[Finding]:
    """Every finding, in the order of the table."""
    return [
        python(),
        word_size(),
        *(package(name, module) for name, module in PACKAGES.items()),
        compiled(),
        compiler(),
        scenario_files(),
        time_zones(),
        disk(Path.cwd()),
        memory(),
        colours(),
    ]


def python() -> Finding:
    oldest = ".".join(map(str, OLDEST_PYTHON))
    remedy = f"install Python {oldest} or newer"
    return Finding(
        what="Python", good=sys.version_info >= OLDEST_PYTHON, found=platform.python_version(), remedy=remedy
    )


def word_size() -> Finding:
    bits = 64 if sys.maxsize > 2**32 else 32
    return Finding(what="64 bit", good=bits == 64, found=f"{bits} bit", remedy="install a 64-bit Python")


def package(name: str, module: str) -> Finding:
    try:
        importlib.import_module(module)
        found = importlib.metadata.version(name)
    except (ImportError, importlib.metadata.PackageNotFoundError) as error:
        return Finding(what=name, good=False, found=str(error), remedy=INSTALL)
    return Finding(what=name, good=True, found=found, remedy="")


def compiled() -> Finding:
    is_compiled = not str(trading_ecosystem.core.__file__).endswith(".py")
    found = "yes" if is_compiled else "no: runs take several times as long"
    return Finding(what="compiled", good=is_compiled, found=found, remedy="make compiled", needed=False)


def compiler() -> Finding:
    path = next((path for path in map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang")) if path), None)
    remedy = "only to compile: install gcc or clang"
    return Finding(what="C compiler", good=path is not None, found=path or "none", remedy=remedy, needed=False)


def scenario_files() -> Finding:
    known = shipped()
    found = f"{len(known)} found" if known else "none"
    return Finding(what="scenarios", good=bool(known), found=found, remedy="run in the project's folder", needed=False)


def time_zones() -> Finding:
    try:
        ZoneInfo("America/New_York")
    except (ZoneInfoNotFoundError, OSError):
        return Finding(what="time zone data", good=False, found="none", remedy="pip install tzdata", needed=False)
    return Finding(what="time zone data", good=True, found="there", remedy="")


def disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    found = f"{free / GIBIBYTE:.1f} GiB free"
    return Finding(what="disk", good=free >= LEAST_DISK_BYTES, found=found, remedy="free 1 GiB for reports and trails")


def memory() -> Finding:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return Finding(what="memory", good=True, found="not known on this system", remedy="", needed=False)
    found = f"{total / GIBIBYTE:.1f} GiB"
    return Finding(what="memory", good=total >= LEAST_MEMORY_BYTES, found=found, remedy="2 GiB are needed for a suite")


def colours() -> Finding:
    terminal_there = sys.stderr.isatty()
    encoding = (sys.stderr.encoding or "").lower()
    found = f"{'terminal' if terminal_there else 'no terminal: plain lines'}, {encoding or 'unknown encoding'}"
    good = encoding.replace("-", "") == "utf8"
    return Finding(what="terminal", good=good, found=found, remedy="export PYTHONIOENCODING=utf-8", needed=False)
