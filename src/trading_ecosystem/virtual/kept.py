"""What a run keeps while it goes on: its trail, whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.validation.audit_correlator.trail import FileSink, Sink

TRAIL = "trail.jsonl"


@contextmanager
def kept_trail(report_folder: Path | None, name: str) -> Iterator[tuple[Sink | None, str]]:
    """Where the trail goes, and its path: a file that appears when it is whole, or nowhere.

    A run that does not end leaves neither a file nor a folder. Raises `Problem` where the disk refuses.
    """
    if report_folder is None:
        yield None, ""
        return
    folder = report_folder / name
    path, partial = folder / TRAIL, folder / f".{TRAIL}.partial"
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="ascii", newline="") as file:
            yield FileSink(file), str(path)
        partial.replace(path)
    except OSError as error:
        raise Problem(f"--report {report_folder}: {error.filename or partial}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        with suppress(OSError):
            for each in made:
                each.rmdir()
