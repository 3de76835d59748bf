"""What accounts have of perpetuals: positions, and wallets of the asset in which they are settled.

Rule 1: over all accounts the lots of a perpetual are 0: whoever is long, somebody is short as much.
Rule 2: a trade moves cost and wallet together: wallet less cost changes by what was got, or paid, and by nothing else.
Rule 3: wallets less costs, fees taken and the insurance fund are together what was moved in and paid in, always.
"""

from typing import Final, final

from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.simulators.exchange.accounts import Account, AssetTotal, Funds

MOST_LOTS: Final = 1 << 62


def open_lots() -> Funds:
    """The lots that open orders of one side may still trade, counted by the verbs of funds: matching, which locks and
    releases, need not know what."""
    lots = Funds(AssetTotal())
    lots.credit(MOST_LOTS)
    return lots


@final
class Position:
    """Of one account in one perpetual. `cost_minor` is what was paid for the lots less what was got.

    What is `told` of it (realised, funded, fees) is summed up since the account was told last.
    """

    __slots__ = ("buys", "cost_minor", "fee_minor", "funding_minor", "is_touched", "lots", "realised_minor", "sells")

    def __init__(self) -> None:
        self.lots = 0
        self.cost_minor = 0
        self.buys = open_lots()
        self.sells = open_lots()
        self.realised_minor = 0
        self.funding_minor = 0
        self.fee_minor = 0
        self.is_touched = False

    def trade(self, lots: int, paid_minor: int) -> int:
        """Take in signed lots for what was paid (below 0: got); gives the profit that this realises.

        What is closed takes its share of the cost with it, rounded down; the last lot takes the rest.
        """
        closed = min(abs(lots), abs(self.lots)) if lots * self.lots < 0 else 0
        if closed == 0:
            self.lots += lots
            self.cost_minor += paid_minor
            return 0
        released_minor = self.cost_minor * closed // abs(self.lots)
        # The same share of what was paid; where the order turned the position around, the rest is its new cost.
        share_minor = paid_minor * closed // abs(lots)
        self.lots += lots
        self.cost_minor += paid_minor - share_minor - released_minor
        realised_minor = -share_minor - released_minor
        self.realised_minor += realised_minor
        return realised_minor

    def value_minor(self, mark_ticks: int, unit_minor: int) -> int:
        return self.lots * mark_ticks * unit_minor

    def take_told(self) -> tuple[int, int, int]:
        """What was realised, funded and paid in fees since this was asked last."""
        told = self.realised_minor, self.funding_minor, self.fee_minor
        self.realised_minor = self.funding_minor = self.fee_minor = 0
        self.is_touched = False
        return told

    def save(self) -> Plain:
        return [self.lots, self.cost_minor, self.buys.locked_minor, self.sells.locked_minor]

    def restore(self, state: Plain) -> None:
        """At a message boundary everything has been told."""
        assert isinstance(state, list)
        self.lots, self.cost_minor, buys, sells = state
        self.buys.lock(buys)
        self.sells.lock(sells)


@final
class Wallet:
    """An account's margin of one asset. `is_called`: it was warned, and has not recovered since. `settled_minor`: of
    what it gained, what the custodian was told (`venue_books.py`)."""

    __slots__ = ("account", "amount_minor", "is_called", "moved_in_minor", "settled_minor")

    def __init__(self, account: Account) -> None:
        self.account = account
        self.amount_minor = 0
        self.moved_in_minor = 0
        self.settled_minor = 0
        self.is_called = False


@final
class Settled:
    """What of a purse the custodian was told; nothing, as long as it has not asked."""

    __slots__ = ("costs_minor", "fees_minor", "fund_minor", "has_begun", "paid_in_minor")

    def __init__(self) -> None:
        self.has_begun = False
        self.costs_minor = 0
        self.fees_minor = 0
        self.fund_minor = 0
        self.paid_in_minor = 0


@final
class Purse:
    """All wallets of one asset, by the number of the account, with what the venue took and keeps of it.

    `paid_in_minor` is what the venue itself brought in: the insurance fund's opening, and what the fund did not have.
    """

    __slots__ = (
        "asset",
        "costs_minor",
        "fees_minor",
        "fund_minor",
        "moved_in_minor",
        "paid_in_minor",
        "settled",
        "wallets",
        "wallets_minor",
    )

    def __init__(self, asset: str, accounts: list[Account], insurance_minor: int) -> None:
        self.asset = asset
        self.wallets = [Wallet(account) for account in accounts]
        self.wallets_minor = 0
        self.costs_minor = 0
        self.fees_minor = 0
        self.moved_in_minor = 0
        self.fund_minor = self.paid_in_minor = insurance_minor
        self.settled = Settled()

    def assert_conserved(self) -> None:
        held_minor = self.wallets_minor - self.costs_minor + self.fees_minor + self.fund_minor
        assert held_minor == self.moved_in_minor + self.paid_in_minor, (held_minor, self.moved_in_minor)
        assert self.fund_minor >= 0

    def add(self, wallet: Wallet, change_minor: int) -> None:
        """Half of a movement: where it comes from, or goes, says the caller."""
        wallet.amount_minor += change_minor
        self.wallets_minor += change_minor

    def charge(self, wallet: Wallet, fee_minor: int) -> None:
        self.add(wallet, -fee_minor)
        self.fees_minor += fee_minor

    def insure(self, wallet: Wallet, amount_minor: int) -> None:
        """Into the insurance fund; below 0, out of it."""
        self.add(wallet, -amount_minor)
        self.fund_minor += amount_minor

    def move_in(self, wallet: Wallet, amount_minor: int) -> None:
        self.add(wallet, amount_minor)
        wallet.moved_in_minor += amount_minor
        self.moved_in_minor += amount_minor

    def save(self) -> Plain:
        return {
            "fees_minor": self.fees_minor,
            "fund_minor": self.fund_minor,
            "paid_in_minor": self.paid_in_minor,
            "wallets": [[each.amount_minor, each.moved_in_minor, each.is_called] for each in self.wallets],
        }

    def restore(self, state: Plain) -> None:
        """All but the costs, which are those of the positions."""
        assert isinstance(state, dict)
        self.fees_minor, self.fund_minor = state["fees_minor"], state["fund_minor"]
        self.paid_in_minor = state["paid_in_minor"]
        self.wallets_minor = self.moved_in_minor = 0
        for wallet, (amount_minor, moved_in_minor, is_called) in zip(self.wallets, state["wallets"], strict=True):
            wallet.amount_minor, wallet.moved_in_minor, wallet.is_called = amount_minor, moved_in_minor, is_called
            self.wallets_minor += amount_minor
            self.moved_in_minor += moved_in_minor

    def save_settled(self) -> Plain:
        told = self.settled
        own = [int(told.has_begun), told.costs_minor, told.fees_minor, told.fund_minor, told.paid_in_minor]
        return [*own, *[wallet.settled_minor for wallet in self.wallets]]

    def restore_settled(self, state: list[int]) -> None:
        told = self.settled
        has_begun, told.costs_minor, told.fees_minor, told.fund_minor, told.paid_in_minor, *wallets = state
        told.has_begun = bool(has_begun)
        for wallet, settled_minor in zip(self.wallets, wallets, strict=True):
            wallet.settled_minor = settled_minor
