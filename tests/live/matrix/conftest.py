"""Free ports, and services in processes of their own beside a registry in this one, for the tests of single faults."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from trading_ecosystem.assembly import load_world
from trading_ecosystem.live.clock import Clock, Tempo
from trading_ecosystem.orchestrator.child import Command
from trading_ecosystem.orchestrator.documents import documents_of
from trading_ecosystem.orchestrator.folder import DATA, RunFolder
from trading_ecosystem.orchestrator.identities import issue_tokens
from trading_ecosystem.orchestrator.launch import Places, command_for
from trading_ecosystem.orchestrator.processes import Notice, Processes, State
from trading_ecosystem.orchestrator.registry import ADMINISTRATOR, HostedRegistry
from trading_ecosystem.orchestrator.request import UpRequest
from trading_ecosystem.orchestrator.terms import Terms

WORLD = Path(__file__).parents[3] / "worlds" / "two-desks.yaml"
SPEED = 20
PATIENCE_S = 60.0


@pytest.fixture
def free_port() -> Callable[[], int]:
    def find() -> int:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            return int(found.getsockname()[1])

    return find


class House:
    """A registry and a running clock, and the processes of those services that a test starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = RunFolder(folder)
        self.start_ns = load_world(WORLD).start_ns
        self.documents = documents_of(WORLD, Terms(seed=7, start_ns=self.start_ns))
        self.registry = HostedRegistry(list(self.documents), 0, "")
        self.processes = Processes({}, lambda notice: None)
        self.notices: list[Notice] = []

    async def open(self, *instances: str, **environment: dict[str, str]) -> None:
        """`environment`: of an instance, what is set beside the usual."""
        await self.registry.start()
        self.registry.publish(Tempo(start_ns=self.start_ns, epoch_ns=Clock().now_ns(), speed=SPEED))
        self.folder.path.mkdir(parents=True, exist_ok=True)
        commands = {name: self.command(name, environment.get(name, {})) for name in instances}
        issue_tokens(self.folder, list(instances), self.registry.tokens[ADMINISTRATOR])
        self.processes = Processes(commands, self.notices.append)

    def command(self, instance: str, environment: dict[str, str]) -> Command:
        request = UpRequest(
            folder=self.folder.path,
            world=WORLD,
            seed=7,
            speed=SPEED,
        )
        places = Places(folder=self.folder, registry=self.registry.url, telemetry="")
        token = self.registry.tokens[instance]
        command = command_for(places, instance, self.documents[instance], token, request)
        return replace(command, environment={**command.environment, **environment})

    def data(self, instance: str) -> Path:
        return self.folder.service(instance) / DATA

    def log(self, instance: str) -> str:
        return self.folder.log(instance).read_text(encoding="utf-8")

    def pid(self, instance: str) -> int:
        pid = self.processes.pid(instance)
        assert pid is not None, f"{instance} has no process"
        return pid

    async def start(self, *instances: str) -> None:
        for instance in instances:
            self.processes.start(instance)
        await self.until(lambda: set(instances) <= set(self.registry.ready()))

    async def exit_of(self, instance: str) -> str:
        """Start one that cannot go on; how it ended, in words."""
        self.processes.start(instance)
        await self.until(lambda: any(each.unexpected for each in self.notices))
        await self.processes.stop(instance)
        return next(each.detail for each in self.notices if each.unexpected).partition(";")[0]

    async def until(self, holds: Callable[[], bool]) -> None:
        ends_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < ends_s, "it never came to this"
            await asyncio.sleep(0.02)

    async def until_serving(self, instance: str, serving: bool = True) -> None:
        """By gRPC's own health service."""
        wanted = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        ends_s = time.monotonic() + PATIENCE_S
        while await self.health(instance) != wanted:
            assert time.monotonic() < ends_s, f"{instance} is not {'serving' if serving else 'out of service'}"
            await asyncio.sleep(0.05)

    async def health(self, instance: str) -> int:
        """-1 where it cannot be asked."""
        found = self.registry.lookup(instance, "grpc")
        if found is None:
            return -1
        async with grpc.aio.insecure_channel(f"{found[0]}:{found[1]}") as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            try:
                return int((await stub.Check(health_pb2.HealthCheckRequest(), timeout=2)).status)
            except grpc.aio.AioRpcError:
                return -1

    async def close(self) -> None:
        for instance in self.processes.instances():
            if self.processes.state(instance) is not State.DOWN:
                await self.processes.kill(instance)
        await self.registry.stop()


@pytest.fixture
def house(tmp_path: Path) -> Callable[..., Any]:
    """Open one with these instances; all of it is gone at the end."""

    @asynccontextmanager
    async def opened(*instances: str, **environment: dict[str, str]) -> AsyncIterator[House]:
        made = House(tmp_path / "house")
        try:
            await made.open(*instances, **environment)
            yield made
        finally:
            await made.close()

    return opened
