"""The ledger against plain dictionaries that are folded from the postings."""

from collections import Counter

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.messages.custody import Posting
from trading_ecosystem.simulators.custodian.ledger import EXTERNAL, FEES, Ledger, Transaction

OPENING = {"ann": {"BTC": 10, "USD": 40}, "bob": {"BTC": 5, "USD": 0}}
NAMES = ("ann", "bob", FEES, EXTERNAL)


def posting(debit: str, credit: str, asset: str, amount_minor: int) -> Posting:
    return Posting(debit_account=debit, credit_account=credit, asset=asset, amount_minor=amount_minor)


def posted(ledger: Ledger) -> Counter[tuple[str, str]]:
    return Counter({(h.account, h.asset): h.posted_minor for name in NAMES for h in ledger.holdings(name)})


def pending(ledger: Ledger) -> Counter[tuple[str, str]]:
    return Counter({(h.account, h.asset): h.pending_minor for name in NAMES for h in ledger.holdings(name)})


def fold(balances: Counter[tuple[str, str]], transaction: Transaction) -> None:
    for line in transaction.postings:
        balances[line.debit_account, line.asset] -= line.amount_minor
        balances[line.credit_account, line.asset] += line.amount_minor


def test_all_that_is_held_came_from_outside() -> None:
    ledger = Ledger(OPENING)
    assert posted(ledger)[EXTERNAL, "BTC"] == -15
    assert posted(ledger)[EXTERNAL, "USD"] == -40
    assert ledger.transaction_count == 1
    assert ledger.holdings("nobody") == ()


ACCOUNTS = st.sampled_from(NAMES)
POSTINGS = st.builds(posting, ACCOUNTS, ACCOUNTS, st.sampled_from(["BTC", "USD"]), st.integers(1, 8)).filter(
    lambda line: line.debit_account != line.credit_account
)
STEPS = st.lists(
    st.one_of(
        st.lists(POSTINGS, min_size=1, max_size=4),
        st.tuples(st.sampled_from(["post", "void"]), st.integers(0, 9)),
    ),
    max_size=30,
)


@given(STEPS)
def test_balances_are_the_fold_of_the_postings(steps: list[list[Posting] | tuple[str, int]]) -> None:
    ledger = Ledger(OPENING)
    expected_posted, expected_pending = posted(ledger), pending(ledger)
    waiting: list[Transaction] = []
    for step in steps:
        if isinstance(step, list):
            transaction = ledger.transaction(tuple(step))
            ledger.pend(transaction, due_ns=1)
            waiting.append(transaction)
            fold(expected_pending, transaction)
        elif waiting:
            transaction = waiting.pop(step[1] % len(waiting))
            undone = Counter[tuple[str, str]]()
            fold(undone, transaction)
            expected_pending.subtract(undone)
            after = expected_posted.copy()
            after.update(undone)
            poor = [key for key, amount in after.items() if amount < 0 and key[0] in OPENING]
            assert bool(ledger.short_account(transaction)) == bool(poor)
            if step[0] == "post" and not poor:
                ledger.post(transaction)
                expected_posted = after
            else:
                ledger.void(transaction)
        assert {k: v for k, v in posted(ledger).items() if v} == {k: v for k, v in expected_posted.items() if v}
        assert {k: v for k, v in pending(ledger).items() if v} == {k: v for k, v in expected_pending.items() if v}
        for asset in ("BTC", "USD"):
            assert sum(posted(ledger)[name, asset] for name in NAMES) == 0


def test_what_is_pending_resolves_once() -> None:
    ledger = Ledger(OPENING)
    transaction = ledger.transaction((posting("ann", "bob", "BTC", 3),))
    with pytest.raises(AssertionError):
        ledger.post(transaction)
    ledger.pend(transaction, due_ns=1)
    with pytest.raises(AssertionError):
        ledger.pend(transaction, due_ns=1)
    assert ledger.post(transaction) == 2
    for resolve in (ledger.post, ledger.void):
        with pytest.raises(AssertionError):
            resolve(transaction)
    assert posted(ledger)["bob", "BTC"] == 8


@pytest.mark.parametrize("line", [("ann", "bob", 0), ("ann", "bob", -1), ("ann", "ann", 1)])
def test_a_posting_moves_something_between_two_accounts(line: tuple[str, str, int]) -> None:
    with pytest.raises(AssertionError):
        Ledger(OPENING).transaction((posting(line[0], line[1], "BTC", line[2]),))


def test_nobody_pays_more_than_is_posted() -> None:
    ledger = Ledger(OPENING)
    transaction = ledger.transaction((posting("bob", "ann", "BTC", 6),))
    ledger.pend(transaction, due_ns=1)
    assert ledger.short_account(transaction) == "bob"
    with pytest.raises(AssertionError):
        ledger.post(transaction)


def test_a_debit_relies_on_what_comes_in_only_where_posted_amounts_fall_short() -> None:
    ledger = Ledger(OPENING)
    ledger.pend(ledger.transaction((posting("ann", "bob", "BTC", 4),)), due_ns=70)
    ledger.pend(ledger.transaction((posting("ann", "bob", "BTC", 2),)), due_ns=50)
    within = ledger.transaction((posting("bob", "ann", "BTC", 5),))
    beyond = ledger.transaction((posting("bob", "ann", "BTC", 6),))
    assert ledger.relies_until_ns(within) == 0
    assert ledger.relies_until_ns(beyond) == 70
    ledger.pend(within, due_ns=60)
    assert ledger.relies_until_ns(ledger.transaction((posting("bob", "ann", "BTC", 1),))) == 70


def test_restores_what_it_saved() -> None:
    ledger, twin = Ledger(OPENING), Ledger({"ann": {}, "bob": {}})
    transaction = ledger.transaction((posting("ann", FEES, "USD", 40),))
    ledger.pend(transaction, due_ns=1)
    ledger.post(transaction)
    saved = ledger.save()
    twin.restore(**saved)  # type: ignore[arg-type]
    assert twin.save() == saved
    assert posted(twin) == posted(ledger)
    with pytest.raises(AssertionError):
        Ledger({"ann": {}}).restore(**saved)  # type: ignore[arg-type]
