"""The pages, and a small run whose trail they speak of."""

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trading_ecosystem.preparation import RunRequest
from trading_ecosystem.virtual.run import run

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a trail."""

    message_id: int
    causation_id: int
    sender: str
    type_name: str
    values: dict[str, Any]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def generate() -> ModuleType:
    """`docs/generate.py`, which is a script and no part of the package."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def pages(generate: ModuleType) -> dict[str, str]:
    """Every page by its path from the root."""
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in generate.pages()}


@pytest.fixture(scope="session")
def trail(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    """All entries of a run of the README's scenario."""
    folder = tmp_path_factory.mktemp("trail")
    scenario = ROOT / "docs" / "examples" / "usdt-slips.yaml"
    result = run(RunRequest(scenario_path=scenario, report_folder=folder, with_twin=False))
    header, *lines = [json.loads(line) for line in Path(result.trail).read_text(encoding="ascii").splitlines()]
    fields = header[1]["fields"]
    return [
        Entry(
            message_id=line[2],
            causation_id=line[3],
            sender=line[5],
            type_name=line[6],
            values=dict(zip(fields[line[6]], line[7], strict=True)),
        )
        for line in lines
    ]
