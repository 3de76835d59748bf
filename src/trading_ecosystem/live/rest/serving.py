"""The HTTP server of a surface: uvicorn, with bounds on everything that a stranger can make large or slow.

Rule 1: the head of a request is whole, small and unambiguous before any other code sees it.
Rule 2: nobody holds a connection open by doing nothing.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from typing import final

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MOST_HEAD_BYTES = 16 * 1024
MOST_TARGET_BYTES = 8 * 1024
HEAD_DEADLINE_S = 8.0
ABORT_AFTER_S = 2.0
MOST_FRAME_BYTES = 64 * 1024
SEND_BUFFER_BYTES = 128 * 1024  # In the kernel, where the bound on what waits for a client would else not count.
MOST_CONNECTIONS = 1_000
IDLE_PING_S = 20.0
DRAIN_S = 5
END = b"\r\n\r\n"
AMBIGUOUS = re.compile(rb"(?<!\r)\n|\r(?!\n)|\r\n[ \t]|\x00")
LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)


@final
class BoundedHttp(H11Protocol):
    """Holds the head of each request back until it is whole, and refuses what two readers could read differently."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head = bytearray()
        self._timer = self.loop.call_later(HEAD_DEADLINE_S, self._refuse, 408)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._awaits_head():
            super().data_received(data)
            return
        if not self._head:
            self._timer.cancel()
            self._timer = self.loop.call_later(HEAD_DEADLINE_S, self._refuse, 408)
            data = data.lstrip(b"\r\n")
        self._head += data
        end = self._head.find(END)
        status = fault_of(bytes(self._head if end < 0 else self._head[: end + len(END)]), end >= 0)
        if status:
            self._refuse(status)
        elif end >= 0:
            self._timer.cancel()
            whole, self._head = bytes(self._head), bytearray()
            super().data_received(whole)

    def _awaits_head(self) -> bool:
        return self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]

    def _refuse(self, status: int) -> None:
        self._timer.cancel()
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        phrase = HTTPStatus(status).phrase
        text = f"HTTP/1.1 {status} {phrase}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        self.transport.write(text.encode())
        self.transport.close()


@final
class BoundedWebSocket(WebSocketsSansIOProtocol):
    """Closes also on a client that never reads: its close frame waits for nothing, and then the line is cut."""

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.close":
            self.writable.set()
            self.loop.call_later(ABORT_AFTER_S, self.transport.abort)
        await super().send(message)


@final
class Server(uvicorn.Server):
    """`address` is where it listens, with the real port. Signals are for the process, not for its server."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self._listener = listener
        host, port = listener.getsockname()[:2]
        self.address = f"{host}:{port}"

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await super().serve(sockets or [self._listener])

    def close(self) -> None:
        """Give up the address of a server that was never run."""
        self._listener.close()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def serve(app: FastAPI, address: str, tls: ssl.SSLContext | None = None) -> Server:
    """A server that is bound to `host:port` (port 0: any free one), to be run by `await server.serve()`.

    It ends when `should_exit` is set. Raises OSError where the address cannot be bound.
    """
    host, _, port = address.rpartition(":")
    listener = socket.create_server((host, int(port)), backlog=256)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # Else an answer waits 40 ms for an acknowledgement.
    config = uvicorn.Config(
        app,
        http=BoundedHttp,
        ws=BoundedWebSocket,
        ws_max_size=MOST_FRAME_BYTES,
        ws_ping_interval=IDLE_PING_S,
        ws_ping_timeout=IDLE_PING_S,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=MOST_HEAD_BYTES + MOST_TARGET_BYTES,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=int(HEAD_DEADLINE_S),
        timeout_graceful_shutdown=DRAIN_S,
        ssl_context_factory=None if tls is None else lambda config, default: tls,
    )
    return Server(config, listener)


def fault_of(head: bytes, whole: bool) -> int:
    """The status code that a request's head earns so far; 0 for none."""
    line, _, rest = head.partition(b"\r\n")
    if len(line) > MOST_TARGET_BYTES:
        return 414
    if len(rest) > MOST_HEAD_BYTES:
        return 431
    if AMBIGUOUS.search(head.removesuffix(b"\r")):  # A last carriage return may get its line feed yet.
        return 400
    if not whole:
        return 0
    parts = line.split(b" ")
    if len(parts) != 3 or not parts[1].startswith(b"/"):
        return 400
    lengths = len(LENGTH.findall(head))
    return 400 if lengths > 1 or (lengths and CHUNKED.search(head)) else 0
