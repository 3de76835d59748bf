"""Links: one address per asker and target, faults of the link on every proxy of it, targets that move."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from trading_ecosystem.chance import Dice
from trading_ecosystem.live.faults.proxy import Address
from trading_ecosystem.live.faults.terms import Gate, StreamFault
from trading_ecosystem.orchestrator.links import Links, from_to

DESK, VENUE, MONITOR = "trading_engine.alpha", "exchange", "risk_monitor"
HOLE = StreamFault(dropped=True)


@dataclass
class Town:
    links: Links
    addresses: dict[tuple[str, str], Address]

    async def ask(self, asker: str, target: str, surface: str = "grpc") -> bytes:
        """What the target answers to a line; nothing if nothing comes."""
        reader, writer = await asyncio.open_connection(*await self.links.address_for(asker, target, surface))
        try:
            async with asyncio.timeout(0.3):
                writer.write(b"hello\n")
                return await reader.readline()
        except TimeoutError:
            return b""
        finally:
            writer.close()


async def serve(words: bytes) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readline():
            writer.write(words + b"\n")
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


@asynccontextmanager
async def town() -> AsyncIterator[Town]:
    servers = {name: await serve(name[0].encode()) for name in (VENUE, DESK)}
    servers["rest"] = await serve(b"rest")
    addresses: dict[tuple[str, str], Address] = {
        (VENUE, "grpc"): servers[VENUE].sockets[0].getsockname(),
        (DESK, "grpc"): servers[DESK].sockets[0].getsockname(),
        (VENUE, "rest"): servers["rest"].sockets[0].getsockname(),
    }
    links = Links(lambda target, surface: addresses.get((target, surface)), lambda name: Dice(1, name))
    try:
        yield Town(links, addresses)
    finally:
        await links.close()
        for server in servers.values():
            server.close()


def run(story: Callable[[Town], Awaitable[None]]) -> None:
    async def told() -> None:
        async with asyncio.timeout(20), town() as place:
            await story(place)

    asyncio.run(told())


def test_each_pair_and_surface_has_one_address_that_stays() -> None:
    async def story(town: Town) -> None:
        asked = [(DESK, VENUE, "grpc"), (MONITOR, VENUE, "grpc"), (DESK, VENUE, "rest")]
        first = [await town.links.address_for(*each) for each in asked]
        assert len(set(first)) == 3
        again = await asyncio.gather(*(town.links.address_for(*each) for each in asked))
        assert list(again) == first
        assert await town.ask(DESK, VENUE) == b"e\n"
        assert await town.ask(DESK, VENUE, "rest") == b"rest\n"

    run(story)


def test_a_target_that_restarts_on_another_port_is_found_under_the_same_address() -> None:
    async def story(town: Town) -> None:
        before = await town.links.address_for(DESK, VENUE)
        server = await serve(b"new")
        town.addresses[VENUE, "grpc"] = server.sockets[0].getsockname()
        assert await town.ask(DESK, VENUE) == b"new\n"
        assert await town.links.address_for(DESK, VENUE) == before
        server.close()

    run(story)


def test_a_fault_strikes_its_link_alone_and_ends() -> None:
    async def story(town: Town) -> None:
        for asker in (DESK, MONITOR):
            assert await town.ask(asker, VENUE) == b"e\n"
        for _ in range(2):
            await town.links.impose("cut", from_to(DESK, VENUE), HOLE)
        assert await town.ask(DESK, VENUE) == b""
        assert await town.ask(DESK, VENUE, "rest") == b""  # Opened under the fault.
        assert await town.ask(MONITOR, VENUE) == b"e\n"
        assert await town.ask(VENUE, DESK) == b""  # Its answers go the way that is cut.
        await town.links.undo("cut")
        await town.links.undo("cut")
        for asker, target in ((DESK, VENUE), (VENUE, DESK)):
            assert await town.ask(asker, target)

    run(story)


def test_what_joins_two_services_is_known_from_its_connections() -> None:
    async def story(town: Town) -> None:
        assert not town.links.joins(from_to(DESK, VENUE))
        await town.links.address_for(VENUE, DESK)
        assert town.links.joins(from_to(DESK, VENUE))
        assert not town.links.joins(from_to(DESK, VENUE)[:1])

    run(story)


def test_a_gate_closes_for_those_who_ask() -> None:
    async def story(town: Town) -> None:
        address = await town.links.address_for(DESK, VENUE)
        await town.links.impose("closed", from_to(DESK, VENUE)[:1], Gate.REFUSE)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        assert await town.ask(MONITOR, VENUE) == b"e\n"
        await town.links.undo("closed")
        assert await town.ask(DESK, VENUE) == b"e\n"

    run(story)
