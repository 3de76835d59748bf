"""What the monitor knows of the desks of its firm: whether their kill switches are engaged, and whom it has stopped.

Rule 1: a desk that must be stopped is told so until it says that it is.
"""

from typing import final

from trading_ecosystem.messages.kill_switch import (
    EngageKillSwitch,
    KillSwitchChanged,
    KillSwitchReported,
    QueryKillSwitch,
)
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.outbox import Outbox


@final
class Desk:
    """The desk that trades with an account. `instance`: its name, to which commands go."""

    __slots__ = ("_asked", "_grounds", "_told_ns", "engaged", "instance", "watch")

    def __init__(self, instance: str, watch: Watch | None) -> None:
        self.instance = instance
        self.watch = watch
        self.engaged = False
        self._told_ns = 0
        self._asked = False  # A question is open.
        self._grounds = ""  # Why it is to be stopped, until it is.

    @property
    def waiting(self) -> bool:
        """It owes an answer."""
        return self._asked or self._grounds != ""

    def ask(self, monitor: str, outbox: Outbox) -> None:
        self._asked = True
        outbox.send(QueryKillSwitch(to=self.instance, asker=monitor))

    def ask_again(self, monitor: str, outbox: Outbox) -> None:
        if self._grounds:
            self._engage(monitor, outbox)
        if self.waiting:
            self.ask(monitor, outbox)

    def stop(self, grounds: str, monitor: str, outbox: Outbox) -> bool:
        """False if it is stopped, or has been told."""
        if self.engaged or self._grounds:
            return False
        self._grounds = grounds
        self._engage(monitor, outbox)
        return True

    def take(self, told: KillSwitchChanged | KillSwitchReported, now: int, outbox: Outbox) -> None:
        """What is older than what is known says nothing."""
        if isinstance(told, KillSwitchReported):
            self._asked = False
        at_ns = min(told.occurred_ns, now)
        if at_ns < self._told_ns:
            return
        self._told_ns = at_ns
        self.engaged = told.engaged
        if told.engaged:
            self._grounds = ""
        if self.watch is not None and (told.engaged or self.watch.active):
            self.watch.update(int(told.engaged), at_ns, now, outbox)

    def _engage(self, monitor: str, outbox: Outbox) -> None:
        outbox.send(EngageKillSwitch(to=self.instance, operator=monitor, grounds=self._grounds))
