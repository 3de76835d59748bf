"""Systemic venue: how many venues are silent at once. Of two that fail together, the cause is seldom with either."""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import read_bare, read_count
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import VENUES, Entry, Firm, RulePlugin, one_limit
from trading_ecosystem.production.risk_monitor.rules.venue_down import Venue


@final
class SystemicVenue:
    """Over all venues at which the firm has accounts."""

    __slots__ = ("_venues", "watch")

    def __init__(self, venues: list[Venue], watch: Watch) -> None:
        self._venues = venues
        self.watch = watch

    def value(self) -> int:
        return sum([venue.silence.quiet for venue in self._venues])

    def check(self, now: int, outbox: Outbox) -> None:
        value = self.value()
        if value >= self.watch.lowest or self.watch.active:
            self.watch.update(value, now, now, outbox)


def read(node: Node, firm: Firm) -> Entry:
    levels, venues = read_bare(node, read_count), len(firm.venues)
    if venues < 2:
        node.fail("the firm has accounts at one venue only")
    for level in (levels.warning, levels.critical):
        if level is not None and not 2 <= level.at <= venues:
            node.fail(f"{level.at} venues of {venues}: from 2 on it is more than one venue's trouble")
    return one_limit(VENUES, "venues", levels)


RULE: Final = RulePlugin(name="systemic_venue", read=read, hears=(VenueHeartbeat,))
