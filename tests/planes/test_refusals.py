"""With the certificate of the risk monitor nothing opens that belongs to those who break and judge.

Rule 1: every method of every schema is tried at every such port, so that a new one cannot be forgotten.
"""

import asyncio
import importlib
import pkgutil
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpcore
import pytest
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from tests.planes.up import Up, request_in

from trading_ecosystem import routes, wire
from trading_ecosystem.live.security.binding import open_channel
from trading_ecosystem.live.security.private_files import AUTHORITIES
from trading_ecosystem.orchestrator.supervisor import Supervisor, terms_of

MONITOR = routes.RISK_MONITOR
STOCK = (health_pb2, reflection_pb2, logs_service_pb2, metrics_service_pb2, trace_service_pb2)
EXPORTS = {
    f"/opentelemetry.proto.collector.{name}.v1.{name.title()}Service/Export" for name in ("trace", "logs", "metrics")
}
GET_RUN = "/trading_ecosystem.wire.test_coordinator.v1.TestCoordinatorService/GetRun"
LIST = "/grpc.health.v1.Health/List"
REFLECT = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
CHAOS = "trading_ecosystem.wire.test_coordinator.v1.ChaosService"
EXCHANGE = "trading_ecosystem.wire.exchange.v1.ExchangeService"
HIDDEN = [(routes.TEST_COORDINATOR, "grpc"), (routes.AUDIT_CORRELATOR, "grpc"), (routes.INJECTOR, "audit")]
HIDDEN += [(simulator, "audit") for simulator in routes.SIMULATORS]
REST = {
    routes.TEST_COORDINATOR: ("run", "runs", "runs/1/injections"),
    routes.AUDIT_CORRELATOR: ("timeline", "chains/x", "counts", "surroundings", "findings"),
}
NO = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED)
WITHIN_S = 20.0


def methods() -> Iterator[MethodDescriptor]:
    names = [name for _, name, _ in pkgutil.walk_packages(wire.__path__, f"{wire.__name__}.") if name.endswith("_pb2")]
    for module in (*map(importlib.import_module, names), *STOCK):
        for service in module.DESCRIPTOR.services_by_name.values():
            yield from service.methods


@pytest.mark.slow
def test_its_certificate_opens_nothing_but_the_door_for_telemetry(tmp_path: Path) -> None:
    asyncio.run(try_everything(tmp_path))


async def try_everything(tmp_path: Path) -> None:
    request = request_in(tmp_path, 1, tls=True)
    async with Up(Supervisor(request, terms_of(request), lambda line: None)) as up:
        opened = {
            (instance, surface, method)
            for instance, surface in HIDDEN
            for method, code in (await tried(up, MONITOR, instance, surface)).items()
            if code not in NO
        }
        assert opened == {(routes.AUDIT_CORRELATOR, "grpc", export) for export in EXPORTS}
        asked = await tried(up, "operator", routes.TEST_COORDINATOR, "grpc")
        assert all(asked[method] is grpc.StatusCode.OK for method in (GET_RUN, LIST))
        await check_reflection(up)
        await check_rest(up)


async def tried(up: Up, caller: str, instance: str, surface: str) -> dict[str, grpc.StatusCode]:
    """What each method answers this caller, who shows its own certificate."""
    address = f"127.0.0.1:{up.port(instance, surface)}"
    async with open_channel(address, instance, tls=up.supervisor.folder.certificates / caller) as channel:
        found = list(methods())
        codes = await asyncio.gather(*(call(channel, method) for method in found))
    return {path_of(method): code for method, code in zip(found, codes, strict=True)}


def path_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


async def call(channel: grpc.aio.Channel, method: MethodDescriptor) -> grpc.StatusCode:
    kinds = ["stream" if streaming else "unary" for streaming in (method.client_streaming, method.server_streaming)]
    make: Any = getattr(channel, "_".join(kinds))
    answer = make(path_of(method))(iter([]) if method.client_streaming else b"", timeout=WITHIN_S)
    try:
        if method.server_streaming:
            await answer.read()
            answer.cancel()
        else:
            await answer
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def check_reflection(up: Up) -> None:
    """What the exchange tells the monitor of its own schema says nothing of how it can be broken."""
    address = f"127.0.0.1:{up.port(routes.EXCHANGE, 'grpc')}"
    async with open_channel(address, routes.EXCHANGE, tls=up.supervisor.folder.certificates / MONITOR) as channel:
        ask: Any = channel.stream_stream(
            REFLECT,
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        questions = [reflection_pb2.ServerReflectionRequest(list_services="")]
        questions += [reflection_pb2.ServerReflectionRequest(file_containing_symbol=name) for name in (EXCHANGE, CHAOS)]
        listed, own, chaos = [answer async for answer in ask(iter(questions), timeout=WITHIN_S)]
    names = {each.name for each in listed.list_services_response.service}
    assert EXCHANGE in names and not any("Chaos" in name for name in names)
    assert own.file_descriptor_response.file_descriptor_proto
    assert chaos.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


async def check_rest(up: Up) -> None:
    """A token of the monitor is nobody's at the REST surfaces of those who judge."""
    folder = up.supervisor.folder
    token = (folder.service(MONITOR) / "tokens" / "registry").read_text(encoding="ascii")
    trust = ssl.create_default_context(cafile=folder.certificates / MONITOR / AUTHORITIES)
    trust.check_hostname = False
    async with httpcore.AsyncConnectionPool(ssl_context=trust) as web:
        for instance, paths in REST.items():
            for path in paths:
                answer = await web.request(
                    "GET",
                    f"https://127.0.0.1:{up.port(instance, 'rest')}/api/v1/{path}",
                    headers=[("Authorization", f"Bearer {token}")],
                )
                assert answer.status == 401, (instance, path, answer.status)
