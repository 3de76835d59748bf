"""Settlement overdue: how long after its due time the oldest settlement of an account is still open, in ns."""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.custody import SettlementsReported
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import TIME_UNIT, read_bare, read_duration
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin, of_accounts


def overdue_ns(report: SettlementsReported, now: int) -> int:
    """By the time of the report, as far as that is not ahead of our own; they come by due time."""
    if not report.settlements:
        return 0
    return max(0, min(report.occurred_ns, now) - report.settlements[0].due_ns)


@final
class SettlementOverdue:
    """Of one account. An older report than the last says nothing."""

    __slots__ = ("_from_ns", "told_ns", "watch")

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.told_ns = 0
        self._from_ns = 0  # Nothing that is open was due earlier.

    def may_breach_by(self, moment_ns: int) -> bool:
        """Whether the last report leaves it open. A settlement that it did not tell of was not due before it."""
        return self.watch.active or moment_ns - self._from_ns >= self.watch.lowest

    def check(self, report: SettlementsReported, now: int, outbox: Outbox) -> None:
        if report.occurred_ns < self.told_ns:
            return
        self.told_ns = report.occurred_ns
        self._from_ns = min(report.occurred_ns, report.settlements[0].due_ns if report.settlements else now)
        value = overdue_ns(report, now)
        if value >= self.watch.lowest or self.watch.active:
            self.watch.update(value, min(report.occurred_ns, now), now, outbox)


def read(node: Node, firm: Firm) -> Entry:
    return of_accounts(node, firm, TIME_UNIT, lambda levels: read_bare(levels, read_duration))


RULE: Final = RulePlugin(name="settlement_overdue", read=read, hears=(SettlementsReported,))
