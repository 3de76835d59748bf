"""Reconciliation break: how long the custodian's books of an asset have not agreed with the venue's, in ns.

Rule 1: both sides are compared as of the same trade of the venue, so what is on its way is no break.
Rule 2: a break begins with the first report that differs, and closes with the first that agrees.
Rule 3: while the venue tells of an account later than custody was asked, nobody can say whether they differ.
"""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.accounts import HoldingsReported
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import TIME_UNIT, read_bare, read_duration
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin, at_venue, each_alike


@final
class ReconciliationBreak:
    """One asset over all accounts. `since` tells of each account whose books differ since when they do."""

    __slots__ = ("asset", "since", "watch")

    def __init__(self, asset: str, watch: Watch) -> None:
        self.asset = asset
        self.watch = watch
        self.since: dict[str, int] = {}

    def note(self, account: str, differs: bool, at_ns: int) -> None:
        if not differs:
            self.since.pop(account, None)
        elif account not in self.since:
            self.since[account] = at_ns

    def value(self, at_ns: int) -> int:
        """The age of the oldest break."""
        oldest_ns = at_ns
        for since_ns in self.since.values():
            if since_ns < oldest_ns:
                oldest_ns = since_ns
        return at_ns - oldest_ns

    def check(self, at_ns: int, now: int, outbox: Outbox) -> None:
        value = self.value(at_ns)
        if value >= self.watch.lowest or self.watch.active:
            self.watch.update(value, at_ns, now, outbox)


def read(node: Node, firm: Firm) -> Entry:
    assets = list(firm.reference.assets)
    subjects = [break_subject(list(firm.venues), venue, asset) for venue in firm.venues for asset in assets]
    return each_alike(subjects, "every asset", TIME_UNIT, read_bare(node, read_duration))


def break_subject(venues: list[str], venue: str, asset: str) -> str:
    """Where there is one venue, it need not be named."""
    return at_venue(venue, asset) if len(venues) > 1 else asset


RULE: Final = RulePlugin(name="reconciliation_break", read=read, hears=(HoldingsReported,))
