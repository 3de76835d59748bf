"""Loopback by default, and elsewhere only on purpose and with TLS."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.security.binding import Address, bind, check_binding, open_channel, parse_address

LOCAL = ["127.0.0.1:0", "127.8.9.1:65535", "localhost:8080", "[::1]:0", "unix:/run/exchange.sock"]
ELSEWHERE = ["0.0.0.0:0", "[::]:8080", "192.168.1.5:80", "exchange:8443", "127.1:80", "[::ffff:10.0.0.1]:80"]
NONSENSE = [
    *("", "8080", "127.0.0.1", ":8080", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:65536", "::1:80"),
    *("127.0.0.1:80 80", "a b:80", "[127.0.0.1]:80", "[::1:80", "unix:", "unix:relative", "unix:/" + "x" * 107),
    *("127.0.0.1:٣", "127.0.0.1:000080"),
]


@pytest.mark.parametrize("text", LOCAL)
def test_loopback_needs_nothing(text: str) -> None:
    address = check_binding("grpc", text, secured=False, exposed=False)
    assert address.is_local
    assert parse_address(str(address)) == address


def test_localhost_is_not_looked_up() -> None:
    assert parse_address("localhost:80") == Address(host="127.0.0.1", port=80)


@pytest.mark.parametrize("text", ELSEWHERE)
@pytest.mark.parametrize(
    ("secured", "exposed", "missing"),
    [(False, False, "expose: true and tls"), (True, False, "expose: true"), (False, True, "tls")],
)
def test_elsewhere_needs_the_flag_and_tls(text: str, secured: bool, exposed: bool, missing: str) -> None:
    with pytest.raises(Problem) as caught:
        check_binding("rest", text, secured=secured, exposed=exposed)
    assert str(caught.value) == f"rest: {text} can be reached from elsewhere; that needs {missing}"


@pytest.mark.parametrize("text", ELSEWHERE)
def test_elsewhere_with_both(text: str) -> None:
    assert not check_binding("grpc", text, secured=True, exposed=True).is_local


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_said_in_one_line(text: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_address(text)
    assert "\n" not in str(caught.value)


def test_a_server_is_bound_only_where_it_may_be(certificates: Path) -> None:
    async def scenario() -> None:
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        with pytest.raises(Problem, match="can be reached from elsewhere; that needs expose: true and tls"):
            bind(server, "grpc", "0.0.0.0:0", tls=None, exposed=False, tell=print)
        with pytest.raises(Problem, match="that needs tls"):
            bind(server, "grpc", "0.0.0.0:0", tls=None, exposed=True, tell=print)
        with pytest.raises(Problem, match="No such file"):
            bind(server, "grpc", "127.0.0.1:0", tls=certificates / "nobody", exposed=False, tell=print)
        bound = bind(server, "grpc", "127.0.0.1:0", tls=certificates / "exchange", exposed=False, tell=print)
        assert bound.port > 0
        other = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        with pytest.raises(Problem, match=f"grpc: cannot listen on {bound}; is it taken"):
            bind(other, "grpc", str(bound), tls=None, exposed=False, tell=print)
        await server.stop(None)
        await other.stop(None)

    asyncio.run(scenario())


def test_a_unix_socket_answers(tmp_path: Path) -> None:
    async def scenario() -> None:
        server = grpc.aio.server()
        bound = bind(server, "grpc", f"unix:{tmp_path}/grpc.sock", tls=None, exposed=False, tell=print)
        await server.start()
        async with open_channel(str(bound), "exchange", tls=None) as channel:
            call: Any = channel.unary_unary("/nothing.Service/Here")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(b"", timeout=5)
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        await server.stop(None)

    asyncio.run(scenario())


def test_plaintext_does_not_leave_the_machine() -> None:
    async def scenario() -> None:
        with pytest.raises(Problem, match="without tls only loopback is called"):
            open_channel("10.0.0.1:80", "exchange", tls=None)

    asyncio.run(scenario())
