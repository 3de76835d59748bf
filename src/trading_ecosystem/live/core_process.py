"""A service that is one core behind its surfaces: all but the audit correlator."""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from typing import NoReturn

from trading_ecosystem import __version__
from trading_ecosystem.configuration.document import Section
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.discovery.registration import Status
from trading_ecosystem.live.engine import Engine
from trading_ecosystem.live.host import Host
from trading_ecosystem.live.links import Reach
from trading_ecosystem.live.neighbours import Neighbours
from trading_ecosystem.live.process import collect_seldom, main
from trading_ecosystem.live.security.allow_list import load_allow_list
from trading_ecosystem.live.security.handshakes import channel_credentials
from trading_ecosystem.live.security.identity import role_of
from trading_ecosystem.live.server import MOST_WAITING, GrpcSurface
from trading_ecosystem.live.service import Added, Parts, Service
from trading_ecosystem.live.settings import Profile, Settings


def run_service(service: Service) -> NoReturn:
    async def run(
        settings: Settings, document: Section, neighbours: Neighbours, clock: Clock, ended: asyncio.Event
    ) -> None:
        await serve(service, settings, document, neighbours, clock, ended)

    main(run, (*service.keys,), (*service.optional,))


async def serve(
    service: Service,
    settings: Settings,
    document: Section,
    neighbours: Neighbours,
    clock: Clock,
    ended: asyncio.Event,
) -> None:
    """Be the service until its end is asked for."""
    engine = engine_of(service, settings, document, neighbours, clock)
    host = Host(settings, engine.runner.health, engine.meter.requests)
    try:
        engine.recover()
        work = await open_surfaces(service, Parts(settings, document, neighbours, clock, engine, host))
        await neighbours.register(host.addresses, Status.STARTING)
        if await before(ended, engine.connect()):
            neighbours.announce(Status.READY)
            if await before(ended, neighbours.wait_for_time(clock)):
                collect_seldom()
                await engine.runner.start()
                await until(ended, work)
        neighbours.announce(Status.DRAINING)
    finally:
        await host.close()
        await engine.stop()


def engine_of(service: Service, settings: Settings, document: Section, neighbours: Neighbours, clock: Clock) -> Engine:
    return Engine(
        service,
        service.build(document, settings.instance),
        settings.instance,
        __version__,
        settings.store,
        settings.data,
        clock,
        service.targets(document),
        Reach(
            find=neighbours.find,
            connect=neighbours.connect,
            audit=settings.telemetry,
            audit_credentials=channel_credentials(settings.tls) if settings.tls else None,
        ),
        settings.accept_rollback,
    )


async def open_surfaces(service: Service, parts: Parts) -> Sequence[Coroutine[None, None, None]]:
    """Open what every service has and what this one adds. Returns what is to be done while it serves."""
    added = service.add(parts)
    try:
        await open_each(service, parts, added)
    except BaseException:
        for work in added.work:
            work.close()  # It is not begun any more.
        raise
    return added.work


async def open_each(service: Service, parts: Parts, added: Added) -> None:
    access = service.access(parts.document)
    production = parts.settings.profile is Profile.PRODUCTION
    allowed = load_allow_list(service.role, "grpc", production=production)

    def may_call(caller: str, method: str) -> bool:
        return allowed.allows(role_of(caller), method)

    surface = GrpcSurface(parts.engine.runner, service.speech, access, added.answers, may_call, service.breaking)
    parts.engine.meter.watch("subscriber", MOST_WAITING, lambda: surface.furthest_behind)
    await parts.host.open_grpc("grpc", parts.settings.grpc, [surface.handler()], [service.speech.service])
    if added.rest is not None:
        parts.host.open_rest("rest", parts.settings.rest, added.rest)
    if added.audit and parts.settings.audit:
        await parts.host.open_grpc("audit", parts.settings.audit, added.audit, [])
    if added.audit_rest is not None:
        parts.host.open_rest("audit_rest", parts.settings.audit_rest, added.audit_rest)


async def before(ended: asyncio.Event, work: Awaitable[None]) -> bool:
    """Whether this was done before the end was asked for."""
    task, end = asyncio.ensure_future(work), asyncio.create_task(ended.wait())
    await asyncio.wait((task, end), return_when=asyncio.FIRST_COMPLETED)
    end.cancel()
    if not task.done():
        task.cancel()
        return False
    task.result()
    return True


async def until(ended: asyncio.Event, work: Sequence[Coroutine[None, None, None]]) -> None:
    """Do this until the end is asked for; what fails meanwhile ends the process."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        await ended.wait()
        for task in tasks:
            task.cancel()
