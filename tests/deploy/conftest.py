"""A deployment's folder, and programs that are not everywhere."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trading_ecosystem.orchestrator.deployment import write_deployment

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the world that is shipped; nobody changes it."""
    folder = tmp_path_factory.mktemp("deployment") / "deployment"
    write_deployment(folder, ROOT / "worlds" / "two-desks.yaml", 7)
    return folder


@pytest.fixture(scope="session")
def need_program() -> Callable[[str, str], str]:
    """The path of a program; the test that asks is skipped, or fails under CI, where it is not installed."""

    def need(name: str, where: str) -> str:
        found = shutil.which(name)
        if found is not None:
            return found
        reason = f"{name} is not installed ({where})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)

    return need
