"""The newcomer's page, from its first line to its last: files are written, changed and run as it says."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import pytest
from tests.docs.test_commands import execute, read_command, shape

pytestmark = pytest.mark.whole

STEP = re.compile(r"^(?P<lead>[^\n]*)\n\n```(?P<kind>console|yaml|python)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)
LONGEST = 250  # Lines, of which half are what is typed.
MODULES = ("leaver", "slipping")


@dataclass(frozen=True)
class Step:
    lead: str  # The line before it.
    kind: str
    text: str


def steps_of(page: str) -> list[Step]:
    found = STEP.finditer(page)
    return [Step(each["lead"], each["kind"], each["text"]) for each in found]


@pytest.fixture
def folder(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copytree(root / "worlds", tmp_path / "worlds")
    monkeypatch.chdir(tmp_path)
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def edit(step: Step, folder: Path) -> None:
    """Do to a file what the line before its block says; a block of which it says nothing is only looked at."""
    if named := re.search(r"Put this into `([\w.-]+)`:$", step.lead):
        (folder / named[1]).write_text(step.text, encoding="utf-8")
    elif named := re.search(r"At the end of `([\w.-]+)`, add:$", step.lead):
        with (folder / named[1]).open("a", encoding="utf-8") as file:
            file.write(f"\n{step.text}")
    elif named := re.search(r"Under `(\w+):` in `([\w.-]+)`, add:$", step.lead):
        text = (folder / named[2]).read_text(encoding="utf-8")
        (head,) = re.findall(rf"^{named[1]}:.*\n", text, re.MULTILINE)
        (folder / named[2]).write_text(text.replace(head, head + step.text), encoding="utf-8")
    elif named := re.search(r"In `([\w.-]+)`, beta's strategies become:$", step.lead):
        before, _, rest = (folder / named[1]).read_text(encoding="utf-8").rpartition("    strategies:\n")
        (folder / named[1]).write_text(before + step.text + "\n" + rest.partition("\n\n")[2], encoding="utf-8")


def type_in(step: Step, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each line behind a $; what stands below it must be printed, in this order. Returns what each `tse` printed."""
    outputs: list[str] = []
    for typed in step.text.split("$ ")[1:]:
        line, *shown = typed.splitlines()
        if line == "export PYTHONPATH=.":
            monkeypatch.syspath_prepend(str(folder))
        elif line.startswith("tse "):
            command = read_command(line)
            ran = execute(command, folder)
            outputs.append(ran.printed + ran.shown)
            assert ran.exit_code == command.exit_code, (line, ran.shown)
            printed = iter([shape(each) for each in outputs[-1].splitlines()])
            for each in shown:
                assert shape(each) in printed, (each, outputs[-1])
        else:
            subprocess.run(line.split(), check=True, cwd=folder)
    return outputs


def test_every_step_does_what_the_page_says(
    pages: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = steps_of(pages["docs/first-hour.md"])
    outputs: list[str] = []
    for step in steps:
        if step.kind == "console":
            outputs += type_in(step, folder, monkeypatch)
        else:
            edit(step, folder)
    assert len(outputs) == len(re.findall(r"^\$ tse ", pages["docs/first-hour.md"], re.MULTILINE)) > 8
    failed, passed, traded, *_ = re.findall(r"digest (\w+)", "".join(outputs[3:]))
    assert failed == passed != traded  # Of the same history, and of another.


def test_it_is_short(pages: dict[str, str]) -> None:
    assert len(pages["docs/first-hour.md"].splitlines()) < LONGEST
