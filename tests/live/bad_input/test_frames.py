"""Frames that no gRPC library would send: deadlines of any kind, floods of pings and resets, no HTTP/2 at all."""

import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import httpx
import pytest

from trading_ecosystem.live.flat import varint
from trading_ecosystem.live.production_wire import EXCHANGE

SUBMIT = EXCHANGE.path("SubmitOrder")
DEADLINE_S = 5.0
HEADERS, RESET, SETTINGS, PING, GOAWAY = 1, 3, 4, 6, 7  # Kinds of frames.
ENHANCE_YOUR_CALM = 11


def header_frame(headers: Sequence[tuple[bytes, bytes]], stream: int) -> bytes:
    """HTTP/2 HEADERS, every header as a literal that is not indexed."""
    block = b"".join(b"\0" + bytes([len(key)]) + key + varint_7(len(value)) + value for key, value in headers)
    return frame(HEADERS, 4, stream, block)


def varint_7(number: int) -> bytes:
    return bytes([number]) if number < 127 else b"\x7f" + varint(number - 127)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, b"")


CALL_HEADERS = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", SUBMIT.encode()),
    (b":authority", b"exchange"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
    (b"x-instance", b"trading_engine.alpha"),
)


def call_frames(stream: int, timeout: bytes, data: bytes) -> bytes:
    headers = header_frame((*CALL_HEADERS, (b"grpc-timeout", timeout)), stream)
    return headers + frame(0, 1, stream, b"\0" + struct.pack(">I", len(data)) + data)


def connected(stage: Any) -> socket.socket:
    host, _, port = stage.addresses["exchange"]["grpc"].rpartition(":")
    connection = socket.create_connection((host, int(port)), DEADLINE_S)
    connection.sendall(PREFACE)
    return connection


def received(connection: socket.socket, enough: Callable[[bytes], bool]) -> bytes:
    """Bytes until there are enough of them, the connection ends, or time is up."""
    got = b""
    ends_s = time.monotonic() + DEADLINE_S
    while not enough(got) and time.monotonic() < ends_s:
        connection.settimeout(max(0.01, ends_s - time.monotonic()))
        try:
            data = connection.recv(65_536)
        except (TimeoutError, ConnectionResetError):
            break
        if not data:
            break
        got += data
    return got


def frames_in(data: bytes) -> list[tuple[int, int, bytes]]:
    """Kind, stream and payload of each whole frame."""
    found = []
    while len(data) >= 9:
        length = int.from_bytes(data[:3])
        found.append((data[3], int.from_bytes(data[5:9]), data[9 : 9 + length]))
        data = data[9 + length :]
    return found


# Deadlines.


def answered(data: bytes) -> bool:
    """Whether the first stream has got its trailers, or was reset."""
    return any(kind in (HEADERS, RESET) and on == 1 for kind, on, _ in frames_in(data))


@pytest.mark.parametrize("timeout", [b"0n", b"0u", b"0S", b"00000000m"])
def test_a_deadline_that_has_passed_has_no_effect(timeout: bytes, stage: Any, unchanged: Any) -> None:
    """As a client sends it that does not look at the time itself."""
    with connected(stage) as connection:
        connection.sendall(call_frames(1, timeout, stage.good_order(f"late-{timeout.decode()}")))
        got = received(connection, answered)
    kinds = [kind for kind, on, _ in frames_in(got) if on == 1]
    assert kinds and 0 not in kinds, "trailers or a reset, and no message"


@pytest.mark.parametrize("timeout", [b"soon", b"-1S", b"999999999S", b"1", b""])
def test_a_deadline_that_is_none_is_no_hang(timeout: bytes, stage: Any) -> None:
    with connected(stage) as connection:
        connection.sendall(call_frames(1, timeout, b"\xff"))
        got = received(connection, answered)
    assert any(on == 1 for _, on, _ in frames_in(got))


# Floods.


def test_a_flood_of_pings_is_told_to_calm_down(stage: Any, unchanged: Any) -> None:
    with connected(stage) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # It may be told while it still speaks.
            connection.sendall(frame(PING, 0, 0, bytes(8)) * 200)
        got = received(connection, lambda data: any(kind == GOAWAY for kind, _, _ in frames_in(data)))
    (farewell,) = [payload for kind, _, payload in frames_in(got) if kind == GOAWAY][:1]
    assert int.from_bytes(farewell[4:8]) == ENHANCE_YOUR_CALM


def reset_at_once(stage: Any, connections: int) -> None:
    """100 calls on each connection, every one given up before its request is whole."""
    for _ in range(connections):
        opened_and_reset = b"".join(
            header_frame(CALL_HEADERS, stream) + frame(RESET, 0, stream, struct.pack(">I", 8))
            for stream in range(1, 200, 2)
        )
        with connected(stage) as connection, suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(opened_and_reset)
            received(connection, lambda data: any(kind == SETTINGS for kind, _, _ in frames_in(data)))


def test_streams_that_are_opened_and_reset_at_once_cost_a_bounded_amount(
    stage: Any, unchanged: Any, resident_mib: Callable[[int], float]
) -> None:
    reset_at_once(stage, 20)
    before_mib = resident_mib(stage.pids["exchange"])
    reset_at_once(stage, 60)
    assert httpx.get(f"{stage.url('exchange')}/api/v1/health", timeout=DEADLINE_S).status_code == 200
    assert resident_mib(stage.pids["exchange"]) - before_mib < 20


def test_bytes_that_are_no_http2_are_cut_off(stage: Any, unchanged: Any) -> None:
    host, _, port = stage.addresses["exchange"]["grpc"].rpartition(":")
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", bytes(1_000), b"\x16\x03\x01\x02\x00\x01", PREFACE + b"\xff" * 64):
        with socket.create_connection((host, int(port)), DEADLINE_S) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            received(connection, lambda data: False)
            connection.settimeout(DEADLINE_S)
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""
