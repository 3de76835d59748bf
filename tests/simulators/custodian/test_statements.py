"""What the store tells as a statement is what the ledger has, whatever has been traded and transferred."""

from dataclasses import replace

import pytest
from tests.simulators.custodian.coupled import ASSETS, AT_VENUE, HOUR_NS, MINUTE_NS, VAULTS, Coupled, Draws
from tests.simulators.custodian.test_transfer_crowd import Crowd

from trading_ecosystem.live.store.opening import memory_store
from trading_ecosystem.simulators.custodian.statement_store import Statements, check
from trading_ecosystem.simulators.custodian.store import DESIGN
from trading_ecosystem.simulators.custodian.transfer_store import PastTransfer

HELD = {**AT_VENUE, **VAULTS, "transit": {}, "external": {}}
MOST = 10_000


@pytest.mark.parametrize("seed", range(2))
def test_every_account_of_a_crowd_adds_up_at_any_moment(seed: int) -> None:
    crowd, rig = Crowd(seed), Coupled(crashes=False, rough=Draws(seed, "network"))
    history = memory_store(DESIGN).history
    moments, recorded = [rig.now], 0
    for _ in range(60):
        rig.say(*crowd.commands(rig))
        rig.run(crowd.chance.one_of([1_000_000, MINUTE_NS, 11 * MINUTE_NS, HOUR_NS]))
        moments.append(rig.now)
    messages = [message for _, message in rig.log]
    for recorded in range(0, len(messages), 7):
        history.record(messages[recorded : recorded + 7])
    history.record(messages)  # Again is as good as once.
    statements = Statements(history.database, HELD)
    for account in (*AT_VENUE, *VAULTS):
        whole = statements.statement(account, 0, rig.now + 1, MOST)
        assert whole is not None
        held = {asset: minor for asset, minor in whole.closing.items() if minor}
        assert held == rig.custody(account), account
        middle = moments[len(moments) // 2]
        first, second = (
            statements.statement(account, since, until, MOST) for since, until in ((0, middle), (middle, rig.now + 1))
        )
        assert first is not None and second is not None
        assert first.closing == {asset: second.opening.get(asset, 0) for asset in first.closing}
        assert first.lines + second.lines == whole.lines
    assert statements.statement("ann", 0, rig.now + 1, 1) is None


def test_a_statement_that_does_not_add_up_is_never_told() -> None:
    statements = Statements(memory_store(DESIGN).history.database, HELD)
    statement = statements.statement("ann", 0, 1, MOST)
    assert statement is not None and statement.opening == statement.closing == AT_VENUE["ann"]
    with pytest.raises(AssertionError, match="USD of ann"):
        check(replace(statement, closing={**statement.closing, "USD": 999}))


def test_the_history_tells_each_transfer_as_its_last_change() -> None:
    crowd, rig = Crowd(3), Coupled(crashes=False)
    history = memory_store(DESIGN).history
    for _ in range(60):
        rig.say(*crowd.commands(rig))
        rig.run(10 * MINUTE_NS)
    history.record([message for _, message in rig.log])
    found: list[PastTransfer] = history.transfers.transfers()
    assert found and {each.asset for each in found} <= set(ASSETS)
    for each in found:
        assert each.transfer_status is (rig.status(each.request_id) or each.transfer_status)
        assert history.transfers.transfer(each.request_id) == each
        assert history.transfers.changes(each.transfer_id)[-1][0] is each.transfer_status
