"""The guard: what reaches a handler, and what each refused call is told."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from trading_ecosystem.live.door import Header, RefusalCode
from trading_ecosystem.live.security.admission import LARGEST_METADATA
from trading_ecosystem.live.security.allow_list import AllowList, load_allow_list
from trading_ecosystem.live.security.binding import bind, open_channel
from trading_ecosystem.live.security.guard import Denial, Guard

METHOD = "/test.Service/Answer"
STREAM = "/test.Service/Stream"
FREE = "/test.Service/Free"
MONITOR = ("x-instance", "risk_monitor")
CODE = grpc.StatusCode


def filler(size: int) -> tuple[str, str]:
    """Metadata that has this size together with `MONITOR` and what the client itself adds."""
    return ("x-filler", "a" * size)


async def answer_of(channel: grpc.aio.Channel, method: str, metadata: Any, timeout: float | None = 5) -> Any:
    call: Any = channel.unary_unary(method)
    try:
        await call(b"", timeout=timeout, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details()
    return CODE.OK, ""


@pytest.mark.parametrize(
    ("method", "metadata", "code", "refusal"),
    [
        pytest.param(METHOD, (MONITOR,), CODE.OK, None, id="allowed"),
        pytest.param(METHOD, (("x-instance", "exchange"),), CODE.PERMISSION_DENIED, RefusalCode.FORBIDDEN, id="other"),
        pytest.param(METHOD, (), CODE.UNAUTHENTICATED, RefusalCode.UNAUTHENTICATED, id="nobody"),
        pytest.param(METHOD, (MONITOR, MONITOR), CODE.UNAUTHENTICATED, RefusalCode.UNAUTHENTICATED, id="twice"),
        pytest.param(
            METHOD, (MONITOR, ("a", "1"), ("a", "2")), CODE.UNAUTHENTICATED, RefusalCode.UNAUTHENTICATED, id="repeated"
        ),
        pytest.param(
            METHOD, (("x-instance", "Risk Monitor"),), CODE.UNAUTHENTICATED, RefusalCode.UNAUTHENTICATED, id="no name"
        ),
        pytest.param(METHOD, (("x-instance", "../x"),), CODE.UNAUTHENTICATED, RefusalCode.UNAUTHENTICATED, id="a path"),
        pytest.param(METHOD, (MONITOR, filler(7_000)), CODE.OK, None, id="much"),
        pytest.param(
            METHOD, (MONITOR, filler(8_100)), CODE.RESOURCE_EXHAUSTED, RefusalCode.TOO_LARGE, id="a little too much"
        ),
        pytest.param(METHOD, (MONITOR, filler(40_000)), CODE.RESOURCE_EXHAUSTED, None, id="far too much"),
        pytest.param("/test.Service/Nothing", (MONITOR,), CODE.UNIMPLEMENTED, None, id="unknown method"),
        pytest.param("/test.Nothing/Answer", (MONITOR,), CODE.UNIMPLEMENTED, None, id="unknown service"),
        pytest.param("/test.Service/", (MONITOR,), CODE.UNIMPLEMENTED, None, id="no method"),
        pytest.param(FREE, (), CODE.OK, None, id="anyone"),
        pytest.param(STREAM, (MONITOR,), CODE.PERMISSION_DENIED, RefusalCode.FORBIDDEN, id="no row at all"),
    ],
)
def test_what_a_caller_is_told(serve: Any, method: str, metadata: Any, code: Any, refusal: Any) -> None:
    allowed = AllowList({METHOD: frozenset({"risk_monitor"}), FREE: frozenset({"anyone"})})

    async def scenario() -> None:
        kinds = {METHOD: (False, False), FREE: (False, False), STREAM: (False, False)}
        async with (
            serve(allow_list=allowed, kinds=kinds) as served,
            open_channel(str(served.address), "exchange", tls=None) as channel,
        ):
            found, detail = await answer_of(channel, method, metadata)
            assert found is code, detail
            assert served.handled == ([method] if code is CODE.OK else [])
            assert [each.code for each in served.denials] == ([refusal] if refusal else [])
            assert served.guard.refusals.total() == len(served.denials)
            known = code is CODE.OK or refusal is not None
            await observed(served, [(method.rpartition("/")[2], code.name)] if known else [])
            assert "risk_monitor" not in detail and METHOD not in detail

    asyncio.run(scenario())


def test_over_tls_even_free_methods_want_a_certificate_that_names_an_instance(serve: Any, certificates: Path) -> None:
    allowed = AllowList({FREE: frozenset({"anyone"})})

    async def scenario() -> None:
        async with (
            serve(tls=certificates / "exchange", allow_list=allowed, kinds={FREE: (False, False)}) as served,
            open_channel(str(served.address), "exchange", tls=certificates / "supervisor") as channel,
        ):
            assert (await answer_of(channel, FREE, ()))[0] is CODE.OK

    asyncio.run(scenario())


def test_a_denial_names_caller_method_reason_and_cause(serve: Any, certificates: Path) -> None:
    async def scenario() -> None:
        async with (
            serve(tls=certificates / "exchange") as served,
            open_channel(str(served.address), "exchange", tls=certificates / "trading_engine.alpha") as channel,
        ):
            traced = (("traceparent", f"00-{2:032x}-{1:016x}-01"),)
            for metadata in ((), traced):
                assert (await answer_of(channel, METHOD, metadata)) == (CODE.PERMISSION_DENIED, "not allowed")
            one = Denial(caller="trading_engine.alpha", method=METHOD, code=RefusalCode.FORBIDDEN)
            assert served.denials == [one, replace(one, cause=Header(message_id=1, correlation_id=2))]

    asyncio.run(scenario())


class Slow(grpc.GenericRpcHandler):
    """Methods that take for ever, and what became of them."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        return self.known.get(handler_call_details.method)

    @property
    def known(self) -> "dict[str, grpc.RpcMethodHandler[Any, Any]]":
        return {
            METHOD: grpc.unary_unary_rpc_method_handler(self.answer),
            STREAM: grpc.unary_stream_rpc_method_handler(self.stream),
        }

    async def answer(self, request: bytes, context: Any) -> bytes:
        try:
            await asyncio.sleep(60)
        finally:
            self.ended.append("answer")
        return b""

    async def stream(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        try:
            for _ in range(1000):
                yield b""
                await asyncio.sleep(0.1)
        finally:
            self.ended.append("stream")


async def observed(served: Any, calls: list[tuple[str, str]]) -> None:
    """A call is observed when its handler is left, which may be a little after its caller has the answer."""
    async with asyncio.timeout(5):
        while len(served.observed) < len(calls):
            await asyncio.sleep(0.01)
    assert served.observed == calls


@pytest.mark.parametrize("timeout", [None, 0.2, 30.0])
def test_a_call_ends_by_its_deadline_or_by_the_guards(serve: Any, timeout: float | None) -> None:
    """With 30 seconds given the guard does not interfere; the client gives up."""
    slow = Slow()

    async def scenario() -> None:
        async with (
            serve(handlers=slow, deadline_seconds=0.3) as served,
            open_channel(str(served.address), "exchange", tls=None) as channel,
        ):
            began = time.monotonic()
            if timeout == 30.0:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(answer_of(channel, METHOD, (MONITOR,), timeout), 0.6)
            else:
                assert (await answer_of(channel, METHOD, (MONITOR,), timeout))[0] is CODE.DEADLINE_EXCEEDED
            assert time.monotonic() - began < 5
            assert served.guard.refusals[RefusalCode.DEADLINE] == (1 if timeout is None else 0)
            await observed(served, [("Answer", "DEADLINE_EXCEEDED" if timeout is None else "CANCELLED")])
        assert slow.ended == ["answer"]

    asyncio.run(scenario())


def test_a_handler_that_breaks_is_observed_too(serve: Any) -> None:
    async def broken(request: Any, context: Any) -> bytes:
        raise ZeroDivisionError

    handlers: dict[str, Any] = {"Answer": grpc.unary_unary_rpc_method_handler(broken)}

    async def scenario() -> None:
        async with (
            serve(handlers=grpc.method_handlers_generic_handler("test.Service", handlers)) as served,
            open_channel(str(served.address), "exchange", tls=None) as channel,
        ):
            assert (await answer_of(channel, METHOD, (MONITOR,)))[0] is CODE.UNKNOWN
            await observed(served, [("Answer", "UNKNOWN")])

    asyncio.run(scenario())


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2 (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def call_by_hand(deadline: str) -> bytes:
    """A unary call with any header `grpc-timeout`, which stock clients answer themselves when it is over."""
    headers = {
        **{":method": "POST", ":scheme": "http", ":path": METHOD, ":authority": "exchange"},
        **{"te": "trailers", "content-type": "application/grpc", "grpc-timeout": deadline, MONITOR[0]: MONITOR[1]},
    }
    block = b"".join(
        bytes([0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode() for name, value in headers.items()
    )
    start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")
    return start + frame(1, 4, 1, block) + frame(0, 1, 1, bytes(5))


@pytest.mark.parametrize(("deadline", "handled"), [("5S", [METHOD]), ("0n", []), ("0S", []), ("-1S", []), ("", [])])
def test_a_deadline_that_is_over_or_makes_no_sense_has_no_effect(serve: Any, deadline: str, handled: list[str]) -> None:
    async def scenario() -> None:
        async with serve() as served:
            reader, writer = await asyncio.open_connection(served.address.host, served.address.port)
            writer.write(call_by_hand(deadline))
            await writer.drain()
            await asyncio.sleep(0.2)
            assert len(await reader.read(100_000)) > 9  # Settings at least: the server understood the connection.
            assert served.handled == handled
            writer.close()
            await writer.wait_closed()

    asyncio.run(scenario())


def test_a_stream_outlives_the_deadline_and_ends_with_its_reader(serve: Any) -> None:
    slow = Slow()
    allowed = AllowList({STREAM: frozenset({"risk_monitor"})})

    async def scenario() -> None:
        async with (
            serve(handlers=slow, allow_list=allowed, deadline_seconds=0.1) as served,
            open_channel(str(served.address), "exchange", tls=None) as channel,
        ):
            method: Any = channel.unary_stream(STREAM)
            call = method(b"", metadata=(MONITOR,))
            for _ in range(4):
                assert await call.read() == b""
            call.cancel()
            async with asyncio.timeout(5):
                while slow.ended != ["stream"]:
                    await asyncio.sleep(0.01)
            await observed(served, [("Stream", "CANCELLED")])

    asyncio.run(scenario())


def test_the_stock_services_for_health_and_reflection_pass_the_guard() -> None:
    """Reflection is refused where the table of production is loaded, even if somebody were to serve it."""

    async def scenario(production: bool) -> tuple[Any, Any]:
        denials: list[Denial] = []
        allowed = load_allow_list("exchange", "grpc", production=production)
        server = grpc.aio.server(interceptors=[Guard(allowed, secured=False, denied=denials.append)])
        health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
        reflection.enable_server_reflection([reflection.SERVICE_NAME], server)
        bound = bind(server, "grpc", "127.0.0.1:0", tls=None, exposed=False, tell=print)
        await server.start()
        async with open_channel(str(bound), "exchange", tls=None) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            checked = await stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
            watched = stub.Watch(health_pb2.HealthCheckRequest(), timeout=5)
            assert (await watched.read()).status == checked.status == health_pb2.HealthCheckResponse.SERVING
            watched.cancel()
            ask: Any = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
            call = ask(iter([]), timeout=5, metadata=(MONITOR,))
            code = await call.code()
        await server.stop(None)
        return code, [each.code for each in denials]

    assert asyncio.run(scenario(production=False)) == (CODE.OK, [])
    assert asyncio.run(scenario(production=True)) == (CODE.PERMISSION_DENIED, [RefusalCode.FORBIDDEN])


def test_the_bound_of_metadata_is_that_of_the_checklist() -> None:
    assert LARGEST_METADATA == 8 * 1024
