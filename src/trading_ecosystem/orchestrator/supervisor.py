"""Brings an ecosystem up, keeps watch over it, and brings it down.

Rule 1: whoever is asked questions is ready before those who ask are started.
Rule 2: however a supervisor ends, no process of it lives on; where it ends in order, no file of it does either.
Rule 3: it ends when its folder does: nobody could ask it to.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, final

from trading_ecosystem.assembly import load_world
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.clock import SECOND_NS, Clock, Tempo
from trading_ecosystem.live.discovery.registration import Registration
from trading_ecosystem.live.discovery.server import own_address
from trading_ecosystem.live.security.private_files import private_folder
from trading_ecosystem.orchestrator.child import check_system
from trading_ecosystem.orchestrator.control import ControlServer, Line
from trading_ecosystem.orchestrator.documents import documents_of
from trading_ecosystem.orchestrator.folder import RunFolder, RunState
from trading_ecosystem.orchestrator.governor import Governor
from trading_ecosystem.orchestrator.identities import RENEW_EVERY_S, issue_certificates, issue_tokens
from trading_ecosystem.orchestrator.injector_service import InjectorService
from trading_ecosystem.orchestrator.launch import Places, command_for
from trading_ecosystem.orchestrator.planes import starting_order, stopping_order
from trading_ecosystem.orchestrator.processes import Notice, Processes, State
from trading_ecosystem.orchestrator.readiness import NotReady, Readiness
from trading_ecosystem.orchestrator.registry import ADMINISTRATOR, HOST, HostedRegistry
from trading_ecosystem.orchestrator.request import Stores, UpRequest
from trading_ecosystem.orchestrator.standing import lay
from trading_ecosystem.orchestrator.status import service_lines
from trading_ecosystem.orchestrator.terms import RunOrder, Terms
from trading_ecosystem.routes import INJECTOR

if TYPE_CHECKING:
    from trading_ecosystem.orchestrator.own_servers import OwnServers

LOOK_EVERY_S = 1.0  # Whether the folder is still there.
Tell = Callable[[Line], None]


class Stage(StrEnum):
    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"


def terms_of(request: UpRequest) -> Terms:
    """A world without a scenario, from its own start. Raises `Problem`."""
    return Terms(seed=request.seed, start_ns=load_world(request.world).start_ns)


def servers_of(request: UpRequest, instances: list[str]) -> "OwnServers | None":
    """None where every service keeps its own file, and nothing of databases is loaded. Raises `Problem`."""
    if request.profile is not Stores.SERVERS:
        return None
    from trading_ecosystem.orchestrator.own_servers import OwnServers

    return OwnServers(request.postgres, request.valkey, instances)


@final
class Supervisor:
    """`tell` hears of every service that is ready and of all that happens to its process; it must not wait.

    Made on a running event loop. Raises `Problem` for whatever is wrong with the world or with this machine.
    """

    def __init__(self, request: UpRequest, terms: Terms, tell: Tell) -> None:
        check_system()
        self._request, self._terms, self._tell = request, terms, tell
        self.folder = RunFolder(request.folder)
        self._files = documents_of(request.world, terms)
        self._servers = servers_of(request, list(self._files))
        copy = self._servers.registry if self._servers is not None else ""
        self.registry = HostedRegistry(list(self._files), request.port, copy, self._way)
        self.processes = Processes({}, self._note)
        self.stage = Stage.STARTING
        self._governor: Governor | None = None
        self._tempo = Tempo(start_ns=terms.start_ns, epoch_ns=0, speed=request.speed)
        self.clock = Clock(self._tempo)
        self._injector: InjectorService | None = None
        self._telemetry = ""  # Where all services send their traces.
        self._began_s = time.monotonic()
        self._wanted = asyncio.Event()  # Somebody wants the end.
        self._ended = asyncio.Event()
        self._readiness = Readiness(self.folder, self.registry.ready, request.ready_within_s, tell)

    def ask_to_stop(self) -> None:
        self._wanted.set()

    async def run(self, held: Callable[[], None], up: Callable[[], None]) -> None:
        """Returns when it was asked to stop and everything is down.

        `held` is called when the folder is ours, `up` when all services are ready. Raises `Held`, `Problem` and
        `NotReady`; after the last of these the folder keeps the logs.
        """
        with self.folder.held():
            held()
            try:
                async with AsyncExitStack() as undo:
                    await self._open(undo)
                    self._telemetry = reserved_address(undo)
                    self._set_clock(self._request.speed)
                    self._prepare()
                    await self._open_injector()
                    undo.push_async_callback(self._close_injector)
                    if await self._before_the_end(self._bring_up()):
                        self.stage = Stage.UP
                        up()
                        await self._before_the_end(self._keep_watch())
                    self.stage = Stage.STOPPING
            except NotReady:
                raise
            except BaseException:
                self.folder.remove()
                raise
            self.folder.remove()

    async def _before_the_end(self, work: Coroutine[Any, Any, None]) -> bool:
        """Whether this work was done before somebody wanted the end."""
        task, wanted = asyncio.create_task(work), asyncio.create_task(self._wanted.wait())
        await asyncio.wait((task, wanted), return_when=asyncio.FIRST_COMPLETED)
        wanted.cancel()
        if not task.done():
            task.cancel()
            return False
        task.result()
        return True

    # Up.

    async def _open(self, undo: AsyncExitStack) -> None:
        """The surfaces of the supervisor itself; and what is done at the end, in the opposite order."""
        listener = undo.enter_context(self.folder.listen())
        control = ControlServer(
            listener, {"status": self._answer_status, "down": self._answer_down, "stage": self._answer_stage}
        )
        if self._servers is not None:
            await self._open_servers(self._servers, undo)
        await self.registry.start()
        undo.push_async_callback(self.registry.stop)
        await control.start()
        undo.push_async_callback(control.stop)
        undo.callback(self._ended.set)
        undo.push_async_callback(self._stop_all)
        request = self._request
        self.folder.write_state(
            RunState(
                pid=os.getpid(),
                registry=self.registry.url,
                world=request.world.stem,
                seed=self._terms.seed,
                speed=request.speed,
                profile=request.profile,
            )
        )

    async def _open_servers(self, servers: "OwnServers", undo: AsyncExitStack) -> None:
        def left(name: str, why: str) -> None:
            self._tell({"instance": name, "state": "left", "detail": why, "unexpected": True})

        await servers.open()
        undo.push_async_callback(servers.close, left)
        keeping = asyncio.create_task(servers.keep_user(self.registry.copy_trouble))
        undo.callback(keeping.cancel)

    def _set_clock(self, speed: int) -> None:
        """Time at its start, standing still. Where it is accelerated it waits for those who lag."""
        start_ns = self._terms.start_ns
        self._governor = Governor(self.folder, list(self._files), start_ns, speed) if speed > 1 else None
        pace = str(self.folder.clock) if self._governor else ""
        self._tempo = Tempo(start_ns=start_ns, epoch_ns=0, speed=speed, pace=pace)
        self.clock = Clock(self._tempo)

    def _prepare(self) -> None:
        """The folders of all services, and the commands that start them."""
        if self._request.tls:
            issue_certificates(self.folder, list(self._files))
        stores = self._servers.stores if self._servers is not None else {}
        places = Places(folder=self.folder, registry=self.registry.url, telemetry=self._telemetry, stores=stores)
        commands = {
            instance: command_for(places, instance, files, self.registry.tokens[instance], self._request)
            for instance, files in self._files.items()
        }
        issue_tokens(self.folder, list(self._files), self.registry.tokens[ADMINISTRATOR])
        self.processes = Processes(commands, self._note)

    async def _open_injector(self) -> None:
        """It ends before the services do: nothing that is stopped shall be put right by a fault that runs out."""
        instances = list(self._files)
        injector = InjectorService(
            instances,
            self.processes,
            self.registry.lookup,
            self.clock,
            self._terms.seed,
            private_folder(self.folder.injector),
            self._telemetry,
            self.folder.certificates / INJECTOR if self._request.tls else None,
        )
        await lay(injector.links, load_world(self._request.world), instances, self.clock.speed)
        await injector.start()
        self.registry.host(INJECTOR, {"audit": injector.address})
        self._injector = injector

    async def _close_injector(self) -> None:
        if self._governor is not None:
            self._governor.stop()
        injector, self._injector = self._injector, None
        if injector is not None:
            await injector.stop()

    async def _way(self, asker: str, target: Registration, kind: str) -> str:
        """Services reach each other through the injector's links; people and chaos commands go directly."""
        if self._injector is None or asker not in self._files or kind.startswith("audit"):
            return await own_address(asker, target, kind)
        host, port = await self._injector.links.address_for(asker, target.instance, kind)
        return f"{host}:{port}"

    async def _bring_up(self) -> None:
        """Start everybody; simulated time stands at its start until all are ready."""
        self._publish(self._tempo)
        for tier in starting_order(self.processes.instances()):
            for instance in tier:
                self.processes.start(instance)
            await self._readiness.wait(tier)
        begun = replace(self._tempo, epoch_ns=Clock().now_ns())
        self._publish(begun)
        self.clock.begin(begun.epoch_ns)
        if self._governor is not None:
            self._governor.start(self.processes)

    def _publish(self, tempo: Tempo) -> None:
        """Each finds the file of the time from its working folder: no process is told where the run's folder is."""
        if tempo.pace:
            tempo = replace(tempo, pace=os.path.relpath(tempo.pace, self.folder.service(next(iter(self._files)))))
        self.registry.publish(tempo)

    # While it is up.

    async def _keep_watch(self) -> None:
        """Crashes are seen and put right by `processes`; what is left is the folder, and certificates that grow old.

        Raises `Problem` where the folder was taken away.
        """
        renewed_s = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if not self.folder.is_ours():
                raise Problem(f"{self.folder.path}: was removed while the ecosystem was up; it is brought down")
            if self._request.tls and time.monotonic() - renewed_s > RENEW_EVERY_S:
                issue_certificates(self.folder, list(self._files))
                renewed_s = time.monotonic()

    def _note(self, notice: Notice) -> None:
        if notice.unexpected:
            self._readiness.fallen[notice.instance] = notice.detail.partition(";")[0]
        if notice.state in (State.DOWN, State.WAITING, State.HALTED):
            self.registry.forget(notice.instance)
            if self._governor is not None:
                self._governor.forget(notice.instance)
        self._tell(
            {
                "instance": notice.instance,
                "state": notice.state,
                "detail": notice.detail,
                "unexpected": notice.unexpected,
            }
        )

    async def _answer_status(self) -> AsyncIterator[Line]:
        yield {
            "stage": self.stage,
            "pid": os.getpid(),
            "folder": str(self.folder.path),
            "registry": self.registry.url,
            "world": self._request.world.stem,
            "seed": self._terms.seed,
            "speed": self.clock.speed,
            "pace": self.clock.speed if self._governor is None else round(self._governor.speed),
            "waited_s": 0.0 if self._governor is None else round(self._governor.waited_ns / SECOND_NS, 1),
            "now_ns": self.clock.now_ns(),
            "profile": self._request.profile,
            "up_s": round(time.monotonic() - self._began_s, 1),
        }
        for line in service_lines(self.processes, self.registry.ready()):
            yield line

    async def _answer_down(self) -> AsyncIterator[Line]:
        self.ask_to_stop()
        yield {"stage": Stage.STOPPING, "instances": self.processes.instances()}
        await self._ended.wait()

    # Another run.

    async def _answer_stage(self) -> AsyncIterator[Line]:
        """Begin anew, on the terms that the asker has put into the folder."""
        if self.stage is not Stage.UP:
            yield {"problem": f"the ecosystem is {self.stage}, and cannot begin another run"}
            return
        self.stage = Stage.STARTING
        try:
            await self._stage_anew(self.folder.read_terms())
        except (Problem, NotReady) as problem:
            yield {"problem": str(problem)}
            self.ask_to_stop()
        else:
            self.stage = Stage.UP
            yield {"staged": True}

    async def _stage_anew(self, order: RunOrder) -> None:
        """Stop everybody, forget what they kept, and start them in the world and on the terms of the order."""
        files = documents_of(order.world, order.terms)
        if list(files) != list(self._files):
            raise Problem(f"{order.world.stem} has other services than {self._request.world.stem}; bring that up first")
        await self._close_injector()
        await self._stop_all()
        self.folder.clear_services()
        if self._servers is not None:
            await self._servers.empty()
        self._files, self._terms = files, order.terms
        self._readiness.fallen.clear()
        self._request = replace(self._request, world=order.world)
        self._set_clock(order.speed or self._request.speed)
        self._prepare()
        await self._open_injector()
        await self._bring_up()

    # Down.

    async def _stop_all(self) -> None:
        for tier in stopping_order(self.processes.instances()):
            await asyncio.gather(*(self.processes.stop(instance) for instance in tier))


def reserved_address(undo: AsyncExitStack) -> str:
    """One that stays with a service through all its restarts: the port is bound here, and nobody else is given it."""
    reserved = socket.socket()
    undo.callback(reserved.close)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind((HOST, 0))
    return f"{HOST}:{reserved.getsockname()[1]}"
