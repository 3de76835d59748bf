"""A real ecosystem runs a scenario that is full of canaries; the firm's processes have heard of none of them.

Rule 1: every search is shown to find: what it looks for is found where it may be, by the same means.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpcore
import pytest
from tests.missing import missing
from tests.planes.processes import environment_of, files_with, memory_has, peers_of, trouble_with_memory
from tests.planes.tap import Taps
from tests.planes.up import Up, request_in

from trading_ecosystem import routes
from trading_ecosystem.assembly import load_world
from trading_ecosystem.orchestrator.supervisor import Supervisor
from trading_ecosystem.orchestrator.terms import Terms

WORLD = Path(__file__).parents[2] / "worlds" / "two-desks.yaml"
CANARY = "zanzibarcanary"
MINUTE_NS = 60_000_000_000
SPEED = 60
FIRM = ("risk_monitor", "trading_engine.alpha", "trading_engine.beta")
UNSEEN = (routes.TEST_COORDINATOR, routes.AUDIT_CORRELATOR, routes.INJECTOR)
SEEN = {*FIRM, "market_data", "exchange", "custodian"}  # Whom the monitor hears, or may stop.
SCENARIO = f"""
name: {CANARY}-name
title: {CANARY} is the title
story: {CANARY} is the story of a test.
family: crash
severity: critical
world: two-desks
duration: 40m
steady_state: {{for: 30s, hold: [no_alerts]}}
method:
  - {{at: 1m, inject: price.crash, id: {CANARY}-crash, instruments: [BTC/USD], by: -5%, over: 30s}}
  - {{at: 1m, inject: network.delay, id: {CANARY}-delay, from: [exchange], to: [risk_monitor], by: 50ms}}
  - {{at: 2m, inject: service.crash, id: {CANARY}-kill, service: exchange, for: 20s}}
effect: [{{silence: exchange, for: 10s}}]
rollbacks:
  - {{restore: {CANARY}-crash, at: 30m, over: 1m}}
  - {{restore: {CANARY}-delay, at: 30m}}
"""

Ask = Callable[[str, str], Awaitable[httpcore.Response]]


@pytest.mark.slow
def test_nothing_of_the_test_reaches_the_firm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if trouble := trouble_with_memory():
        missing(trouble)
    for variable in ("TSE_SCENARIO", "TSE_STORE", "BAGGAGE", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.setenv(variable, CANARY)
    asyncio.run(search(tmp_path, monkeypatch))


async def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start_ns = load_world(WORLD).start_ns
    terms = Terms(seed=7, start_ns=start_ns, scenario=SCENARIO, duration_ns=40 * MINUTE_NS)
    taps = Taps(FIRM)
    taps.install(monkeypatch)
    async with Up(Supervisor(request_in(tmp_path, SPEED, tls=False), terms, lambda line: None)) as up:
        await up.until(lambda: up.supervisor.clock.now_ns() > start_ns + 4 * MINUTE_NS)
        check_processes(up)
        check_peers(up)
        taps_have(taps)
        await check_registry(up)
    await taps.close()


def check_processes(up: Up) -> None:
    """Folders, environments and memories: of the firm none, of those who break and judge all."""
    word = CANARY.encode()
    for instance in FIRM:
        pid = up.pid(instance)
        assert files_with(up.supervisor.folder.service(instance), word) == []
        assert word not in environment_of(pid)
        assert not memory_has(pid, word), instance
    coordinator, provider = up.pid(routes.TEST_COORDINATOR), up.pid(routes.MARKET_DATA)
    assert memory_has(coordinator, word) and memory_has(provider, f"{CANARY}-crash".encode())
    assert files_with(up.supervisor.folder.service(routes.TEST_COORDINATOR), word)
    assert files_with(up.supervisor.folder.service(routes.MARKET_DATA), word)


def check_peers(up: Up) -> None:
    """Whom the firm's processes are connected to: their links, the registry, and where traces go."""
    hidden = up.ports(routes.TEST_COORDINATOR) | up.ports(routes.AUDIT_CORRELATOR) | up.audit_ports()
    traces = up.port(routes.AUDIT_CORRELATOR, "grpc")
    for instance in FIRM:
        peers = peers_of(up.pid(instance))
        assert peers & hidden == {traces}, (instance, peers)
    assert peers_of(up.pid(routes.TEST_COORDINATOR)) & hidden > {traces}


def taps_have(taps: Taps) -> None:
    """Every byte between the firm and others: calls, metadata, messages."""
    for link in (("risk_monitor", "exchange"), ("risk_monitor", "market_data"), ("risk_monitor", "custodian")):
        assert b"x-instance" in taps.heard[link] and b"risk_monitor" in taps.heard[link], link
    watched = taps.heard["test_coordinator", "risk_monitor"]
    assert b"x-instance" in watched and b"observer" in watched and b"test_coordinator" not in watched
    for link, data in taps.heard.items():
        assert CANARY.encode() not in data, link
    assert len(taps.heard["risk_monitor", "market_data"]) > 10_000


async def check_registry(up: Up) -> None:
    """All that the token of the monitor opens."""
    token = (up.supervisor.folder.service("risk_monitor") / "tokens" / "registry").read_text(encoding="ascii")
    async with httpcore.AsyncConnectionPool() as web:

        async def ask(method: str, path: str) -> httpcore.Response:
            answer = await web.request(
                method,
                f"{up.supervisor.registry.url}{path}",
                headers=[("Authorization", f"Bearer {token}")],
            )
            assert CANARY.encode() not in answer.content, path
            return answer

        await check_answers(ask)


async def check_answers(ask: Ask) -> None:
    services = json.loads((await ask("GET", "/api/v1/services")).content)["services"]
    assert {each["instance"] for each in services} == SEEN
    assert {surface for each in services for surface in each["addresses"]} == {"grpc", "rest"}
    for instance in UNSEEN:
        assert (await ask("GET", f"/api/v1/services/{instance}")).status == 404
        assert json.loads((await ask("GET", f"/api/v1/services?role={instance.partition('.')[0]}")).content) == {
            "services": []
        }
    assert (await ask("GET", "/api/v1/services/exchange?asker=test_coordinator")).status == 403
    assert (await ask("GET", "/api/v1/targets")).status == 403
    parameters = json.loads((await ask("GET", "/api/v1/configuration")).content)["parameters"]
    assert [each["name"] for each in parameters] == ["clock"]
    assert set(json.loads(parameters[0]["value"])) == {"start_ns", "epoch_ns", "speed", "pace"}
    assert not Path(json.loads(parameters[0]["value"])["pace"]).is_absolute()
    assert (await ask("DELETE", "/api/v1/configuration/clock")).status == 403
    await ask("GET", "/metrics")
    await ask("GET", "/api/v1/health")
