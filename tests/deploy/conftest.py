"""A deployment's folder, and programs that are not everywhere."""

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
