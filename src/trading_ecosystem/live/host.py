"""The open surfaces of a process: gRPC and REST for everybody it serves, and the audit ports where they are on.

Rule 1: a surface listens where its settings say, on loopback unless they allow more, and each behind its own guard.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, final

import grpc
from fastapi import FastAPI
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection, reflection_pb2

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.rest.serving import Server, serve
from trading_ecosystem.live.security.allow_list import load_allow_list
from trading_ecosystem.live.security.binding import bind, check_binding
from trading_ecosystem.live.security.guard import Denial, Guard
from trading_ecosystem.live.security.private_files import CERTIFICATE, KEY
from trading_ecosystem.live.settings import Profile, Settings
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.live.telemetry.logs import NOTHING, handling
from trading_ecosystem.live.telemetry.metrics import Requests
from trading_ecosystem.messages.health import HealthStatus

LARGEST_REQUEST = 4 << 20  # Bytes; a line of commands is far below it.
OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", LARGEST_REQUEST),
    ("grpc.max_concurrent_streams", 200),
    ("grpc.max_metadata_size", 16_384),
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 20_000),  # Who says nothing is asked whether they are there,
    ("grpc.keepalive_timeout_ms", 5_000),  # and given up where no answer comes.
    ("grpc.http2.max_pings_without_data", 0),
]
EVERYWHERE = ("0.0.0.0", "::", "[::]")  # noqa: S104  No address that anybody could call.
REFLECTION = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]
GRACE_S = 1.0
LOOK_EVERY_S = 0.2

log = Log(__name__)


@final
class WholeHealth(HealthServicer):
    """The stock one leaves `List` out."""

    async def List(self, request: object, context: grpc.aio.ServicerContext[Any, Any]) -> Any:  # noqa: N802  Its name.
        words: Any = health_pb2
        return words.HealthListResponse(statuses={"": await self.Check(words.HealthCheckRequest(), context)})


@final
class Host:
    """`health` says how the service is; gRPC's own health service follows it. `requests` counts its calls."""

    def __init__(self, settings: Settings, health: Callable[[], tuple[HealthStatus, str]], requests: Requests) -> None:
        self.addresses: dict[str, str] = {}
        self._settings, self._health, self._requests = settings, health, requests
        self._servers: list[grpc.aio.Server] = []
        self._webs: list[tuple[Server, asyncio.Task[None]]] = []
        self._reports: list[HealthServicer] = []
        self._watching: asyncio.Task[None] | None = None

    async def open_grpc(
        self,
        surface: str,
        address: str,
        handlers: Sequence[grpc.GenericRpcHandler],
        described: Sequence[ServiceDescriptor],
        options: Sequence[tuple[str, object]] = (),
    ) -> None:
        """Raises `Problem` where it cannot listen there."""
        production = self._settings.profile is Profile.PRODUCTION
        guard = Guard(
            load_allow_list(self._settings.role, surface, production=production),
            secured=self._settings.tls is not None,
            denied=tell_denial,
            observe=partial(self._requests.note, surface),
        )
        server = grpc.aio.server(interceptors=(guard,), options=[*OPTIONS, *options])
        server.add_generic_rpc_handlers(tuple(handlers))
        report = WholeHealth()
        health_pb2_grpc.add_HealthServicer_to_server(report, server)
        if not production:
            known: list[Any] = [*described, health_pb2.DESCRIPTOR.services_by_name["Health"], REFLECTION]
            reflection.enable_server_reflection([each.full_name for each in known], server, pool_of(known))
        bound = bind(
            server, surface, address, tls=self._settings.tls, exposed=self._settings.expose, tell=tell_certificates
        )
        await server.start()
        self.addresses[surface] = address_for_others(str(bound), self._settings.advertise)
        self._servers.append(server)
        self._reports.append(report)
        if self._watching is None:
            self._watching = asyncio.create_task(self._report_health())

    def open_rest(self, surface: str, address: str, app: FastAPI) -> None:
        """Raises `Problem` where it cannot listen there."""
        tls = self._settings.tls
        check_binding(surface, address, secured=tls is not None, exposed=self._settings.expose)
        try:
            server = serve(app, address, None if tls is None else server_context(tls))
        except OSError as error:
            raise Problem(f"{surface}: cannot listen on {address}: {error.strerror or error}") from None
        self._webs.append((server, asyncio.create_task(server.serve())))
        self.addresses[surface] = address_for_others(server.address, self._settings.advertise)

    async def close(self) -> None:
        """Take no new calls, give those that are there a moment, and close."""
        if self._watching is not None:
            self._watching.cancel()
        for server, _ in self._webs:
            server.should_exit = True
        await asyncio.gather(*(server.stop(GRACE_S) for server in self._servers), *(task for _, task in self._webs))

    async def _report_health(self) -> None:
        while True:
            serving = self._health()[0] is not HealthStatus.NOT_SERVING
            status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
            for report in self._reports:
                await report.set("", status)
            await asyncio.sleep(LOOK_EVERY_S)


def pool_of(services: Sequence[Any]) -> DescriptorPool:
    """The files of these services and what they rest on, and nothing else that this process happens to know."""
    pool, added = DescriptorPool(), set[str]()

    def add(file: FileDescriptor) -> None:
        if file.name not in added:
            added.add(file.name)
            for each in file.dependencies:
                add(each)
            pool.AddSerializedFile(file.serialized_pb)

    for service in services:
        add(service.file)
    return pool


def address_for_others(bound: str, advertise: str) -> str:
    """Where others find what listens at `bound`: with the advertised host, where that is every address."""
    host, _, port = bound.rpartition(":")
    return f"{advertise}:{port}" if advertise and host in EVERYWHERE else bound


def server_context(tls: Path) -> ssl.SSLContext:
    """For people and their clients, who show a token instead of a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(tls / CERTIFICATE, tls / KEY)
    return context


def tell_denial(denial: Denial) -> None:
    with handling(denial.cause or NOTHING):
        log.warning("a call is refused", caller=denial.caller, method=denial.method, code=denial.code.value)


def tell_certificates(problem: str) -> None:
    log.error("new certificates cannot be used; the old ones stay", problem=problem)
