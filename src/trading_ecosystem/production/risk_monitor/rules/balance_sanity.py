"""Balance sanity: of how many assets a venue reports another balance than the fills and movements it told add up to.

Rule 1: both are as of the same event of the account, so nothing is on its way.
Rule 2: what no fill and no movement explains is in no figure of the firm. Who is right, the custodian's books tell once
the alert has been told; a venue that was away is believed, for what it said meanwhile may be lost.
"""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.accounts import AccountReported
from trading_ecosystem.production.risk_monitor.alerts import Status, Watch
from trading_ecosystem.production.risk_monitor.levels import read_lasting
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin, of_accounts


@final
class BalanceSanity:
    """Of one account."""

    __slots__ = ("watch",)

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    @property
    def is_told(self) -> bool:
        return all([alert.status is Status.FIRING for alert in self.watch.alerts])

    def check(self, unexplained: dict[str, int], at_ns: int, now: int, outbox: Outbox) -> None:
        if unexplained or self.watch.active:
            self.watch.update(len(unexplained), at_ns, now, outbox)


def read(node: Node, firm: Firm) -> Entry:
    return of_accounts(node, firm, "assets", read_lasting)


RULE: Final = RulePlugin(name="balance_sanity", read=read, hears=(AccountReported,))
