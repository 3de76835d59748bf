"""Leases of active faults: a fault whose lease is not renewed is undone, whatever became of who ordered it.

Rule 1: a lease runs by the machine's monotonic clock; simulated time, which may be faulted, has no part in it.
Rule 2: a lease expires once, and never before its time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import final

LENGTH_NS = 15_000_000_000
LOOK_EVERY_NS = 1_000_000_000
SECOND_NS = 1_000_000_000
EXPIRED = "its lease was not renewed in time, so it was undone"


@dataclass
class Lease:
    holder: str
    until_ns: int


@final
class Leases:
    """Pure: the caller says what time it is, in ns of any clock that never goes back."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}

    def grant(self, lease_id: str, holder: str, now_ns: int, length_ns: int = LENGTH_NS) -> None:
        """Begin a lease, or begin it anew."""
        self._leases[lease_id] = Lease(holder, now_ns + length_ns)

    def renew(self, holder: str, now_ns: int, length_ns: int = LENGTH_NS) -> list[str]:
        """The holder is alive: what it holds lasts so long from now, if that is longer. Returns what it holds."""
        held = [name for name, lease in self._leases.items() if lease.holder == holder and lease.until_ns > now_ns]
        for name in held:
            self._leases[name].until_ns = max(self._leases[name].until_ns, now_ns + length_ns)
        return held

    def end(self, lease_id: str) -> None:
        """The fault was undone. A lease that is not there is passed over."""
        self._leases.pop(lease_id, None)

    def expired(self, now_ns: int) -> list[str]:
        """Those whose time has come, in the order of their ends. They are told this once."""
        ended = sorted((lease.until_ns, name) for name, lease in self._leases.items() if lease.until_ns <= now_ns)
        for _, name in ended:
            del self._leases[name]
        return [name for _, name in ended]

    def next_ns(self) -> int | None:
        """When the next lease ends if nobody renews it; None where there is none."""
        return min((lease.until_ns for lease in self._leases.values()), default=None)


async def watch(
    leases: Leases,
    expire: Callable[[str], Awaitable[None]],
    monotonic_ns: Callable[[], int] = time.monotonic_ns,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Undo what expires, by `expire`, until cancelled.

    It is there at the end of every lease of a second or more; a shorter one may last up to a second.
    """
    while True:
        for lease_id in leases.expired(monotonic_ns()):
            await expire(lease_id)
        next_ns = leases.next_ns()
        wait_ns = LOOK_EVERY_NS if next_ns is None else min(LOOK_EVERY_NS, next_ns - monotonic_ns())
        await sleep(max(0, wait_ns) / SECOND_NS)
