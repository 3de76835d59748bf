"""The ledger and a dictionary, driven together: what is pending resolves once, and nothing is made or lost."""

from collections import Counter

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from trading_ecosystem.messages.custody import Posting
from trading_ecosystem.simulators.custodian.ledger import EXTERNAL, FEES, TRANSFERS, Ledger, Transaction, TransferStatus

OPENING = {"ann": {"BTC": 10, "USD": 40}, "bob": {"BTC": 5, "USD": 0}}
NAMES = ("ann", "bob", FEES, EXTERNAL)
ASSETS = ("BTC", "USD")
POSTINGS = st.lists(
    st.builds(
        lambda parties, asset, amount: Posting(
            debit_account=parties[0], credit_account=parties[1], asset=asset, amount_minor=amount
        ),
        st.permutations(NAMES),
        st.sampled_from(ASSETS),
        st.integers(1, 8),
    ),
    min_size=1,
    max_size=4,
)


class LedgerMachine(RuleBasedStateMachine):
    waiting = Bundle("waiting")
    over = Bundle("over")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(OPENING)
        self.posted = Counter({(name, asset): amount for name in OPENING for asset, amount in OPENING[name].items()})
        for asset in ASSETS:
            self.posted[EXTERNAL, asset] = -sum(OPENING[name][asset] for name in OPENING)
        self.pending: list[Transaction] = []
        self.transactions = 1

    @rule(target=waiting, postings=POSTINGS, due_ns=st.integers(1, 9))
    def pend(self, postings: list[Posting], due_ns: int) -> Transaction:
        transaction = self.ledger.transaction(tuple(postings))
        self.ledger.pend(transaction, due_ns)
        self.pending.append(transaction)
        return transaction

    @rule(target=over, transaction=consumes(waiting))
    def post(self, transaction: Transaction) -> Transaction:
        after = self.posted.copy()
        after.update(moved(transaction))
        poor = [key for key, amount in after.items() if amount < 0 and key[0] in OPENING]
        assert (self.ledger.short_account(transaction) in {name for name, _ in poor}) == bool(poor)
        if poor:
            self.ledger.void(transaction)
        else:
            self.transactions += 1
            assert self.ledger.post(transaction) == self.transactions
            self.posted = after
        self.pending.remove(transaction)
        return transaction

    @rule(target=over, transaction=consumes(waiting), expires=st.booleans())
    def give_back(self, transaction: Transaction, expires: bool) -> Transaction:
        (self.ledger.expire if expires else self.ledger.void)(transaction)
        self.pending.remove(transaction)
        return transaction

    @rule(transaction=over, step=st.sampled_from(["pend", "post", "void", "expire"]))
    def nothing_resolves_twice(self, transaction: Transaction, step: str) -> None:
        with pytest.raises(AssertionError, match="cannot"):
            if step == "pend":
                self.ledger.pend(transaction, 1)
            else:
                getattr(self.ledger, step)(transaction)

    @rule()
    def a_twin_takes_over(self) -> None:
        saved = self.ledger.save()
        twin = Ledger({name: {} for name in OPENING})
        twin.restore(**saved)  # type: ignore[arg-type]
        assert twin.save() == saved

    @invariant()
    def balances_are_the_fold_of_what_was_posted(self) -> None:
        held = {(line.account, line.asset): line for name in NAMES for line in self.ledger.holdings(name)}
        waits: Counter[tuple[str, str]] = Counter()
        goes_out: Counter[tuple[str, str]] = Counter()
        for transaction in self.pending:
            waits.update(moved(transaction))
            goes_out.update({key: -amount for key, amount in moved(transaction).items() if amount < 0})
        for name in NAMES:
            for asset in ASSETS:
                line = held.get((name, asset))
                key = (name, asset)
                assert (self.posted[key], waits[key]) == ((line.posted_minor, line.pending_minor) if line else (0, 0))
                assert self.ledger.free_minor(name, asset) == self.posted[key] - goes_out[key]
        for asset in ASSETS:
            assert sum(self.posted[name, asset] for name in NAMES) == 0


def moved(transaction: Transaction) -> Counter[tuple[str, str]]:
    """What it does to each balance, net."""
    changes: Counter[tuple[str, str]] = Counter()
    for line in transaction.postings:
        changes[line.debit_account, line.asset] -= line.amount_minor
        changes[line.credit_account, line.asset] += line.amount_minor
    return changes


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)


def test_only_what_is_pending_can_be_resolved() -> None:
    assert {status for status, _ in TRANSFERS} == {TransferStatus.NEW, TransferStatus.PENDING}
