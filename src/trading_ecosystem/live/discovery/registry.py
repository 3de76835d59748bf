"""Who is there, and where: what each process last said of itself, for as long as it keeps saying it.

Rule 1: a heartbeat is the registration said again, so a registry that forgot everything is whole after one period.
Rule 2: of two processes under one name the higher epoch wins, and the lower is refused even when the higher is gone.
Rule 3: what has not been said again for `LIFETIME_NS` is not there.
"""

from collections.abc import Callable
from typing import final

from trading_ecosystem.live.discovery.registration import Registration

SECOND_NS = 1_000_000_000
PERIOD_NS = 2 * SECOND_NS  # Of the heartbeats.
LIFETIME_NS = 6 * SECOND_NS


class Superseded(Exception):
    """Another process holds this name; the one who is told this must stop acting under it."""

    def __init__(self, instance: str, epoch: int, least: int) -> None:
        super().__init__(f"{instance} belongs to epoch {least} or later; this process is of epoch {epoch}")
        self.instance = instance


@final
class Registry:
    """`now_ns` is a clock of the machine that never goes back: heartbeats are no part of accelerated time."""

    def __init__(self, now_ns: Callable[[], int], lifetime_ns: int = LIFETIME_NS) -> None:
        self.lifetime_ns = lifetime_ns
        self._now_ns = now_ns
        self._present: dict[str, Registration] = {}
        self._heard_ns: dict[str, int] = {}
        self._least_epoch: dict[str, int] = {}
        self._generation = 0

    @property
    def generation(self) -> int:
        """Rises whenever anything that a lookup would tell has changed."""
        self.clean_up()
        return self._generation

    def register(self, registration: Registration) -> None:
        """For the first time or as a heartbeat. Raises `Superseded`."""
        name = registration.instance
        self._fence(name, registration.epoch)
        self.clean_up()
        if self._present.get(name) != registration:
            self._present[name] = registration
            self._generation += 1
        self._least_epoch[name] = registration.epoch
        self._heard_ns[name] = self._now_ns()

    def deregister(self, instance: str, epoch: int) -> None:
        """Who has left does not come back under the same epoch, be it by a late heartbeat. Raises `Superseded`."""
        self._fence(instance, epoch)
        self._least_epoch[instance] = epoch + 1
        self._remove(instance)

    def find(self, instance: str) -> Registration | None:
        self.clean_up()
        return self._present.get(instance)

    def of_role(self, role: str) -> list[Registration]:
        return [registration for registration in self.all() if registration.role == role]

    def all(self) -> list[Registration]:
        """In the order of their names."""
        self.clean_up()
        return [self._present[instance] for instance in sorted(self._present)]

    def clean_up(self) -> None:
        """Forget who has been silent for too long."""
        latest_ns = self._now_ns() - self.lifetime_ns
        for instance in [name for name, heard_ns in self._heard_ns.items() if heard_ns <= latest_ns]:
            self._remove(instance)

    def _fence(self, instance: str, epoch: int) -> None:
        least = self._least_epoch.get(instance, 0)
        if epoch < least:
            raise Superseded(instance, epoch, least)

    def _remove(self, instance: str) -> None:
        if self._present.pop(instance, None) is not None:
            del self._heard_ns[instance]
            self._generation += 1
