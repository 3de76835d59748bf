"""Whose connections come about: every wrong certificate is refused, at both ends, before anything is handled."""

import asyncio
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.security.binding import open_channel
from trading_ecosystem.live.security.certificates import (
    AUTHORITY_FOLDER,
    HOUR_NS,
    LIFETIME_NS,
    current_authority,
    issue_all,
    private_bytes,
    unsigned,
)
from trading_ecosystem.live.security.handshakes import HANDSHAKE_ENVIRONMENT

METHOD = "/test.Service/Answer"
SERVER = """
import asyncio, sys
from pathlib import Path
import grpc
from trading_ecosystem.live.security.binding import bind

async def main() -> None:
    server = grpc.aio.server()
    bound = bind(server, "grpc", "127.0.0.1:0", tls=Path(sys.argv[1]), exposed=False, tell=print)
    await server.start()
    print(bound.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)

asyncio.run(main())
"""


async def status_of(channel: grpc.aio.Channel) -> grpc.StatusCode:
    call: Any = channel.unary_unary(METHOD)
    try:
        await call(b"", timeout=5, metadata=(("x-instance", "risk_monitor"),))
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def own(folder: Path) -> tuple[bytes, bytes, bytes]:
    ca, key, certificate = ((folder / name).read_bytes() for name in ("ca.pem", "key.pem", "cert.pem"))
    return ca, key, certificate


def no_certificate(certificates: Path, other: Path) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(own(certificates / "risk_monitor")[0])


def wrong_authority(certificates: Path, other: Path) -> grpc.ChannelCredentials:
    """A certificate of the right name by an authority that the server does not know."""
    issue_all(other, ["risk_monitor"])
    _, key, certificate = own(other / "risk_monitor")
    return grpc.ssl_channel_credentials(own(certificates / "risk_monitor")[0], key, certificate)


def expired_client(certificates: Path, other: Path) -> grpc.ChannelCredentials:
    """By the right authority, which signed it two days ago for a day."""
    authority, trusted = current_authority(certificates / AUTHORITY_FOLDER, Clock().now_ns())
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName(
        [x509.UniformResourceIdentifier("spiffe://trading-ecosystem/risk_monitor/risk_monitor")]
    )
    builder = unsigned(authority.certificate.subject, key, Clock().now_ns() - 2 * LIFETIME_NS, LIFETIME_NS)
    builder = builder.subject_name(x509.Name([])).add_extension(names, critical=True)
    return signed_by(authority.key, builder, key, trusted)


def named(*uris: str) -> Callable[[Path, Path], grpc.ChannelCredentials]:
    """By the right authority, with these names instead of the one of an instance."""

    def make(certificates: Path, other: Path) -> grpc.ChannelCredentials:
        authority, trusted = current_authority(certificates / AUTHORITY_FOLDER, Clock().now_ns())
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("risk-monitor"), *map(x509.UniformResourceIdentifier, uris)]
        builder = unsigned(authority.certificate.subject, key, Clock().now_ns(), HOUR_NS).subject_name(x509.Name([]))
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
        return signed_by(authority.key, builder, key, trusted)

    return make


def signed_by(
    authority: ec.EllipticCurvePrivateKey,
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePrivateKey,
    trusted: bytes,
) -> grpc.ChannelCredentials:
    pem = builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM)
    return grpc.ssl_channel_credentials(trusted, private_bytes(key), pem)


def plaintext(certificates: Path, other: Path) -> None:
    return None


UNAVAILABLE, DENIED = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED
PREFIX = "spiffe://trading-ecosystem"


