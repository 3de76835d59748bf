"""Whatever faults strike, nothing breaks that must hold, and a few minutes after the last one all is well again.

`TSE_SWARM_SEEDS=500` runs more seeds; a seed that fails is replayed by the command that the failure prints.
"""

import os

import pytest
from tests.swarm.faults import FaultPlan, plan_of
from tests.swarm.runs import run

SEEDS = int(os.environ.get("TSE_SWARM_SEEDS", "12"))
REPLAY = "python tests/swarm/replay.py"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_all_is_well_after_the_faults_of(seed: int) -> None:
    try:
        faults = run(plan_of(seed)).faults
    except Exception as problem:
        problem.add_note(f"replay: {REPLAY} {seed}")
        raise
    assert not faults, "\n".join([*faults[:20], f"replay: {REPLAY} {seed}"])


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_has_one_history_whenever_its_snapshots_are_taken(seed: int) -> None:
    assert run(plan_of(seed)).digest == run(plan_of(seed), looks="other looks").digest


def quotes_may_differ(plan: FaultPlan) -> bool:
    return plan.moves_prices or plan.crashes("market_data")


@pytest.mark.parametrize("seed", [seed for seed in range(SEEDS) if not quotes_may_differ(plan_of(seed))][:3])
def test_without_its_faults_a_run_has_the_same_quotes(seed: int) -> None:
    plan = plan_of(seed)
    calm = run(plan.without_faults())
    assert not calm.faults
    assert calm.quotes_digest == run(plan).quotes_digest
    assert calm.lost == 0
