"""Every caller at every method of every service: the whole matrix, cell by cell, over TLS.

What is expected is stated the other way round, by caller, and who subscribes follows from the routes besides: the
reviewed file has to agree with both.
"""

import asyncio
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from trading_ecosystem import routes, wire
from trading_ecosystem.configuration.document import Problem, parse_document, read_document
from trading_ecosystem.live.security.allow_list import TABLE, AllowList, load_allow_list, read_rows
from trading_ecosystem.live.security.binding import open_channel
from trading_ecosystem.live.security.identity import role_of
from trading_ecosystem.messages.codec import MESSAGE_TYPES

PACKAGE = "trading_ecosystem.wire"
SURFACES = [(role, "grpc") for role in routes.SERVICES]
SURFACES += [(role, "audit") for role in (*routes.SIMULATORS, routes.INJECTOR)]
STOCK = (health_pb2, reflection_pb2, logs_service_pb2, metrics_service_pb2, trace_service_pb2)

ORDERS = "SubmitOrder SubmitTriggerOrder SubmitPair AmendOrder CancelOrder CancelAllOrders CancelAllAfter MoveMargin"
REQUESTS = "RequestDeposit RequestWithdrawal RequestTransfer CancelTransfer"

# Caller to what it may call, besides what anyone may. A service's own name is left out where it follows.
MAY: Mapping[str, str] = {
    "market_data": "",
    "exchange": "market_data: Subscribe",
    "custodian": "exchange: Subscribe StreamCommands QueryTrades CreditAccount DebitAccount SettleProfits QueryBooks",
    "trading_engine": (
        "market_data: Subscribe GetQuotes"
        f" | exchange: Subscribe StreamCommands {ORDERS} QueryAccount GetStatement GetSubAccounts"
        f" | custodian: Subscribe StreamCommands QueryTransfers {REQUESTS}"
    ),
    "risk_monitor": (
        "market_data: Subscribe GetQuotes"
        " | exchange: Subscribe StreamCommands QueryAccount GetStatement GetSubAccounts"
        " | custodian: Subscribe StreamCommands QueryHoldings QuerySettlements QueryTransfers"
        " | trading_engine: Subscribe StreamCommands EngageKillSwitch QueryKillSwitch"
    ),
    "test_coordinator": (
        "market_data: Subscribe | exchange: Subscribe | custodian: Subscribe | audit_correlator: Subscribe CloseTrail"
    ),
    "observer": "trading_engine: Subscribe | risk_monitor: Subscribe",
    "operator": (
        f"market_data: Subscribe GetQuotes | exchange: Subscribe {ORDERS} QueryAccount GetStatement GetSubAccounts"
        f" | custodian: Subscribe QueryHoldings QuerySettlements QueryTransfers {REQUESTS}"
        " ApproveTransfer RejectTransfer AllowDestination"
        " | trading_engine: Subscribe EngageKillSwitch LiftKillSwitch QueryKillSwitch"
        " | risk_monitor: Subscribe StreamCommands AcknowledgeAlert"
        " | test_coordinator: Subscribe GetRun | audit_correlator: Subscribe"
    ),
    "audit_correlator": "",
    "injector": "",
    "supervisor": "",
}
# Caller, and whether it is the injector that is called, to what of the chaos service. The injector passes on to the
# simulators what only they can do to themselves, and hears of it in the answer.
BREAKS = {
    ("test_coordinator", True): ("Inject", "RenewLease", "Subscribe"),
    ("test_coordinator", False): ("Inject", "RenewLease", "Subscribe"),
    ("injector", False): ("Inject", "RenewLease"),
}


def services() -> list[ServiceDescriptor]:
    """Every service of every generated file."""
    names = [name for _, name, _ in pkgutil.walk_packages(wire.__path__, f"{PACKAGE}.") if name.endswith("_pb2")]
    modules = [importlib.import_module(name) for name in names]
    return [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]


def methods(found: Iterable[ServiceDescriptor]) -> dict[str, tuple[bool, bool]]:
    """Path of each method, to whether its request and its response are streams."""
    return {
        f"/{service.full_name}/{method.name}": (method.client_streaming, method.server_streaming)
        for service in found
        for method in service.methods
    }


