"""Both sides of every shipped boundary, with three seeds: minutes of two cores (`make boundaries`)."""

from pathlib import Path

import pytest
from tests.validation.test_coordinator.test_boundary import WITH_BOUNDARY

from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.validation.results import Verdict
from trading_ecosystem.virtual.run import run_boundary


@pytest.mark.whole
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("path", WITH_BOUNDARY, ids=lambda path: path.stem)
def test_a_shipped_boundary_holds(path: Path, seed: int) -> None:
    for side in run_boundary(prepare(RunRequest(scenario_path=path, seed=seed)), {}):
        assert side.judgement.verdict is Verdict.PASS, (side.side, side.judgement.reasons)
