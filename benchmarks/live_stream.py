"""Orders by a stream of lines of ten to an exchange process that acknowledges each line when it is durable.

Arguments: what becomes of the orders (resting, unfilled, matched), how many, the store. Prints one JSON object:
beside the exchange's the seconds that a bare echo of the same lines takes.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
from live_echo import STREAM, Server, echo
from live_stand import EMBEDDED, Stand, Wanted, as_caller, cpu_s, stand

from trading_ecosystem.live.door import Header
from trading_ecosystem.live.production_wire import EXCHANGE
from trading_ecosystem.messages.orders import OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.virtual.queue import COMPILED

ORDERS_PER_LINE = 10
UNANSWERED = 64  # Lines of one stream.
WARM_UP = 5_000
FAR_BELOW, INSIDE = 1_000_000, 4_000_000  # Ticks: nobody sells there.
GTC, IOC, LIMIT = TimeInForce.GTC, TimeInForce.IOC, OrderType.LIMIT
RESTING, UNFILLED, MATCHED = "resting", "unfilled", "matched"


def order(kind: str, desk: str, number: int) -> SubmitOrder:
    """`matched`: alpha sells what beta buys, in lines of their own."""
    name = f"{desk}-{number:08d}"
    if kind == MATCHED:
        side = Side.SELL if desk == "alpha" else Side.BUY
        return SubmitOrder("exchange", desk, name, "BTC/USDT", side, LIMIT, GTC, INSIDE, 1)
    lasts = GTC if kind == RESTING else IOC
    return SubmitOrder("exchange", desk, name, "BTC/USD", Side.BUY, LIMIT, lasts, FAR_BELOW + number % 100, 1)


def lines(kind: str, desk: str, first: int, count: int) -> list[bytes]:
    request_type = EXCHANGE.request_type("StreamCommands")
    return [
        request_type(
            commands=[
                EXCHANGE.command(order(kind, desk, each), Header(message_id=each + 1, correlation_id=each + 1))
                for each in range(number, number + ORDERS_PER_LINE)
            ]
        ).SerializeToString()
        for number in range(first, first + count, ORDERS_PER_LINE)
    ]


async def send(server: Server, desk: str, sent: list[bytes]) -> None:
    """Returns when all lines are acknowledged; none may be refused."""
    room = asyncio.Semaphore(UNANSWERED)

    async def outward() -> AsyncIterator[bytes]:
        for line in sent:
            await room.acquire()
            yield line

    async with grpc.aio.insecure_channel(server.address) as channel:
        stream: Any = channel.stream_stream(server.path)
        answered = 0
        async for answer in stream(outward(), metadata=as_caller(f"trading_engine.{desk}")):
            assert answer == b"", answer
            answered += 1
            room.release()
        assert answered == len(sent)


async def cost(server: Server, kind: str, first: int, count: int) -> tuple[float, float]:
    """Seconds of the clock and of the process's cores for so many orders, half of them of each desk."""
    sent = {desk: lines(kind, desk, first, count // 2) for desk in ("alpha", "beta")}
    began, began_cpu = time.perf_counter(), cpu_s(server.pid)
    await asyncio.gather(*(send(server, desk, each) for desk, each in sent.items()))
    return time.perf_counter() - began, cpu_s(server.pid) - began_cpu


async def load(made: Stand, kind: str, first: int, count: int) -> tuple[float, float]:
    pid = made.processes.pid("exchange")
    assert pid is not None, "the exchange is down"
    exchange = Server(made.address("exchange"), EXCHANGE.path("StreamCommands"), pid)
    return await cost(exchange, kind, first, count)


async def measure(kind: str, count: int, store: str) -> dict[str, object]:
    async with stand(Wanted(instances=("exchange",), store=store)) as made:
        await load(made, kind, 0, WARM_UP)
        wall_s, used_s = await load(made, kind, WARM_UP, count)
        with echo(STREAM, 0) as bare:
            await cost(bare, kind, 0, WARM_UP)
            _, bare_s = await cost(bare, kind, WARM_UP, count)
    build = "compiled" if COMPILED else "plain"
    return {
        "build": build,
        "kind": kind,
        "store": store,
        "orders": count,
        "wall_s": wall_s,
        "cpu_s": used_s,
        "bare_cpu_s": bare_s,
    }


if __name__ == "__main__":
    told = sys.argv[1:]
    print(json.dumps(asyncio.run(measure(told[0], int(told[1]), told[2] if len(told) > 2 else EMBEDDED))))
