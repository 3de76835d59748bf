"""All that is around one monitor in one run: its folder, the registry, those who tell it something, and time.

Rule 1: the registry, the documents, the settings and the environment are made by the code that makes them for `tse up`.
Rule 2: time stands still until it is led on, to the nanosecond.
"""

import asyncio
import mmap
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, final
from unittest.mock import patch

import grpc
from tests.planes.recording import Stream
from tests.planes.simulation import HIDDEN, Simulation
from tests.planes.stand_in import SPEECHES, Audit, ChaosPort, Source

from trading_ecosystem import routes
from trading_ecosystem.live.clock import Tempo
from trading_ecosystem.live.codec import parse
from trading_ecosystem.live.discovery.client import RegistryClient
from trading_ecosystem.live.discovery.registration import Registration, Status
from trading_ecosystem.live.pace import WORD
from trading_ecosystem.live.production_wire import RISK_MONITOR
from trading_ecosystem.live.web import Web
from trading_ecosystem.orchestrator.child import Command
from trading_ecosystem.orchestrator.documents import documents_of
from trading_ecosystem.orchestrator.folder import RunFolder
from trading_ecosystem.orchestrator.identities import issue_tokens
from trading_ecosystem.orchestrator.launch import Places, command_for
from trading_ecosystem.orchestrator.registry import ADMINISTRATOR, HostedRegistry
from trading_ecosystem.orchestrator.request import UpRequest

MONITOR = routes.RISK_MONITOR
SPEED = 10_000  # Timers look at the time so often that a wake is not missed for long.
READY_WITHIN_S = 60.0
BEGUN_NS = 1


@final
class Pace:
    """The shared time of `live/pace.py`, led to one moment after the other."""

    def __init__(self, path: Path, start_ns: int) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(descriptor, WORD.size)
        self._map = mmap.mmap(descriptor, WORD.size)
        os.close(descriptor)
        self._version = 0
        self.go_to(start_ns)

    def go_to(self, at_ns: int) -> None:
        self._version += 1
        word = WORD.pack(self._version, time.monotonic_ns(), at_ns, SPEED, 0, self._version)
        self._map[WORD.size - 8 :] = word[WORD.size - 8 :]
        self._map[: WORD.size - 8] = word[: WORD.size - 8]


@final
class Listener:
    """Hears what the monitor publishes, from its first message on."""

    def __init__(self, caller: str) -> None:
        self.heard: list[str] = []  # Without the ids, which are drawn.
        self._caller = caller

    async def run(self, address: str) -> None:
        request = RISK_MONITOR.request_type("Subscribe")(subscriber=self._caller, incarnation=1)
        async with grpc.aio.insecure_channel(address) as channel:
            call: Any = channel.unary_stream(RISK_MONITOR.path("Subscribe"))(
                request.SerializeToString(), metadata=(("x-instance", self._caller),)
            )
            async for data in call:
                for event in parse(RISK_MONITOR.response_type("Subscribe"), data).events:
                    event.ClearField("header")
                    message = RISK_MONITOR.read_event(event).message
                    self.heard.append(f"{event.sequence} {message} {event.SerializeToString().hex()}")


@final
class Stage:
    def __init__(self, stream: Stream, simulation: Simulation, folder: Path) -> None:
        self.simulation = simulation
        self.folder = RunFolder(folder / simulation.canary)  # Named after the test, as a person might.
        self.folder.path.mkdir(parents=True, mode=0o700)
        self._stream = stream
        self.start_ns = stream.start_ns
        self._files = documents_of(stream.world, simulation.terms(stream))
        self.registry = HostedRegistry([MONITOR, *HIDDEN], 0, "")
        self.sources = {name: Source(speech, simulation) for name, speech in SPEECHES.items()}
        self.sources[routes.EXCHANGE].refusal = "ask again"
        self.audit = Audit(simulation)
        self.chaos = ChaosPort()
        self.pace = Pace(self.folder.clock, stream.start_ns)
        self.listener = Listener("operator")
        self._undo = AsyncExitStack()

    async def open(self) -> Command:
        """Everything but the monitor. Returns how a supervisor would start that."""
        await self.registry.start()
        self._undo.push_async_callback(self.registry.stop)
        for each in (*self.sources.values(), self.audit, self.chaos):
            await each.start()
            self._undo.push_async_callback(each.stop)
        for name, source in self.sources.items():
            self.registry.host(name, {"grpc": source.address, "audit": self.chaos.address})
        self._publish(0)
        await self._surround()
        return self._command()

    def _command(self) -> Command:
        places = Places(folder=self.folder, registry=self.registry.url, telemetry=self.audit.address)
        request = UpRequest(
            folder=self.folder.path,
            world=self._stream.world,
            seed=self.simulation.number,
            speed=SPEED,
        )
        for instance, files in self._files.items():
            self.folder.make_service(instance, files)
        with patch.dict(os.environ, self.simulation.environment()):
            command = command_for(places, MONITOR, self._files[MONITOR], self.registry.tokens[MONITOR], request)
        issue_tokens(self.folder, [MONITOR], self.registry.tokens[ADMINISTRATOR])
        return command

    async def _surround(self) -> None:
        """Those whom the monitor shall not see, at what they do."""
        administrator = Web(self.registry.url, self.registry.tokens[ADMINISTRATOR])
        self._undo.push_async_callback(administrator.close)
        for name, value in self.simulation.parameters().items():
            await administrator.ask("PUT", f"/api/v1/configuration/{name}", {"value": value})
        for instance in self.simulation.hidden():
            web = Web(self.registry.url, self.registry.tokens[instance])
            self._undo.push_async_callback(web.close)
            client = RegistryClient(web, lambda reason: None, self.simulation.beats_every_s())
            addresses = {"grpc": self.chaos.address, "audit": self.chaos.address}
            await client.register(
                Registration(
                    instance=instance,
                    version=self.simulation.canary,
                    addresses=addresses,
                    status=Status.READY,
                    epoch=self.simulation.incarnation,
                )
            )
            self._undo.push_async_callback(client.deregister)
        self._do(self.chaos.renew_forever(self.simulation))

    def _do(self, work: Any) -> None:
        task = asyncio.create_task(work)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._undo.push_async_callback(end)

    def _publish(self, epoch_ns: int) -> None:
        self.registry.publish(
            Tempo(start_ns=self._stream.start_ns, epoch_ns=epoch_ns, speed=SPEED, pace=str(self.folder.clock))
        )

    async def until_ready(self) -> None:
        async with asyncio.timeout(READY_WITHIN_S):
            while MONITOR not in self.registry.ready():
                await asyncio.sleep(0.01)

    def address(self, surface: str) -> str:
        found = self.registry.lookup(MONITOR, surface)
        assert found is not None
        return f"{found[0]}:{found[1]}"

    def begin(self) -> None:
        """Somebody listens, and time is there."""
        self._do(self.listener.run(self.address("grpc")))
        if self.simulation.watched:
            self._do(Listener("observer").run(self.address("grpc")))
        self._publish(BEGUN_NS)

    async def close(self) -> None:
        await self._undo.aclose()
