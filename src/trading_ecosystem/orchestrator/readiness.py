"""Waits for services that were started, and says which one is to blame where they do not become ready."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from trading_ecosystem.live.discovery.registration import Registration
    from trading_ecosystem.orchestrator.control import Line
    from trading_ecosystem.orchestrator.folder import RunFolder

LOOK_EVERY_S = 0.05
SHOWN_LOG_LINES = 15


class NotReady(Exception):
    """The ecosystem did not come up; the message says which service is to blame, and how its log ends."""


@final
class Readiness:
    """`ready`: who says that it is, by instance. `tell` hears of each as soon as it is."""

    def __init__(
        self,
        folder: "RunFolder",
        ready: "Callable[[], dict[str, Registration]]",
        within_s: int,
        tell: "Callable[[Line], None]",
    ) -> None:
        self._folder, self._ready, self._within_s, self._tell = folder, ready, within_s, tell
        self.fallen: dict[str, str] = {}  # Whose process ended unasked, and how.

    async def wait(self, instances: Sequence[str]) -> None:
        """Return when all of these are ready. Raises `NotReady`."""
        began_s = time.monotonic()
        missing = list(instances)
        while missing:
            await asyncio.sleep(LOOK_EVERY_S)
            waited_s = time.monotonic() - began_s
            ready = self._ready()
            for instance in list(missing):
                self._refuse_fallen(instance, waited_s)
                if instance in ready:
                    missing.remove(instance)
                    address = ready[instance].addresses.get("grpc", "")
                    self._tell({"ready": instance, "address": address, "seconds": round(waited_s, 2)})

    def _refuse_fallen(self, instance: str, waited_s: float) -> None:
        if instance in self.fallen:
            raise NotReady(f"{instance} {self.fallen[instance]} before it was ready{self._end_of_log(instance)}")
        if waited_s > self._within_s:
            raise NotReady(f"{instance} was not ready within {self._within_s} s{self._end_of_log(instance)}")

    def _end_of_log(self, instance: str) -> str:
        lines = tail(self._folder.log(instance), SHOWN_LOG_LINES)
        said = "; its log ends:\n" + "\n".join(f"  {line}" for line in lines) if lines else "; it said nothing"
        return f"{said}\n  (all of it: {self._folder.log(instance)})" if lines else said


def tail(path: Path, count: int) -> list[str]:
    """The last lines of a log; none if there is none yet."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []
