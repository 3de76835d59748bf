"""How much of its margin an account of the firm needs, by the coordinator's own reckoning.

Rule 1: it goes by what the venue told the account and everybody, and by nothing that the risk monitor says.
Rule 2: comparisons are exact; the level itself counts as beyond, and an account without equity is beyond every level.
"""

from fractions import Fraction
from typing import final

from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.test_coordinator.conditions import Condition
from trading_ecosystem.validation.test_coordinator.measures import Runs

PPM = 1_000_000


@final
class MarginShare:
    """True while the maintenance margin is at or above a share of the margin equity, in one asset or another.

    `contracts` (lots and cost, by account and symbol), `wallets` (by account and asset) and `marks` (ticks, by symbol)
    are those of whoever keeps them.
    """

    __slots__ = ("_account", "_contracts", "_level", "_marks", "_rates", "_reference", "_wallets", "runs")

    def __init__(
        self,
        condition: Condition,
        reference: ReferenceData,
        contracts: dict[tuple[str, str], tuple[int, int]],
        wallets: dict[tuple[str, str], int],
        marks: dict[str, int],
        rates: dict[str, int],
    ) -> None:
        self._account = condition.subject
        self._level = Fraction(condition.level)
        self._reference = reference
        self._contracts = contracts
        self._wallets = wallets
        self._marks = marks
        self._rates = rates
        self.runs = Runs()

    def observe(self, ns: int) -> None:
        needs: dict[str, int] = {}
        equities = {asset: amount for (account, asset), amount in self._wallets.items() if account == self._account}
        for (account, symbol), (lots, cost_minor) in self._contracts.items():
            perpetual = self._reference.instruments[symbol]
            if account != self._account or lots == 0 or perpetual.terms is None:
                continue
            if symbol not in self._marks:
                return
            value = lots * self._marks[symbol] * perpetual.quote_minor_per_tick_lot
            rate_ppm = self._rates.get(symbol, perpetual.terms.maintenance_margin_ppm)
            needed = -(-abs(value) * rate_ppm // PPM)  # Rounded up.
            needs[perpetual.quote] = needs.get(perpetual.quote, 0) + needed
            equities[perpetual.quote] = equities.get(perpetual.quote, 0) + value - cost_minor
        part, whole = self._level.numerator, self._level.denominator
        beyond = [asset for asset, needed in needs.items() if needed * whole >= part * equities.get(asset, 0)]
        self.runs.switch(len(beyond) > 0, ns)