@pytest.mark.parametrize(
    ("credentials", "status"),
    [
        pytest.param(plaintext, UNAVAILABLE, id="plaintext"),
        pytest.param(no_certificate, UNAVAILABLE, id="no certificate"),
        pytest.param(wrong_authority, UNAVAILABLE, id="wrong authority"),
        pytest.param(expired_client, UNAVAILABLE, id="expired"),
        pytest.param(named(), DENIED, id="no name"),
        pytest.param(named("spiffe://elsewhere/risk_monitor/risk_monitor"), DENIED, id="another trust domain"),
        pytest.param(named(f"{PREFIX}/risk_monitor/exchange"), DENIED, id="a role that is not the instance's"),
        pytest.param(named(f"{PREFIX}/risk_monitor/risk_monitor/x"), DENIED, id="a longer name"),
        pytest.param(named(f"{PREFIX}/risk_monitor"), DENIED, id="a role alone"),
        pytest.param(
            named(f"{PREFIX}/risk_monitor/risk_monitor", f"{PREFIX}/operator/operator"), DENIED, id="two names"
        ),
        pytest.param(named(f"{PREFIX}/risk_monitor/risk_monitor"), grpc.StatusCode.OK, id="right"),
    ],
)
def test_clients_at_a_server_with_tls(
    serve: Any, certificates: Path, tmp_path: Path, credentials: Any, status: grpc.StatusCode
) -> None:
    async def scenario() -> None:
        async with serve(tls=certificates / "exchange") as served:
            made = credentials(certificates, tmp_path)
            options = [("grpc.ssl_target_name_override", "exchange"), ("grpc.enable_retries", 0)]
            if made is None:
                channel = grpc.aio.insecure_channel(str(served.address))
            else:
                channel = grpc.aio.secure_channel(str(served.address), made, options=options)
            async with channel:
                assert await status_of(channel) is status
            assert bool(served.handled) == (status is grpc.StatusCode.OK)
            assert len(served.denials) == (1 if status is DENIED else 0)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("wanted", "status"), [("exchange", grpc.StatusCode.OK), ("custodian", UNAVAILABLE), ("market_data", UNAVAILABLE)]
)
def test_a_client_reaches_the_instance_that_it_wants_or_none(
    serve: Any, certificates: Path, wanted: str, status: grpc.StatusCode
) -> None:
    async def scenario() -> None:
        async with (
            serve(tls=certificates / "exchange") as served,
            open_channel(str(served.address), wanted, tls=certificates / "risk_monitor") as channel,
        ):
            assert await status_of(channel) is status

    asyncio.run(scenario())


def test_a_client_refuses_a_server_of_another_authority_and_one_without_tls(
    serve: Any, certificates: Path, tmp_path: Path
) -> None:
    async def scenario() -> None:
        issue_all(tmp_path, ["exchange"])
        for tls in (tmp_path / "exchange", None):
            async with (
                serve(tls=tls) as served,
                open_channel(str(served.address), "exchange", tls=certificates / "risk_monitor") as channel,
            ):
                assert await status_of(channel) is UNAVAILABLE
                assert not served.handled

    asyncio.run(scenario())


def test_the_certificate_counts_and_not_what_a_caller_says(serve: Any, certificates: Path) -> None:
    """The exchange says that it is the risk monitor."""

    async def scenario() -> None:
        async with (
            serve(tls=certificates / "exchange") as served,
            open_channel(str(served.address), "exchange", tls=certificates / "exchange") as channel,
        ):
            assert await status_of(channel) is DENIED
            assert [each.caller for each in served.denials] == ["exchange"]

    asyncio.run(scenario())


@pytest.fixture
def server_port(certificates: Path) -> Iterator[int]:
    """A server process as the supervisor starts it: with the environment that leaves TLS 1.3 alone."""
    command = [sys.executable, "-c", SERVER, str(certificates / "exchange")]
    environment = os.environ | HANDSHAKE_ENVIRONMENT
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=10)
        process.stdout.close()


def test_only_tls_1_3_is_spoken(server_port: int, certificates: Path) -> None:
    folder = certificates / "risk_monitor"
    for version, spoken in ((ssl.TLSVersion.TLSv1_3, True), (ssl.TLSVersion.TLSv1_2, False)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(folder / "ca.pem")
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        context.set_alpn_protocols(["h2"])
        context.maximum_version = version
        with socket.create_connection(("127.0.0.1", server_port), timeout=5) as plain:
            if spoken:
                with context.wrap_socket(plain, server_hostname="exchange") as connection:
                    assert connection.version() == "TLSv1.3" and connection.recv(9)
            else:
                with pytest.raises(OSError, match=r"(?i)eof|handshake|reset"):
                    context.wrap_socket(plain, server_hostname="exchange")
