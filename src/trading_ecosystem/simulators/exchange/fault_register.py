"""Which faults of a venue are in force, which of them have changed anything, and the chance that they need.

Rule 1: one fault of a kind at a time; a command that comes again begins nothing anew.
Rule 2: each kind has its own stream of chance, counted on from fault to fault.
"""

from typing import Final, cast, final

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages import codec
from trading_ecosystem.messages.chaos import FaultVenue, InjectionStruck, VenueFault
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Plain

PPM: Final = 1_000_000
REJECT: Final = VenueFault.REJECT.value


@final
class FaultRegister:
    """`is_empty`: nothing is disturbed. `in_force`: by the kind of the fault."""

    __slots__ = ("_dice", "_drawn", "_past", "_struck", "_untold", "in_force", "is_empty")

    def __init__(self, venue: str, seed: int) -> None:
        self._dice = {fault.value: Dice(seed, f"{venue}.{fault.value}") for fault in VenueFault}
        self._drawn: dict[str, int] = {}
        self._past: list[str] = []
        self._struck: list[str] = []
        self._untold: list[str] = []  # Struck, and not told yet.
        self.in_force: dict[str, FaultVenue] = {}
        self.is_empty = True

    def get(self, fault: VenueFault) -> FaultVenue | None:
        return self.in_force.get(fault.value)

    def find(self, injection_id: str) -> FaultVenue | None:
        for command in self.in_force.values():
            if command.injection_id == injection_id:
                return command
        return None

    def knows(self, command: FaultVenue) -> bool:
        """Whether the command has come before."""
        return self.find(command.injection_id) == command or command.injection_id in self._past

    def begin(self, command: FaultVenue) -> None:
        self.in_force[command.venue_fault.value] = command
        self.is_empty = False

    def end(self, command: FaultVenue) -> None:
        del self.in_force[command.venue_fault.value]
        self._past.append(command.injection_id)
        self.is_empty = not self.in_force

    def draws(self, command: FaultVenue) -> bool:
        """Whether chance has it that the next one is hit, which then is."""
        kind = command.venue_fault.value
        drawn = self._drawn.get(kind, 0) + 1
        self._drawn[kind] = drawn
        hits = self._dice[kind].below(PPM, drawn) < command.share_ppm
        if hits:
            self.strike(command)
        return hits

    def rejects(self) -> bool:
        """Whether the order at hand is rejected, whatever it is."""
        command = self.in_force.get(REJECT)
        return command is not None and self.draws(command)

    def strike(self, command: FaultVenue) -> None:
        """Something is otherwise than it would have been."""
        if command.injection_id not in self._struck:
            self._struck.append(command.injection_id)
            self._untold.append(command.injection_id)

    def take_struck(self, now: int) -> list[Message]:
        told: list[Message] = [InjectionStruck(injection_id=name, occurred_ns=now) for name in self._untold]
        self._untold = []
        return told

    def save(self) -> Plain:
        assert not self._untold
        return {
            "in_force": [codec.to_plain(command) for command in self.in_force.values()],
            "past": list(self._past),
            "struck": list(self._struck),
            "drawn": dict(self._drawn),
        }

    def restore(self, state: Plain) -> None:
        assert isinstance(state, dict)
        self.in_force = {}
        for values in state["in_force"]:
            command = cast(FaultVenue, codec.from_plain("FaultVenue", values))
            self.in_force[command.venue_fault.value] = command
        self.is_empty = not self.in_force
        self._past, self._struck = list(state["past"]), list(state["struck"])
        self._drawn = dict(state["drawn"])
