"""Funding cost: what the firm's perpetuals would pay in a day, net, at the funding rates of now, in the numeraire.

Rule 1: a rate is the venue's own for its next funding; a day has as many of them as fit.
Rule 2: a position without a mark and a rate of a venue that is heard leaves the figure unknown.
"""

from typing import final

from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.margin import Margin
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio
from trading_ecosystem.reference import Instrument

DAY_NS = 86_400_000_000_000
PPB = 1_000_000_000


@final
class FundingCost:
    """Of all accounts. `rates` are mark in ticks and funding rate in ppb, by venue and symbol, as the venue told them
    last; none of a venue that is silent."""

    __slots__ = ("_margins", "_perpetuals", "_portfolio", "rates", "watch")

    def __init__(
        self, margins: list[tuple[str, Margin]], perpetuals: dict[str, Instrument], portfolio: Portfolio, watch: Watch
    ) -> None:
        """`margins`: of each account, with the venue at which it lies."""
        self._margins = margins
        self._perpetuals = perpetuals
        self._portfolio = portfolio
        self.rates: dict[tuple[str, str], tuple[int, int]] = {}
        self.watch = watch

    def value(self) -> int | None:
        """In minor units of the numeraire, each position rounded up; below 0 where the firm is paid. None: unknown."""
        total_minor = 0
        for venue, margin in self._margins:
            for symbol, (lots, _) in margin.positions.items():
                if lots == 0:
                    continue
                perpetual = self._perpetuals.get(symbol)
                rate = self.rates.get((venue, symbol))
                if perpetual is None or perpetual.terms is None or rate is None:
                    return None
                mark_ticks, funding_ppb = rate
                value_minor = perpetual.notional_minor(mark_ticks, lots)
                paid_minor = -(-value_minor * funding_ppb * DAY_NS // (PPB * perpetual.terms.funding_every_ns))
                total_minor += self._portfolio.position(perpetual.quote).worth(paid_minor)
        return total_minor

    def forget(self, venue: str) -> None:
        """A venue is silent: what its rates are now, nobody knows."""
        for key in [key for key in self.rates if key[0] == venue]:
            del self.rates[key]

    def check(self, at_ns: int, now: int, outbox: Outbox) -> None:
        value = self.value()
        if value is None:
            self.watch.known = False
        elif value >= self.watch.lowest or self.watch.active:
            self.watch.update(value, at_ns, now, outbox)
