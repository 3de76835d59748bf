"""Transfer overdue: how long after its time the latest transfer of an account is still not completed, in ns."""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.transfers import TransfersReported
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import TIME_UNIT, read_bare, read_duration
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin, of_accounts


def overdue_ns(report: TransfersReported, now: int) -> int:
    """By the time of the report, as far as that is not ahead of our own. What waits for people is not late."""
    expected = [transfer.expected_ns for transfer in report.transfers if transfer.expected_ns]
    return max(0, min(report.occurred_ns, now) - min(expected)) if expected else 0


@final
class TransferOverdue:
    """Of one account. An older report than the last says nothing."""

    __slots__ = ("told_ns", "watch")

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.told_ns = 0

    def check(self, report: TransfersReported, now: int, outbox: Outbox) -> None:
        if report.occurred_ns < self.told_ns:
            return
        self.told_ns = report.occurred_ns
        value = overdue_ns(report, now)
        if value >= self.watch.lowest or self.watch.active:
            self.watch.update(value, min(report.occurred_ns, now), now, outbox)


def read(node: Node, firm: Firm) -> Entry:
    return of_accounts(node, firm, TIME_UNIT, lambda levels: read_bare(levels, read_duration))


RULE: Final = RulePlugin(name="transfer_overdue", read=read, hears=(TransfersReported,))
