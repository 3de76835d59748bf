"""The timeline of a run: what a person would tell of it, in order, each line under its cause.

Rule 1: an entry's cause is another entry where the correlator knows one, else the message that caused it.
Rule 2: losses are told once per reason, recipient and minute, with their number.
"""

from typing import final

from trading_ecosystem.messages.audit import DeliveryLost
from trading_ecosystem.validation.results import TimelineEntry

MINUTE_NS = 60_000_000_000


@final
class LossMinute:
    """The losses of one reason at one recipient in one minute."""

    __slots__ = ("cause_id", "count", "first_id", "first_ns", "reason", "recipient")

    def __init__(self, fact: DeliveryLost, cause_id: int) -> None:
        self.reason = fact.loss_reason.value
        self.recipient = fact.recipient
        self.first_id = fact.message_id
        self.first_ns = fact.occurred_ns
        self.cause_id = cause_id
        self.count = 1

    def entry(self) -> TimelineEntry:
        messages = "1 message" if self.count == 1 else f"{self.count} messages"
        goal = f" to {self.recipient}" if self.recipient else ""
        return TimelineEntry(
            at_ns=self.first_ns,
            kind="loss",
            subject=self.recipient,
            text=f"{messages}{goal} lost within the minute: {self.reason}",
            message_id=self.first_id,
            cause_id=self.cause_id,
        )


@final
class Timeline:
    __slots__ = ("_entries", "_losses")

    def __init__(self) -> None:
        self._entries: list[TimelineEntry] = []
        self._losses: dict[tuple[str, str, int], LossMinute] = {}

    def add(self, at_ns: int, kind: str, subject: str, text: str, message_id: int, cause_id: int) -> None:
        entry = TimelineEntry(
            at_ns=at_ns, kind=kind, subject=subject, text=text, message_id=message_id, cause_id=cause_id
        )
        self._entries.append(entry)

    def count_loss(self, fact: DeliveryLost) -> bool:
        """Add to a minute that is known; False where `begin_loss` must tell its cause first."""
        minute = self._losses.get(loss_key(fact))
        if minute is None:
            return False
        minute.count += 1
        return True

    def begin_loss(self, fact: DeliveryLost, cause_id: int) -> None:
        """`cause_id`: the receipt of the injection that lost it, 0 for none."""
        self._losses[loss_key(fact)] = LossMinute(fact, cause_id or fact.message_id)

    def entries(self) -> tuple[TimelineEntry, ...]:
        """In the order of time; what happened at one moment in the order of messages."""
        losses = [minute.entry() for minute in self._losses.values()]
        return tuple(sorted(self._entries + losses, key=lambda entry: (entry.at_ns, entry.message_id)))


def loss_key(fact: DeliveryLost) -> tuple[str, str, int]:
    return fact.loss_reason.value, fact.recipient, fact.occurred_ns // MINUTE_NS
