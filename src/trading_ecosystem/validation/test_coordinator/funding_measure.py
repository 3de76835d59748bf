"""What the firm's perpetuals would pay in a day at the venue's rates, by the coordinator's own reckoning."""

from fractions import Fraction
from typing import final

from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.test_coordinator.conditions import Condition
from trading_ecosystem.validation.test_coordinator.measures import Runs

DAY_NS = 86_400_000_000_000
PPB = 1_000_000_000


@final
class FundingPaid:
    """True while it is at an amount of the numeraire or above, exactly.

    `contracts` (lots and cost, by account and symbol) and `rates` (mark in ticks and rate in ppb, by symbol) are those
    of whoever keeps them."""

    __slots__ = ("_contracts", "_level_minor", "_rates", "_reference", "runs")

    def __init__(
        self,
        condition: Condition,
        reference: ReferenceData,
        contracts: dict[tuple[str, str], tuple[int, int]],
        rates: dict[str, tuple[int, int]],
    ) -> None:
        self._reference = reference
        self._level_minor = Fraction(condition.level) * 10 ** reference.assets[reference.numeraire].decimals
        self._contracts = contracts
        self._rates = rates
        self.runs = Runs()

    def observe(self, ns: int) -> None:
        paid, whole = 0, 1  # A fraction, never reduced: that would cost more than all the rest.
        for (_, symbol), (lots, _) in self._contracts.items():
            terms = self._reference.perpetuals[symbol].terms
            if lots == 0 or terms is None:
                continue
            if symbol not in self._rates:
                return
            mark_ticks, rate_ppb = self._rates[symbol]
            value = lots * mark_ticks * self._reference.perpetuals[symbol].quote_minor_per_tick_lot
            part = PPB * terms.funding_every_ns
            paid, whole = paid * part + value * rate_ppb * DAY_NS * whole, whole * part
        level = self._level_minor
        self.runs.switch(paid * level.denominator >= level.numerator * whole, ns)
