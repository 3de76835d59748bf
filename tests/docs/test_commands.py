"""Every command that a page shows is run, in the order of the page: as written, or with its scenario made shorter."""

import io
import json
import re
import shlex
import shutil
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from trading_ecosystem.cli.main import app, main

pytestmark = pytest.mark.whole

BLOCK = re.compile(r"^```(console|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
EXIT_CODES = {"FAIL": 1, "INVALID": 3}  # As the comment behind a command says.
FIRST_HOUR = "docs/first-hour.md"  # Has a test of its own: it writes files and runs them.
LIVE = ("up", "status", "logs", "equivalence", "down")
# The pages' example, within six minutes, and slow enough for a busy machine.
LIVE_SETTINGS = (
    "duration=6m steady_state.for=1m method.0.at=1m method.0.over=1m rollbacks.0.at=4m rollbacks.0.over=1m "
    "recovery.within=1m"
)
LIVE_SPEED = "20"
SHORTER = {
    "usdt-depeg-36h": (
        "duration=20m steady_state.for=5m method.0.at=5m method.0.over=8m rollbacks.0.at=14m rollbacks.0.over=2m "
        "recovery.within=4m"
    ),
    "docs/examples/quiet-month.yaml": "duration=4h recovery.within=3h",
}


@dataclass(frozen=True, kw_only=True)
class Command:
    """A line of a console block: what follows `tse`, where its output goes, the exit code that it promises."""

    line: str
    arguments: tuple[str, ...]
    output: str
    exit_code: int

    @property
    def live(self) -> bool:
        """It needs an ecosystem that is up, or brings one up or down."""
        return self.arguments[0] in LIVE or "--live" in self.arguments


@dataclass(frozen=True, kw_only=True)
class Ran:
    exit_code: int
    printed: str  # On standard output.
    shown: str  # On standard error.


def commands_of(page: str) -> list[Command]:
    blocks = [text for kind, text in BLOCK.findall(page) if kind == "console"]
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [read_command(line) for line in lines if line.startswith("tse ")]


def read_command(line: str) -> Command:
    words = shlex.split(line, comments=True)
    output = ""
    if ">" in words:
        output = words[words.index(">") + 1]
        words = words[: words.index(">")]
    promised = re.search(r"#\s+(FAIL|INVALID)\b", line)
    code = EXIT_CODES[promised[1]] if promised else 0
    return Command(line=line, arguments=tuple(words[1:]), output=output, exit_code=code)


def shortened(arguments: tuple[str, ...]) -> list[str]:
    """A run with its scenario made shorter; a suite of the one folder that is there."""
    if arguments[0] == "suite":
        return [*arguments, "scenarios"]
    if arguments[0] == "up":
        return [*arguments, "--ready-within", "300"]
    if arguments[0] == "equivalence" or "--live" in arguments:
        settings = [word for setting in LIVE_SETTINGS.split() for word in ("--set", setting)]
        return [*arguments, "--speed", LIVE_SPEED, *settings]
    settings = [setting for name in arguments for setting in SHORTER.get(name, "").split() if arguments[0] == "run"]
    return [*arguments, *(word for setting in settings for word in ("--set", setting))]


@pytest.fixture
def folder(tmp_path: Path, root: Path) -> Path:
    """A place to run in, with the examples, a recording, and one small scenario as the suite."""
    shutil.copytree(root / "docs" / "examples", tmp_path / "docs" / "examples")
    (tmp_path / "scenarios").mkdir()
    shutil.copy(root / "docs" / "examples" / "usdt-slips.yaml", tmp_path / "scenarios")
    (tmp_path / "usdt_usd.csv").write_text(recording(), encoding="utf-8")
    return tmp_path


def recording() -> str:
    """Minutes of USDT at par, and then at 0.985."""
    start = datetime(2026, 3, 2, tzinfo=UTC)
    prices = ["1.0000" if minute < 8 else "0.9850" for minute in range(21)]
    rows = [f"{(start + timedelta(minutes=at)).isoformat()},{','.join([price] * 4)}" for at, price in enumerate(prices)]
    return "\n".join(["time,open,high,low,close", *rows]) + "\n"


def execute(command: Command, folder: Path) -> Ran:
    printed, shown = io.StringIO(), io.StringIO()
    with chdir(folder), redirect_stdout(printed), redirect_stderr(shown):
        code = main(shortened(command.arguments))
        if command.output:
            Path(command.output).write_text(printed.getvalue(), encoding="utf-8")
    return Ran(exit_code=int(code), printed=printed.getvalue(), shown=shown.getvalue())


def shape(line: str) -> str:
    """A line without its numbers and the width of its columns."""
    line = re.sub(r"\bdigest [0-9a-f]+", "digest #", line)
    line = re.sub(r"\d{4}-\d{2}-\d{2} [\d:.]+", "#", line)
    line = re.sub(r"[+-]?\d[\d,]*(\.\d+)?", "#", line)
    line = re.sub(r"# (h # min|min # s|ms|s|h)\b", "#", line)
    return " ".join(line.split())


def test_the_readme_does_what_it_says(pages: dict[str, str], folder: Path) -> None:
    page = pages["README.md"]
    commands = [command for command in commands_of(page) if not command.live]
    ran = {command.line: execute(command, folder) for command in commands}
    for command in commands:
        assert ran[command.line].exit_code == command.exit_code, (command.line, ran[command.line].shown)

    kept = next(ran[each.line] for each in commands if each.arguments[:2] == ("run", "usdt-depeg-36h"))
    excerpt = next(text for kind, text in BLOCK.findall(page) if kind == "text")
    real = {shape(line) for line in kept.shown.splitlines()}
    for line in excerpt.splitlines():
        assert line == "..." or shape(line) in real, line

    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert result["verdict"] == "PASS" and len(result["digest"]) == 64
    assert json.loads((folder / "scenario.schema.json").read_text(encoding="utf-8"))["$schema"]
    assert sorted(path.name for path in (folder / "out" / "usdt-depeg-36h").iterdir()) == [
        "report.html",
        "result.json",
        "trail.jsonl",
    ]


def test_the_excerpt_would_notice_a_changed_line() -> None:
    assert shape("fired 60.9 s after, deadline 65 s") == shape("fired 2 h 16 min after, deadline 1 min 05 s")
    assert shape("negative twin  ✓ PASS") != shape("negative twin  ✗ FAIL")
    assert shape("14 checks held") != shape("14 checks failed")


def test_the_other_pages_do_what_they_say(pages: dict[str, str], folder: Path) -> None:
    others = [page for name, page in pages.items() if name not in ("README.md", FIRST_HOUR)]
    commands = [command for page in others for command in commands_of(page) if not command.live]
    assert commands
    for command in commands:
        ran = execute(command, folder)
        assert ran.exit_code == command.exit_code, (command.line, ran.shown)


@pytest.mark.slow
def test_the_live_commands_do_what_they_say(pages: dict[str, str], folder: Path) -> None:
    commands = commands_of(pages["docs/live.md"])
    assert commands[0].arguments[0] == "up" and commands[-1].arguments == ("down",)
    assert all(command.live for command in commands)
    try:
        for command in commands:
            ran = execute(command, folder)
            assert ran.exit_code == command.exit_code, (command.line, ran.printed, ran.shown)
        assert not (folder / ".tse").exists()
        assert (folder / "out" / "usdt-slips" / "report.html").exists()
    finally:
        execute(commands[-1], folder)


def test_live_commands_of_other_pages_are_those_of_the_live_page(pages: dict[str, str]) -> None:
    tried = {command.arguments for command in commands_of(pages["docs/live.md"])}
    for name, page in pages.items():
        assert {command.arguments for command in commands_of(page) if command.live} <= tried, name


def test_what_validate_prints_is_what_the_page_shows(pages: dict[str, str], folder: Path) -> None:
    page = pages["docs/scenario-format.md"]
    command = next(each for each in commands_of(page) if each.arguments[0] == "validate")
    assert execute(command, folder).shown.strip() in page


def test_the_readme_shows_every_command(pages: dict[str, str]) -> None:
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert {command.arguments[0] for command in commands_of(pages["README.md"])} == set(known)


def options_of(command: Any) -> set[str]:
    """Of a command, and of those below it."""
    below = [option for each in getattr(command, "commands", {}).values() for option in options_of(each)]
    own = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    return own.union(below)


def options_named(page: str) -> set[str]:
    """In commands of ours, and where they stand alone."""
    snippets = re.findall(r"`([^`\n]+)`", page) + [
        line for _, text in BLOCK.findall(page) for line in text.splitlines()
    ]
    ours = [each for each in snippets if re.match(r"(\$ )?tse |--", each)]
    return {option for each in ours for option in OPTION.findall(each)}


def test_every_option_that_a_page_names_is_there(pages: dict[str, str]) -> None:
    options = options_of(typer.main.get_command(app))
    assert options_named("`--no-such`, `tse run --other X`, `curl --foreign`") == {"--no-such", "--other"}
    for name, page in pages.items():
        assert options_named(page) <= options, name


def test_every_target_of_make_that_a_page_names_is_there(pages: dict[str, str], root: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for name, page in pages.items():
        assert set(re.findall(r"(?:`|\$ )make ([a-z]+)", page)) <= targets, name
