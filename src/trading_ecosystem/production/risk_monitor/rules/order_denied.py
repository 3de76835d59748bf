"""Orders that a desk's own checks held back within the last minute, for one reason: they never reached the venue.

One is enough for an alert: the check has worked, and who sent such an order may send the next one a hair smaller.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import DenyReason, OrderDenied
from trading_ecosystem.production.risk_monitor.levels import read_bare, read_count
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, RulePlugin, of_accounts
from trading_ecosystem.production.risk_monitor.rules.recent import Recent
from trading_ecosystem.production.risk_monitor.rules.rule import NOTHING, Figure, Rule, Sight

MINUTE_NS: Final = 60_000_000_000


@final
class OrdersDenied(Rule):
    """Of each account, for one reason. A denial that is told twice counts once."""

    def __init__(self, reason: DenyReason, entry: Entry, sight: Sight) -> None:
        self._reason = reason
        self._recent = {account: Recent(MINUTE_NS) for account in entry.subjects}

    def hear(self, message: Message, now: int) -> Sequence[Figure]:
        assert isinstance(message, OrderDenied)
        if message.deny_reason is not self._reason or message.account not in self._recent:
            return NOTHING
        at_ns = min(message.occurred_ns, now)
        self._recent[message.account].note(f"{message.client_order_id} {message.occurred_ns}", at_ns)
        return [self._figure(message.account, at_ns)]

    def look(self, now: int) -> Sequence[Figure]:
        return [self._figure(account, now) for account in self._recent]

    def _figure(self, account: str, at_ns: int) -> Figure:
        recent = self._recent[account]
        value = recent.count(at_ns)
        return Figure(account, value, recent.latest_ns(at_ns))


def read(node: Node, firm: Firm) -> Entry:
    return of_accounts(node, firm, "denied per minute", lambda levels: read_bare(levels, read_count))


def denied(name: str, reason: DenyReason) -> RulePlugin[Entry]:
    """The rule about one reason."""
    return RulePlugin(name=name, read=read, hears=(OrderDenied,), build=partial(OrdersDenied, reason), at_once=True)
