"""`tse scenarios`, `tse validate`, `tse schema`: what can be run, and what a scenario file may say."""

from typing import Annotated

import typer
from rich.text import Text

from trading_ecosystem.cli import terminal
from trading_ecosystem.cli.lookup import every_scenario, find_scenario
from trading_ecosystem.configuration.scalars import duration_text
from trading_ecosystem.validation.test_coordinator import format, scenario as reader

File = Annotated[str, typer.Argument(metavar="FILE", help="A scenario file, or the name of a shipped one.")]


def scenarios() -> None:
    """List the scenarios that are shipped."""
    table = terminal.plain_table("Scenario", "Title", "Family", "Severity", "Simulated", "File")
    for path in every_scenario().values():
        found = reader.load(path)
        length = duration_text(found.duration_ns)
        words = (found.name, found.title, found.family, found.severity, length, str(path))
        table.add_row(*(Text(word) for word in words))
    terminal.screen().print(table)


def validate(file: File) -> None:
    """Check a scenario file, and that its world has what it names, without running it. Exit code: 0 good, 2 not."""
    from trading_ecosystem.preparation import RunRequest, prepare

    path = find_scenario(file)
    found = prepare(RunRequest(scenario_path=path)).scenario
    words = f"{path}: good: {found.name}, {duration_text(found.duration_ns)}, world {found.world}"
    terminal.screen().print(Text(words))


def schema() -> None:
    """Print the JSON Schema of the scenario format on standard output."""
    terminal.print_object(format.json_schema())
