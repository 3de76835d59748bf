"""From the spool of a process that is killed again and again to the core of the correlator: each message once."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from trading_ecosystem.core import Core
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.telemetry.exporter import Exporter
from trading_ecosystem.live.telemetry.redaction import Redaction
from trading_ecosystem.live.telemetry.spans import SpanRecord, encode_spans, envelope_of, service_resource
from trading_ecosystem.live.telemetry.spool import Spool
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.message import Message
from trading_ecosystem.validation.audit_correlator.acceptance import Acceptance
from trading_ecosystem.validation.audit_correlator.intake import Intake
from trading_ecosystem.validation.audit_correlator.receiver import TRACES, Receiver, grpc_handlers
from trading_ecosystem.validation.audit_correlator.surroundings import Surroundings

GROUP = 5
LAST_NS = 1 << 62

CHILD = """
import asyncio, json, sys
from pathlib import Path
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.telemetry.exporter import Exporter
from trading_ecosystem.live.telemetry.spans import SpanRecord, service_resource
from trading_ecosystem.live.telemetry.spool import Spool
from trading_ecosystem.messages.accounts import VenueHeartbeat

async def main(folder, target):
    encode = lambda message: ("VenueHeartbeat", json.dumps([message.venue, message.session, 1]).encode())
    spool = Spool(Path(folder), 1 << 28, service_resource("exchange", "1"), encode)
    sending = asyncio.create_task(Exporter(spool, lambda: target).run())
    mark = spool.last_mark()
    while True:
        ids = range(mark * 5 + 1, mark * 5 + 6)
        beats = [VenueHeartbeat(venue="v", session=each, occurred_ns=1) for each in ids]
        mark += 1
        spool.write([SpanRecord(Header(message_id=beat.session, correlation_id=1), max(0, beat.session - 1),
                                1000 + mark, "exchange", beat) for beat in beats], mark)
        await asyncio.sleep(0.002)

asyncio.run(main(*sys.argv[1:]))
"""


class Listener(Core):
    def __init__(self) -> None:
        self.sessions: list[int] = []
        self.causes: list[tuple[int, int]] = []

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        assert isinstance(message, Envelope)
        assert isinstance(message.message, VenueHeartbeat)
        self.sessions.append(message.message.session)
        self.causes.append((message.message_id, message.causation_id))
        return ()


def encode(message: Message) -> tuple[str, bytes]:
    assert isinstance(message, VenueHeartbeat)
    return "VenueHeartbeat", json.dumps([message.venue, message.session, 1]).encode()


def decode(kind: str, body: bytes) -> Message:
    venue, session, occurred_ns = json.loads(body)
    return VenueHeartbeat(venue=venue, session=session, occurred_ns=occurred_ns)


def build(listener: Core, senders: tuple[str, ...] = ("exchange",)) -> tuple[Receiver, Intake]:
    async def keep(wall_ns: int, request: bytes) -> None:
        pass

    intake = Intake(listener, decode, senders, 1_000_000_000, 1_000_000_000)
    acceptance = Acceptance(senders, lambda peer, instance: True, Redaction())
    receiver = Receiver(acceptance, intake, Surroundings(10), Clock(), keep, lambda found: None, 1_000_000)
    return receiver, intake


@asynccontextmanager
async def serving(receiver: Receiver, port: int = 0) -> AsyncIterator[int]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(grpc_handlers(receiver, lambda context: ""))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(0)


def test_kill_between_spool_and_export_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    listener = Listener()
    receiver, intake = build(listener)

    async def live(port: int) -> None:
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, str(folder), f"127.0.0.1:{port}")
        mark = receiver.requests
        while receiver.requests < mark + 3:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.02)
        child.kill()
        await child.wait()

    async def scenario() -> int:
        async with serving(receiver) as port:
            for _ in range(3):
                await live(port)
        spool = Spool(folder, 1 << 28, service_resource("exchange", "1"), encode)
        async with serving(receiver, port):
            exporter = Exporter(spool, lambda: f"127.0.0.1:{port}")
            task = asyncio.create_task(exporter.run())
            assert await exporter.flush(10)
            task.cancel()
        receiver.drain(LAST_NS)
        return spool.last_mark()

    mark = asyncio.run(scenario())
    assert listener.sessions == list(range(1, mark * GROUP + 1))
    assert listener.causes == [(each, each - 1) for each in range(1, mark * GROUP + 1)]
    (exchange,) = intake.completeness()
    assert (exchange.missing, exchange.conflicts, exchange.unreadable) == (0, 0, 0)


def test_many_spans_come_whole_and_in_order() -> None:
    """From the bytes of requests to the core."""
    count, per_request = 20_000, 500
    requests: list[bytes] = []
    for at in range(1, count, per_request):
        around = envelope_of(service_resource("exchange", "1"), "spool")
        around.scope_spans[0].scope.attributes.add(key="spool.first").value.int_value = at
        records = [
            SpanRecord(
                Header(message_id=each, correlation_id=1),
                each - 1,
                1000 + each,
                "exchange",
                VenueHeartbeat(venue="v", session=each, occurred_ns=1),
            )
            for each in range(at, at + per_request)
        ]
        around.scope_spans[0].MergeFromString(encode_spans(records, encode))
        requests.append(TRACES.request(resource_spans=[around]).SerializeToString())
    listener = Listener()
    receiver, _ = build(listener)

    async def scenario() -> None:
        for request in requests:
            await receiver.take(TRACES, TRACES.request.FromString(request), "")
        receiver.drain(LAST_NS)

    asyncio.run(scenario())
    assert listener.sessions == list(range(1, count + 1))
