"""A risk monitor in a network of its own does its work, and finds no door to those who break and judge.

The door for traces is the one exception: it leads to whoever collects them, which in production is any collector.
"""

import asyncio
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpcore
import pytest
from tests.missing import missing
from tests.planes.namespace import LOOPBACK, Doors, Namespace, answers
from tests.planes.up import Up, request_in

from trading_ecosystem import routes
from trading_ecosystem.live.discovery.registration import Registration
from trading_ecosystem.orchestrator import supervisor as supervising
from trading_ecosystem.orchestrator.child import Command
from trading_ecosystem.orchestrator.documents import Files
from trading_ecosystem.orchestrator.launch import Places, command_for
from trading_ecosystem.orchestrator.registry import HostedRegistry
from trading_ecosystem.orchestrator.request import UpRequest
from trading_ecosystem.orchestrator.supervisor import Supervisor, terms_of

MONITOR = routes.RISK_MONITOR
SPEED = 60
BROKEN_AND_JUDGED_BY = (routes.TEST_COORDINATOR, routes.AUDIT_CORRELATOR)


@pytest.fixture
def namespace() -> Namespace:
    made = Namespace()
    trouble = made.trouble or ("" if shutil.which("nsenter") else "nsenter is not installed (package util-linux)")
    if trouble:
        made.close()
        missing(trouble)
    return made


@pytest.mark.slow
def test_no_port_of_those_who_judge_is_open_to_it(
    namespace: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        asyncio.run(scan(namespace, tmp_path, monkeypatch))
    finally:
        namespace.close()


async def scan(namespace: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    doors = Doors(namespace)
    confine(monkeypatch, namespace, doors)
    request = request_in(tmp_path, SPEED, tls=False)
    async with Up(Supervisor(request, terms_of(request), lambda line: None)) as up:
        await up.until(lambda: up.supervisor.clock.now_ns() > terms_of(request).start_ns + 30_000_000_000)
        assert os.readlink(f"/proc/{up.pid(MONITOR)}/ns/net") == namespace.inside(lambda: os.readlink(namespace.path))
        assert os.readlink(f"/proc/{up.pid(MONITOR)}/ns/net") != os.readlink("/proc/self/ns/net")
        await check_works(up)
        await check_ports(up, namespace, doors)
    await doors.close()


async def check_works(up: Up) -> None:
    """It hears everybody whom it has to hear, and is heard."""
    async with httpcore.AsyncConnectionPool() as web:
        answer = await web.request("GET", f"http://{LOOPBACK}:{up.port(MONITOR, 'rest')}/api/v1/health")
    assert b'"status":"serving"' in answer.content, answer.content


async def check_ports(up: Up, namespace: Namespace, doors: Doors) -> None:
    assert namespace.inside(socket.if_nameindex) == [(1, "lo")]
    own = {int(each.rpartition(":")[2]) for each in up.supervisor.registry.ready()[MONITOR].addresses.values()}
    hidden = up.audit_ports().union(*(up.ports(instance) for instance in BROKEN_AND_JUDGED_BY))
    traces = up.port(routes.AUDIT_CORRELATOR, "grpc")
    assert len(hidden) >= 7 and all(answers(socket.AF_INET, LOOPBACK, port) for port in hidden)
    found = await namespace.scan(socket.AF_INET, LOOPBACK)
    assert found == doors.outward | own
    assert found & hidden == {traces}
    assert await namespace.scan(socket.AF_INET6, "::1") == set()


def confine(monkeypatch: pytest.MonkeyPatch, namespace: Namespace, doors: Doors) -> None:
    """Start the monitor inside, with doors to what it is told of and no others."""
    way, lookup = Supervisor._way, HostedRegistry.lookup

    async def tell_way(supervisor: Supervisor, asker: str, target: Registration, kind: str) -> str:
        address = await way(supervisor, asker, target, kind)
        if asker == MONITOR:
            doors.open_outward(port_of(address))
        return address

    def look_inside(registry: HostedRegistry, instance: str, surface: str) -> tuple[str, int] | None:
        found = lookup(registry, instance, surface)
        return found if found is None or instance != MONITOR else (LOOPBACK, doors.inward(found[1]))

    monkeypatch.setattr(Supervisor, "_way", tell_way)
    monkeypatch.setattr(HostedRegistry, "lookup", look_inside)
    monkeypatch.setattr(supervising, "command_for", started_in(namespace, doors))


def started_in(namespace: Namespace, doors: Doors) -> Callable[[Places, str, Files, str, UpRequest], Command]:
    enter = shutil.which("nsenter") or ""

    def make(places: Places, instance: str, files: Files, token: str, request: UpRequest) -> Command:
        command = command_for(places, instance, files, token, request)
        if instance != MONITOR:
            return command
        doors.open_outward(port_of(places.registry))
        doors.open_outward(port_of(places.telemetry))
        return replace(command, arguments=(enter, f"--net={namespace.path}", *command.arguments))

    return make


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])
