"""Systemic venue: how many venues are silent at once. Of two that fail together, the cause is seldom with either."""

from typing import final

from trading_ecosystem.messages.risk import Severity
from trading_ecosystem.production.risk_monitor.alerts import Status, Watch
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.venue_down import Venue


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
