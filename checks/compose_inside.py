"""What a container finds around itself: compose_lane.py gives it to the Python in there on its standard input.

open HOST...            the open TCP ports of each host, of all 65,535
tls HOST NAME PORT...   what is spoken there: the versions that are agreed to, with and without a certificate
confined                what the process may do
call TARGET METHOD      the status code of an empty gRPC call with this container's certificate
"""

import contextlib
import errno
import json
import os
import resource
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

CERTIFICATES = Path("/run/certificates")
LAST_PORT = 65_535
MOST_AT_ONCE = 16_000
TIMEOUT_S = 1.0


def open_ports(host: str) -> list[int]:
    """Raises OSError for a host that has no address here."""
    address = str(socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])
    at_once = min(MOST_AT_ONCE, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100)
    ports = range(1, LAST_PORT + 1)
    return [
        port for first in range(0, LAST_PORT, at_once) for port in answering(address, ports[first : first + at_once])
    ]


def answering(address: str, ports: Sequence[int]) -> list[int]:
    """Those of these ports that take a connection in time, counted from when all of them have been asked."""
    found: list[int] = []
    with selectors.DefaultSelector() as waiting, contextlib.ExitStack() as opened:
        for port in ports:
            connection = opened.enter_context(socket.socket())
            connection.setblocking(False)
            if connection.connect_ex((address, port)) == errno.EINPROGRESS:
                waiting.register(connection, selectors.EVENT_WRITE, port)
        ends_s = time.monotonic() + TIMEOUT_S
        while waiting.get_map() and (left_s := ends_s - time.monotonic()) > 0:
            for key, _ in waiting.select(left_s):
                connection = cast(socket.socket, key.fileobj)
                if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    found.append(key.data)
                waiting.unregister(connection)
    return sorted(found)


def scan(hosts: list[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for host in hosts:
        try:
            found[host] = open_ports(host)
        except OSError as error:
            found[host] = f"unknown: {error}"
    return found


def handshake(host: str, name: str, port: int, *, version: ssl.TLSVersion, shown: bool) -> str:
    """The version agreed to, or why there is none. TLS 1.3 refuses a client after the handshake: so a byte is read."""
    context = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    if shown:
        context.load_cert_chain(CERTIFICATES / "cert.pem", CERTIFICATES / "key.pem")
    try:
        with (
            socket.create_connection((host, port), TIMEOUT_S) as connection,
            context.wrap_socket(connection, server_hostname=name) as secure,
        ):
            secure.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            return str(secure.version()) if secure.recv(1) else "closed"
    except OSError as error:
        return f"refused: {type(error).__name__}"


def speaks(host: str, name: str, port: int) -> dict[str, str]:
    modern, old = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
    return {
        "with a certificate": handshake(host, name, port, version=modern, shown=True),
        "without": handshake(host, name, port, version=modern, shown=False),
        "TLS 1.2": handshake(host, name, port, version=old, shown=True),
        "plain": plain(host, port),
    }


def plain(host: str, port: int) -> str:
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as connection:
            connection.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = connection.recv(64)
    except OSError as error:
        return f"refused: {type(error).__name__}"
    return "answered" if answer.startswith(b"HTTP/") else "closed"


def confinement() -> dict[str, object]:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    return {
        "uid": os.getuid(),
        "capabilities": [status[key][0] for key in ("CapEff", "CapPrm", "CapBnd", "CapAmb")],
        "no_new_privileges": status["NoNewPrivs"][0],
        "seccomp": status["Seccomp"][0],
        "writable": [
            place for place in ("/", "/etc/tse", "/run/certificates", "/opt/tse") if os.access(place, os.W_OK)
        ],
    }


def call(target: str, method: str) -> str:
    import grpc

    pem = [(CERTIFICATES / name).read_bytes() for name in ("ca.pem", "key.pem", "cert.pem")]
    with grpc.secure_channel(target, grpc.ssl_channel_credentials(*pem)) as channel:
        try:
            ask: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
            ask(b"", timeout=5)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"


def main(arguments: list[str]) -> object:
    word, *rest = arguments
    if word == "open":
        return scan(rest)
    if word == "tls":
        return {port: speaks(rest[0], rest[1], int(port)) for port in rest[2:]}
    if word == "call":
        return call(*rest)
    assert word == "confined", word
    return confinement()


print(json.dumps(main(sys.argv[1:])))
