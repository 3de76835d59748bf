"""What a process knows of the ecosystem around it: the registry, the configuration, and channels to other services."""

import asyncio
import json
import ssl
import time
from collections.abc import Callable
from typing import final

import grpc

from trading_ecosystem import __version__
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.calls import CallFailed
from trading_ecosystem.live.clock import Clock, Tempo
from trading_ecosystem.live.discovery.client import RegistryClient
from trading_ecosystem.live.discovery.parameters import ConfigurationClient
from trading_ecosystem.live.discovery.registration import Registration, Status
from trading_ecosystem.live.links import ALIVE
from trading_ecosystem.live.security.binding import open_channel
from trading_ecosystem.live.security.private_files import AUTHORITIES
from trading_ecosystem.live.settings import Settings
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.live.web import Web

MILLISECOND_NS = 1_000_000
CLOCK_KEY = "clock"
TOKEN = "registry"  # noqa: S105  # The file of the token with which a process speaks to the registry.
LOOK_EVERY_S = 0.02
PATIENCE_S = 20.0

log = Log(__name__)


@final
class Neighbours:
    """`superseded` is called with the reason when another process takes this one's name."""

    def __init__(self, settings: Settings, superseded: Callable[[str], None]) -> None:
        self._settings = settings
        self._web = Web(settings.registry, read_token(settings), trust_of(settings)) if settings.registry else None
        self._registry = RegistryClient(self._web, superseded) if self._web else None
        self._configuration = ConfigurationClient(self._web, ttl_ns=0) if self._web else None

    # Itself.

    async def register(self, addresses: dict[str, str], status: Status) -> None:
        """Be there, in a life that began after all others under this name."""
        if self._registry is not None:
            await self._registry.register(
                Registration(
                    instance=self._settings.instance,
                    version=__version__,
                    addresses=addresses,
                    status=status,
                    epoch=time.time_ns() // MILLISECOND_NS,
                )
            )

    def announce(self, status: Status) -> None:
        if self._registry is not None:
            self._registry.announce(status)

    async def close(self) -> None:
        if self._registry is not None:
            await self._registry.deregister()
        if self._web is not None:
            await self._web.close()

    # Others.

    async def find(self, instance: str, surface: str) -> str:
        """Where this surface of an instance is, when it has said so."""
        assert self._registry is not None, "a service that listens to others needs a registry"
        return await self._registry.address(instance, surface)

    def connect(self, address: str, instance: str, caller: str) -> grpc.aio.Channel:
        """A channel to an instance; as somebody else than itself with the certificates of the folder of that name."""
        tls = self._settings.tls
        if tls is not None and caller != self._settings.instance:
            tls = tls / caller
        return open_channel(address, instance, tls=tls, options=ALIVE)

    # Time.

    async def tempo(self) -> Tempo | None:
        """How time runs here; None where it is the wall's."""
        told = await self._clock()
        return None if told is None else read_tempo(told)

    async def wait_for_time(self, clock: Clock) -> None:
        """Return when time runs."""
        while not clock.begun:
            told = await self._clock()
            tempo = None if told is None else read_tempo(told)
            if tempo is not None and tempo.epoch_ns:
                clock.begin(tempo.epoch_ns)
            else:
                await asyncio.sleep(LOOK_EVERY_S)

    async def _clock(self) -> object:
        if self._configuration is None:
            return None
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return await self._configuration.json(CLOCK_KEY, {}) or None
                except CallFailed as failure:
                    log.warning("the configuration cannot be read yet", reason=str(failure))
                    await asyncio.sleep(LOOK_EVERY_S)


def trust_of(settings: Settings) -> ssl.SSLContext | None:
    """What proves that a registry behind https:// is the one that is meant. Raises `Problem`."""
    if not settings.registry.startswith("https://"):
        return None
    if settings.tls is None:
        raise Problem("registry: https:// needs tls, a folder with the authorities to trust")
    try:
        trust = ssl.create_default_context(cafile=settings.tls / AUTHORITIES)
    except OSError as error:
        raise Problem(f"{settings.tls / AUTHORITIES}: {error.strerror or error}") from None
    trust.minimum_version = ssl.TLSVersion.TLSv1_3
    return trust


def read_tempo(told: object) -> Tempo:
    """Raises `Problem` for what is no tempo."""
    match told:
        case {
            "start_ns": int(start_ns),
            "epoch_ns": int(epoch_ns),
            "speed": int(speed),
            "pace": str(pace),
        } if speed > 0:
            return Tempo(start_ns=start_ns, epoch_ns=epoch_ns, speed=speed, pace=pace)
    raise Problem(f"parameter {CLOCK_KEY}: {json.dumps(told)[:100]} does not say how time runs")


def read_token(settings: Settings) -> str:
    """The token that the registry knows this instance by."""
    if settings.tokens is None:
        raise Problem("tokens: a folder with the token for the registry is needed")
    return (settings.tokens / TOKEN).read_text(encoding="ascii").strip()
