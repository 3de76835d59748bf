"""Funding cost: what the firm's perpetuals would pay in a day, net, at the funding rates of now, in the numeraire.

Rule 1: a rate is the venue's own for its next funding; a day has as many of them as fit.
Rule 2: a position without a mark and a rate of a venue that is heard leaves the figure unknown.
"""

from collections.abc import Sequence
from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.perpetuals import MarkPriceChanged
from trading_ecosystem.production.risk_monitor.levels import amount_of, minor_unit, read_levels
from trading_ecosystem.production.risk_monitor.rules.plugin import FIRM, Entry, Firm, RulePlugin, one_limit
from trading_ecosystem.production.risk_monitor.rules.rule import NOTHING, Figure, Rule, Sight

DAY_NS = 86_400_000_000_000
PPB = 1_000_000_000


@final
class FundingCost(Rule):
    """Of all accounts. `rates` are mark in ticks and funding rate in ppb, by venue and symbol, as the venue told them
    last; none of a venue that is silent."""

    def __init__(self, entry: Entry, sight: Sight) -> None:
        self._sight = sight
        self.rates: dict[tuple[str, str], tuple[int, int]] = {}

    def hear(self, message: Message, now: int) -> Sequence[Figure]:
        assert isinstance(message, MarkPriceChanged)
        if message.venue not in self._sight.marks:
            return NOTHING
        self.rates[message.venue, message.symbol] = (message.mark_ticks, message.funding_ppb)
        if self._sight.portfolio.unanswered:
            return NOTHING
        return [Figure(FIRM, self.value(), message.occurred_ns)]

    def look(self, now: int) -> Sequence[Figure]:
        """What the rates of a silent venue are now, nobody knows."""
        silent = [venue for venue in self._sight.marks if self._sight.is_silent(venue)]
        for key in [key for key in self.rates if key[0] in silent]:
            del self.rates[key]
        return [Figure(FIRM, None, now)] if silent else NOTHING

    def value(self) -> int | None:
        """In minor units of the numeraire, each position rounded up; below 0 where the firm is paid. None: unknown."""
        total_minor = 0
        for account in self._sight.accounts.values():
            for symbol, (lots, _) in account.margin.positions.items():
                if lots == 0:
                    continue
                perpetual = self._sight.reference.perpetuals.get(symbol)
                rate = self.rates.get((account.venue, symbol))
                if perpetual is None or perpetual.terms is None or rate is None:
                    return None
                mark_ticks, funding_ppb = rate
                value_minor = perpetual.notional_minor(mark_ticks, lots)
                paid_minor = -(-value_minor * funding_ppb * DAY_NS // (PPB * perpetual.terms.funding_every_ns))
                total_minor += self._sight.portfolio.position(perpetual.quote).worth(paid_minor)
        return total_minor


def read(node: Node, firm: Firm) -> Entry:
    if not firm.reference.perpetuals:
        node.fail("there are no perpetuals in this world")
    return one_limit(FIRM, minor_unit(firm.money.name), read_levels(node, amount_of(firm.money)))


RULE: Final = RulePlugin(name="funding_cost", read=read, hears=(MarkPriceChanged,), build=FundingCost, at_once=True)