def stock_methods() -> dict[str, tuple[bool, bool]]:
    return methods(service for module in STOCK for service in module.DESCRIPTOR.services_by_name.values())


def service_of(role: str) -> str:
    return f"/{PACKAGE}.{role}.v1.{''.join(word.title() for word in role.split('_'))}Service"


# Who may ask after the health of what judges, and what it knows. No service of the firm is told that it is there.
ASKED_AFTER_BY = {"test_coordinator": {"operator"}, "audit_correlator": {"operator", "test_coordinator"}}


def expected(caller: str, role: str, surface: str, method: str) -> bool:
    if method.startswith("/grpc.health."):
        return surface != "audit" and caller in ASKED_AFTER_BY.get(role, {caller})
    if method.startswith("/grpc.reflection."):
        return surface != "audit" and (role not in ASKED_AFTER_BY or caller == "operator")
    if method.startswith("/opentelemetry."):
        return (role, surface) == ("audit_correlator", "grpc")
    service, _, name = method.rpartition("/")
    if surface == "audit":
        return service.endswith(".ChaosService") and name in BREAKS.get((caller, role == "injector"), ())
    granted = dict(part.strip().split(": ") for part in MAY[caller].split("|") if part.strip())
    return service == service_of(role) and name in granted.get(role, "").split()


async def call(channel: grpc.aio.Channel, method: str, kind: tuple[bool, bool]) -> grpc.StatusCode:
    make: Any = getattr(channel, f"{'stream' if kind[0] else 'unary'}_{'stream' if kind[1] else 'unary'}")
    answer = make(method)(iter([]) if kind[0] else b"", timeout=20)
    try:
        if kind[1]:
            assert [each async for each in answer] == [b""]
        else:
            assert await answer == b""
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize(("role", "surface"), SURFACES)
def test_every_cell_of_the_matrix(
    serve: Any, certificates: Path, instances: list[str], role: str, surface: str
) -> None:
    """A server that has every method there is, its own and all others, and every caller at each of them."""
    kinds = methods(services()) | stock_methods()
    own = next(instance for instance in instances if role_of(instance) == role)
    allowed = load_allow_list(role, surface, production=False)

    async def scenario() -> dict[tuple[str, str], bool]:
        cells: dict[tuple[str, str], bool] = {}
        async with serve(tls=certificates / own, allow_list=allowed, kinds=kinds) as served:
            for caller in instances:
                async with open_channel(str(served.address), own, tls=certificates / caller) as channel:
                    codes = await asyncio.gather(*(call(channel, method, kind) for method, kind in kinds.items()))
                for method, code in zip(kinds, codes, strict=True):
                    assert code in (grpc.StatusCode.OK, grpc.StatusCode.PERMISSION_DENIED), (caller, method, code)
                    cells[role_of(caller), method] = code is grpc.StatusCode.OK
            refused = sum(not passed for passed in cells.values())
            assert len(served.denials) == refused and len(served.handled) == len(cells) - refused
        return cells

    cells = asyncio.run(scenario())
    assert len(cells) == len(instances) * len(kinds)
    assert cells == {(caller, method): expected(caller, role, surface, method) for caller, method in cells}


def test_the_callers_of_the_matrix_are_all_there_are(instances: list[str]) -> None:
    assert {role_of(instance) for instance in instances} == set(MAY)
    assert set(routes.SERVICES) | {routes.INJECTOR} < set(MAY)


# The file.


def all_rows() -> dict[str, frozenset[str]]:
    rows: dict[str, frozenset[str]] = {}
    for name, part in read_document(TABLE).entries():
        for _, surface in part.entries() if name in MAY else [("", part)]:
            for method, callers in read_rows(surface).items():
                rows[method] = rows.get(method, frozenset()) | callers
    return rows


