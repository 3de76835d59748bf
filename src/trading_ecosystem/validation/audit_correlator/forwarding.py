"""Hands on what the receiver took to another OTLP endpoint, such as a collector in front of Jaeger.

Rule 1: it never makes the receiver wait: what finds no room in its queue is dropped and counted.
Rule 2: it hands on what was taken, with its secrets hidden, not what came in.
"""

import asyncio
from collections import deque
from typing import final

import grpc

from trading_ecosystem.live.telemetry.exporter import FIRST_RETRY_S, LONGEST_RETRY_S, dial, jittered
from trading_ecosystem.live.telemetry.lines import Log

DEADLINE_S = 10.0
MOST_TRIES = 5
RETRIED = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
    }
)

log = Log(__name__)


@final
class Forwarder:
    """`target` is `host:port`; `bound_bytes` limits what waits."""

    def __init__(self, target: str, bound_bytes: int, credentials: grpc.ChannelCredentials | None = None) -> None:
        self._target = target
        self._bound_bytes = bound_bytes
        self._credentials = credentials
        self._queue: deque[tuple[str, bytes]] = deque()
        self._arrived = asyncio.Event()
        self.waiting_bytes = 0
        self.sent = 0
        self.dropped = 0
        self._told: set[str] = set()

    def offer(self, method: str, request: bytes) -> None:
        """Queue a request for this full method name."""
        if self.waiting_bytes + len(request) > self._bound_bytes:
            self._lose(method, "no room")
            return
        self.waiting_bytes += len(request)
        self._queue.append((method, request))
        self._arrived.set()

    async def run(self) -> None:
        """Send until it is cancelled."""
        async with dial(self._target, self._credentials) as channel:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._queue:
                    method, request = self._queue.popleft()
                    await self._send(channel, method, request)
                    self.waiting_bytes -= len(request)

    async def _send(self, channel: grpc.aio.Channel, method: str, request: bytes) -> None:
        export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        pause_s = FIRST_RETRY_S
        reason = ""
        for _ in range(MOST_TRIES):
            try:
                await export(request, timeout=DEADLINE_S)
            except grpc.aio.AioRpcError as error:
                reason = f"{error.code().name}: {error.details()}"
                if error.code() not in RETRIED:
                    break
                await asyncio.sleep(jittered(pause_s))
                pause_s = min(4 * pause_s, LONGEST_RETRY_S)
            else:
                self.sent += 1
                return
        self._lose(method, reason)

    def _lose(self, method: str, reason: str) -> None:
        """Told once for each method: what is told comes in here again, as a log line, and is to be handed on too."""
        self.dropped += 1
        if method not in self._told:
            self._told.add(method)
            log.warning("the next endpoint does not get all of this; it is counted", method=method, reason=reason)
