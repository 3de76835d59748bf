"""The double-entry ledger: who holds how much of what, posted and pending.

Rule 1: every change moves amounts between accounts; per asset, all accounts together are zero, always.
Rule 2: what is pending is posted, voided or expires exactly once, by the table, and whole.
Rule 3: no customer's posted balance is ever negative; `external`, where all holdings once came from, may
be, and so may `fees`, which pays the rebates, and `clearing`, which pays gains before it gets losses.
"""

from enum import StrEnum
from typing import Final, final

from trading_ecosystem.messages.accounts import Holding
from trading_ecosystem.messages.custody import Posting
from trading_ecosystem.messages.numbers import carried

EXTERNAL = "external"
FEES = "fees"
CLEARING = "clearing"  # Between those who gain and those who lose; between the two sides of a netting set.
INSURANCE = "insurance"  # The fund of a venue for its perpetuals.
TRANSIT = "transit"  # Between the two steps of a transfer.


MAY_OWE: Final = (EXTERNAL, FEES, CLEARING)


class TransferStatus(StrEnum):
    NEW = "new"
    PENDING = "pending"
    POSTED = "posted"
    VOIDED = "voided"
    EXPIRED = "expired"


class TransferStep(StrEnum):
    PEND = "pend"
    POST = "post"
    VOID = "void"
    EXPIRE = "expire"


TRANSFERS: Final = {
    (TransferStatus.NEW, TransferStep.PEND): TransferStatus.PENDING,
    (TransferStatus.PENDING, TransferStep.POST): TransferStatus.POSTED,
    (TransferStatus.PENDING, TransferStep.VOID): TransferStatus.VOIDED,
    (TransferStatus.PENDING, TransferStep.EXPIRE): TransferStatus.EXPIRED,
}


@final
class Total:
    """What all accounts together have of one asset: nothing, between any two steps."""

    __slots__ = ("pending", "posted")

    def __init__(self) -> None:
        self.posted = 0
        self.pending = 0


@final
class Balance:
    """One account's amounts of one asset, in minor units. `pending_in` and `pending_out` are not negative."""

    __slots__ = (
        "account",
        "asset",
        "is_customer",
        "last_in_ns",
        "pending_in",
        "pending_out",
        "posted",
        "told",
        "total",
    )

    def __init__(self, account: str, asset: str, total: Total) -> None:
        self.account = account
        self.asset = asset
        self.is_customer = account not in MAY_OWE
        self.total = total
        self.posted = 0
        self.pending_in = 0
        self.pending_out = 0
        self.last_in_ns = 0  # The latest due time of anything that was ever pending to come in.
        self.told: Holding | None = None  # As its owner was told of it last, until it changes.


@final
class Effect:
    """What a transaction does to one balance, net of all its postings: in (+) or out (-)."""

    __slots__ = ("amount_minor", "balance")

    def __init__(self, balance: Balance) -> None:
        self.balance = balance
        self.amount_minor = 0


@final
class Transaction:
    """Postings that take effect together or not at all."""

    __slots__ = ("effects", "postings", "status")

    def __init__(self, postings: tuple[Posting, ...], effects: list[Effect]) -> None:
        self.postings = postings
        self.effects = effects
        self.status = TransferStatus.NEW

    def take(self, step: TransferStep) -> None:
        becomes = TRANSFERS.get((self.status, step))
        assert becomes is not None, f"what is {self.status.value} cannot {step.value}"
        self.status = becomes


