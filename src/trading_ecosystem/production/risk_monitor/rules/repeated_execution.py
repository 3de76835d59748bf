"""Repeated execution: how often an account was filled on one side of one instrument within the last minute.

A strategy that trades gets fills on both sides, or stops; one that repeats its order whatever was filled does neither.
After the repeated automated execution throttle of MiFID II RTS 6, article 15(3).
"""

from collections.abc import Sequence
from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import OrderFilled
from trading_ecosystem.production.risk_monitor.levels import read_bare, read_count
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin, of_accounts
from trading_ecosystem.production.risk_monitor.rules.recent import Recent
from trading_ecosystem.production.risk_monitor.rules.rule import NOTHING, Figure, Rule, Sight

MINUTE_NS: Final = 60_000_000_000


@final
class RepeatedExecution(Rule):
    """Of each account, the side of an instrument that was filled most often counts. A fill told twice counts once."""

    def __init__(self, entry: Entry, sight: Sight) -> None:
        # By account, then by instrument and side.
        self._recent: dict[str, dict[str, Recent]] = {account: {} for account in entry.subjects}

    def hear(self, message: Message, now: int) -> Sequence[Figure]:
        assert isinstance(message, OrderFilled)
        at_ns = min(message.occurred_ns, now)
        recent = self._recent.get(message.account)
        if recent is None:
            return NOTHING
        key = f"{message.symbol} {message.side.value}"
        if key not in recent:
            recent[key] = Recent(MINUTE_NS)
        recent[key].note(str(message.account_sequence), at_ns)
        return [self._figure(message.account, at_ns)]

    def look(self, now: int) -> Sequence[Figure]:
        return [self._figure(account, now) for account in self._recent]

    def _figure(self, account: str, at_ns: int) -> Figure:
        value = max([recent.count(at_ns) for recent in self._recent[account].values()], default=0)
        return Figure(account, value, at_ns)


def read(node: Node, firm: Firm) -> Entry:
    return of_accounts(node, firm, "fills per minute", lambda levels: read_bare(levels, read_count))


RULE: Final = RulePlugin(
    name="repeated_execution", read=read, hears=(OrderFilled,), build=RepeatedExecution, at_once=True
)
