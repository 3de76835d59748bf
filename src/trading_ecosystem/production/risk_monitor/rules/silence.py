"""How long a source has said nothing, in ns: the measure of stale data and of a venue that is down."""

from typing import final

from trading_ecosystem.production.risk_monitor.alerts import NEVER, Watch
from trading_ecosystem.production.risk_monitor.outbox import Outbox


@final
class Silence:
    """A source not heard since the start is unknown; its silence counts from the start."""

    __slots__ = ("heard", "last_ns", "quiet", "watch")

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.last_ns = 0
        self.heard = False
        self.quiet = False  # For longer than the lowest limit.

    def begin(self, now: int) -> None:
        self.last_ns = now

    def hear(self, at_ns: int) -> bool:
        """The source said something at this time of its clock; False for something older than what is known."""
        if self.heard and at_ns < self.last_ns:
            return False
        self.last_ns = at_ns
        self.heard = True
        return True

    def check(self, now: int, outbox: Outbox) -> bool:
        """True if the source fell silent or spoke again."""
        age = now - self.last_ns
        quiet = age >= self.watch.lowest
        if (self.heard or quiet) and (quiet or self.watch.active):
            self.watch.update(age, now, now, outbox)
        changed = quiet != self.quiet
        self.quiet = quiet
        return changed

    def due_ns(self, now: int) -> int:
        """When the source will next have been silent for too long, if it stays so; `NEVER` if it cannot get worse."""
        for alert in self.watch.alerts:
            at_ns = self.last_ns + alert.limit
            if at_ns > now:
                return at_ns
        return NEVER
