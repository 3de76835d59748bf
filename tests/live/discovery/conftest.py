"""A registry that really listens, and a Valkey that really runs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.conftest import a_valkey_server

from trading_ecosystem.live.calls import Policy
from trading_ecosystem.live.discovery.configuration import Configuration
from trading_ecosystem.live.discovery.mirror import Mirror
from trading_ecosystem.live.discovery.registration import Registration, Status
from trading_ecosystem.live.discovery.registry import LIFETIME_NS, Registry
from trading_ecosystem.live.discovery.server import AddressFor, create_app, own_address
from trading_ecosystem.live.discovery.tokens import EVERYTHING, Holder, Tokens
from trading_ecosystem.live.rest.serving import serve
from trading_ecosystem.live.security.tokens import digest
from trading_ecosystem.live.web import Web

NOW_NS = 1_700_000_000_000_000_000
FIRM = frozenset({"exchange", "market_data", "clock", "risk_monitor"})
HOLDERS = (
    Holder(name="exchange.alpha", sees=frozenset({"market_data", "clock"})),
    Holder(name="exchange.beta", sees=frozenset({"market_data"})),
    Holder(name="risk_monitor", sees=FIRM),
    Holder(name="test_coordinator", sees=EVERYTHING),
    Holder(name="administrator", sees=EVERYTHING, administrator=True),
)
PLANES = {"exchange": "simulators", "risk_monitor": "production", "test_coordinator": "validation"}
QUICK = Policy(deadline_ns=1_000_000_000, attempts=2, first_pause_ns=1_000_000, cools_ns=50_000_000)


def token_of(name: str) -> str:
    return f"token-of-{name}"


TOKENS = Tokens({digest(token_of(holder.name)): holder for holder in HOLDERS})


@dataclass
class Place:
    """One registry, its address, and those who call it."""

    registry: Registry
    configuration: Configuration
    url: str = ""
    webs: list[Web] = field(default_factory=list)

    def web(self, name: str) -> Web:
        made = Web(self.url, token_of(name), policy=QUICK)
        self.webs.append(made)
        return made

    def http(self, name: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {token_of(name)}"})


Open = Callable[..., AbstractAsyncContextManager[Place]]


@pytest.fixture
def open_place() -> Open:
    """Makes a registry that listens on loopback; `port` brings one back where another was."""

    @asynccontextmanager
    async def opened(
        lifetime_ns: int = LIFETIME_NS,
        address_for: AddressFor = own_address,
        valkey: str = "",
        port: int = 0,
        place: Place | None = None,
    ) -> AsyncIterator[Place]:
        place = place or Place(Registry(time.monotonic_ns, lifetime_ns), Configuration(lambda: NOW_NS))
        mirror = Mirror(valkey, place.registry, place.configuration) if valkey else None
        app = create_app(
            place.registry, place.configuration, TOKENS, planes=PLANES, address_for=address_for, mirror=mirror
        )
        server = serve(app, f"127.0.0.1:{port}")
        place.url = f"http://{server.address}"
        serving = asyncio.create_task(server.serve())
        copying = asyncio.create_task(copy(mirror)) if mirror else None
        try:
            while not server.started:
                await asyncio.sleep(0.005)
            yield place
        finally:
            for web in place.webs:
                await web.close()
            place.webs.clear()
            server.should_exit = True
            await serving
            if copying is not None and mirror is not None:
                copying.cancel()
                await asyncio.gather(copying, return_exceptions=True)
                await mirror.close()

    return opened


async def copy(mirror: Mirror) -> None:
    await mirror.load()
    await mirror.run()


@pytest.fixture
def make() -> Callable[..., Registration]:
    def made(instance: str = "exchange.alpha", **changes: Any) -> Registration:
        values: dict[str, Any] = {
            "instance": instance,
            "version": "1.0",
            "addresses": {"grpc": "127.0.0.1:5001", "rest": "127.0.0.1:5002", "audit": "127.0.0.1:5003"},
            "status": Status.READY,
            "epoch": 1,
        }
        return Registration(**(values | changes))

    return made


@pytest.fixture(scope="module")
def valkey() -> Iterator[Any]:
    """A Valkey server of its own, from the wheel."""
    with a_valkey_server() as server:
        yield server


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """The application without a server around it."""
    return create_app(Registry(time.monotonic_ns), Configuration(lambda: NOW_NS), TOKENS)


@pytest.fixture(scope="module")
def tokens() -> dict[str, str]:
    return {holder.name: token_of(holder.name) for holder in HOLDERS}