@final
class Ledger:
    """`opening` is account -> asset -> minor units, all of it moved in from `external`; `apart`: the same, of accounts
    that no venue knows and no trade touches."""

    __slots__ = ("_balances", "_totals", "_traders", "transaction_count")

    def __init__(self, opening: dict[str, dict[str, int]], apart: dict[str, dict[str, int]] | None = None) -> None:
        assert EXTERNAL not in opening
        self._traders = {name: name for name in opening if name != FEES}
        opening = opening if apart is None else {**opening, **apart}
        self.transaction_count = 0
        self._totals: dict[str, Total] = {}
        self._balances: dict[str, dict[str, Balance]] = {name: {} for name in (*opening, FEES, EXTERNAL)}
        postings: list[Posting] = []
        for account, amounts in opening.items():
            for asset, amount in amounts.items():
                self._balance(account, asset)
                if amount:
                    postings.append(
                        Posting(debit_account=EXTERNAL, credit_account=account, asset=asset, amount_minor=amount)
                    )
        transaction = self.transaction(tuple(postings))
        self.pend(transaction, 0)
        self.post(transaction)

    def is_customer(self, account: str) -> bool:
        """Whether it trades at a venue."""
        return account in self._traders

    def has_account(self, account: str) -> bool:
        return account in self._balances

    def lines(self) -> list[tuple[str, str]]:
        """Every account with every asset of which it has a balance."""
        return [(account, asset) for account, balances in self._balances.items() for asset in balances]

    def transaction(self, postings: tuple[Posting, ...]) -> Transaction:
        """Postings between accounts of this ledger, and their net effects."""
        effects: list[Effect] = []
        for posting in postings:
            assert posting.amount_minor > 0 and posting.debit_account != posting.credit_account
            self._effect(effects, posting.debit_account, posting.asset).amount_minor -= posting.amount_minor
            self._effect(effects, posting.credit_account, posting.asset).amount_minor += posting.amount_minor
        return Transaction(postings, effects)

    def relies_until_ns(self, transaction: Transaction) -> int:
        """When all is in that these debits rely on: 0 where the posted balances are enough.

        A debit that posted amounts cover besides all pending debits relies on nothing. Any other relies on
        what is pending to come in, and thus on the last of it.
        """
        until_ns = 0
        for effect in transaction.effects:
            balance = effect.balance
            free = balance.posted - balance.pending_out + effect.amount_minor
            if effect.amount_minor < 0 and free < 0 and balance.last_in_ns > until_ns:
                until_ns = balance.last_in_ns
        return until_ns

    def pend(self, transaction: Transaction, due_ns: int) -> None:
        transaction.take(TransferStep.PEND)
        for effect in transaction.effects:
            balance, amount = effect.balance, effect.amount_minor
            add_pending(balance, amount, amount > 0)
            if amount > 0 and due_ns > balance.last_in_ns:
                balance.last_in_ns = due_ns
        assert_balanced(transaction)

    def short_account(self, transaction: Transaction) -> str:
        """The first account that could not pay, or nothing."""
        for effect in transaction.effects:
            balance = effect.balance
            if balance.posted + effect.amount_minor < 0 and balance.is_customer:
                return balance.account
        return ""

    def can_pay(self, account: str, asset: str, amount_minor: int) -> bool:
        """Out of what is posted."""
        balance = self._balance(account, asset)
        return not balance.is_customer or balance.posted >= amount_minor

    def post(self, transaction: Transaction) -> int:
        """Make what is pending final. Returns the transaction's id: 1 is the opening, then 2, 3, ..."""
        transaction.take(TransferStep.POST)
        for effect in transaction.effects:
            balance, amount = effect.balance, effect.amount_minor
            add_pending(balance, -amount, amount > 0)
            balance.posted += amount
            balance.total.posted += amount
            assert balance.posted >= 0 or not balance.is_customer
        assert_balanced(transaction)
        self.transaction_count += 1
        return self.transaction_count

    def void(self, transaction: Transaction) -> None:
        """Take back what is pending; nothing moved."""
        self._release(transaction, TransferStep.VOID)

    def expire(self, transaction: Transaction) -> None:
        """The time of what is pending is over; nothing moved."""
        self._release(transaction, TransferStep.EXPIRE)

    def free_minor(self, account: str, asset: str) -> int:
        """What is posted and not pending to go out."""
        balance = self._balances.get(account, {}).get(asset)
        return 0 if balance is None else balance.posted - balance.pending_out

    def posted_minor(self, account: str, asset: str) -> int:
        balance = self._balances.get(account, {}).get(asset)
        return 0 if balance is None else balance.posted

    def expected_minor(self, account: str, asset: str) -> int:
        """What is posted, and what is pending to come in or go out."""
        balance = self._balances.get(account, {}).get(asset)
        return 0 if balance is None else balance.posted + balance.pending_in - balance.pending_out

    def holdings(self, account: str) -> tuple[Holding, ...]:
        """Empty for an account that is not here."""
        return tuple([holding_of(balance) for balance in self._balances.get(account, {}).values()])

    def save(self) -> dict[str, object]:
        """What is posted. What is pending belongs to its owner, who makes it pending again."""
        posted: dict[str, object] = {}
        for account, balances in self._balances.items():
            posted[account] = {balance.asset: balance.posted for balance in balances.values()}
        return {"transaction_count": self.transaction_count, "posted": posted}

    def restore(self, transaction_count: int, posted: dict[str, dict[str, int]]) -> None:
        assert list(posted) == list(self._balances), "saved by a custodian of other accounts"
        self.transaction_count = transaction_count
        self._totals = {}
        for account, amounts in posted.items():
            self._balances[account] = {}
            for asset, amount in amounts.items():
                balance = self._balance(account, asset)
                balance.posted = amount
                balance.total.posted += amount
        assert not any([total.posted for total in self._totals.values()])

    def _release(self, transaction: Transaction, step: TransferStep) -> None:
        transaction.take(step)
        for effect in transaction.effects:
            add_pending(effect.balance, -effect.amount_minor, effect.amount_minor > 0)
        assert_balanced(transaction)

    def _effect(self, effects: list[Effect], account: str, asset: str) -> Effect:
        balance = self._balance(account, asset)
        for effect in effects:
            if effect.balance is balance:
                return effect
        effects.append(Effect(balance))
        return effects[-1]

    def _balance(self, account: str, asset: str) -> Balance:
        balances = self._balances[account]
        balance = balances.get(asset)
        if balance is None:
            total = self._totals.get(asset)
            if total is None:
                total = self._totals[asset] = Total()
            balance = balances[asset] = Balance(account, asset, total)
        return balance


def add_pending(balance: Balance, amount_minor: int, comes_in: bool) -> None:
    """Of an effect that comes in or goes out; the other sign takes it back."""
    if comes_in:
        balance.pending_in += amount_minor
        assert balance.pending_in >= 0
    else:
        balance.pending_out -= amount_minor
        assert balance.pending_out >= 0
    balance.total.pending += amount_minor
    balance.told = None


def holding_of(balance: Balance) -> Holding:
    """Asked for far more often than it changes."""
    told = balance.told
    if told is None:
        told = balance.told = Holding(
            account=balance.account,
            asset=balance.asset,
            posted_minor=carried(balance.posted),
            pending_minor=carried(balance.pending_in - balance.pending_out),
        )
    return told


def assert_balanced(transaction: Transaction) -> None:
    for effect in transaction.effects:
        total = effect.balance.total
        assert total.posted == 0 and total.pending == 0