def test_every_method_has_a_line_and_every_line_a_method() -> None:
    ours = {method for method in all_rows() if method.startswith(f"/{PACKAGE}.")}
    assert ours == set(methods(services()))
    stock = {method for method in all_rows() if not method.startswith(f"/{PACKAGE}.")}
    assert stock - set(stock_methods()) <= {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"}


def test_every_caller_in_the_file_is_a_role_that_is_known() -> None:
    assert frozenset().union(*all_rows().values()) <= set(MAY) | {"anyone"}


@pytest.mark.parametrize("role", routes.SERVICES)
def test_who_subscribes_follows_from_the_routes(role: str) -> None:
    """Whoever hears an event of a service by the routes may subscribe to it, and nobody else but people.

    In the production plane the coordinator reads as an observer: no name of a test reaches the firm's systems.
    """
    service = next(each for each in services() if f"/{each.full_name}" == service_of(role))
    events = service.file.message_types_by_name[service.name.replace("Service", "Event")]
    kinds = [field.message_type.name for field in events.oneofs_by_name["event"].fields if field.message_type]
    assert kinds
    routed = routes.PUBLISHED | routes.PRIVATE
    hearers = {hearer for kind in kinds for hearer in routed.get(MESSAGE_TYPES[kind], ())} - {role}
    if role in routes.PRODUCTION:
        hearers = {"observer" if hearer == routes.TEST_COORDINATOR else hearer for hearer in hearers}
    askers = {
        caller
        for method, callers in all_rows().items()
        if method.startswith(f"{service_of(role)}/Query")
        for caller in callers
    }
    assert all_rows()[f"{service_of(role)}/Subscribe"] == hearers | askers | {"operator"}


@pytest.mark.parametrize("role", [*routes.SERVICES, routes.INJECTOR])
def test_production_has_neither_an_audit_surface_nor_reflection(role: str) -> None:
    everywhere = load_allow_list("nothing", "grpc", production=True).methods
    assert everywhere and all(method.startswith("/grpc.health.") for method in everywhere)
    assert not load_allow_list(role, "audit", production=True).methods
    kept = load_allow_list(role, "grpc", production=True).methods
    assert not any("Reflection" in method or "Chaos" in method for method in kept)
    assert kept == {m for m in load_allow_list(role, "grpc", production=False).methods if "Reflection" not in m}


@pytest.mark.parametrize("role", routes.PRODUCTION)
def test_what_the_firm_loads_names_nothing_of_a_test(role: str) -> None:
    for surface in ("grpc", "audit"):
        allowed = load_allow_list(role, surface, production=False)
        named = {
            caller
            for caller in MAY
            for method in allowed.methods
            if allowed.allows(caller, method) and not allowed.open_to_anyone(method)
        }
        assert named <= {"observer", "operator", *({"risk_monitor"} if role == "trading_engine" else ())}
        assert not any(word in method.lower() for method in allowed.methods for word in ("chaos", "test", "scenario"))


def test_a_service_loads_its_own_rows_alone() -> None:
    ours = [m for m in load_allow_list("exchange", "grpc", production=True).methods if not m.startswith("/grpc.")]
    assert ours and all(method.startswith("/trading_ecosystem.wire.exchange.v1.") for method in ours)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a/B: [Exchange]", "'Exchange' is not a role"),
        ("a/B: [trading_engine.alpha]", "'trading_engine.alpha' is not a role"),
        ("a/B: exchange", "a list is expected here"),
        ("a/B: [x]\na/B: [y]", "is there twice"),
        ("a/B: [[x]]", "a single value is expected here"),
    ],
)
def test_a_wrong_line_is_named(text: str, problem: str) -> None:
    with pytest.raises(Problem, match=problem) as caught:
        read_rows(parse_document("table.yaml", text))
    assert str(caught.value).startswith("table.yaml:")


def test_an_empty_line_lets_nobody_in() -> None:
    allowed = AllowList(read_rows(parse_document("table.yaml", "a/B: []\na/C: [exchange]")))
    assert allowed.methods == {"/a/B", "/a/C"}
    assert [allowed.allows("exchange", method) for method in ("/a/B", "/a/C", "/a/D")] == [False, True, False]
