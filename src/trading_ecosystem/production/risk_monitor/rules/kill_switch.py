"""Kill switch: 1 while the kill switch of the desk that trades with an account is engaged. See `desks.py`."""

from typing import Final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.kill_switch import KillSwitchChanged, KillSwitchReported
from trading_ecosystem.messages.risk import Severity
from trading_ecosystem.production.risk_monitor.levels import Level, Levels
from trading_ecosystem.production.risk_monitor.rules.plugin import EVERY_ACCOUNT, Entry, Firm, RulePlugin, each_alike


def read(node: Node, firm: Firm) -> Entry:
    """Written `critical` or `warning`, and nothing else."""
    is_critical = node.word(Severity, "severity") == Severity.CRITICAL
    engaged = Level(at=1, for_ns=0, resolves=1)
    levels = Levels(warning=None if is_critical else engaged, critical=engaged if is_critical else None)
    return each_alike(firm.accounts, EVERY_ACCOUNT, "engaged", levels)


RULE: Final = RulePlugin(name="kill_switch", read=read, hears=(KillSwitchChanged, KillSwitchReported), of_desks=True)
