"""Unary calls to a real process, beside a bare grpc.aio echo of messages of the same sizes.

Round by round, one after the other, so that both meet the same machine. Arguments: which call (SubmitOrder, durable;
GetQuotes, answered from memory), the store. Prints one JSON object.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import grpc
from live_echo import SAY, Server, echo
from live_stand import EMBEDDED, Stand, Wanted, as_caller, cpu_s, stand

from trading_ecosystem.live.production_wire import EXCHANGE, MARKET_DATA
from trading_ecosystem.live.speech import Speech
from trading_ecosystem.messages.orders import OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.virtual.queue import COMPILED

CALLS, ROUNDS = 3_000, 7
CALLERS = (1, 64)  # At once.
CALLER = "trading_engine.alpha"


def submission(number: int) -> bytes:
    """Of an order far below the market, that rests."""
    request = EXCHANGE.request_type("SubmitOrder")(command=EXCHANGE.codec.to_wire(order(number)))
    encoded: bytes = request.SerializeToString()
    return encoded


def order(number: int) -> SubmitOrder:
    price_ticks = 1_000_000 + number % 100
    name = f"order-{number:08d}"
    gtc, limit = TimeInForce.GTC, OrderType.LIMIT
    return SubmitOrder("exchange", "alpha", name, "BTC/USD", Side.BUY, limit, gtc, price_ticks, 1)


def question(number: int) -> bytes:
    encoded: bytes = MARKET_DATA.request_type("GetQuotes")(symbols=["BTC/USD"]).SerializeToString()
    return encoded


@dataclass(frozen=True)
class Call:
    """Of this method of that instance; `request` makes the one of a number."""

    instance: str
    speech: Speech
    request: Callable[[int], bytes]

    def requests(self, first: int, count: int) -> list[bytes]:
        return [self.request(number) for number in range(first, first + count)]


METHODS = {
    "SubmitOrder": Call("exchange", EXCHANGE, submission),
    "GetQuotes": Call("market_data", MARKET_DATA, question),
}


async def call_all(address: str, path: str, waiting: list[bytes], callers: int) -> None:
    waiting.reverse()
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(path)

        async def work() -> None:
            while waiting:
                await call(waiting.pop(), metadata=as_caller(CALLER))

        await asyncio.gather(*(work() for _ in range(callers)))


async def cost(server: Server, sent: list[bytes], callers: int) -> tuple[float, float]:
    """Microseconds per call: of the clock, and of the server's cores."""
    began, began_cpu, count = time.perf_counter(), cpu_s(server.pid), len(sent)
    await call_all(server.address, server.path, sent, callers)
    wall, cpu = time.perf_counter() - began, cpu_s(server.pid) - began_cpu
    return wall / count * 1e6, cpu / count * 1e6


async def compare(call: Call, service: Server, bare: Server) -> dict[str, object]:
    await call_all(service.address, service.path, call.requests(0, 500), 4)
    number = 500
    result: dict[str, object] = {}
    for callers in CALLERS:
        costs: dict[str, list[tuple[float, float]]] = {"service": [], "echo": []}
        for _ in range(ROUNDS):
            count = CALLS if callers > 1 else CALLS // 3
            sent = call.requests(number, count)
            number += count
            costs["echo"].append(await cost(bare, list(sent), callers))
            costs["service"].append(await cost(service, sent, callers))
        result[str(callers)] = {name: [*map(median, zip(*found, strict=True))] for name, found in costs.items()}
    return result


async def size_of_answer(service: Server, request: bytes) -> int:
    async with grpc.aio.insecure_channel(service.address) as channel:
        call: Any = channel.unary_unary(service.path)
        answer: bytes = await call(request, metadata=as_caller(CALLER))
        return len(answer)


def server_of(made: Stand, call: Call, method: str) -> Server:
    pid = made.processes.pid(call.instance)
    assert pid is not None, f"{call.instance} is down"
    return Server(made.address(call.instance), call.speech.path(method), pid)


async def measure(method: str, store: str) -> dict[str, object]:
    call = METHODS[method]
    async with stand(Wanted(instances=(call.instance,), store=store)) as made:
        service, request = server_of(made, call, method), call.request(99_000_000)
        while not (size := await size_of_answer(service, request)):
            await asyncio.sleep(0.1)  # There is no price yet.
        with echo(SAY, size) as bare:
            costs = await compare(call, service, bare)
    build = "compiled" if COMPILED else "plain"
    return {"build": build, "store": store, "request": len(request), "answer": size, "us": costs}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else EMBEDDED))))
