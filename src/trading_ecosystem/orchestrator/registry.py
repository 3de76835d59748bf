"""The registry and the configuration service of an ecosystem, in the process of its supervisor.

Rule 1: every process has a token of its own, and sees those services that `SEES` names for its role, and no others.
"""

import asyncio
import json
import os
import secrets
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, final

from trading_ecosystem import __version__, routes
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.clock import SECOND_NS, Clock, Tempo
from trading_ecosystem.live.discovery.configuration import Configuration
from trading_ecosystem.live.discovery.registration import Registration, Status
from trading_ecosystem.live.discovery.registry import PERIOD_NS, Registry
from trading_ecosystem.live.discovery.server import AddressFor, create_app, own_address
from trading_ecosystem.live.discovery.tokens import EVERYTHING, Holder, Tokens
from trading_ecosystem.live.neighbours import CLOCK_KEY
from trading_ecosystem.live.rest.serving import Server, serve
from trading_ecosystem.live.security.tokens import digest
from trading_ecosystem.orchestrator.planes import PLANES, role_of

if TYPE_CHECKING:
    from trading_ecosystem.live.discovery.mirror import Mirror

HOST = "127.0.0.1"
MICROSECOND_NS = 1_000
ADMINISTRATOR = "administrator"
SEES: dict[str, frozenset[str]] = {
    routes.MARKET_DATA: frozenset(),
    routes.EXCHANGE: frozenset({routes.MARKET_DATA}),
    routes.CUSTODIAN: frozenset({routes.EXCHANGE}),
    routes.TRADING_ENGINE: frozenset({routes.MARKET_DATA, routes.EXCHANGE, routes.CUSTODIAN}),  # For its treasury.
    routes.RISK_MONITOR: frozenset(
        {routes.MARKET_DATA, routes.EXCHANGE, routes.CUSTODIAN, routes.TRADING_ENGINE}  # Which it may have to stop.
    ),
    routes.TEST_COORDINATOR: EVERYTHING,
    routes.AUDIT_CORRELATOR: EVERYTHING,
}


@final
class HostedRegistry:
    """Serves from `start` to `stop`. `port` 0 is any free one; `valkey` is a URL, empty for no copy there.

    `way`: where an asker is told that a target is. `tokens`: by name of the instance, and the administrator's.
    """

    def __init__(self, instances: list[str], port: int, valkey: str, way: AddressFor = own_address) -> None:
        self.tokens = {name: secrets.token_urlsafe(32) for name in (*instances, ADMINISTRATOR)}
        self._registry = Registry(time.monotonic_ns)
        self._clock = Clock()
        self._configuration = Configuration(self._clock.now_ns)
        self._port, self._way = port, way
        self._mirror = mirror_of(valkey, self._registry, self._configuration)
        self._server: Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        assert self._server is not None, "an address is there when the registry serves"
        return f"http://{self._server.address}"

    def copy_trouble(self) -> str:
        """Why the copy in Valkey is behind; empty when it is not, or there is none."""
        return self._mirror.trouble if self._mirror is not None else ""

    async def start(self) -> None:
        """Raises `Problem` where the port is taken."""
        if self._mirror is not None:
            await self._mirror.load()
            for left in self._registry.all():
                self.forget(left.instance)  # It died with the supervisor that had started it.
        app = create_app(
            self._registry,
            self._configuration,
            Tokens({digest(token): holder_of(name) for name, token in self.tokens.items()}),
            clock=self._clock,
            planes={role: plane for plane, roles in PLANES.items() for role in roles},
            address_for=self._way,
            mirror=self._mirror,
        )
        try:
            self._server = serve(app, f"{HOST}:{self._port}")
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise Problem(f"the registry cannot listen on {HOST}:{self._port}: {why}") from None
        self._tasks.append(asyncio.create_task(self._server.serve(), name="registry"))
        if self._mirror is not None:
            self._tasks.append(asyncio.create_task(self._mirror.run(), name="registry's copy"))

    async def stop(self) -> None:
        assert self._server is not None
        self._server.should_exit = True
        await self._tasks[0]
        for task in self._tasks[1:]:
            task.cancel()
        if self._mirror is not None:
            await self._mirror.close()

    def host(self, instance: str, addresses: dict[str, str]) -> None:
        """An instance that lives in this process is there from now on."""
        epoch = self._clock.now_ns() // MICROSECOND_NS
        hosted = Registration(
            instance=instance, version=__version__, addresses=addresses, status=Status.READY, epoch=epoch
        )
        self._registry.register(hosted)
        self._tasks.append(asyncio.create_task(self._say_again(hosted), name=f"heartbeat of {instance}"))

    async def _say_again(self, hosted: Registration) -> None:
        while True:
            await asyncio.sleep(PERIOD_NS / SECOND_NS)
            self._registry.register(hosted)

    def lookup(self, instance: str, surface: str) -> tuple[str, int] | None:
        """Where a surface of an instance is itself, whatever way others are told."""
        found = self._registry.find(instance)
        if found is None or surface not in found.addresses:
            return None
        host, _, port = found.addresses[surface].rpartition(":")
        return host, int(port)

    def ready(self) -> dict[str, Registration]:
        """Who says that it is ready, by instance."""
        return {each.instance: each for each in self._registry.all() if each.status is Status.READY}

    def publish(self, tempo: Tempo) -> None:
        """Tell all services how time runs."""
        self._configuration.set(CLOCK_KEY, json.dumps(asdict(tempo)))

    def forget(self, instance: str) -> None:
        """Its process has ended: nobody shall look for it where it was."""
        found = self._registry.find(instance)
        if found is not None:
            self._registry.deregister(instance, found.epoch)


def mirror_of(valkey: str, registry: Registry, configuration: Configuration) -> "Mirror | None":
    """None where there is no Valkey, and nothing of its client is loaded."""
    if not valkey:
        return None
    from trading_ecosystem.live.discovery.mirror import Mirror

    return Mirror(valkey, registry, configuration)


def holder_of(name: str) -> Holder:
    if name == ADMINISTRATOR:
        return Holder(name=name, sees=EVERYTHING, administrator=True)
    sees = SEES[role_of(name)]
    return Holder(name=name, sees=sees if sees == EVERYTHING else sees | {CLOCK_KEY})
