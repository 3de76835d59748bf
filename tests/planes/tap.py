"""Listens in on the connections of the firm's services, in both directions.

Rule 1: what passes is written down whole and passed on unchanged. gRPC sends the texts of metadata as they are.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from typing import final

import pytest

from trading_ecosystem.live.discovery.registration import Registration
from trading_ecosystem.orchestrator.supervisor import Supervisor

READ = 1 << 16


@final
class Taps:
    """`heard`: all bytes of all connections from an asker to a target."""

    def __init__(self, instances: Collection[str]) -> None:
        self.heard: defaultdict[tuple[str, str], bytearray] = defaultdict(bytearray)
        self._instances = instances
        self._servers: dict[tuple[str, str], asyncio.Server] = {}
        self._passing: set[asyncio.Task[None]] = set()

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Be on the way between services, wherever one of ours is an end of it."""
        way = Supervisor._way

        async def tapped(supervisor: Supervisor, asker: str, target: Registration, kind: str) -> str:
            address = await way(supervisor, asker, target, kind)
            if kind != "grpc" or not {asker, target.instance} & set(self._instances):
                return address
            return await self._through(asker, target.instance, address)

        monkeypatch.setattr(Supervisor, "_way", tapped)

    async def close(self) -> None:
        for server in self._servers.values():
            server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _through(self, asker: str, target: str, address: str) -> str:
        link = (asker, target)
        if link not in self._servers:
            host, _, port = address.rpartition(":")

            async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                with suppress(OSError):
                    there, back = await asyncio.open_connection(host, int(port))
                    for source, sink in ((reader, back), (there, writer)):
                        task = asyncio.create_task(self._pass(link, source, sink))
                        self._passing.add(task)
                        task.add_done_callback(self._passing.discard)

            self._servers[link] = await asyncio.start_server(accept, "127.0.0.1", 0)
        return f"127.0.0.1:{self._servers[link].sockets[0].getsockname()[1]}"

    async def _pass(self, link: tuple[str, str], source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(READ):
                self.heard[link] += data
                sink.write(data)
                await sink.drain()
        sink.close()
