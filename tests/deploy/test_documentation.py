"""The commands of docs/deployment.md: those of `tse` are run, and what the others name is there."""

import re
from pathlib import Path

import pytest
import yaml

from trading_ecosystem.cli.main import main

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "deployment.md").read_text()
LINES = [
    line
    for block in re.findall(r"^```(?:console|sh)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
COMMANDS = [line.partition("  #")[0].removeprefix("$ ").strip() for line in LINES]


def test_the_commands_of_tse_do_what_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "deployment"
    told = [command.partition(" |")[0].replace("DIR", str(folder)) for command in COMMANDS if command[:4] == "tse "]
    assert [command.split()[2] for command in told] == ["documents", "certificates", "secrets"]
    for command in told:
        assert main(command.split()[1:]) == 0, command
    assert capsys.readouterr().out.count("kind: Secret") > 20


def test_what_the_other_commands_name_is_there(deployment: Path) -> None:
    for command in COMMANDS:
        for path in re.findall(r"(?:DIR|deploy)/\S+", command):
            assert (deployment / path[4:] if path.startswith("DIR/") else ROOT / path).exists(), command


def test_the_variables_and_networks_are_those_of_compose() -> None:
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    told = set(re.findall(r"TSE_\w+(?:IMAGE|PORT)|TSE_IMAGE", TEXT))
    assert told == set(re.findall(r"\$\{(TSE_(?:\w+_)?(?:IMAGE|PORT)):-", text))
    rows = set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))
    assert rows == set(yaml.safe_load(text)["networks"])
