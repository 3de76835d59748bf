"""What the link proxy costs: round trips and bytes through it, beside the same without it.

.venv/bin/python benchmarks/proxy.py
"""

import asyncio
import sys
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median

from trading_ecosystem.chance import Dice
from trading_ecosystem.live.faults.proxy import Address, LinkProxy
from trading_ecosystem.live.faults.terms import Direction

ROUND_TRIPS = 4_000
MEGABYTES = 256
CHUNK = bytes(1 << 16)
ROUNDS = 3  # Of which the median is told.


def serve_echo(told: Connection) -> None:
    """The target, in a process of its own."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname())
        await server.serve_forever()

    asyncio.run(serve())


def serve_proxy(told: Connection, target: Address) -> None:
    """The proxy, in a process of its own as in a running ecosystem."""

    async def serve() -> None:
        proxy = LinkProxy(lambda: target, {way: Dice(1, way.value) for way in Direction})
        told.send(await proxy.start())
        await asyncio.Event().wait()

    asyncio.run(serve())


async def round_trip_us(address: Address) -> float:
    reader, writer = await asyncio.open_connection(*address)
    began = time.perf_counter()
    for _ in range(ROUND_TRIPS):
        writer.write(b"x" * 64)
        await reader.readexactly(64)
    writer.close()
    return (time.perf_counter() - began) / ROUND_TRIPS * 1e6


async def megabytes_per_second(address: Address) -> float:
    reader, writer = await asyncio.open_connection(*address)
    began = time.perf_counter()

    async def send() -> None:
        for _ in range(MEGABYTES * 16):
            writer.write(CHUNK)
            await writer.drain()

    sending = asyncio.create_task(send())
    left = MEGABYTES << 20
    while left > 0:
        left -= len(await reader.read(1 << 18))
    await sending
    writer.close()
    return MEGABYTES / (time.perf_counter() - began)


async def measure(bare: Address, proxied: Address) -> None:
    for name, unit, one in (("round trip", "us", round_trip_us), ("echoed", "MB/s", megabytes_per_second)):
        figures: dict[Address, list[float]] = {bare: [], proxied: []}
        for _ in range(ROUNDS):
            for address, found in figures.items():
                found.append(await one(address))
        alone, through = (median(found) for found in figures.values())
        print(f"{name:>10}: {alone:8.1f} {unit} bare, {through:8.1f} {unit} through the proxy, {through / alone:.2f} x")


def main() -> int:
    context = get_context("spawn")
    here, there = context.Pipe()
    target = context.Process(target=serve_echo, args=(there,), daemon=True)
    target.start()
    bare: Address = here.recv()
    between = context.Process(target=serve_proxy, args=(there, bare), daemon=True)
    between.start()
    try:
        asyncio.run(measure(bare, here.recv()))
    finally:
        for process in (between, target):
            process.terminate()
            process.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
