"""What the venue tells as a statement is what its balances and wallets are, whatever a crowd did, at any split."""

from dataclasses import replace
from itertools import pairwise

import pytest
from tests.simulators.custodian.coupled import HOUR_NS, MINUTE_NS, SECOND_NS, Draws, deposit, transfer, withdraw
from tests.simulators.custodian.coupled_margin import HELD, MARGIN, REFERENCE, CoupledMargin
from tests.simulators.exchange.margin_crowd import MarginCrowd

from trading_ecosystem.live.store.opening import memory_store
from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.simulators.exchange.movement_history import Kind, Wallet
from trading_ecosystem.simulators.exchange.statement_store import Amounts, Statements, check
from trading_ecosystem.simulators.exchange.store import DESIGN

MOST = 10_000


def traded(seed: int) -> tuple[CoupledMargin, Statements, list[int]]:
    """A venue that a crowd has used, its statements, and moments on the way."""
    rig, crowd, draws = CoupledMargin(crashes=False), MarginCrowd(seed), Draws(seed, "spot")
    moments = [rig.now]
    for number in range(12):
        rig.trade(crowd, draws, 40, MINUTE_NS)
        rig.say(withdraw(f"w{number}", "ann", "USD", 10 + number), deposit(f"d{number}", "bob", "BTC", 7))
        rig.say(transfer(f"t{number}", "ann.vault", "ann", "USD", 3))
        rig.run(HOUR_NS + SECOND_NS)
        moments.append(rig.now)
    history = memory_store(DESIGN).history
    messages = [message for _, message in rig.log]
    for begin in range(0, len(messages), 33):
        history.record(messages[begin : begin + 33])
    history.record(messages[-50:])  # Again is as good as once.
    return rig, Statements(history.database, REFERENCE, HELD, MARGIN), moments


def told(rig: CoupledMargin, account: str) -> Amounts:
    """What the venue says that the account has now."""
    (report,) = rig.cores["exchange"].handle(QueryAccount(to="exchange", asker="me", account=account), rig.now)
    assert isinstance(report, AccountReported)
    amounts = {(Wallet.BALANCE, each.asset): each.free_minor + each.locked_minor for each in report.balances}
    amounts.update({(Wallet.MARGIN, each.asset): each.wallet_minor for each in report.margins})
    return without_zeros(amounts)


def without_zeros(amounts: Amounts) -> Amounts:
    return {place: minor for place, minor in amounts.items() if minor}


@pytest.mark.parametrize("seed", range(3))
def test_statements_of_any_split_of_time_add_up_to_the_balances(seed: int) -> None:
    rig, statements, moments = traded(seed)
    kinds: dict[Kind, int] = {}
    for account in HELD:
        whole = statements.statement(account, 0, rig.now + 1, MOST)
        assert whole is not None and without_zeros(whole.closing) == told(rig, account), account
        assert without_zeros(statements.statement(account, 0, moments[0], MOST).closing) == {  # type: ignore[union-attr]
            **{
                (Wallet.BALANCE, asset): minor - MARGIN[account].get(asset, 0) for asset, minor in HELD[account].items()
            },
            **{(Wallet.MARGIN, asset): minor for asset, minor in MARGIN[account].items()},
        }
        draws = Draws(seed, f"splits {account}")
        moments_of_lines = [draws.one_of(whole.lines).occurred_ns for _ in range(3)]  # Where a split cuts closest.
        middle = [*moments_of_lines, *[moments[0] + draws.below(rig.now - moments[0]) for _ in range(3)]]
        bounds = [0, *sorted(middle), rig.now + 1]
        parts = [statements.statement(account, a, b, MOST) for a, b in pairwise(bounds)]
        lines = [line for part in parts if part is not None for line in part.lines]
        assert lines == list(whole.lines)
        for before, after in pairwise(parts):
            assert before is not None and after is not None
            assert without_zeros(before.closing) == without_zeros(after.opening)
        for line in whole.lines:
            kinds[line.kind] = kinds.get(line.kind, 0) + 1
        assert sum(whole.totals().values()) == sum(line.amount_minor for line in whole.lines)
    assert set(kinds) >= set(Kind) - {Kind.COVERED, Kind.LIQUIDATION}, kinds


def test_a_liquidation_has_its_fee_under_its_own_name() -> None:
    rig, statements, _ = traded(1)
    liquidated = [each for _, each in rig.log if type(each).__name__ == "PositionLiquidated"]
    fees: dict[str, int] = {}
    for each in liquidated:
        fees[each.account] = fees.get(each.account, 0) + each.fee_minor  # type: ignore[attr-defined]
    assert any(fees.values())
    for account, fee_minor in fees.items():
        whole = statements.statement(account, 0, rig.now + 1, MOST)
        assert whole is not None
        totals = whole.totals()
        assert sum(minor for key, minor in totals.items() if key[1] is Kind.LIQUIDATION) == -fee_minor
        assert without_zeros(whole.closing) == told(rig, account)


def test_a_statement_is_whole_or_none_and_never_told_if_it_does_not_add_up() -> None:
    rig, statements, _ = traded(2)
    whole = statements.statement("ann", 0, rig.now + 1, MOST)
    assert whole is not None and len(whole.lines) > 1
    assert statements.statement("ann", 0, rig.now + 1, len(whole.lines) - 1) is None
    assert statements.statement("ann", 0, rig.now + 1, len(whole.lines)) == whole
    with pytest.raises(AssertionError, match="USD of ann"):
        check(replace(whole, closing={**whole.closing, (Wallet.BALANCE, "USD"): 1}))
