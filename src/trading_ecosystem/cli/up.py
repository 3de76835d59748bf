"""`tse up`: seven services, each a process, and the one that watches over them."""

import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from trading_ecosystem.cli import terminal
from trading_ecosystem.cli.exits import Exit, Interrupted
from trading_ecosystem.cli.places import FOLDER, Folder, find_world
from trading_ecosystem.configuration.document import Problem

if TYPE_CHECKING:
    from trading_ecosystem.orchestrator.control import Line
    from trading_ecosystem.orchestrator.request import UpRequest


class Profile(StrEnum):
    EMBEDDED = "embedded"
    SERVERS = "servers"


World = Annotated[str, typer.Option(metavar="WORLD", help="A world file, or the name of a shipped one.")]
Seed = Annotated[int, typer.Option(metavar="N", min=0, max=1 << 31, help="Of prices and of other traders.")]
Speed = Annotated[int, typer.Option(metavar="N", min=1, max=3600, help="Simulated seconds per second.")]
Stores = Annotated[Profile, typer.Option(help="Stores: a file for each service, or servers that are there.")]
Postgres = Annotated[str, typer.Option(metavar="URL", envvar="TSE_POSTGRES", help="For --profile servers.")]
Valkey = Annotated[str, typer.Option(metavar="URL", envvar="TSE_VALKEY", help="For --profile servers.")]
Port = Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Of the registry; 0 is any free one.")]
Forward = Annotated[str, typer.Option(metavar="HOST:PORT", help="Who takes OTLP/gRPC and is to have it all too.")]
Alertmanager = Annotated[str, typer.Option(metavar="URL", help="An Alertmanager for the risk monitor's alerts.")]
Webhook = Annotated[str, typer.Option(metavar="URL", help="Where the risk monitor posts what becomes of its alerts.")]
Tls = Annotated[bool, typer.Option("--tls", help="Let the services show each other certificates.")]
Foreground = Annotated[bool, typer.Option("--foreground/--detach", help="Stay until Ctrl-C, or return when ready.")]
Within = Annotated[int, typer.Option(metavar="S", min=1, max=3600, help="Seconds that a service may take to be ready.")]


def up(
    world: World = "two-desks",
    seed: Seed = 7,
    speed: Speed = 1,
    profile: Stores = Profile.EMBEDDED,
    postgres: Postgres = "",
    valkey: Valkey = "",
    port: Port = 0,
    tls: Tls = False,
    forward: Forward = "",
    alertmanager: Alertmanager = "",
    webhook: Webhook = "",
    foreground: Foreground = False,
    ready_within: Within = 60,
    folder: Folder = FOLDER,
) -> None:
    """Bring the ecosystem up. Exit code: 0 all are ready, 1 one is not, 2 bad input or up already."""
    from trading_ecosystem.orchestrator.request import Stores as StoresOfRequest, UpRequest

    request = UpRequest(
        folder=folder.absolute(),
        world=find_world(world).absolute(),
        seed=seed,
        speed=speed,
        profile=StoresOfRequest(profile),
        postgres=postgres,
        valkey=valkey,
        port=port,
        tls=tls,
        ready_within_s=ready_within,
        forward=forward,
        alertmanager=alertmanager,
        webhook=webhook,
    )
    board = Board()
    (stay if foreground else leave)(request, board)
    raise typer.Exit(board.code)


class Board:
    """Shows the lines that a supervisor tells."""

    def __init__(self) -> None:
        self._console = terminal.screen()
        self._began_s = time.monotonic()
        self.code = Exit.PASS

    def show(self, line: "Line") -> None:
        """Raises `Problem` for what the person must put right."""
        if "problem" in line:
            raise Problem(str(line["problem"]))
        if "failed" in line:
            self.code = Exit.FAIL
            self._console.print(Text(f"✗ {line['failed']}", "red"))
        elif "ready" in line:
            self._console.print(
                Text("✓", "green"), Text(f"{line['ready']:<24} {line['address']:<22} {line['seconds']} s")
            )
        elif line.get("unexpected"):
            self._console.print(Text(f"! {line['instance']}: {line['detail']}", "yellow"))

    def up(self, request: "UpRequest", leave: str) -> None:
        took_s = time.monotonic() - self._began_s
        self._console.print(Text(f"up in {took_s:.1f} s: {request.world.stem}, {request.speed}x, {leave}"))

    def down(self) -> None:
        self._console.print(Text("everything is down"))


def leave(request: "UpRequest", board: Board) -> None:
    """Start a supervisor in the background, and return when it is up or has failed."""
    from trading_ecosystem.orchestrator.background import Started
    from trading_ecosystem.orchestrator.readiness import NotReady

    started = Started(request)
    try:
        for line in started.lines():
            if "held" in line:
                raise up_already(request.folder)
            board.show(line)
        if board.code is Exit.PASS:
            board.up(request, "tse down ends it")
    except NotReady as failure:
        board.show({"failed": str(failure)})
    except KeyboardInterrupt:
        started.stop()
        raise Interrupted("everything is down") from None


def stay(request: "UpRequest", board: Board) -> None:
    """Be the supervisor, until Ctrl-C or `tse down`."""
    import asyncio

    from trading_ecosystem.orchestrator.folder import Held
    from trading_ecosystem.orchestrator.readiness import NotReady

    try:
        asyncio.run(supervise(request, board.show, lambda: board.up(request, "Ctrl-C ends it")))
        board.down()
    except Held:
        raise up_already(request.folder) from None
    except NotReady as failure:
        board.show({"failed": str(failure)})


async def supervise(request: "UpRequest", tell: "Callable[[Line], None]", up: Callable[[], None]) -> None:
    from trading_ecosystem.orchestrator.announcing import stop_at_signals
    from trading_ecosystem.orchestrator.supervisor import Supervisor, terms_of

    supervisor = Supervisor(request, terms_of(request), tell)
    stop_at_signals(supervisor)
    await supervisor.run(lambda: None, up)


def up_already(folder: Path) -> Problem:
    from trading_ecosystem.orchestrator.folder import RunFolder

    state = RunFolder(folder).read_state()
    what = f"world {state.world}, pid {state.pid}" if state else "it is starting"
    return Problem(f"{folder}: up already ({what}); `tse status` shows it, `tse down` ends it")
