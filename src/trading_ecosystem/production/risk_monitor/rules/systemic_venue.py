"""Systemic venue: how many venues are silent at once. Of two that fail together, the cause is seldom with either."""

from dataclasses import replace
from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.risk import Severity
from trading_ecosystem.production.risk_monitor.alerts import Status, Watch
from trading_ecosystem.production.risk_monitor.levels import read_bare, read_count
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import VENUES, Entry, Firm, RulePlugin, one_limit
from trading_ecosystem.production.risk_monitor.rules.venue_down import Venue

KILL: Final = "kill"


@final
class SystemicVenue:
    """Over all venues at which the firm has accounts."""

    __slots__ = ("_venues", "watch")

    def __init__(self, venues: list[Venue], watch: Watch) -> None:
        self._venues = venues
        self.watch = watch

    @property
    def is_blind(self) -> bool:
        """Its critical alert fires, and the figure is still what made it."""
        alert = self.watch.alerts[-1]
        return alert.severity is Severity.CRITICAL and alert.status is Status.FIRING and self.value() >= alert.limit

    def value(self) -> int:
        return sum([venue.silence.quiet for venue in self._venues])

    def check(self, now: int, outbox: Outbox) -> None:
        value = self.value()
        if value >= self.watch.lowest or self.watch.active:
            self.watch.update(value, now, now, outbox)


def read(node: Node, firm: Firm) -> Entry:
    levels, venues = read_bare(node, read_count, KILL), len(firm.venues)
    if venues < 2:
        node.fail("the firm has accounts at one venue only")
    for level in (levels.warning, levels.critical):
        if level is not None and not 2 <= level.at <= venues:
            node.fail(f"{level.at} venues of {venues}: from 2 on it is more than one venue's trouble")
    section = node.section(optional=("warning", "critical", KILL))
    kills = KILL in section and section[KILL].flag()
    if kills and levels.critical is None:
        section[KILL].fail("without a critical level nothing is ever stopped")
    return replace(one_limit(VENUES, "venues", levels), kills=kills)


RULE: Final = RulePlugin(name="systemic_venue", read=read, hears=(VenueHeartbeat,))
