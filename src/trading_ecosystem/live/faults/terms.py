"""What the faults of a link do to its bytes, put together. Pure: no socket and no clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Direction(StrEnum):
    """Which way bytes go through a proxy, seen from who opened the connection."""

    REQUEST = "request"  # From the asker to the target.
    RESPONSE = "response"


class Gate(StrEnum):
    """A fault of whole connections."""

    RESET = "reset"  # Every connection is broken by RST: those that exist, and new ones once accepted.
    REFUSE = "refuse"  # As if nobody listened. Connections that exist are broken.


@dataclass(frozen=True, kw_only=True)
class StreamFault:
    """What happens to the bytes of one direction, by the machine's clock. Zero and False stand for nothing.

    `held` bytes come when the fault is undone. Where bytes were `dropped` the stream has a hole, so such a connection
    is reset when the fault is undone, or `reset_after_ns` after its first lost byte.
    """

    latency_ns: int = 0
    jitter_ns: int = 0  # Up to so much later still, in order all the same.
    bytes_per_second: int = 0
    slice_bytes: int = 0  # The most that is written at once.
    held: bool = False
    dropped: bool = False
    reset_after_ns: int = 0


SOUND = StreamFault()


def together(faults: Iterable[StreamFault]) -> StreamFault:
    """Several faults of one direction as one: latencies add up, of limits the least counts."""
    known = list(faults)
    return StreamFault(
        latency_ns=sum(fault.latency_ns for fault in known),
        jitter_ns=sum(fault.jitter_ns for fault in known),
        bytes_per_second=least(fault.bytes_per_second for fault in known),
        slice_bytes=least(fault.slice_bytes for fault in known),
        held=any(fault.held for fault in known),
        dropped=any(fault.dropped for fault in known),
        reset_after_ns=least(fault.reset_after_ns for fault in known),
    )


def least(limits: Iterable[int]) -> int:
    """The least that is set; 0 where none is."""
    return min((limit for limit in limits if limit > 0), default=0)


class Draws(Protocol):
    """Chance with an address, as `chance.Dice` has it."""

    def below(self, bound: int, index: int, lane: int = 0) -> int:
        """An integer from 0 to bound - 1; `bound` up to 2**31."""
