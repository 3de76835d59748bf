"""Where a surface may listen, and how a client reaches one.

Rule 1: loopback and unix sockets by default; anything else needs both the setting that says so and TLS.
Rule 2: only an address in figures or the word localhost counts as loopback: no name is looked up to decide.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import grpc

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.security.handshakes import channel_credentials, server_credentials
from trading_ecosystem.live.security.identity import host_of

LOOPBACK = "127.0.0.1"
LONGEST_SOCKET_PATH = 107  # Bytes; the kernel's limit.


@dataclass(frozen=True, kw_only=True)
class Address:
    """`socket` is the path of a unix socket; host and port are then empty and 0."""

    host: str = ""
    port: int = 0
    socket: str = ""

    @property
    def is_local(self) -> bool:
        if self.socket:
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """As gRPC and the settings write it."""
        if self.socket:
            return f"unix:{self.socket}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`127.0.0.1:0`, `localhost:8443`, `[::1]:8443`, `exchange:8443`, `unix:/path`. Raises `Problem`."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path.startswith("/") or len(path.encode()) > LONGEST_SOCKET_PATH:
            raise Problem(
                f"{text!r}: the path of a unix socket starts with / and has {LONGEST_SOCKET_PATH} bytes at most"
            )
        return Address(socket=path)
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    plain = host[1:-1] if bracketed else host
    if not colon or not plain or bracketed != (":" in plain) or any(each.isspace() for each in plain):
        raise Problem(f"{text!r} is not an address; write host:port, [IPv6]:port or unix:/path")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) < 65536):
        raise Problem(f"{text!r}: the port is not a number from 0 to 65535")
    return Address(host=LOOPBACK if plain == "localhost" else plain, port=int(port))


def check_binding(surface: str, text: str, *, secured: bool, exposed: bool) -> Address:
    """The address on which `surface` listens. Raises `Problem` where it would be reached from elsewhere unguarded."""
    address = parse_address(text)
    if not address.is_local:
        missing = [word for word, given in (("expose: true", exposed), ("tls", secured)) if not given]
        if missing:
            raise Problem(f"{surface}: {text} can be reached from elsewhere; that needs {' and '.join(missing)}")
    return address


def bind(
    server: grpc.aio.Server, surface: str, text: str, *, tls: Path | None, exposed: bool, tell: Callable[[str], None]
) -> Address:
    """Let a gRPC server listen; returns the address with its true port.

    Make the server with the option `grpc.so_reuseport` 0: two processes would share a port otherwise.
    Raises `Problem` where the address is refused or taken, or the certificates in `tls` cannot be used.
    """
    address = check_binding(surface, text, secured=tls is not None, exposed=exposed)
    try:
        if tls is None:
            port = server.add_insecure_port(str(address))
        else:
            port = server.add_secure_port(str(address), server_credentials(tls, tell))
    except RuntimeError:
        raise Problem(f"{surface}: cannot listen on {text}; is it taken?") from None
    return address if address.socket else Address(host=address.host, port=port)


def open_channel(
    text: str, instance: str, *, tls: Path | None, options: Sequence[tuple[str, object]] = ()
) -> grpc.aio.Channel:
    """A channel to `instance`, perhaps through a proxy at this address. Plaintext goes to loopback alone.

    Without TLS the calls must carry the metadata `x-instance` with the caller's name.
    """
    address = parse_address(text)
    if tls is None:
        if not address.is_local:
            raise Problem(f"{instance}: {text} is elsewhere; without tls only loopback is called")
        return grpc.aio.insecure_channel(str(address), options=[*options])
    wanted = ("grpc.ssl_target_name_override", host_of(instance))
    return grpc.aio.secure_channel(str(address), channel_credentials(tls), options=[*options, wanted])
