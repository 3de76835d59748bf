"""A real ecosystem, up in this process's hand, and where everybody in it is."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import final

from trading_ecosystem import routes
from trading_ecosystem.orchestrator.request import UpRequest
from trading_ecosystem.orchestrator.supervisor import Supervisor

WORLD = Path(__file__).parents[2] / "worlds" / "two-desks.yaml"
SURFACES = ("grpc", "rest", "audit", "audit_rest")
READY_WITHIN_S = 120
PATIENCE_S = 90.0


def request_in(folder: Path, speed: int, *, tls: bool) -> UpRequest:
    return UpRequest(
        folder=folder / "run",
        world=WORLD,
        seed=7,
        speed=speed,
        tls=tls,
        ready_within_s=READY_WITHIN_S,
    )


@final
class Up:
    """Enters when all services are ready, and leaves when all are down."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor

    async def __aenter__(self) -> "Up":
        up = asyncio.Event()
        self._running = asyncio.create_task(self.supervisor.run(lambda: None, up.set))
        ready = asyncio.create_task(up.wait())
        await asyncio.wait((ready, self._running), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._running.done():
            self._running.result()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.supervisor.ask_to_stop()
        await self._running

    async def until(self, holds: Callable[[], bool]) -> None:
        ends_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < ends_s, "it never came to this"
            await asyncio.sleep(0.05)

    def pid(self, instance: str) -> int:
        pid = self.supervisor.processes.pid(instance)
        assert pid is not None, f"{instance} does not run"
        return pid

    # Ports.

    def port(self, instance: str, surface: str) -> int:
        found = self.supervisor.registry.lookup(instance, surface)
        assert found is not None, f"{instance} has no {surface}"
        return found[1]

    def ports(self, instance: str) -> set[int]:
        found = [self.supervisor.registry.lookup(instance, surface) for surface in SURFACES]
        return {address[1] for address in found if address is not None}

    def audit_ports(self) -> set[int]:
        instances = (*self.supervisor.processes.instances(), routes.INJECTOR)
        found = [self.supervisor.registry.lookup(name, surface) for name in instances for surface in SURFACES[2:]]
        return {address[1] for address in found if address is not None}
