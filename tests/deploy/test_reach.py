"""How a service in a container is reached: the host that it is known by, a registry behind TLS, its check of itself."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from fastapi import FastAPI
from starlette.responses import JSONResponse

from trading_ecosystem.configuration.document import Problem, read_document
from trading_ecosystem.live import probe
from trading_ecosystem.live.discovery.registration import Status
from trading_ecosystem.live.host import Host, address_for_others, server_context
from trading_ecosystem.live.neighbours import Neighbours
from trading_ecosystem.live.rest.serving import serve
from trading_ecosystem.live.security.certificates import issue_all
from trading_ecosystem.live.security.tokens import digest
from trading_ecosystem.live.settings import Settings, load_settings
from trading_ecosystem.live.telemetry.metrics import PrometheusMeter
from trading_ecosystem.messages.health import HealthStatus
from trading_ecosystem.validation.test_coordinator.server import SERVICE, targets

HOLDERS = ["registry", "exchange", "risk_monitor"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    issue_all(folder, HOLDERS, aliases={"registry": ["books"]})
    return folder


def settings_of(tmp_path: Path, **told: object) -> Settings:
    path = tmp_path / "settings.yaml"
    required = {
        "instance": "exchange",
        "document": "x",
        "registry": "http://localhost",
        "store": "memory:",
        "data": "data",
    }
    path.write_text(yaml.safe_dump(required | told))
    return load_settings(path, {})


# Where others are told that it is.


@pytest.mark.parametrize(
    ("bound", "advertise", "told"),
    [
        ("0.0.0.0:7001", "exchange", "exchange:7001"),
        ("[::]:7001", "exchange", "exchange:7001"),
        ("exchange-audit:7003", "exchange", "exchange-audit:7003"),
        ("127.0.0.1:7001", "exchange", "127.0.0.1:7001"),
        ("0.0.0.0:7001", "", "0.0.0.0:7001"),
    ],
)
def test_what_listens_everywhere_is_known_by_its_host(bound: str, advertise: str, told: str) -> None:
    assert address_for_others(bound, advertise) == told


@pytest.mark.parametrize("advertise", ["", "exchange"])
def test_a_surface_on_loopback_is_known_as_it_listens(tmp_path: Path, certificates: Path, advertise: str) -> None:
    async def opened() -> dict[str, str]:
        told = {"advertise": advertise} if advertise else {}
        host = Host(
            settings_of(tmp_path, tls=str(certificates / "exchange"), **told),
            lambda: (HealthStatus.SERVING, ""),
            PrometheusMeter().requests,
        )
        try:
            await host.open_grpc("grpc", "127.0.0.1:0", [], [])
            host.open_rest("rest", "127.0.0.1:0", FastAPI())
        finally:
            await host.close()
        return host.addresses

    addresses = asyncio.run(opened())
    assert {address.rpartition(":")[0] for address in addresses.values()} == {"127.0.0.1"}
    assert all(int(address.rpartition(":")[2]) > 0 for address in addresses.values())


# A registry behind TLS.


@contextmanager
def registry(tmp_path: Path, certificates: Path) -> Iterator[int]:
    """The process as a container runs it, but on loopback: its arguments are in a file."""
    document, arguments = tmp_path / "registry.yaml", tmp_path / "arguments"
    document.write_text(yaml.safe_dump({"holders": {"exchange": {"sha256": digest("token").hex(), "sees": ["*"]}}}))
    document.chmod(0o600)
    told = ["--document", str(document), "--bind", "127.0.0.1:0", "--tls", str(certificates / "registry")]
    arguments.write_text("\n".join(told))
    command = [sys.executable, "-m", "trading_ecosystem.live.discovery", f"@{arguments}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline().rpartition(":")[2])
        finally:
            process.terminate()
            assert process.wait(10) == 0


def test_a_service_registers_over_tls(tmp_path: Path, certificates: Path) -> None:
    (tmp_path / "registry").write_text("token")

    async def found(port: int) -> str:
        settings = settings_of(
            tmp_path,
            tls=str(certificates / "exchange"),
            tokens=str(tmp_path),
            registry=f"https://localhost:{port}",
        )
        neighbours = Neighbours(settings, superseded=lambda reason: None)
        try:
            await neighbours.register({"grpc": "exchange:7001"}, Status.READY)
            return await neighbours.find("exchange", "grpc")
        finally:
            await neighbours.close()

    with registry(tmp_path, certificates) as port:
        assert asyncio.run(found(port)) == "exchange:7001"


def test_https_needs_authorities_to_trust(tmp_path: Path) -> None:
    (tmp_path / "registry").write_text("token")
    told = {"tokens": str(tmp_path), "registry": "https://registry:8500"}
    for more, problem in (({}, "https:// needs tls"), ({"tls": str(tmp_path)}, "ca.pem: No such file")):
        with pytest.raises(Problem, match=problem):
            Neighbours(settings_of(tmp_path, **told, **more), superseded=lambda reason: None)


# The check of a container.


async def probed(certificates: Path, status: int, trust: Path) -> int:
    """The exit code of the probe of a surface that reports this status."""
    app = FastAPI()

    @app.get("/api/v1/health")
    async def answer() -> JSONResponse:
        words = "serving" if status == 200 else "not_serving"
        return JSONResponse({"instance": "exchange", "status": words, "detail": ""}, status)

    server = serve(app, "127.0.0.1:0", server_context(certificates / "exchange"))
    serving = asyncio.create_task(server.serve())
    try:
        return await asyncio.to_thread(probe.main, [server.address.rpartition(":")[2]], trust)
    finally:
        server.should_exit = True
        await serving


@pytest.mark.parametrize(
    ("status", "code", "words"), [(200, 0, "exchange: serving"), (503, 1, "exchange: not_serving")]
)
def test_the_probe_says_how_a_service_is(
    certificates: Path, capsys: Capture, status: int, code: int, words: str
) -> None:
    assert asyncio.run(probed(certificates, status, certificates / "risk_monitor")) == code
    assert capsys.readouterr().out == f"{words}\n"


def test_the_probe_does_not_believe_a_stranger(tmp_path: Path, certificates: Path, capsys: Capture) -> None:
    issue_all(tmp_path, ["exchange"])
    assert asyncio.run(probed(certificates, 200, tmp_path / "exchange")) == 1
    assert "CERTIFICATE_VERIFY_FAILED" in capsys.readouterr().err


def test_the_probe_of_nobody_fails_in_one_line(certificates: Path, capsys: Capture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    assert probe.main([str(port)], certificates / "exchange") == 1
    assert capsys.readouterr().err.count("\n") == 1


# A coordinator without a scenario.


def test_without_a_scenario_nobody_who_injects_is_waited_for(deployment: Path) -> None:
    path = deployment / "services" / "test_coordinator" / "document.yaml"
    document = read_document(path).section(tuple(SERVICE.keys), tuple(SERVICE.optional))
    found = targets(document)
    assert found["injector"] == []
    assert found["trading_engine"] == ["trading_engine.alpha", "trading_engine.beta"]
