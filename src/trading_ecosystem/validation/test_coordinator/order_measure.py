"""The measure of what an account asks of its venue within a time, by the venue's answers, or is held back of it."""

from collections import deque
from typing import Final, final

from trading_ecosystem.messages.order_changes import AmendRejected, OrderAmended
from trading_ecosystem.messages.orders import (
    CancelReason,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
)
from trading_ecosystem.validation.test_coordinator.conditions import Condition
from trading_ecosystem.validation.test_coordinator.measures import Breach, Runs

ANSWERS: Final = (OrderAccepted, OrderRejected, OrderCanceled, CancelRejected, OrderAmended, AmendRejected)
Answer = OrderAccepted | OrderRejected | OrderCanceled | CancelRejected | OrderAmended | AmendRejected


@final
class OrderPace:
    """True while there are as many answers or denials as the level, or more, within the window that ends now.

    An order that the venue takes out of the book by itself was asked for by nobody; all that are canceled at one moment
    were asked for once.
    """

    __slots__ = ("_canceled_ns", "_last", "_runs", "_sustain_ns", "_true_until_ns", "_window_ns")

    def __init__(self, condition: Condition) -> None:
        self._last: deque[tuple[int, int | str]] = deque(maxlen=int(condition.level))  # Moment and name.
        self._window_ns = condition.window_ns
        self._sustain_ns = condition.sustain_ns
        self._true_until_ns = 0
        self._canceled_ns = 0
        self._runs = Runs()

    def observe(self, answer: Answer) -> None:
        ns = answer.occurred_ns
        if isinstance(answer, OrderCanceled):
            if answer.reason is not CancelReason.REQUESTED or ns == self._canceled_ns:
                return
            self._canceled_ns = ns
        self.note(ns, answer.account_sequence)

    def note(self, ns: int, name: int | str) -> None:
        """One more, which is told twice under the same name."""
        if (ns, name) in self._last:
            return
        self._last.append((ns, name))
        if len(self._last) < (self._last.maxlen or 0):
            return
        until_ns = self._last[0][0] + self._window_ns
        if until_ns <= ns:
            return
        if self._true_until_ns < ns:
            self._runs.switch(False, self._true_until_ns)
        self._runs.switch(True, ns)
        self._true_until_ns = until_ns

    def breaches(self, until_ns: int) -> tuple[Breach, ...]:
        if self._true_until_ns <= until_ns:
            self._runs.switch(False, self._true_until_ns)
        return self._runs.breaches(self._sustain_ns, until_ns)
