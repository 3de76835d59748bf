"""Alert escalation: how long a critical alert has been firing without anybody who answers for it, in ns.

Rule 1: acknowledged is not resolved. An acknowledgement holds for a while; then somebody has to look again.
Rule 2: it counts from when the alert fired, whatever was restarted meanwhile.
"""

from dataclasses import dataclass
from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.production.risk_monitor.alerts import NEVER, Alert, Status, Watch
from trading_ecosystem.production.risk_monitor.levels import TIME_UNIT, Level, Levels, read_duration
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, Limit, RulePlugin


@final
class Escalation:
    """Of one critical alert. `holds_ns`: how long an acknowledgement is good for."""

    __slots__ = ("_alert", "_holds_ns", "watch")

    def __init__(self, alert: Alert, holds_ns: int, watch: Watch) -> None:
        self._alert = alert
        self._holds_ns = holds_ns
        self.watch = watch

    def due_ns(self) -> int:
        """When it will have gone unanswered for too long; `NEVER` while it does not fire."""
        alert = self._alert
        if alert.status is not Status.FIRING:
            return NEVER
        since_ns = alert.fired_ns if alert.acknowledged_ns == NEVER else alert.acknowledged_ns + self._holds_ns
        return since_ns + self.watch.lowest

    def check(self, now: int, outbox: Outbox) -> None:
        due_ns = self.due_ns()
        value = 0 if due_ns == NEVER else max(0, now - due_ns + self.watch.lowest)
        if value >= self.watch.lowest or self.watch.active:
            self.watch.update(value, min(now, due_ns) if value else now, now, outbox)


@dataclass(frozen=True, kw_only=True)
class Patience(Entry):
    """`acknowledged_ns`: how long an acknowledgement is good for. It is about every critical alert of other rules."""

    acknowledged_ns: int


def read(node: Node, firm: Firm) -> Patience:
    section = node.section(required=("unacknowledged", "acknowledged"))
    at_ns = read_duration(section["unacknowledged"])
    levels = Levels(warning=None, critical=Level(at=at_ns, for_ns=0, resolves=at_ns))
    limit = Limit((), TIME_UNIT, levels, about="every critical alert")
    return Patience((limit,), acknowledged_ns=read_duration(section["acknowledged"]))


RULE: Final = RulePlugin(name="alert_escalation", read=read)
