"""Venue down: how long ago the venue's last heartbeat was, by the time that the heartbeat itself bears."""

from typing import final

from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.production.risk_monitor.rules.silence import Silence


@final
class Venue:
    """The venue's heart. A new session means that it was away, for however short a time."""

    __slots__ = ("name", "session", "silence")

    def __init__(self, name: str, silence: Silence) -> None:
        self.name = name
        self.silence = silence
        self.session = 0

    def take(self, heartbeat: VenueHeartbeat, at_ns: int) -> bool:
        """True if the venue was away since the last heartbeat."""
        first = not self.silence.heard
        if not self.silence.hear(at_ns):
            return False
        away = not first and heartbeat.session != self.session
        self.session = heartbeat.session
        return away
