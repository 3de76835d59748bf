"""The peer of live figures: a bare grpc.aio server in a process of its own, with nothing around it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import grpc

SAY, STREAM = "/bench.Echo/Say", "/bench.Echo/Stream"


@dataclass(frozen=True)
class Server:
    """Where a method is, and whose cores its calls take."""

    address: str
    path: str
    pid: int


def serve(told: Connection, size: int) -> None:
    """Answers each call, and each line of a stream, with so many bytes."""
    answer = bytes(size)

    async def say(data: bytes, context: object) -> bytes:
        return answer

    async def stream(_: object, context: Any) -> None:
        while await context.read() is not grpc.aio.EOF:
            await context.write(answer)

    async def serve_both() -> None:
        server = grpc.aio.server()
        methods: Any = {
            "Say": grpc.unary_unary_rpc_method_handler(say),
            "Stream": grpc.stream_stream_rpc_method_handler(stream),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Echo", methods),))
        told.send(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        await server.wait_for_termination()

    asyncio.run(serve_both())


@contextmanager
def echo(path: str, size: int) -> Iterator[Server]:
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there, size), daemon=True)
    process.start()
    try:
        assert process.pid is not None
        yield Server(f"127.0.0.1:{here.recv()}", path, process.pid)
    finally:
        process.terminate()
        process.join()
