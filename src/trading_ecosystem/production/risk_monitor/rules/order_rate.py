"""Order rate: how much an account has asked of its venue within a time, as the venue's answers tell.

Every answer is one: an order accepted or rejected, a cancel or an amendment, done or refused. Orders that are canceled
at one moment were all canceled by one wish. Fills are none, and an order that the venue takes out of the book is none.
"""

from collections.abc import Sequence
from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import AmendRejected, OrderAmended
from trading_ecosystem.messages.orders import (
    AccountEvent,
    CancelReason,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
)
from trading_ecosystem.production.risk_monitor.levels import SECOND_NS, Levels, read_count, read_levels
from trading_ecosystem.production.risk_monitor.rules.plugin import EVERY_ACCOUNT, Entry, Firm, Limit, RulePlugin
from trading_ecosystem.production.risk_monitor.rules.recent import Recent
from trading_ecosystem.production.risk_monitor.rules.rule import NOTHING, Figure, Rule, Sight

ANSWERS: Final = (OrderAccepted, OrderRejected, CancelRejected, OrderAmended, AmendRejected)
WINDOWS_NS: Final = {"second": SECOND_NS, "minute": 60 * SECOND_NS}


def is_answer(event: AccountEvent) -> bool:
    if isinstance(event, OrderCanceled):
        return event.reason is CancelReason.REQUESTED
    return isinstance(event, ANSWERS)


@final
class Rate:
    """Of one account, over the last `window_ns` on the venue's clock. An event that is told twice counts once."""

    __slots__ = ("_canceled_ns", "_recent", "subject")

    def __init__(self, subject: str, window_ns: int) -> None:
        self.subject = subject
        self._canceled_ns = 0
        self._recent = Recent(window_ns)

    def take(self, event: AccountEvent, at_ns: int) -> bool:
        """False for a further order that was canceled by the same wish."""
        if isinstance(event, OrderCanceled):
            if event.occurred_ns == self._canceled_ns:
                return False
            self._canceled_ns = event.occurred_ns
        self._recent.note(str(event.account_sequence), at_ns)
        return True

    def figure(self, at_ns: int) -> Figure:
        value = self._recent.count(at_ns)
        return Figure(self.subject, value, self._recent.latest_ns(at_ns))


@final
class OrderRate(Rule):
    """Of all accounts, over each window that has a limit."""

    def __init__(self, entry: Entry, sight: Sight) -> None:
        self._rates: dict[str, list[Rate]] = {}
        for subject in entry.subjects:
            account, _, window = subject.rpartition(":")
            self._rates.setdefault(account, []).append(Rate(subject, WINDOWS_NS[window]))

    def hear(self, message: Message, now: int) -> Sequence[Figure]:
        assert isinstance(message, AccountEvent)
        if not is_answer(message):
            return NOTHING
        at_ns = min(message.occurred_ns, now)
        return [rate.figure(at_ns) for rate in self._rates.get(message.account, ()) if rate.take(message, at_ns)]

    def look(self, now: int) -> Sequence[Figure]:
        return [rate.figure(now) for rates in self._rates.values() for rate in rates]


def read(node: Node, firm: Firm) -> Entry:
    section = node.section(optional=(*WINDOWS_NS, "kill"))
    windows = [window for window in WINDOWS_NS if window in section]
    if not windows:
        node.fail(f"one of {' and '.join(WINDOWS_NS)} is needed")
    limits = [of_window(window, read_levels(section[window], read_count), firm) for window in windows]
    return Entry(tuple(limits), kills="kill" in section and section["kill"].flag())


def of_window(window: str, levels: Levels, firm: Firm) -> Limit:
    subjects = tuple(f"{account}:{window}" for account in firm.accounts)
    return Limit(subjects, f"orders per {window}", levels, about=EVERY_ACCOUNT)


RULE: Final = RulePlugin(
    name="order_rate", read=read, hears=(*ANSWERS, OrderCanceled), build=OrderRate, at_once=True, of_desks=True
)
