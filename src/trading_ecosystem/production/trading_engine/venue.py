"""What the desk knows about its venue: whether it is there, and whether the account's state is certain.

Rule 1: the desk trades only with a venue whose session it knows, that it hears, and that owes it no answer.
Rule 2: events of the account take effect in the order of `account_sequence`, each once; a gap is a question.
"""

from typing import Final, final

from trading_ecosystem.messages.accounts import AccountReported, VenueHeartbeat
from trading_ecosystem.messages.orders import AccountEvent

NEVER: Final = (1 << 62) - 1
CLOCK_TOLERANCE_NS: Final = 1_000_000_000  # By how much the clocks of others may differ from the desk's.


@final
class VenueLink:
    """Heartbeats, questions and the sequence of the account's events at one venue."""

    __slots__ = (
        "_early",
        "_heard_ns",
        "_heartbeat_timeout_ns",
        "_retry_ns",
        "_sequence",
        "_session",
        "asked_ns",
        "awaiting",
        "away",
    )

    def __init__(self, heartbeat_timeout_ns: int, retry_ns: int) -> None:
        self._heartbeat_timeout_ns = heartbeat_timeout_ns
        self._retry_ns = retry_ns
        self._session = 0
        self._heard_ns = 0
        self._sequence = 0
        self._early: dict[int, AccountEvent] = {}
        self.away = False
        self.awaiting = False
        self.asked_ns = 0

    @property
    def trusted(self) -> bool:
        return self._session != 0 and not self.away and not self.awaiting and not self._early

    @property
    def gap(self) -> bool:
        """An event has come whose forerunner has not."""
        return bool(self._early)

    def start(self, now: int) -> None:
        self._heard_ns = now

    def asked(self, now: int) -> None:
        self.awaiting = True
        self.asked_ns = now

    def hear(self, heartbeat: VenueHeartbeat, now: int) -> bool:
        """Take a heartbeat. True when the venue was away since the last one, as far as the desk knows."""
        if heartbeat.session < self._session:
            return False  # Late, from before the venue's last start.
        self._heard_ns = now
        if heartbeat.session == self._session and not self.away:
            return False
        returned = self.away or self._session != 0
        if heartbeat.session != self._session:
            self._session = heartbeat.session
            if returned:
                self._sequence = 0
                self._early.clear()
        self.away = False
        return returned

    def in_order(self, event: AccountEvent) -> list[AccountEvent]:
        """The events that take effect now: none for a repetition or an early one, several where a gap closes."""
        if event.account_sequence <= self._sequence:
            return []
        self._early[event.account_sequence] = event
        return self._drain()

    def answered(self, report: AccountReported) -> bool:
        """Take a report's word. False if it answers an earlier question, or events have told more since."""
        if report.occurred_ns + CLOCK_TOLERANCE_NS < self.asked_ns or report.account_sequence < self._sequence:
            return False
        self._sequence = report.account_sequence
        self.awaiting = False
        return True

    def after_report(self) -> list[AccountEvent]:
        """The events kept back that come after the report."""
        for sequence in [early for early in self._early if early <= self._sequence]:
            del self._early[sequence]
        return self._drain()

    def lost(self, now: int) -> bool:
        """True at the moment when the silence has lasted too long."""
        if self.away or now < self._heard_ns + self._heartbeat_timeout_ns:
            return False
        self.away = True
        return True

    def retry_due(self, now: int) -> bool:
        return self.awaiting and not self.away and now >= self.asked_ns + self._retry_ns

    def due_ns(self) -> int:
        """When to look again. A venue that is away is not asked; its heartbeat will tell."""
        if self.away:
            return NEVER
        silence_ns = self._heard_ns + self._heartbeat_timeout_ns
        return min(silence_ns, self.asked_ns + self._retry_ns) if self.awaiting else silence_ns

    def _drain(self) -> list[AccountEvent]:
        ready: list[AccountEvent] = []
        while self._sequence + 1 in self._early:
            self._sequence += 1
            ready.append(self._early.pop(self._sequence))
        return ready
