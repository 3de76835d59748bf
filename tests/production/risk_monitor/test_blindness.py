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
    *(f"trading_ecosystem.messages.{name}" for name in ("accounts", "books", "custody", "health", "market", "message")),
    "trading_ecosystem.messages.kill_switch",
    *(
        f"trading_ecosystem.messages.{name}"
        for name in ("numbers", "order_changes", "orders", "perpetuals", "risk", "runtime", "transfers", "triggers")
    ),
)
SHELLS = ("server.py", "store.py", "rest.py", "rest_bodies.py", "__main__.py")  # What is around the core.
OF_SHELLS = (
    *("trading_ecosystem.live", "alembic", "fastapi", "pydantic", "sqlalchemy"),
    *("asyncio", "collections", "contextlib", "functools", "pathlib", "ssl", "typing"),
)
NEVER = ("trading_ecosystem.live.chaos_wire", "trading_ecosystem.live.faults", "trading_ecosystem.live.store.faults")
STANDARD = {"collections.abc", "dataclasses", "enum", "fractions", "functools", "heapq", "math", "typing"}
STANDARD |= {"mypy_extensions"}
# What finds rules reads what is installed, once, before anything runs; what ends one says why in the log.
MORE = {
    "plugins.py": ("re",),
    "fence.py": ("trading_ecosystem.live.telemetry.lines", "trading_ecosystem.foreign_calls"),
}
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
    shell = file.name in SHELLS or file.parent.name in ("migrations", "notify")
    allowed = (*ALLOWED, *OF_SHELLS) if shell else (*ALLOWED, *MORE.get(file.name, ()))
    for name in imported(ast.parse(file.read_text(encoding="utf-8"))):
        assert within(name, allowed) or name in STANDARD, f"{file.name} imports {name}"
        assert not within(name, NEVER), f"{file.name} imports {name}"


def within(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_no_word_of_the_other_planes_is_in_the_code(file: Path) -> None:
    assert TELLTALES.findall(file.read_text(encoding="utf-8")) == []
