"""Faults of single messages between live services: lost, twice, late or out of order. Twin: `virtual/network.py`.

A proxy sees bytes and cannot do this; whoever sends or receives messages asks here what becomes of each.
Rule 1: the same function as in virtual time decides, and what a fault takes or doubles is counted.
"""

from dataclasses import dataclass
from typing import Protocol, final

UNTOUCHED: tuple[int, ...] = (0,)


class Impairment(Protocol):
    """One active fault, as `impairment.Impairment` has it."""

    injection_id: str

    def fate(self, delays_ns: list[int], elapsed_ns: int, nth: int) -> list[int]:
        """What becomes of a message's deliveries: () lost, (5,) late, (5, 9) twice."""


@dataclass
class MessageCounts:
    """What was done to messages so far."""

    lost: int = 0
    doubled: int = 0
    late: int = 0


@final
class MessageFaults:
    """The message faults that are in force in one process, by link. `start_ns`: the draws count time from here."""

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._links: dict[tuple[str, str], list[Impairment]] = {}
        self._passed: dict[tuple[str, str], int] = {}
        self.counts = MessageCounts()

    def impair(self, sender: str, recipient: str, impairment: Impairment) -> None:
        """Begin a fault of the link from `sender` to `recipient`. A repeated one changes nothing."""
        known = self._links.setdefault((sender, recipient), [])
        if all(other.injection_id != impairment.injection_id for other in known):
            known.append(impairment)

    def restore(self, injection_id: str) -> None:
        """End a fault on all links. One that is not in force is passed over."""
        for link, known in list(self._links.items()):
            left = [impairment for impairment in known if impairment.injection_id != injection_id]
            if left:
                self._links[link] = left
            else:
                del self._links[link]

    def strikes(self, sender: str, recipient: str) -> bool:
        """Whether any fault is in force on this link."""
        return (sender, recipient) in self._links

    def fates(self, sender: str, recipient: str, now_ns: int) -> tuple[int, ...]:
        """How much later, in ns of the service's clock, each delivery of a message of this moment comes.

        `(0,)` for a sound link, `()` for lost.
        """
        impairments = self._links.get((sender, recipient)) if self._links else None
        if not impairments:
            return UNTOUCHED
        nth = self._passed[sender, recipient] = self._passed.get((sender, recipient), 0) + 1
        delays = [0]
        for impairment in impairments:
            delays = impairment.fate(delays, now_ns - self._start_ns, nth)
        self.counts.lost += not delays
        self.counts.doubled += max(0, len(delays) - 1)
        self.counts.late += sum(delay > 0 for delay in delays)
        return tuple(delays)
