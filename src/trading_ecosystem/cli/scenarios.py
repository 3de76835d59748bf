"""`tse scenarios`, `tse validate`, `tse schema`: what can be run, and what a scenario file may say."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from trading_ecosystem.cli import terminal
from trading_ecosystem.cli.json_output import Object, seconds
from trading_ecosystem.cli.lookup import every_scenario, find_scenario
from trading_ecosystem.cli.run import Json
from trading_ecosystem.configuration.scalars import duration_text
from trading_ecosystem.validation.test_coordinator import format, scenario as reader
from trading_ecosystem.validation.test_coordinator.scenario import Scenario

File = Annotated[str, typer.Argument(metavar="FILE", help="A scenario file, or the name of a shipped one.")]


def scenarios(json: Json = False) -> None:
    """List the scenarios that are shipped, by family, with the alerts that each proves."""
    found = {path: reader.load(path) for path in every_scenario().values()}
    listed = sorted(found.items(), key=lambda item: format.FAMILIES.index(item[1].family))
    if json:
        terminal.print_object({"scenarios": [scenario_object(path, each) for path, each in listed]})
        return
    table = terminal.plain_table("Family", "Scenario", "Title", "Simulated", "Proves", "Boundary")
    family = ""
    for _, each in listed:
        shown = each.family if each.family != family else ""
        family = each.family
        length = duration_text(each.duration_ns)
        bounded = "yes" if each.boundary else "-"
        words = (shown, each.name, each.title, length, "\n".join(proofs(each)), bounded)
        table.add_row(*(Text(word) for word in words))
    terminal.screen().print(table)


def proofs(scenario: Scenario) -> list[str]:
    """The alerts that a scenario owes, with their deadlines."""
    return [
        f"{each.severity} {each.rule} on {each.subject} within {duration_text(each.deadline_ns)}"
        for each in scenario.expect
    ] or ["no alert fires"]


def scenario_object(path: Path, scenario: Scenario) -> Object:
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "family": scenario.family,
        "severity": scenario.severity,
        "world": scenario.world,
        "simulated_s": seconds(scenario.duration_ns),
        "expects": [
            {
                "rule": each.rule,
                "subject": each.subject,
                "severity": each.severity,
                "condition": each.when.text,
                "deadline_s": seconds(each.deadline_ns),
            }
            for each in scenario.expect
        ],
        "boundary": sides_of(scenario),
        "file": str(path),
    }


def sides_of(scenario: Scenario) -> list[str]:
    """What is run for the boundary besides the scenario itself."""
    return ["under", "over"] if scenario.boundary else []


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
