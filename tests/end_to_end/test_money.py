"""Days of a whole house, with all that can happen to money in it, end with every asset where it came from or went."""

from pathlib import Path

import pytest

from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.validation.results import Verdict
from trading_ecosystem.virtual.end_books import asset_lines, book_lines
from trading_ecosystem.virtual.run import execute

PLACE = Path(__file__).parents[2] / "docs" / "examples" / "money"


@pytest.mark.parametrize("scenario", ["four-days", "one-month"])
def test_every_asset_is_conserved_and_exchange_and_custody_come_to_zero(scenario: str) -> None:
    prepared = prepare(RunRequest(scenario_path=PLACE / f"{scenario}.yaml", seed=7, with_twin=False))
    ended = execute(prepared, None, None)
    assert ended.judgement.verdict is Verdict.PASS, ended.judgement.reasons
    assert ended.audit.figures()["in_flight"] == 0
    for line in asset_lines(ended.world, prepared.plan):
        assert (line.asset, line.difference, line.ledger_sum) == (line.asset, 0, 0)
        assert line.at_venue == line.in_custody + line.between
    assert [line for line in book_lines(ended.world, prepared.plan) if line.difference] == []
    counts, messages = ended.coordinator.counts(), ended.audit.counts()
    happened = (
        "settlements failed",
        "netting sets settled",
        "instructions netted",
        "transfers completed",
        "books compared",
    )
    assert {name for name in happened if counts.get(name, 0) == 0} == set()
    spoken = ("FundingSettled", "PositionLiquidated", "ProfitSettled", "PartPosted", "InjectionStruck")
    assert {name for name in spoken if messages.get(name, 0) == 0} == set()
