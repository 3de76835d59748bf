"""`tse down`: everything that `tse up` has started and made is gone when it returns."""

from typing import TYPE_CHECKING

from rich.text import Text

from trading_ecosystem.cli import terminal
from trading_ecosystem.cli.places import FOLDER, Folder
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.report.words import counted

if TYPE_CHECKING:
    from trading_ecosystem.orchestrator.folder import RunFolder


def down(folder: Folder = FOLDER) -> None:
    """Bring the ecosystem down, and remove what it left. Exit code: 0, also if nothing was up."""
    from trading_ecosystem.orchestrator.folder import Occupancy, RunFolder

    place = RunFolder(folder)
    match place.occupancy():
        case Occupancy.LIVE:
            stop(place)
            say("everything is down")
        case Occupancy.STALE:
            clear(place)
            say(f"{folder}: nothing was running; what the last supervisor left is removed")
        case Occupancy.EMPTY:
            say(f"{folder}: nothing is up here")


def stop(place: "RunFolder") -> None:
    from trading_ecosystem.orchestrator.control import conversation, outlived

    with conversation(place) as supervisor, outlived(supervisor.pid):
        for line in supervisor.ask("down"):
            instances = line["instances"]
            assert isinstance(instances, list)
            say(f"stopping {counted(len(instances), 'service')}")


def clear(place: "RunFolder") -> None:
    from trading_ecosystem.orchestrator.folder import Held

    try:
        with place.held():
            place.remove()
    except Held:
        raise Problem(f"{place.path}: a supervisor is just starting or stopping here; try again") from None


def say(words: str) -> None:
    terminal.screen().print(Text(words))
