"""Certificates of a small ecosystem, and servers that answer every method with nothing."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from trading_ecosystem.live.security.allow_list import AllowList
from trading_ecosystem.live.security.binding import Address, bind
from trading_ecosystem.live.security.certificates import issue_all
from trading_ecosystem.live.security.guard import Denial, Guard

INSTANCES = (
    *("market_data", "exchange", "custodian", "trading_engine.alpha", "risk_monitor", "test_coordinator"),
    *("audit_correlator", "injector", "observer", "operator.anna", "supervisor"),
)
METHOD = "/test.Service/Answer"

Serve = Callable[..., AbstractAsyncContextManager["Served"]]


class Served:
    """A running server: where it is, what its handlers were asked, and what its guard refused, told and observed."""

    def __init__(self, address: Address, guard: Guard, denials: list[Denial], told: list[str]) -> None:
        self.address, self.guard, self.denials, self.told = address, guard, denials, told
        self.observed: list[tuple[str, str]] = []
        self.handled: list[str] = []


class Handlers(grpc.GenericRpcHandler):
    """`kinds`: method to whether its request and its response are streams."""

    def __init__(self, kinds: Mapping[str, tuple[bool, bool]], handled: list[str]) -> None:
        self._handlers = {method: handler_of(method, *kind, handled) for method, kind in kinds.items()}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        return self._handlers.get(handler_call_details.method)


def handler_of(method: str, requests: bool, responses: bool, handled: list[str]) -> "grpc.RpcMethodHandler[Any, Any]":
    async def answer(request: Any, context: Any) -> bytes:
        handled.append(method)
        return b""

    async def stream(request: Any, context: Any) -> AsyncIterator[bytes]:
        handled.append(method)
        yield b""

    name = f"{'stream' if requests else 'unary'}_{'stream' if responses else 'unary'}_rpc_method_handler"
    make: Callable[[Any], grpc.RpcMethodHandler[Any, Any]] = getattr(grpc, name)
    return make(stream if responses else answer)


@pytest.fixture(scope="session")
def instances() -> Sequence[str]:
    return INSTANCES


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one folder for each instance."""
    folder = tmp_path_factory.mktemp("certificates")
    issue_all(folder, INSTANCES)
    return folder


@pytest.fixture
def serve() -> Serve:
    return serving


@asynccontextmanager
async def serving(
    *,
    tls: Path | None = None,
    allow_list: AllowList | None = None,
    kinds: Mapping[str, tuple[bool, bool]] | None = None,
    handlers: grpc.GenericRpcHandler | None = None,
    deadline_seconds: float = 10.0,
) -> AsyncIterator[Served]:
    """A server with a guard; by default of one unary method that only the risk monitor may call."""
    denials: list[Denial] = []
    told: list[str] = []
    allowed = allow_list or AllowList({METHOD: frozenset({"risk_monitor"})})
    guard = Guard(
        allowed,
        secured=tls is not None,
        denied=denials.append,
        observe=lambda method, code, seconds: served.observed.append((method, code)),
        deadline_seconds=deadline_seconds,
    )
    # As a service has it: from half of its bound for metadata on, gRPC itself refuses some by chance.
    options = [("grpc.so_reuseport", 0), ("grpc.max_metadata_size", 16_384)]
    server = grpc.aio.server(interceptors=[guard], options=options)
    served = Served(Address(), guard, denials, told)
    server.add_generic_rpc_handlers([handlers or Handlers(kinds or {METHOD: (False, False)}, served.handled)])
    served.address = bind(server, "grpc", "127.0.0.1:0", tls=tls, exposed=False, tell=told.append)
    await server.start()
    try:
        yield served
    finally:
        await server.stop(None)
