"""The monitor moves to production unchanged: it can reach nothing that tells it whether it is being tested."""

import ast
import re
from pathlib import Path

import pytest

import trading_ecosystem.production.risk_monitor as package

OWN = "trading_ecosystem.production.risk_monitor"
ALLOWED = (
    OWN,
    "trading_ecosystem.core",
    "trading_ecosystem.reference",
    "trading_ecosystem.configuration",
    *(f"trading_ecosystem.messages.{name}" for name in ("accounts", "custody", "health", "market", "message")),
    *(f"trading_ecosystem.messages.{name}" for name in ("orders", "risk", "runtime")),
)
STANDARD = {"collections.abc", "dataclasses", "enum", "fractions", "heapq", "math", "typing"}
FILES = sorted(Path(next(iter(package.__path__))).rglob("*.py"))
TELLTALES = re.compile(r"\b(scenario|simulat|inject|chaos|audit|coordinator|twin|virtual|test)", re.IGNORECASE)


def imported(tree: ast.AST) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module
            names.append(node.module)
    return names


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 10


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_only_messages_of_production_and_foundations_are_imported(file: Path) -> None:
    for name in imported(ast.parse(file.read_text(encoding="utf-8"))):
        inside = any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED)
        assert inside or name in STANDARD, f"{file.name} imports {name}"


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_no_word_of_the_other_planes_is_in_the_code(file: Path) -> None:
    assert TELLTALES.findall(file.read_text(encoding="utf-8")) == []
