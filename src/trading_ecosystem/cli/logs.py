"""`tse logs`: what the services of a running ecosystem say, or of one that has died."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trading_ecosystem.cli.places import FOLDER, Folder
from trading_ecosystem.configuration.document import Problem

if TYPE_CHECKING:
    from trading_ecosystem.orchestrator.folder import RunFolder

SUPERVISOR = "supervisor"
LOOK_EVERY_S = 0.2
Instance = Annotated[str, typer.Argument(metavar="[INSTANCE]", help="One service or `supervisor`, instead of all.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is said from now on, until Ctrl-C.")]
Lines = Annotated[int, typer.Option("--lines", "-n", metavar="N", min=0, max=100_000, help="Of the end of each log.")]


def logs(instance: Instance = "", follow: Follow = False, lines: Lines = 50, folder: Folder = FOLDER) -> None:
    """Print the logs on standard output; of several services, each line after the name of its own."""
    from trading_ecosystem.orchestrator.folder import RunFolder

    chosen = files_of(RunFolder(folder), instance)
    readers = [Reader(path, "" if instance else f"{name} | ", lines) for name, path in chosen.items()]
    try:
        for reader in readers:
            reader.print_more()
        while follow and folder.exists():
            time.sleep(LOOK_EVERY_S)
            for reader in readers:
                reader.print_more()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.stdout = None  # Whoever read it has seen enough.


def files_of(place: "RunFolder", instance: str) -> dict[str, Path]:
    """The logs that are meant, by name. Raises `Problem` where there are none."""
    known = {name: place.log(name) for name in place.instances()} | {SUPERVISOR: place.supervisor_log}
    if not any(path.exists() for path in known.values()):
        raise Problem(f"{place.path}: nothing is up here, and nothing has left a log")
    if not instance:
        return known
    if instance not in known:
        raise Problem(f"{instance}: no such service; known: {', '.join(known)}")
    return {instance: known[instance]}


class Reader:
    """Prints a log from its last lines on, as whole lines."""

    def __init__(self, path: Path, prefix: str, lines: int) -> None:
        self._path, self._prefix, self._skip_to_last = path, prefix, lines
        self._read = 0  # Bytes.
        self._first = True

    def print_more(self) -> None:
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        texts = whole.decode("utf-8", "replace").splitlines()
        if self._first:
            texts = texts[max(0, len(texts) - self._skip_to_last) :]
            self._first = False
        for text in texts:
            sys.stdout.write(f"{self._prefix}{text}\n")
        sys.stdout.flush()
