"""Concentration by venue: the share of gross wealth that lies in the accounts at one venue, in ppm.

Balances count, free or locked, and margin wallets; what open positions in perpetuals have gained or lost does not.
"""

from typing import final

from trading_ecosystem.production.risk_monitor.accounts import Account
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import MILLION
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio


@final
class VenueShare:
    """Of one venue, kept up asset by asset. Gross wealth above `quiet_minor` is in no breach."""

    __slots__ = ("_accounts", "_amount_minor", "_portfolio", "_quiet_minor", "_worths", "watch")

    def __init__(self, accounts: list[Account], portfolio: Portfolio, watch: Watch) -> None:
        """`accounts`: those of the firm that lie there."""
        self._accounts = accounts
        self._portfolio = portfolio
        self._worths: dict[str, int] = {}  # By asset, without sign.
        self._amount_minor = 0
        self._quiet_minor = 0
        self.watch = watch

    def refresh(self, asset: str) -> None:
        """Its price or its amount has changed."""
        amount_minor = 0
        for account in self._accounts:
            amount_minor += account.amounts.get(asset, 0) + account.margin.wallets.get(asset, 0)
        worth = abs(self._portfolio.position(asset).worth(amount_minor))
        self._amount_minor += worth - self._worths.get(asset, 0)
        self._worths[asset] = worth
        self._quiet_minor = self._amount_minor * MILLION // self.watch.lowest

    def value(self, gross_minor: int) -> int:
        """Rounded down, which changes no comparison with a whole number."""
        return self._amount_minor * MILLION // gross_minor if gross_minor > 0 else 0

    def check(self, gross_minor: int, at_ns: int, now: int, outbox: Outbox) -> None:
        if gross_minor <= self._quiet_minor or self.watch.active:
            self.watch.update(self.value(gross_minor), at_ns, now, outbox)
