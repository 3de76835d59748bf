"""What deploy/compose.yaml and the Dockerfile promise: who reaches whom, and how little a container may do."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from trading_ecosystem.live import probe
from trading_ecosystem.live.discovery.__main__ import parser as registry_parser
from trading_ecosystem.live.security.handshakes import HANDSHAKE_ENVIRONMENT
from trading_ecosystem.live.settings import PREFIX, load_settings
from trading_ecosystem.orchestrator import deployment as written
from trading_ecosystem.orchestrator.planes import module_of, plane_of

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy"
COMPOSE, DOCKERFILE = FOLDER / "compose.yaml", FOLDER / "Dockerfile"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
INSTANCES = {
    written.label_of(instance): instance
    for instance in (
        *("market_data", "exchange", "custodian"),
        *("trading_engine.alpha", "trading_engine.beta", "risk_monitor"),
        *("test_coordinator", "audit_correlator"),
    )
}
HOLDERS = INSTANCES | {written.label_of(server): server for server in written.SERVERS}
RELAYS = ("telemetry", "observation")
NETWORKS = {
    "market-data": {"production", "audit"},
    "exchange": {"production", "audit"},
    "custodian": {"production", "audit"},
    "trading-engine-alpha": {"production"},
    "trading-engine-beta": {"production"},
    "risk-monitor": {"production"},
    "test-coordinator": {"audit"},
    "audit-correlator": {"audit"},
    "telemetry": {"production", "audit"},
    "observation": {"production", "audit", "people"},
    "registry": {"production", "audit", "registry"},
    "stores": {"production", "audit"},
    "production-store": {"production"},
    "audit-store": {"audit"},
    "valkey": {"registry"},
    "prometheus": {"audit", "people"},
}
Need = Callable[[str, str], str]


def networks_of(service: dict[str, Any]) -> dict[str, list[str]]:
    """Network to further names there."""
    return {name: (told or {}).get("aliases", []) for name, told in service["networks"].items()}


# Who reaches whom.


def test_every_container_is_on_the_networks_that_are_meant() -> None:
    assert {name: set(networks_of(service)) for name, service in SERVICES.items()} == NETWORKS


def test_only_people_lead_out() -> None:
    networks = yaml.safe_load(COMPOSE.read_text())["networks"]
    assert {name: bool((told or {}).get("internal")) for name, told in networks.items()} == {
        "production": True,
        "audit": True,
        "registry": True,
        "people": False,
    }


def test_no_name_of_validation_is_on_the_network_of_production() -> None:
    names = {name for name, service in SERVICES.items() if "production" in networks_of(service)}
    names |= {alias for service in SERVICES.values() for alias in networks_of(service).get("production", [])}
    assert not [name for name in names if re.search("audit|test|coordinator|correlator|valid", name)]


def test_audit_surfaces_listen_on_the_audit_network_alone() -> None:
    for name, service in SERVICES.items():
        told = service.get("environment", {}).get("TSE_AUDIT")
        assert bool(told) == (name in ("market-data", "exchange", "custodian"))
        if told:
            assert told == f"{name}-audit:{written.AUDIT_PORT}"
            assert networks_of(service) == {"production": [], "audit": [f"{name}-audit"]}


def test_ports_of_the_machine_are_on_loopback() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert sorted(ports) == ["observation", "prometheus"]
    for told in ports.values():
        assert all(port.startswith("127.0.0.1:") for port in told)


# How little a container may do.


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["user"] == "${TSE_UID:?is in compose.env}:${TSE_GID:?is in compose.env}"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges=true"]
    for word in ("privileged", "cap_add", "network_mode", "pid", "ipc", "devices", "userns_mode", "cgroup"):
        assert word not in service
    assert service["pids_limit"] and service["mem_limit"]
    assert all(re.fullmatch(r"/(tmp|run/postgresql):size=\d+m,.*", each) for each in service["tmpfs"])
    assert service["restart"] == ("no" if name == "stores" else "unless-stopped")


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_mounts_what_is_its_own(name: str) -> None:
    writable = []
    for mount in SERVICES[name].get("volumes", []):
        source, _, rest = re.sub(r"\$\{TSE_DEPLOYMENT[^}]*\}", "DIR", mount).partition(":")
        if source.startswith("DIR/"):
            assert source.split("/")[2] == HOLDERS[name]
        else:
            assert (FOLDER / source).exists()
        assert "docker.sock" not in mount
        if not rest.endswith(":ro"):
            writable.append(source)
    assert writable in ([], [f"DIR/services/{HOLDERS.get(name)}/data"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_looked_after(name: str) -> None:
    check = SERVICES[name].get("healthcheck", {})
    if name in INSTANCES:
        assert check == {}  # The image's own.
    elif name == "stores":
        assert check == {"disable": True}
    else:
        assert check["test"][0] in ("CMD", "CMD-SHELL") and check["interval"]


def test_no_secret_is_in_an_environment() -> None:
    told = {key: value for service in SERVICES.values() for key, value in service.get("environment", {}).items()}
    assert {key for key in told if re.search("PASSWORD|TOKEN|SECRET|KEY", key)} == {"POSTGRES_PASSWORD_FILE"}
    for name in ("risk-monitor", "trading-engine-alpha", "trading-engine-beta"):
        assert "environment" not in SERVICES[name]


# The same as everywhere else.


@pytest.mark.parametrize(("name", "instance"), INSTANCES.items())
def test_a_service_is_the_program_of_its_instance(deployment: Path, name: str, instance: str) -> None:
    assert SERVICES[name]["command"] == ["python", "-P", "-m", module_of(instance), "--config", "settings.yaml"]
    environment = SERVICES[name].get("environment", {})
    assert all(key.startswith(PREFIX) for key in environment)
    settings = load_settings(deployment / "services" / instance / "settings.yaml", environment)
    assert settings.advertise == name
    assert settings.grpc.endswith(f":{written.GRPC_PORT}")
    assert settings.rest.endswith(f":{probe.PORT}")


def test_whoever_has_a_folder_has_a_container(deployment: Path) -> None:
    assert {path.name for path in (deployment / "services").iterdir()} == set(HOLDERS.values())
    assert set(SERVICES) == {*HOLDERS, *RELAYS}


def test_the_registry_is_given_arguments_that_it_takes(deployment: Path) -> None:
    assert SERVICES["registry"]["command"][-1] == f"@{written.ARGUMENTS}"
    told = registry_parser().parse_args([f"@{deployment / 'services' / 'registry' / written.ARGUMENTS}"])
    assert told.expose and str(told.tls) == written.CERTIFICATES
    assert told.valkey.startswith("rediss://registry:")


def test_simulators_are_there_before_production_and_production_before_the_coordinator() -> None:
    after = {name: set(service.get("depends_on", {})) for name, service in SERVICES.items()}
    for name, instance in INSTANCES.items():
        if plane_of(instance) == "production":
            assert after[name] == {"market-data", "exchange", "custodian"}
    assert {"risk-monitor", "trading-engine-alpha", "trading-engine-beta"} < after["test-coordinator"]
    for told in (service.get("depends_on", {}) for service in SERVICES.values()):
        for other, how in told.items():
            assert how["condition"] == ("service_completed_successfully" if other == "stores" else "service_healthy")


# The doors.


def backends_of(name: str) -> list[str]:
    text = (FOLDER / "compose" / f"{name}.cfg").read_text()
    return re.findall(r"^  server \S+ (\S+)$", text, re.MULTILINE)


def test_traces_are_led_to_the_audit_and_nowhere_else() -> None:
    assert backends_of("telemetry") == [f"audit-correlator:{written.GRPC_PORT}"]
    assert "mode tcp" in (FOLDER / "compose" / "telemetry.cfg").read_text()


def test_observation_leads_to_production_and_nowhere_else() -> None:
    shipped = [name for name, instance in INSTANCES.items() if plane_of(instance) == "production"]
    wanted = {f"{name}.production:{port}" for name in shipped for port in (written.GRPC_PORT, written.REST_PORT)}
    assert set(backends_of("observation")) == wanted
    assert sorted(networks_of(SERVICES["observation"])["audit"]) == sorted(shipped)
    for name in shipped:
        assert networks_of(SERVICES[name])["production"] == [f"{name}.production"]


# The image.


def test_the_image_is_built_from_the_lock_and_runs_as_nobody() -> None:
    text = DOCKERFILE.read_text()
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"python:3.11-slim-bookworm"}
    assert "--require-hashes --requirement /build/run.txt" in text
    users = re.findall(r"^USER (\S+)", text, re.MULTILINE)
    assert users == [f"{written.CONTAINER_USER}:{written.CONTAINER_USER}"]
    assert text.index("\nUSER") > text.index("\nFROM python", text.index("FROM python") + 1)
    assert '"trading_ecosystem.live.probe"' in text and "HEALTHCHECK" in text
    for name, value in HANDSHAKE_ENVIRONMENT.items():
        assert f"{name}={value}" in text
    assert "://" not in text and "ADD " not in text and "curl" not in text


def test_only_what_is_needed_goes_into_the_image() -> None:
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    kept = {line[1:] for line in ignored if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE.read_text(), re.MULTILINE)
    assert kept == set(copied)
    assert all((ROOT / path).exists() for path in kept)


# What real programs say.


def test_compose_takes_it(deployment: Path, need_program: Need) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker has no plugin compose (Debian packages docker.io and docker-compose)")
    told = ["--env-file", str(deployment / "compose.env"), "--file", str(COMPOSE)]
    done = subprocess.run([docker, "compose", *told, "config", "--quiet"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_prometheus_takes_its_configuration(deployment: Path, tmp_path: Path, need_program: Need) -> None:
    promtool = need_program("promtool", "Debian package prometheus")
    shutil.copytree(FOLDER / "prometheus" / "rules", tmp_path / "rules")
    text = (FOLDER / "compose" / "prometheus.yml").read_text()
    text = text.replace("/run/certificates", str(deployment / "certificates" / "prometheus"))
    text = text.replace("/etc/tse", str(deployment / "services" / "prometheus"))
    (tmp_path / "prometheus.yml").write_text(text)
    done = subprocess.run(
        [promtool, "check", "config", str(tmp_path / "prometheus.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
