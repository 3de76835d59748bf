"""`tse verify`: whether an audit trail is as it was written."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from trading_ecosystem.cli import terminal
from trading_ecosystem.cli.exits import Exit
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.report.words import counted
from trading_ecosystem.validation.audit_correlator import verify as verifier

TRAIL_NAME = "trail.jsonl"
Trail = Annotated[Path, typer.Argument(metavar="TRAIL", help="A trail file, or the report folder of one run.")]


def trail_of(given: Path) -> Path:
    """The trail file: itself, or that of the report folder of a run."""
    return given / TRAIL_NAME if given.is_dir() else given


def verify(trail: Trail) -> None:
    """Check the hash chain of a trail. Exit code: 0 whole, 1 damaged, 2 not readable."""
    path = trail_of(trail)
    found = verifier.verify(path)
    console = terminal.screen()
    if found.fault is not None and found.fault.damage is verifier.Damage.UNREADABLE:
        raise Problem(f"{path}: {found.fault.detail}")
    if found.fault is not None:
        console.print(Text(f"✗ {path}: {found.fault}", "red"))
        console.print(Text(f"  {counted(found.entries, 'entry', 'entries')} before it are whole"))
        raise typer.Exit(Exit.FAIL)
    console.print(Text(f"✓ {path}: {counted(found.entries, 'entry', 'entries')}, every one as it was written"))
    console.print(Text(f"  digest {found.head}"))
