"""What of the scenarios for real services needs none passes in virtual time too, in a fraction of a second each.

The live run of `test_live_faults.py` takes minutes of a quiet machine, and nobody waits for it at every change.
"""

from pathlib import Path

import pytest

from trading_ecosystem.preparation import RunRequest
from trading_ecosystem.validation.results import Verdict
from trading_ecosystem.virtual.run import run

SCENARIOS = Path(__file__).with_name("scenarios")
OF_PROCESSES = {"audit", "coordinator", "links"}  # Kills of what virtual time never kills, and faults of connections.


@pytest.mark.parametrize("name", sorted({path.stem for path in SCENARIOS.glob("*.yaml")} - OF_PROCESSES))
def test_what_needs_no_process_passes_in_virtual_time(name: str) -> None:
    result = run(RunRequest(scenario_path=SCENARIOS / f"{name}.yaml"))
    assert result.judgement.verdict is Verdict.PASS, result.judgement.reasons


@pytest.mark.parametrize("name", sorted(OF_PROCESSES))
def test_what_needs_a_process_is_invalid_in_virtual_time(name: str) -> None:
    assert run(RunRequest(scenario_path=SCENARIOS / f"{name}.yaml")).judgement.verdict is Verdict.INVALID
