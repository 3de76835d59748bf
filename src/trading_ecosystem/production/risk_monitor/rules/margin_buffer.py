"""Margin buffer: the share of an account's margin equity that the maintenance margin takes up, in ppm.

At the whole of it the venue begins to liquidate. Equity and need are reckoned at the venue's own mark prices, as the
venue does, from what the venue tells of wallets and positions.
"""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.perpetuals import MarkPriceChanged
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import MILLION, SHARE_UNIT, read_shares
from trading_ecosystem.production.risk_monitor.margin import Margin
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin, of_accounts
from trading_ecosystem.reference import Instrument

LOST = 100 * MILLION  # Where there is no equity left.


@final
class MarginBuffer:
    """Of one account, over all assets in which it has margin: the worst counts. `marks`, and `rates` where the venue
    asks for another maintenance margin than the terms say, are its venue's, shared, by symbol."""

    __slots__ = ("_margin", "_marks", "_perpetuals", "_rates", "watch")

    def __init__(
        self,
        margin: Margin,
        perpetuals: dict[str, Instrument],
        marks: dict[str, int],
        rates: dict[str, int],
        watch: Watch,
    ) -> None:
        self._margin = margin
        self._perpetuals = perpetuals
        self._marks = marks
        self._rates = rates
        self.watch = watch

    def value(self) -> int | None:
        """None while a position has no mark price."""
        equities, needs = dict(self._margin.wallets), dict.fromkeys(self._margin.wallets, 0)
        for symbol, (lots, cost_minor) in self._margin.positions.items():
            perpetual = self._perpetuals.get(symbol)
            if lots == 0:
                continue
            if perpetual is None or perpetual.terms is None or symbol not in self._marks:
                return None
            asset = perpetual.quote
            value_minor = perpetual.notional_minor(self._marks[symbol], lots)
            equities[asset] = equities.get(asset, 0) + value_minor - cost_minor
            rate_ppm = self._rates.get(symbol, perpetual.terms.maintenance_margin_ppm)
            needed_minor = -(-abs(value_minor) * rate_ppm // MILLION)
            needs[asset] = needs.get(asset, 0) + needed_minor
        return max([used(needs[asset], equities[asset]) for asset in needs], default=0)

    def check(self, at_ns: int, now: int, outbox: Outbox) -> None:
        value = self.value()
        if value is None:
            self.watch.known = False
        else:
            self.watch.update(value, at_ns, now, outbox)


def used(needed_minor: int, equity_minor: int) -> int:
    if needed_minor == 0:
        return 0
    return LOST if equity_minor <= 0 else min(LOST, needed_minor * MILLION // equity_minor)


def read(node: Node, firm: Firm) -> Entry:
    return of_accounts(node, firm, SHARE_UNIT, read_shares)


RULE: Final = RulePlugin(name="margin_buffer", read=read, hears=(MarkPriceChanged,))
