"""A server that echoes, and a proxy before it, on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from trading_ecosystem.chance import Dice
from trading_ecosystem.live.faults.proxy import Address, LinkProxy
from trading_ecosystem.live.faults.terms import Direction


@dataclass
class Place:
    """`heard`: all bytes that the server read; `target`: where the proxy leads."""

    proxy: LinkProxy
    heard: bytearray
    target: list[Address | None]
    broken: list[type[BaseException]] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.proxy.address)

    async def say(self, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], words: bytes) -> bytes:
        """Send, and wait for the same back."""
        reader, writer = streams
        writer.write(words)
        async with asyncio.timeout(5):
            return await reader.readexactly(len(words))


@asynccontextmanager
async def echoing() -> AsyncIterator[Place]:
    heard = bytearray()
    broken: list[type[BaseException]] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                heard.extend(data)
                writer.write(data)
                await writer.drain()
        except ConnectionError as error:
            broken.append(type(error))
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    target: list[Address | None] = [server.sockets[0].getsockname()]
    proxy = LinkProxy(lambda: target[0], {way: Dice(1, way.value) for way in Direction})
    await proxy.start()
    try:
        yield Place(proxy, heard, target, broken)
    finally:
        await proxy.close()
        server.close()
        await asyncio.sleep(0.01)


@pytest.fixture
def place() -> Callable[[], AbstractAsyncContextManager[Place]]:
    return echoing
