"""The server itself, by raw bytes: what is too large, too slow or has two meanings never reaches the application."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from trading_ecosystem.live.rest import guard, serving

GET = b"GET /api/v1/health HTTP/1.1\r\nHost: service\r\n"
POST = (
    b"POST /api/v1/orders HTTP/1.1\r\nHost: service\r\nAuthorization: Bearer token-of-alice\r\n"
    b"Content-Type: application/json\r\n"
)
ANSWER_S = 5.0


@pytest.fixture
def send(workshop: Any, over_network: Any) -> Callable[..., bytes]:
    """send(*parts): all that comes back until the server closes, or until it has been silent for half a second."""
    served = workshop.exchange()

    def run(*parts: bytes, pause_s: float = 0.0) -> bytes:
        async def inside(host: str, port: int) -> bytes:
            reader, writer = await asyncio.open_connection(host, port)
            answer = asyncio.create_task(answer_of(reader))
            for part in parts:
                if not answer.done():
                    writer.write(part)
                    await asyncio.sleep(pause_s)
            try:
                return await answer
            finally:
                writer.close()

        return bytes(over_network(served.app, inside))

    return run


async def answer_of(reader: asyncio.StreamReader) -> bytes:
    data = b""
    while True:
        try:
            async with asyncio.timeout(0.5 if data else ANSWER_S):
                chunk = await reader.read(65_536)
        except TimeoutError:
            return data
        except (ConnectionResetError, BrokenPipeError):
            return data + b"<closed>"
        if not chunk:
            return data + b"<closed>"
        data += chunk


def test_a_good_request_is_answered_and_says_nothing_about_the_server(send: Any) -> None:
    answer = send(GET + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ") and b'"exchange"' in answer
    assert b"server:" not in answer.lower() and b"uvicorn" not in answer.lower()


def test_two_requests_on_one_connection_and_in_small_pieces(send: Any) -> None:
    answer = send(GET[:5], GET[5:30], GET[30:], b"\r", b"\n" + GET + b"\r\n", pause_s=0.01)
    assert answer.count(b"HTTP/1.1 200 ") == 2


REFUSED = [
    ("large headers", GET + b"X: " + b"x" * 17_000 + b"\r\n\r\n", 431),
    ("many headers", GET + b"".join(b"X-%d: y\r\n" % number for number in range(2_000)) + b"\r\n", 431),
    ("endless headers", GET + b"X: " + b"x" * 17_000, 431),
    ("long address", b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: service\r\n\r\n", 414),
    ("endless address", b"GET /" + b"x" * 9_000, 414),
    ("two lengths", POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    ("the same length twice", POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
    ("length and chunks", POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunks and length", POST + b"Transfer-Encoding: chunked\r\nContent-length : 2\r\n\r\n0\r\n\r\n", 400),
    ("a bare line feed", b"GET /api/v1/health HTTP/1.1\nHost: service\n\n", 400),
    ("a bare line feed inside", GET + b"X: a\nY: b\r\n\r\n", 400),
    ("a bare carriage return", GET + b"X: a\rY: b\r\n\r\n", 400),
    ("a folded header", GET + b"X: a\r\n b\r\n\r\n", 400),
    ("an absolute address", b"GET http://other/api/v1/health HTTP/1.1\r\nHost: service\r\n\r\n", 400),
    ("an authority", b"CONNECT other:443 HTTP/1.1\r\nHost: service\r\n\r\n", 400),
    ("lower case", b"GET /api/v1/health http/1.1\r\nHost: service\r\n\r\n", 400),
    ("no version", b"GET /api/v1/health\r\n\r\n", 400),
    ("another protocol", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ("a null", GET + b"X: \x00\r\n\r\n", 400),
    ("an unknown coding", POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    ("a bad length", POST + b"Content-Length: -1\r\n\r\n", 400),
    ("a length in words", POST + b"Content-Length: two\r\n\r\n", 400),
    ("a bad chunk", POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ("no host", b"GET /api/v1/health HTTP/1.1\r\n\r\n", 400),
]


@pytest.mark.parametrize("name,data,status", REFUSED, ids=[name for name, _, _ in REFUSED])
def test_what_is_too_large_or_ambiguous_is_refused_and_the_connection_closed(
    name: str, data: bytes, status: int, send: Any
) -> None:
    answer = send(data)
    statuses = (400, 501) if status == 501 else (status,)
    assert any(answer.startswith(b"HTTP/1.1 %d " % each) for each in statuses), answer[:200]
    assert answer.endswith(b"<closed>")
    assert answer.count(b"HTTP/1.1 ") == 1, "one answer, and what came behind is not looked at"


def test_a_body_that_is_declared_too_large_is_refused_before_it_comes(send: Any) -> None:
    answer = send(POST + b"Content-Length: 1000000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ") and answer.endswith(b"<closed>")


def test_a_body_that_never_ends_is_cut_off(send: Any) -> None:
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    answer = send(POST + b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk, chunk, chunk, chunk, pause_s=0.01)
    assert answer.startswith(b"HTTP/1.1 413 ") and answer.endswith(b"<closed>")


SLOW = [
    ("a silent client", b"", 408),
    ("half a head", GET[:20], 408),
    ("half a body", POST + b"Content-Length: 10\r\n\r\n{", 408),
]


@pytest.mark.parametrize("name,data,status", SLOW, ids=[name for name, _, _ in SLOW])
def test_a_client_that_sends_too_slowly_is_given_up(
    name: str, data: bytes, status: int, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert serving.HEAD_DEADLINE_S <= 10 and guard.BODY_DEADLINE_S <= 10
    monkeypatch.setattr(serving, "HEAD_DEADLINE_S", 0.4)
    monkeypatch.setattr(guard, "BODY_DEADLINE_S", 0.4)
    began = time.monotonic()
    answer = send(data)
    assert answer.startswith(b"HTTP/1.1 %d " % status) and answer.endswith(b"<closed>"), answer
    assert time.monotonic() - began < 5


def test_one_byte_now_and_then_does_not_keep_a_connection_open(send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HEAD_DEADLINE_S", 0.4)
    answer = send(*[GET[at : at + 1] for at in range(20)], pause_s=0.05)
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_an_answer_does_not_wait_in_the_kernel(workshop: Any, over_network: Any) -> None:
    """Head and body are two writes; without TCP_NODELAY the second waits 40 ms on a connection that is kept."""

    async def inside(host: str, port: int) -> list[float]:
        reader, writer = await asyncio.open_connection(host, port)
        waits = []
        for _ in range(20):
            began = time.monotonic()
            writer.write(GET + b"\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: "))
            await reader.readexactly(int(length.split(b" ")[1]))
            waits.append(time.monotonic() - began)
        writer.close()
        return sorted(waits)

    assert over_network(workshop.exchange().app, inside)[10] < 0.03


def test_an_address_that_is_taken_is_said_at_once(workshop: Any) -> None:
    served = workshop.exchange()
    first = serving.serve(served.app, "127.0.0.1:0")
    with pytest.raises(OSError):
        serving.serve(served.app, first.address)
    first.close()
