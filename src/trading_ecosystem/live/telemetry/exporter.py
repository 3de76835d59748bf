"""Sends what lies in the spool to the audit, by OTLP over gRPC.

Rule 1: a span leaves the spool when the audit has acknowledged it, and for no other reason: at least once, in order.
Rule 2: whatever the answer is, it is tried again; only the pause grows. What an answer refuses is counted.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import final

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.live.telemetry.spool import Batch, Spool

LOOPBACK = "127.0.0.1:"  # Certificates name hosts, not addresses in figures.
METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
DEADLINE_S = 10.0
PAUSE_S = 0.02  # Between two looks into an empty spool: what comes meanwhile goes together.
FIRST_RETRY_S, LONGEST_RETRY_S = 0.05, 2.0
OPTIONS = (("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 1000))

Export = grpc.aio.UnaryUnaryMultiCallable[bytes, ExportTraceServiceResponse]
Find = Callable[[], str]  # Where the audit is now, `host:port`; empty while nobody knows.

log = Log(__name__)


@final
class Exporter:
    """`trouble` says why spans wait, empty while they flow."""

    def __init__(self, spool: Spool, find: Find, credentials: grpc.ChannelCredentials | None = None) -> None:
        self._spool = spool
        self._find = find
        self._credentials = credentials
        self._target = ""
        self._channel: grpc.aio.Channel | None = None
        self.sent = 0
        self.refused = 0  # Spans that the audit took notice of and will not have.
        self.trouble = ""

    async def run(self) -> None:
        """Send until it is cancelled."""
        pause_s = FIRST_RETRY_S
        try:
            while True:
                batch = self._spool.next_batch()
                if batch is None:
                    await asyncio.sleep(PAUSE_S)
                elif batch.spans == 0 or await self._is_taken(batch):
                    self._spool.acknowledge(batch)
                    pause_s = FIRST_RETRY_S
                else:
                    await asyncio.sleep(jittered(pause_s))
                    pause_s = min(2 * pause_s, LONGEST_RETRY_S)
        finally:
            await self._hang_up()

    async def flush(self, timeout: float) -> bool:
        """Wait, at most so many seconds, until the audit has everything. `run` must be running."""
        try:
            async with asyncio.timeout(timeout):
                while not self._spool.is_acknowledged:
                    await asyncio.sleep(PAUSE_S / 2)
        except TimeoutError:
            return False
        return True

    async def _is_taken(self, batch: Batch) -> bool:
        target = self._find()
        if not target:
            self._note("the address of the audit is not known")
            return False
        channel = await self._dial(target)
        export: Export = channel.unary_unary(METHOD, response_deserializer=ExportTraceServiceResponse.FromString)
        try:
            answer = await export(batch.request, timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            self._note(f"{target}: {error.code().name}: {error.details()}")
            return False
        self._note("")
        self.sent += batch.spans
        refused = answer.partial_success.rejected_spans
        if refused:
            self.refused += refused
            log.error("the audit refused spans", refused=refused, reason=answer.partial_success.error_message)
        return True

    async def _dial(self, target: str) -> grpc.aio.Channel:
        if self._channel is None or target != self._target:
            await self._hang_up()
            self._target = target
            self._channel = dial(target, self._credentials)
        return self._channel

    async def _hang_up(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    def _note(self, trouble: str) -> None:
        if bool(trouble) != bool(self.trouble):
            log.info("spans wait for the audit", reason=trouble) if trouble else log.info("spans flow to the audit")
        self.trouble = trouble


def dial(target: str, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    if credentials is None:
        return grpc.aio.insecure_channel(target, OPTIONS)
    return grpc.aio.secure_channel(target, credentials, secured_options(target))


def secured_options(target: str) -> tuple[tuple[str, int | str], ...]:
    return OPTIONS if not target.startswith(LOOPBACK) else (*OPTIONS, ("grpc.ssl_target_name_override", "localhost"))


def jittered(pause_s: float) -> float:
    """Between half of it and all of it, so that those who wait together do not come back together."""
    return pause_s * (0.5 + secrets.randbelow(1000) / 2000)
