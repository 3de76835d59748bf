"""What the store tells of netting sets, profits and comparisons is what happened, and its statements add up."""

import pytest
from tests.simulators.custodian.coupled import HOUR_NS, VAULTS, Draws
from tests.simulators.custodian.coupled_margin import HELD, CoupledMargin
from tests.simulators.custodian.test_venue_books import settle_at_a_cut_off
from tests.simulators.exchange.margin_crowd import MarginCrowd

from trading_ecosystem.live.store.opening import memory_store
from trading_ecosystem.messages.books import BooksCompared, Break, NettingSettled
from trading_ecosystem.messages.custody import SettlementStatus
from trading_ecosystem.simulators.custodian.statement_store import Statements
from trading_ecosystem.simulators.custodian.store import DESIGN, SettlementHistory

MOST = 10_000
OWN = ("fees", "clearing", "insurance")


def recorded(seed: int) -> tuple[CoupledMargin, SettlementHistory]:
    rig = CoupledMargin(Draws(seed, "network"), crashes=False)
    crowd, draws = MarginCrowd(seed), Draws(seed, "spot")
    for _ in range(2):
        rig.trade(crowd, draws, 40, HOUR_NS)
        settle_at_a_cut_off(rig)
    history = memory_store(DESIGN).history
    messages = [message for _, message in rig.log]
    for begin in range(0, len(messages), 50):
        history.record(messages[begin : begin + 50])
    history.record(messages[-30:])  # Again is as good as once.
    return rig, history


@pytest.mark.parametrize("seed", range(2))
def test_statements_add_up_over_netting_and_profits_at_any_split(seed: int) -> None:
    rig, history = recorded(seed)
    held = {**HELD, **VAULTS, **{name: {} for name in OWN}}
    statements = Statements(history.database, held)
    reasons: dict[str, int] = {}
    for account in (*HELD, *OWN):
        whole = statements.statement(account, 0, rig.now + 1, MOST)
        assert whole is not None
        assert {asset: minor for asset, minor in whole.closing.items() if minor} == rig.custody(account), account
        for line in whole.lines:
            reasons[line.reason] = reasons.get(line.reason, 0) + 1
        split = rig.now - 20 * HOUR_NS
        first = statements.statement(account, 0, split, MOST)
        second = statements.statement(account, split, rig.now + 1, MOST)
        assert first is not None and second is not None
        assert first.closing == second.opening and first.lines + second.lines == whole.lines
    assert reasons["netting"] > 10 and reasons["profit"] > 10


def test_an_instruction_tells_which_set_settled_it() -> None:
    rig, history = recorded(1)
    sets = [each for each in rig.said(NettingSettled) if isinstance(each, NettingSettled)]
    settled_by = {each.instruction_id: one.netting_id for one in sets for each in one.netted}
    told = {each.instruction_id: each for each in history.instructions(limit=MOST)}
    assert settled_by
    for instruction_id, netting_id in settled_by.items():
        each = told[instruction_id]
        assert each.netting_id == netting_id and each.settlement_status is SettlementStatus.SETTLED
        assert each.transaction_id is None and each.retry_ns is None
    assert all(each.netting_id is None for number, each in told.items() if number not in settled_by)
    found = history.books.nettings()
    assert [each.netting_id for each in found] == [each.netting_id for each in sets]
    assert [each.postings for each in found] == [each.postings for each in sets]
    of_ann = history.books.nettings(account="ann", after=1)
    assert [each.netting_id for each in of_ann] == [
        each.netting_id
        for each in sets[1:]
        if any("ann" in (posting.debit_account, posting.credit_account) for posting in each.postings)
    ]


def test_a_comparison_is_told_with_its_breaks() -> None:
    history = memory_store(DESIGN).history
    breaks = (Break(account="ann", asset="USD", venue_minor=3, custody_minor=-4),)
    compared = [
        BooksCompared(
            custodian="custodian",
            venue="exchange",
            last_trade_id=number,
            last_movement_id=0,
            entry_count=15,
            breaks=breaks if number == 2 else (),
            occurred_ns=number,
        )
        for number in (1, 2, 3)
    ]
    history.record(compared)
    history.record(compared[1:])
    assert history.books.comparisons() == compared
    assert history.books.comparisons(since_ns=2, limit=1) == compared[1:2]
