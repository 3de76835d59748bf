"""The process of the audit correlator: its surfaces, its journal, and the receiver between them."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Sequence
from typing import Any

from trading_ecosystem import __version__, routes
from trading_ecosystem.configuration.document import Section
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.core_process import before, until
from trading_ecosystem.live.discovery.registration import Status
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.host import Host
from trading_ecosystem.live.hub import Hub
from trading_ecosystem.live.neighbours import Neighbours
from trading_ecosystem.live.process import collect_seldom
from trading_ecosystem.live.rest import surface
from trading_ecosystem.live.security.handshakes import channel_credentials
from trading_ecosystem.live.security.identity import identify
from trading_ecosystem.live.security.tokens import Surface, Tokens, read_tokens
from trading_ecosystem.live.server import GrpcSurface
from trading_ecosystem.live.settings import Settings
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.live.telemetry.logs import MOST_WAITING as MOST_LINES, lines_lost, lines_waiting
from trading_ecosystem.live.telemetry.metrics import PrometheusMeter
from trading_ecosystem.live.telemetry.redaction import Redaction
from trading_ecosystem.messages.message import Message
from trading_ecosystem.validation.audit_correlator.acceptance import Acceptance
from trading_ecosystem.validation.audit_correlator.forwarding import Forwarder
from trading_ecosystem.validation.audit_correlator.intake import Intake
from trading_ecosystem.validation.audit_correlator.receiver import Receiver, grpc_handlers, http_app
from trading_ecosystem.validation.audit_correlator.rest import rest_app
from trading_ecosystem.validation.audit_correlator.server import (
    BOUND_NS,
    CAUSE_BOUND_NS,
    LOOK_EVERY_S,
    TRAIL,
    AuditDoor,
    Closing,
    Keeper,
    UntilClosed,
    build,
)
from trading_ecosystem.validation.audit_correlator.store import DESIGN
from trading_ecosystem.validation.audit_correlator.surroundings import Surroundings
from trading_ecosystem.validation.wire import AUDIT_CORRELATOR, CODEC

MOST_WAITING = 500_000  # Spans to be put in order.
MOST_FOREIGN = 10_000
FORWARD_BYTES = 64 << 20
OVER_HTTP = "http:"  # No instance: services of ours come over gRPC, where a certificate says who they are.


async def run(
    settings: Settings, document: Section, neighbours: Neighbours, clock: Clock, ended: asyncio.Event
) -> None:
    store = open_store(settings.store, settings.instance, DESIGN)
    path = settings.data / TRAIL
    with path.open("w", encoding="ascii", newline="") as trail:
        core = build(document, settings.instance, trail)
        recorder = UntilClosed(core)
        senders = [name for name, _ in document["planes"].entries() if name != settings.instance]
        intake = Intake(recorder, CODEC.decode, senders, BOUND_NS, CAUSE_BOUND_NS)
        meter = PrometheusMeter()
        keeper = Keeper(store.journal, lambda seconds: meter.time("tse_journal_commit_seconds", (), seconds))
        hub = Hub(secrets.randbits(62) | 1)
        door = AuditDoor(settings.instance, clock, hub, keeper)
        acceptance = Acceptance(senders, lambda peer, instance: peer in ("", instance), Redaction())

        def tell(found: Sequence[Message]) -> None:
            hub.publish([(Header(message_id=0, correlation_id=0), each) for each in found])

        forwarder = forwarder_of(settings)
        receiver = Receiver(
            acceptance, intake, Surroundings(MOST_FOREIGN), clock, keeper.keep, tell, MOST_WAITING, forwarder
        )
        show_figures(meter, hub, intake, forwarder)
        for record in store.journal.read(0):
            receiver.replay(record.now_ns, record.payload)
        closing = Closing(recorder, intake, receiver.drain, trail, path)
        host = Host(settings, door.health, meter.requests)
        try:
            await open_surfaces(settings, host, door, receiver, closing, core, store.history, meter)
            await neighbours.register(host.addresses, Status.STARTING)
            neighbours.announce(Status.READY)
            if await before(ended, neighbours.wait_for_time(clock)):
                collect_seldom()
                forwarding = [] if forwarder is None else [forwarder.run()]
                await until(ended, [keeper.run(), move_on(receiver), *forwarding])
            neighbours.announce(Status.DRAINING)
        finally:
            await host.close()
            store.close()


def forwarder_of(settings: Settings) -> Forwarder | None:
    if not settings.forward:
        return None
    return Forwarder(settings.forward, FORWARD_BYTES, channel_credentials(settings.tls) if settings.tls else None)


def show_figures(meter: PrometheusMeter, hub: Hub, intake: Intake, forwarder: Forwarder | None) -> None:
    published: Counter[str] = Counter()
    hub.listen(lambda told: published.update(type(each.message).__name__ for each in told))
    meter.total("tse_messages_published_total", lambda: published)
    meter.watch("intake", MOST_WAITING, lambda: intake.waiting)
    meter.watch("logs", MOST_LINES, lines_waiting)
    if forwarder is not None:
        meter.watch("forward_bytes", FORWARD_BYTES, lambda: forwarder.waiting_bytes)
    lost = {"logs": lines_lost} | ({} if forwarder is None else {"forward": lambda: forwarder.dropped})
    meter.total("tse_messages_lost_total", lambda: {reason: count() for reason, count in lost.items()})


async def move_on(receiver: Receiver) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        receiver.move_on()


async def open_surfaces(
    settings: Settings,
    host: Host,
    door: AuditDoor,
    receiver: Receiver,
    closing: Closing,
    core: Any,
    history: Any,
    meter: PrometheusMeter,
) -> None:
    response = AUDIT_CORRELATOR.response_type("CloseTrail")

    async def close(request: Any, caller: str) -> Any:
        findings, result = await closing.close(request.end_ns)
        return response(
            findings=[AUDIT_CORRELATOR.event(each, Header(message_id=0, correlation_id=0), 0) for each in findings],
            result=result,
        )

    spoken = GrpcSurface(door, AUDIT_CORRELATOR, Access(), {"CloseTrail": close})
    handlers = [spoken.handler(), *grpc_handlers(receiver, peer_of)]
    await host.open_grpc("grpc", settings.grpc, handlers, [AUDIT_CORRELATOR.service])
    tokens = Tokens((), Access()) if settings.tokens is None else read_tokens(settings.tokens, Surface.REST, Access())
    app = rest_app(
        surface.Surface(
            door=door,
            service=routes.AUDIT_CORRELATOR,
            version=__version__,
            environment=settings.profile,
            authorise=tokens.authorise,
            observe=lambda method, route, status, seconds: meter.requests.note(
                "rest", f"{method} {route}", str(status), seconds
            ),
            metrics=meter.registry,
        ),
        core,
        receiver.timeline,
        history,
    )
    app.mount("/", http_app(receiver, lambda request: OVER_HTTP))
    host.open_rest("rest", settings.rest, app)


def peer_of(context: Any) -> str:
    """The name on the caller's certificate; "" where connections have none."""
    return identify(context) if context.auth_context().get("transport_security_type") == [b"ssl"] else ""
