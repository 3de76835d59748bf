"""An Alertmanager of Debian's on free ports of loopback, and a webhook that can be made to misbehave."""

import asyncio
import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from trading_ecosystem.messages.risk import AlertFired, Severity

CONFIGURATION = """
route: {receiver: nobody, group_by: [alertname], group_wait: 1s, group_interval: 1s}
receivers: [{name: nobody}]
"""
STARTS_WITHIN_S = 20


def fired(episode: int = 1, severity: Severity = Severity.CRITICAL) -> AlertFired:
    """USDT is 1.14% off its peg."""
    return AlertFired(
        alert_id=f"peg_deviation:USDT:{severity.value}:{episode}",
        rule="peg_deviation",
        subject="USDT",
        severity=severity,
        episode=episode,
        value=11_400,
        limit=10_000,
        unit="ppm",
        breached_ns=1_700_000_000 * 10**9,
        occurred_ns=1_700_000_060 * 10**9,
    )


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def alerts_at(url: str) -> list[dict[str, Any]]:
    """What the Alertmanager holds for firing."""
    with urllib.request.urlopen(f"{url}/api/v2/alerts?active=true", timeout=5) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory, need_program: Callable[[str, str], str]) -> Iterator[str]:
    """Its URL."""
    command = need_program("prometheus-alertmanager", "Debian package prometheus-alertmanager")
    folder, port = tmp_path_factory.mktemp("alertmanager"), free_port()
    (folder / "alertmanager.yml").write_text(CONFIGURATION)
    places = [f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data"]
    listens = [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([command, *places, *listens], stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        await_start(url, process, folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(10)


def await_start(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    ends = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            alerts_at(url)
            return
        except OSError:
            assert process.poll() is None and time.monotonic() < ends, log.read_text()
            time.sleep(0.1)


class Hook:
    """A webhook. It answers with the next of `answers`, and with 200 when there is none."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.bodies: list[dict[str, Any]] = []

    def take(self, body: dict[str, Any]) -> int:
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.bodies.append(body)
        return status

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(body["event"], body["alert_id"]) for body in self.bodies]


@pytest.fixture
def hook() -> Iterator[tuple[str, Hook]]:
    """Its URL and itself."""
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(made.take(body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/alerts", made
    server.shutdown()
    server.server_close()


async def doing(work: Coroutine[None, None, None], until: Callable[[], bool], within_s: float = 15) -> None:
    """Do this until something is so; fails if that is not so in time."""
    task = asyncio.create_task(work)
    ends = time.monotonic() + within_s
    try:
        while not await asyncio.to_thread(until):
            assert not task.done(), task.exception()
            assert time.monotonic() < ends, "not in time"
            await asyncio.sleep(0.05)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
