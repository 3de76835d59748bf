"""The kill switch of a desk: while it is engaged, no order leaves.

Rule 1: whoever reaches the desk may engage it; a person who is named and says why lifts it, and nothing else does:
not time, not a service, not a restart.
Rule 2: it is remembered before anybody is told.
"""

from typing import Final, final

from trading_ecosystem.messages.kill_switch import (
    EngageKillSwitch,
    KillSwitchChanged,
    KillSwitchReported,
    LiftKillSwitch,
    LiftRefusal,
    LiftRefused,
)
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Plain, Remember

SWITCH_KEY: Final = "kill_switch"
SERVICES: Final = ("trading_engine", "risk_monitor")  # Those that engage by themselves; instances are `role.name`.


@final
class KillSwitch:
    """Who touched it last, why and when; nobody, empty and 0 at first."""

    __slots__ = ("_account", "_changed_ns", "_grounds", "_operator", "engaged")

    def __init__(self, account: str) -> None:
        self._account = account
        self._operator = ""
        self._grounds = ""
        self._changed_ns = 0
        self.engaged = False

    def resume(self, remembered: Plain, out: list[Message]) -> None:
        """Stand as in the life before, and say so where that is engaged."""
        assert isinstance(remembered, dict)
        self.engaged = bool(remembered["engaged"])
        self._operator = str(remembered["operator"])
        self._grounds = str(remembered["grounds"])
        self._changed_ns = int(remembered["changed_ns"])
        if self.engaged:
            out.append(self._changed())

    def engage(self, command: EngageKillSwitch, now: int, out: list[Message]) -> None:
        assert not self.engaged
        self._turn(True, command.operator, command.grounds, now, out)

    def lift(self, command: LiftKillSwitch, now: int, out: list[Message]) -> None:
        refusal = self._refusal(command)
        if refusal is None:
            self._turn(False, command.operator, command.grounds, now, out)
            return
        refused = LiftRefused(account=self._account, operator=command.operator, lift_refusal=refusal, occurred_ns=now)
        out.append(refused)

    def report(self, to: str) -> KillSwitchReported:
        return KillSwitchReported(
            to=to,
            account=self._account,
            engaged=self.engaged,
            operator=self._operator,
            grounds=self._grounds,
            occurred_ns=self._changed_ns,
        )

    def _refusal(self, command: LiftKillSwitch) -> LiftRefusal | None:
        if not self.engaged:
            return LiftRefusal.NOT_ENGAGED
        person = command.operator.strip()
        if not person or person.partition(".")[0] in SERVICES:
            return LiftRefusal.NO_PERSON
        return None if command.grounds.strip() else LiftRefusal.NO_GROUNDS

    def _turn(self, engaged: bool, operator: str, grounds: str, now: int, out: list[Message]) -> None:
        self.engaged = engaged
        self._operator, self._grounds, self._changed_ns = operator, grounds, now
        value: dict[str, Plain] = {
            "engaged": engaged,
            "operator": operator,
            "grounds": grounds,
            "changed_ns": now,
        }
        out.append(Remember(key=SWITCH_KEY, value=value))
        out.append(self._changed())

    def _changed(self) -> KillSwitchChanged:
        return KillSwitchChanged(
            account=self._account,
            engaged=self.engaged,
            operator=self._operator,
            grounds=self._grounds,
            occurred_ns=self._changed_ns,
        )
