"""SubmitOrder by unary calls to an exchange process, beside a bare grpc.aio echo of messages of the same sizes.

Round by round, one after the other, so that both meet the same machine. Prints one JSON object.
"""

import asyncio
import json
import sys
import time
from statistics import median
from typing import Any

import grpc
from live_echo import SAY, Server, echo
from live_stand import EMBEDDED, Stand, Wanted, as_caller, cpu_s, stand

from trading_ecosystem.live.production_wire import EXCHANGE
from trading_ecosystem.messages.orders import OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.virtual.queue import COMPILED

CALLS, ROUNDS = 3_000, 5
CALLERS = (1, 64)  # At once.
CALLER = "trading_engine.alpha"


def requests(first: int, count: int) -> list[bytes]:
    """Orders far below the market, that rest."""
    request_type = EXCHANGE.request_type("SubmitOrder")
    return [
        request_type(command=EXCHANGE.codec.to_wire(order(number))).SerializeToString()
        for number in range(first, first + count)
    ]


def order(number: int) -> SubmitOrder:
    price_ticks = 1_000_000 + number % 100
    name = f"order-{number:08d}"
    gtc, limit = TimeInForce.GTC, OrderType.LIMIT
    return SubmitOrder("exchange", "alpha", name, "BTC/USD", Side.BUY, limit, gtc, price_ticks, 1)


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


async def compare(exchange: Server, bare: Server) -> dict[str, object]:
    await call_all(exchange.address, exchange.path, requests(0, 500), 4)
    number = 500
    result: dict[str, object] = {}
    for callers in CALLERS:
        costs: dict[str, list[tuple[float, float]]] = {"exchange": [], "echo": []}
        for _ in range(ROUNDS):
            count = CALLS if callers > 1 else CALLS // 3
            sent = requests(number, count)
            number += count
            costs["echo"].append(await cost(bare, list(sent), callers))
            costs["exchange"].append(await cost(exchange, sent, callers))
        result[str(callers)] = {name: [*map(median, zip(*found, strict=True))] for name, found in costs.items()}
    return result


async def answer_size(made: Stand) -> int:
    async with grpc.aio.insecure_channel(made.address("exchange")) as channel:
        call: Any = channel.unary_unary(EXCHANGE.path("SubmitOrder"))
        answer: bytes = await call(requests(99_000_000, 1)[0], metadata=as_caller(CALLER))
        return len(answer)


async def measure(store: str) -> dict[str, object]:
    async with stand(Wanted(instances=("exchange",), store=store)) as made:
        size = await answer_size(made)
        pid = made.processes.pid("exchange")
        assert pid is not None
        exchange = Server(made.address("exchange"), EXCHANGE.path("SubmitOrder"), pid)
        with echo(SAY, size) as bare:
            costs = await compare(exchange, bare)
    build = "compiled" if COMPILED else "plain"
    return {"build": build, "store": store, "request": len(requests(0, 1)[0]), "answer": size, "us": costs}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1] if len(sys.argv) > 1 else EMBEDDED))))
