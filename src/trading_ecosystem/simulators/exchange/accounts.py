"""The venue's accounts: what each participant has free, and what its open orders lock. All amounts in minor units.

Rule 1: an amount is never negative, and changes only by the five verbs of `Funds`.
Rule 2: every credit has its debit, so the total of an asset over all accounts changes by `move` alone.
Rule 3: every locked unit belongs to one open order (see `Matching.assert_locks_owned`).
"""

from typing import Final, final

from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.simulators.exchange.submissions import Submissions

BACKGROUND: Final = "background"
NOISE: Final = "noise"
FEES: Final = "fees"


@final
class AssetTotal:
    """The running total of an asset over all accounts, and what it must be."""

    __slots__ = ("counted_minor", "expected_minor")

    def __init__(self) -> None:
        self.counted_minor = 0
        self.expected_minor = 0

    def assert_conserved(self) -> None:
        assert self.counted_minor == self.expected_minor, (self.counted_minor, self.expected_minor)


@final
class Funds:
    """One asset of one account."""

    __slots__ = ("free_minor", "locked_minor", "total")

    def __init__(self, total: AssetTotal) -> None:
        self.free_minor = 0
        self.locked_minor = 0
        self.total = total

    def lock(self, amount_minor: int) -> None:
        assert 0 <= amount_minor <= self.free_minor, (amount_minor, self.free_minor)
        self.free_minor -= amount_minor
        self.locked_minor += amount_minor

    def release(self, amount_minor: int) -> None:
        assert 0 <= amount_minor <= self.locked_minor, (amount_minor, self.locked_minor)
        self.locked_minor -= amount_minor
        self.free_minor += amount_minor

    def spend(self, unlocked_minor: int, cost_minor: int) -> None:
        """Pay a cost out of a lock that ends with it, and free the rest; without a lock, out of what is free."""
        assert unlocked_minor == 0 or unlocked_minor >= cost_minor, (unlocked_minor, cost_minor)
        self.locked_minor -= unlocked_minor
        self.free_minor += unlocked_minor - cost_minor
        self.total.counted_minor -= cost_minor
        assert self.locked_minor >= 0 and self.free_minor >= 0

    def credit(self, amount_minor: int) -> None:
        assert amount_minor >= 0
        self.free_minor += amount_minor
        self.total.counted_minor += amount_minor

    def move(self, amount_minor: int) -> None:
        """Take in from the custodian (+) or give back to it (-), out of what is free."""
        assert self.free_minor + amount_minor >= 0, (self.free_minor, amount_minor)
        self.free_minor += amount_minor
        self.total.counted_minor += amount_minor
        self.total.expected_minor += amount_minor


@final
class Account:
    """`sequence` numbers the events told to its owner. Nobody is told about an account that `is_venue_own`. `number` is
    its place among the venue's accounts, `by_place` its funds in the order of the venue's assets. `turnover_minor` is
    what it traded since its venue last looked, by the place of the quote asset; see `FeeSchedule`. `submissions` are
    what its owner asked for; see `Clients`."""

    __slots__ = (
        "by_place",
        "funds",
        "is_venue_own",
        "maker_fee_ppm",
        "name",
        "number",
        "sequence",
        "submissions",
        "taker_fee_ppm",
        "turnover_minor",
    )

    def __init__(self, number: int, name: str, funds: dict[str, Funds], is_venue_own: bool = False) -> None:
        self.number = number
        self.name = name
        self.funds = funds
        self.by_place = list(funds.values())
        self.maker_fee_ppm = 0
        self.taker_fee_ppm = 0
        self.turnover_minor = [0] * len(funds)
        self.is_venue_own = is_venue_own
        self.sequence = 0
        self.submissions = Submissions()

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence


def own_names(prefix: str) -> tuple[str, str, str]:
    """The venue's own accounts: background, noise, and what it takes in fees."""
    return prefix + BACKGROUND, prefix + NOISE, FEES


@final
class Accounts:
    """All accounts of a venue, its own three among them. Every account can hold every asset.

    `prefix` stands before the names of the accounts of a venue that has neighbours; its own are found by it. What it
    takes in fees goes to `fees` without one, as it does in custody: no participant can be it.
    """

    __slots__ = ("background", "by_name", "noise", "totals")

    def __init__(self, assets: list[str], balances: dict[str, dict[str, int]], prefix: str = "") -> None:
        own = own_names(prefix)
        self.totals = {asset: AssetTotal() for asset in assets}
        self.by_name: dict[str, Account] = {}
        for name, amounts in balances.items():
            self._open(name, amounts, name in own)
        for name in own:
            if name not in self.by_name:
                self._open(name, {}, True)
        self.background, self.noise = self.by_name[own[0]], self.by_name[own[1]]

    def _open(self, name: str, amounts: dict[str, int], is_venue_own: bool) -> None:
        funds = {asset: Funds(total) for asset, total in self.totals.items()}
        account = Account(len(self.by_name), name, funds, is_venue_own)
        self.by_name[name] = account
        for asset, amount_minor in amounts.items():
            account.funds[asset].credit(amount_minor)
            self.totals[asset].expected_minor += amount_minor

    def client(self, name: str) -> Account | None:
        """The account of an outside participant: the venue's own can be used by nobody else."""
        account = self.by_name.get(name)
        return None if account is None or account.is_venue_own else account

    def save(self) -> Plain:
        return {
            name: {
                "sequence": account.sequence,
                "funds": {asset: [funds.free_minor, funds.locked_minor] for asset, funds in account.funds.items()},
            }
            for name, account in self.by_name.items()
        }

    def restore(self, state: Plain) -> None:
        assert isinstance(state, dict) and state.keys() == self.by_name.keys()
        for total in self.totals.values():
            total.counted_minor = 0
        for name, account in self.by_name.items():
            account.sequence = state[name]["sequence"]
            for asset, (free_minor, locked_minor) in state[name]["funds"].items():
                funds = account.funds[asset]
                funds.free_minor = free_minor
                funds.locked_minor = locked_minor
                funds.total.counted_minor += free_minor + locked_minor
        for total in self.totals.values():
            total.assert_conserved()
