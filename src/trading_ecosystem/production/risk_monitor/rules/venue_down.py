"""Venue down: how long ago the venue's last heartbeat was, by the time that the heartbeat itself bears."""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.market import MarketPhase, MarketPhaseChanged
from trading_ecosystem.production.risk_monitor.levels import TIME_UNIT, read_bare, read_duration
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin, each_alike
from trading_ecosystem.production.risk_monitor.rules.silence import Silence


@final
class Venue:
    """The venue's heart. A new session means that it was away, for however short a time.

    `phases`: of the markets that are not open, as told last in this session.
    """

    __slots__ = ("_told_ns", "name", "phases", "session", "silence")

    def __init__(self, name: str, silence: Silence) -> None:
        self.name = name
        self.silence = silence
        self.session = 0
        self.phases: dict[str, MarketPhase] = {}
        self._told_ns: dict[str, int] = {}

    def take(self, heartbeat: VenueHeartbeat, at_ns: int) -> bool:
        """True if the venue was away since the last heartbeat."""
        first = not self.silence.heard
        if not self.silence.hear(at_ns):
            return False
        away = not first and heartbeat.session != self.session
        self.session = heartbeat.session
        if away:
            self.phases.clear()
            self._told_ns.clear()
        return away

    def take_phase(self, changed: MarketPhaseChanged) -> bool:
        """False for one that is late."""
        if changed.occurred_ns < self._told_ns.get(changed.symbol, 0):
            return False
        self._told_ns[changed.symbol] = changed.occurred_ns
        self.phases.pop(changed.symbol, None)
        if changed.market_phase is not MarketPhase.OPEN:
            self.phases[changed.symbol] = changed.market_phase
        return True


def read(node: Node, firm: Firm) -> Entry:
    return each_alike(firm.venues, "venue", TIME_UNIT, read_bare(node, read_duration))


RULE: Final = RulePlugin(name="venue_down", read=read, hears=(VenueHeartbeat, MarketPhaseChanged))
