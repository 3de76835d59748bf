"""The registry as a process of its own: `python -m trading_ecosystem.live.discovery --document FILE ...`

Rule 1: it ends on SIGTERM or SIGINT after the calls that are under way, and says in one line why it cannot start.
"""

import asyncio
import os
import signal
import ssl
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from trading_ecosystem.configuration.document import Problem, Section, parse_document
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.discovery.configuration import Configuration
from trading_ecosystem.live.discovery.mirror import Mirror
from trading_ecosystem.live.discovery.registry import Registry
from trading_ecosystem.live.discovery.server import create_app
from trading_ecosystem.live.discovery.tokens import read_tokens
from trading_ecosystem.live.rest.serving import Server, serve
from trading_ecosystem.live.security.binding import check_binding
from trading_ecosystem.live.security.private_files import CERTIFICATE, KEY, read_private

UNUSABLE = 2  # The exit code for arguments or files that are wrong.


def main(arguments: Sequence[str]) -> int:
    told = parser().parse_args(arguments)
    try:
        asyncio.run(run(told))
    except Problem as problem:
        print(problem, file=sys.stderr)
        return UNUSABLE
    return 0


def parser() -> ArgumentParser:
    made = ArgumentParser(
        prog="python -m trading_ecosystem.live.discovery",
        description=__doc__.splitlines()[0],
        epilog="@FILE stands for arguments in a file, one in a line: a password is then in no list of processes.",
        fromfile_prefix_chars="@",
    )
    made.add_argument("--document", type=Path, required=True, help="holders of tokens, and planes of roles (mode 0600)")
    made.add_argument("--bind", default="127.0.0.1:8500", help="host:port; elsewhere than loopback with --tls only")
    made.add_argument("--tls", type=Path, help=f"folder with {CERTIFICATE} and {KEY}")
    made.add_argument("--expose", action="store_true", help="allow an address that can be reached from elsewhere")
    made.add_argument(
        "--valkey", default=os.environ.get("TSE_VALKEY"), help="redis://... where a copy is kept; also TSE_VALKEY"
    )
    return made


async def run(told: Namespace) -> None:
    """Serve until told to stop. Raises `Problem`."""
    document = read_document(told.document)
    check_binding("registry", told.bind, secured=told.tls is not None, exposed=told.expose)
    clock = Clock()
    registry, configuration = Registry(time.monotonic_ns), Configuration(clock.now_ns)
    mirror = Mirror(told.valkey, registry, configuration) if told.valkey else None
    tokens, planes = read_tokens(document["holders"]), read_planes(document)
    app = create_app(registry, configuration, tokens, clock=clock, planes=planes, mirror=mirror)
    try:
        server = serve(app, told.bind, tls_context(told.tls))
    except OSError as error:
        raise Problem(f"registry: cannot listen on {told.bind}: {error.strerror or error}") from None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, setattr, server, "should_exit", True)
    print(f"registry: {server.address}", flush=True)
    await serve_beside(server, mirror)


async def serve_beside(server: Server, mirror: Mirror | None) -> None:
    if mirror is None:
        await server.serve()
        return
    await mirror.load()
    copying = asyncio.create_task(mirror.run())
    try:
        await server.serve()
    finally:
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)
        await mirror.copy()
        await mirror.close()


def read_document(path: Path) -> Section:
    text = read_private(path).decode("utf-8", "replace")
    return parse_document(str(path), text).section(required=("holders",), optional=("planes",))


def read_planes(document: Section) -> dict[str, str]:
    planes = document.get("planes")
    return {} if planes is None else {role: node.text() for role, node in planes.entries()}


def tls_context(folder: Path | None) -> ssl.SSLContext | None:
    """Raises `Problem`."""
    if folder is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    except OSError as error:
        raise Problem(f"{folder}: {CERTIFICATE} and {KEY} cannot be used: {error.strerror or error}") from None
    return context


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
