"""What accounts pay for their trades, by how much they have traded.

Rule 1: fees change at midnight UTC alone, of all accounts at once, before anything else of that day happens.
Rule 2: what was traded counts in the numeraire, at the reference price that the venue has when the day ends.
Rule 3: a master and its sub-accounts count together, and pay alike.
Rule 4: nobody ever pays more than without tiers, so that what an order sets aside is enough.
"""

from dataclasses import dataclass
from typing import Final, final

from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.exchange.accounts import Account
from trading_ecosystem.simulators.exchange.deadlines import NEVER_NS
from trading_ecosystem.simulators.exchange.market import Market

DAY_NS: Final = 86_400_000_000_000
COUNTED_DAYS: Final = 30
NO_DAY: Final = -1


@final
@dataclass(frozen=True, kw_only=True)
class FeeTier:
    """Fees of those who traded at least `traded_minor`, in minor units of the numeraire."""

    traded_minor: int
    maker_fee_ppm: int
    taker_fee_ppm: int


@final
class FeeSchedule:
    """`tiers` from the lowest to the highest; the first begins at 0. With that one alone there is nothing to do.
    `masters`: of each sub-account."""

    __slots__ = ("_accounts", "_day", "_markets", "_masters", "_reference", "_tiers", "_traded", "next_ns")

    def __init__(
        self,
        tiers: tuple[FeeTier, ...],
        reference: ReferenceData,
        accounts: dict[str, Account],
        markets: dict[str, Market],
        masters: dict[str, str],
    ) -> None:
        assert tiers and tiers[0].traded_minor == 0
        self._tiers = tiers
        self._reference = reference
        self._accounts = accounts
        self._markets = markets
        self._masters = masters
        self._day = NO_DAY  # Since 1970.
        self._traded: dict[str, list[int]] = {name: [] for name in accounts}  # By day, the last one last.
        self.next_ns: int = NEVER_NS if len(tiers) == 1 else 0  # When fees are to be looked at.
        for account in accounts.values():
            charge(account, tiers[0])

    def turn(self, now: int) -> None:
        """Begin a day: count what the last one brought, and have everybody pay by the last 30."""
        today = now // DAY_NS
        if self._day != NO_DAY:
            for name, account in self._accounts.items():
                idle = min(today - self._day - 1, COUNTED_DAYS)
                days = [*self._traded[name], self._turnover_minor(account), *([0] * idle)]
                self._traded[name] = days[-COUNTED_DAYS:]
                account.turnover_minor = [0] * len(account.turnover_minor)
        self._day = today
        self.next_ns = (today + 1) * DAY_NS
        self._charge_all()

    def _charge_all(self) -> None:
        together: dict[str, int] = {}
        for name, days in self._traded.items():
            master = self._masters.get(name, name)
            together[master] = together.get(master, 0) + sum(days)
        for name, account in self._accounts.items():
            charge(account, self._tier(together[self._masters.get(name, name)]))

    def _tier(self, traded_minor: int) -> FeeTier:
        reached = self._tiers[0]
        for tier in self._tiers:
            if traded_minor >= tier.traded_minor:
                reached = tier
        return reached

    def _turnover_minor(self, account: Account) -> int:
        """What the account traded since the day began, in the numeraire. What has no price there does not count."""
        turnover_minor = 0
        for asset, amount_minor in zip(account.funds, account.turnover_minor, strict=True):
            if asset == self._reference.numeraire:
                turnover_minor += amount_minor
                continue
            market = self._markets.get(f"{asset}/{self._reference.numeraire}")
            if market is not None:
                priced = amount_minor * market.middle * market.quote_minor_per_tick_lot
                turnover_minor += priced // (2 * market.base_minor_per_lot)
        return turnover_minor

    # State.

    def save(self) -> Plain:
        today = {name: list(account.turnover_minor) for name, account in self._accounts.items()}
        return {"day": self._day, "traded": {name: list(days) for name, days in self._traded.items()}, "today": today}

    def restore(self, state: Plain) -> None:
        assert isinstance(state, dict)
        self._day = state["day"]
        self._traded = {name: list(days) for name, days in state["traded"].items()}
        for name, account in self._accounts.items():
            account.turnover_minor = list(state["today"][name])
        if len(self._tiers) > 1 and self._day != NO_DAY:
            self.next_ns = (self._day + 1) * DAY_NS
        self._charge_all()


def charge(account: Account, tier: FeeTier) -> None:
    account.maker_fee_ppm, account.taker_fee_ppm = tier.maker_fee_ppm, tier.taker_fee_ppm
