"""`tse status`: who runs, where, and whether all is well."""

from typing import TYPE_CHECKING

import typer
from rich.table import Table
from rich.text import Text

from trading_ecosystem.cli import terminal
from trading_ecosystem.cli.exits import Exit
from trading_ecosystem.cli.places import FOLDER, Folder
from trading_ecosystem.cli.run import Json
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.configuration.scalars import instant_text

if TYPE_CHECKING:
    from trading_ecosystem.orchestrator.control import Line

SECOND_NS = 1_000_000_000
HEADERS = ("Instance", "Plane", "State", "gRPC", "REST", "Pid", "Restarts", "Memory")


def status(folder: Folder = FOLDER, json: Json = False) -> None:
    """Show the running ecosystem. Exit code: 0 if every service is ready, 1 if not, 2 if nothing is up."""
    from trading_ecosystem.orchestrator.control import conversation
    from trading_ecosystem.orchestrator.folder import Occupancy, RunFolder

    place = RunFolder(folder)
    if place.occupancy() is Occupancy.STALE:
        raise Problem(f"{folder}: nothing is up: the last supervisor died or gave up; see `tse logs`, then `tse down`")
    with conversation(place) as supervisor:
        head, *services = supervisor.ask("status")
    show(head, services)
    if json:
        terminal.print_object(head | {"services": services})
    raise typer.Exit(Exit.PASS if all(service["ready"] for service in services) else Exit.FAIL)


def show(head: "Line", services: "list[Line]") -> None:
    console = terminal.screen()
    console.print(
        Text(f"{head['stage']}", "bold"),
        Text(f"{head['world']}, seed {head['seed']}, {head['speed']}x, profile {head['profile']}, {head['up_s']} s"),
    )
    now_ns = int(str(head["now_ns"]))
    console.print(Text(f"  simulated time {instant_text(now_ns - now_ns % SECOND_NS)}, registry {head['registry']}"))
    if head["pace"] != head["speed"] or head["waited_s"]:
        console.print(Text(f"  time runs at {head['pace']}x just now, and has stood still for {head['waited_s']} s"))
    console.print(table(services))
    held = sum(float(str(service["memory_mib"])) for service in services if service["memory_mib"] is not None)
    console.print(Text(f"{len(services)} services hold {held:.0f} MiB"))


def table(services: "list[Line]") -> Table:
    rows = terminal.plain_table(*HEADERS)
    for service in services:
        addresses = service["addresses"]
        assert isinstance(addresses, dict)
        memory = service["memory_mib"]
        rows.add_row(
            Text(str(service["instance"])),
            Text(str(service["plane"])),
            state_text(service),
            Text(addresses.get("grpc", "")),
            Text(addresses.get("rest", "")),
            Text("" if service["pid"] is None else str(service["pid"])),
            Text(str(service["restarts"])),
            Text("" if memory is None else f"{memory} MiB"),
        )
    return rows


def state_text(service: "Line") -> Text:
    if service["ready"] and service["state"] == "running":
        return Text("✓ ready", "green")
    return Text(f"✗ {'starting' if service['state'] == 'running' else service['state']}", "red")
