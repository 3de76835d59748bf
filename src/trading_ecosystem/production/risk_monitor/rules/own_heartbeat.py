"""Own heartbeat: for how long the monitor itself did not watch, in ns. It can only say so when it is back.

Rule 1: that it lives is remembered often enough to know, after a restart, how long it did not.
Rule 2: while it is dead it says nothing: whoever must know at once listens for its silence (see `notify`).
"""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.runtime import Plain, Remember
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import TIME_UNIT, read_bare, read_duration
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import MONITOR, Entry, Firm, RulePlugin, one_limit

ALIVE_KEY = "alive"


@final
class OwnHeartbeat:
    """`every_ns`: how often it is remembered that the monitor lives."""

    __slots__ = ("every_ns", "watch")

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.every_ns = watch.lowest // 2

    def begin(self, memory: dict[str, Plain], now: int, outbox: Outbox) -> None:
        """With what was remembered in the life before, if there was one."""
        last_ns = memory.get(ALIVE_KEY, now)
        assert isinstance(last_ns, int)
        away_ns = max(0, now - last_ns)
        if away_ns >= self.watch.lowest:
            self.watch.update(away_ns, min(now, last_ns + self.watch.lowest), now, outbox)
        self.beat(now, outbox)

    def beat(self, now: int, outbox: Outbox) -> None:
        """It lives, and has for a while: an alert about the time before may end."""
        outbox.send(Remember(key=ALIVE_KEY, value=now))
        if self.watch.active:
            self.watch.update(0, now, now, outbox)


def read(node: Node, firm: Firm) -> Entry:
    return one_limit(MONITOR, TIME_UNIT, read_bare(node, read_duration))


RULE: Final = RulePlugin(name="own_heartbeat", read=read)
