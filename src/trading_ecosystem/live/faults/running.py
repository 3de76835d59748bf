"""What is wrong with the store and the clock of a running service just now, by the injections that made it so.

Rule 1: several injections of one kind add up, and each takes only its own away.
Rule 2: a repeated one changes nothing, and the end of one that is not in force is passed over.
"""

from typing import final

from trading_ecosystem.live.clock import SECOND_NS, Clock
from trading_ecosystem.live.store.faults import StoreFault, StoreFaults

OF_STORES = {"store.away": StoreFault.AWAY, "store.full": StoreFault.FULL, "store.slow": StoreFault.SLOW}
CLOCK_JUMP = "clock.jump"
KINDS = (*OF_STORES, CLOCK_JUMP)


@final
class RunningFaults:
    """`kind` is one of `KINDS`; `by_ns`, simulated, is how much slower a commit is or how far the clock is ahead."""

    def __init__(self, store: StoreFaults, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._active: dict[str, tuple[str, int]] = {}

    def inject(self, injection_id: str, kind: str, by_ns: int) -> bool:
        """Whether anything was changed. Raises KeyError for a kind that cannot befall this service from inside."""
        if kind not in KINDS:
            raise KeyError(kind)
        if injection_id in self._active:
            return False
        self._active[injection_id] = (kind, by_ns)
        self._renew(kind)
        return True

    def restore(self, injection_id: str) -> bool:
        """Whether anything was changed."""
        if injection_id not in self._active:
            return False
        kind, _ = self._active.pop(injection_id)
        self._renew(kind)
        return True

    def _renew(self, kind: str) -> None:
        amounts_ns = [by_ns for active, by_ns in self._active.values() if active == kind]
        if kind == CLOCK_JUMP:
            self._clock.shift(sum(amounts_ns))
            return
        self._store.restore(OF_STORES[kind])
        if amounts_ns:
            self._store.inject(OF_STORES[kind], sum(amounts_ns) / SECOND_NS / self._clock.speed)
