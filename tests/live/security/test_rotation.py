"""Certificates are replaced while calls are made, and not one call fails."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509

from trading_ecosystem.live.security.binding import open_channel
from trading_ecosystem.live.security.certificates import AUTHORITY_FOLDER, issue_all

METHOD = "/test.Service/Answer"
NAMES = ["exchange", "risk_monitor"]
ROTATIONS = 8


async def call_once(channel: grpc.aio.Channel) -> None:
    call: Any = channel.unary_unary(METHOD)
    await call(b"", timeout=10)


def shown_by(port: int, client: Path) -> int:
    """The serial number of the certificate that the server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(client / "ca.pem")
    context.load_cert_chain(client / "cert.pem", client / "key.pem")
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="exchange") as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown).serial_number


def serial_of(folder: Path) -> int:
    return x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes()).serial_number


async def come_back(where: str, folder: Path, ended: asyncio.Event) -> tuple[int, int]:
    """Connect anew for each call, with what is in the folder. Returns the calls made and the attempts that failed."""
    calls = failed = 0
    while not ended.is_set():
        async with open_channel(where, "exchange", tls=folder) as channel:
            try:
                await call_once(channel)
                calls += 1
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.UNAVAILABLE
                failed += 1
    return calls, failed


async def stay(where: str, folder: Path, ended: asyncio.Event) -> tuple[int, int]:
    """Keep one connection all the time."""
    calls = 0
    async with open_channel(where, "exchange", tls=folder) as channel:
        while not ended.is_set():
            await call_once(channel)
            calls += 1
    return calls, 0


async def rotate(port: int, folder: Path, with_authority: bool, ended: asyncio.Event) -> None:
    """New certificates again and again, each of which the server shows at once."""
    try:
        for _ in range(ROTATIONS):
            if with_authority:
                (folder / AUTHORITY_FOLDER / "key.pem").unlink()
            await asyncio.sleep(0.05)
            issue_all(folder, NAMES)
            shown = await asyncio.to_thread(shown_by, port, folder / "risk_monitor")
            assert shown == serial_of(folder / "exchange")
    finally:
        ended.set()


@pytest.mark.parametrize("with_authority", [False, True])
def test_rotation_under_load(serve: Any, tmp_path: Path, with_authority: bool) -> None:
    """No call fails when certificates are replaced. When the authority is too, a client that had just read the old one
    comes back once; connections that stand are not touched.
    """
    issue_all(tmp_path, NAMES)
    client = tmp_path / "risk_monitor"

    async def scenario() -> None:
        async with serve(tls=tmp_path / "exchange") as served:
            where, ended = str(served.address), asyncio.Event()
            *counts, _ = await asyncio.gather(
                come_back(where, client, ended),
                come_back(where, client, ended),
                stay(where, client, ended),
                rotate(served.address.port, tmp_path, with_authority, ended),
            )
            assert all(calls >= ROTATIONS for calls, _ in counts)
            assert sum(failed for _, failed in counts) <= (2 * ROTATIONS if with_authority else 0)
            assert served.told == []
            assert len(served.handled) == sum(calls for calls, _ in counts)

    asyncio.run(scenario())


def test_what_cannot_be_used_is_told_and_the_old_certificate_stays(serve: Any, tmp_path: Path) -> None:
    issue_all(tmp_path, NAMES)
    good = serial_of(tmp_path / "exchange")

    async def scenario() -> None:
        async with serve(tls=tmp_path / "exchange") as served:
            (tmp_path / "exchange" / "cert.pem").write_bytes(b"half a certific")
            shown = await asyncio.to_thread(shown_by, served.address.port, tmp_path / "risk_monitor")
            assert shown == good
            assert served.told and all("not a certificate in PEM" in each for each in served.told)
            (tmp_path / "exchange" / "cert.pem").unlink()
            assert await asyncio.to_thread(shown_by, served.address.port, tmp_path / "risk_monitor") == good
            issue_all(tmp_path, NAMES)
            shown = await asyncio.to_thread(shown_by, served.address.port, tmp_path / "risk_monitor")
            assert shown == serial_of(tmp_path / "exchange") != good

    asyncio.run(scenario())
