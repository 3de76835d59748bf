"""Brings deploy/compose.yaml up, looks at it from inside, and takes it down: `python checks/compose_lane.py`

Rule 1: it is skipped, by name and with the reason, where there is no engine; under CI=true that is a failure.
Rule 2: nothing of it is left behind, whatever happens, but for the images.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import yaml

ROOT = Path(__file__).parent.parent
COMPOSE, DOCKERFILE = ROOT / "deploy" / "compose.yaml", ROOT / "deploy" / "Dockerfile"
INSIDE = Path(__file__).with_name("compose_inside.py")
STAND_IN = Path(__file__).with_name("stand_in_images.py")
IMAGE = "trading-ecosystem:latest"
PROJECT = f"tse-lane-{os.getpid()}"
READY_WITHIN_S = 300
VALIDATION = ("test-coordinator", "audit-correlator", "audit-store", "prometheus", "valkey")
AUDITED = ("market-data", "exchange", "custodian")
PRODUCTION = ("risk-monitor", "trading-engine-alpha", "trading-engine-beta")
SERVICES = (*AUDITED, *PRODUCTION, "test-coordinator", "audit-correlator")
GRPC, REST, AUDIT = 7001, 7002, 7003


class Skipped(Exception):
    """There is no engine, or not what it needs."""


class Failed(Exception):
    """Something is not as it must be."""


def run(*command: str, **told: Any) -> str:
    """Standard output. Raises `Failed` with what a command said that did not succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **told)
    if done.returncode:
        raise Failed(f"{' '.join(command[:6])} ...: {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}")
    return str(done.stdout)


# Before it is up.


def need_engine() -> None:
    if shutil.which("docker") is None:
        raise Skipped("there is no docker")
    for command in (("docker", "info"), ("docker", "compose", "version")):
        try:
            run(*command)
        except Failed as failure:
            raise Skipped(str(failure).strip().splitlines()[-1]) from None


def need_images() -> None:
    """Those that are there, else pulled, else stand-ins."""
    document = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    named = {re.sub(r"\$\{\w+:-(.*)\}", r"\1", each["image"]) for each in document["services"].values()}
    named |= set(re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE))
    for image in sorted(named - {IMAGE}):
        if succeeds("docker", "image", "inspect", image) or succeeds("docker", "pull", "--quiet", image):
            continue
        say(f"{image} cannot be pulled; a stand-in is made of Debian's packages")
        try:
            run(sys.executable, str(STAND_IN), image)
        except Failed as failure:
            raise Skipped(str(failure).strip().splitlines()[-1]) from None


def succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def build() -> None:
    """The image, with this machine's own pip settings where it has some."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "pip.conf"
        lines = ["[global]"]
        authorities = os.environ.get("SSL_CERT_FILE", "")
        secrets = [f"id=pip,src={settings}"]
        if authorities:
            lines.append("cert = /run/secrets/authorities")
            secrets.append(f"id=authorities,src={authorities}")
        found = subprocess.run(
            [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
            capture_output=True,
            text=True,
            check=False,
        )
        if found.returncode == 0:
            lines.append(f"index-url = {found.stdout.strip()}")
        settings.write_text("\n".join(lines), encoding="utf-8")
        told = [part for secret in secrets for part in ("--secret", secret)]
        run("docker", "build", *told, "--file", str(DOCKERFILE), "--tag", IMAGE, str(ROOT))


# While it is up.


@final
class Deployment:
    """The containers of one `docker compose up`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def compose(self, *arguments: str) -> str:
        told = ("--project-name", PROJECT, "--env-file", str(self.folder / "compose.env"), "--file", str(COMPOSE))
        ports = {"TSE_REST_PORT": "0", "TSE_PROMETHEUS_PORT": "0"}
        return run("docker", "compose", *told, *arguments, env=os.environ | ports)

    def container(self, service: str) -> str:
        return self.compose("ps", "--all", "--quiet", service).strip()

    def inspect(self, service: str) -> Any:
        return json.loads(run("docker", "inspect", self.container(service)))[0]

    def addresses(self, service: str) -> dict[str, str]:
        """By network."""
        networks = self.inspect(service)["NetworkSettings"]["Networks"]
        return {name.removeprefix(f"{PROJECT}_"): each["IPAddress"] for name, each in networks.items()}

    def inside(self, service: str, *arguments: str) -> Any:
        told = ("--interactive", "--env", "RES_OPTIONS=timeout:1 attempts:1")
        command = ("docker", "exec", *told, self.container(service), "python", "-P", "-", *arguments)
        return json.loads(run(*command, input=INSIDE.read_text(encoding="utf-8")))

    def query(self, question: str) -> str:
        server = "http://127.0.0.1:9090"
        return run("docker", "exec", self.container("prometheus"), "promtool", "query", "instant", server, question)


@contextmanager
def deployed() -> Iterator[Deployment]:
    with tempfile.TemporaryDirectory(prefix="tse-lane-") as folder:
        place = Path(folder) / "deployment"
        run(sys.executable, "-m", "trading_ecosystem.cli.main", "deploy", "documents", str(place))
        deployment = Deployment(place)
        try:
            deployment.compose("up", "--detach", "--wait", "--no-build", "--wait-timeout", str(READY_WITHIN_S))
            yield deployment
        finally:
            deployment.compose("down", "--volumes", "--timeout", "15")


# What must hold.


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Failed(f"{what}: {found!r}, not {wanted!r}")


def everybody_is_healthy(deployment: Deployment) -> str:
    for service in SERVICES:
        expect(service, deployment.inspect(service)["State"]["Health"]["Status"], "healthy")
    expect("stores", deployment.inspect("stores")["State"]["ExitCode"], 0)
    return f"{len(SERVICES)} services"


def nobody_can_do_more_than_it_must(deployment: Deployment) -> str:
    for service in SERVICES:
        found = deployment.inside(service, "confined")
        wanted = {
            "uid": found["uid"],
            "capabilities": ["0000000000000000"] * 4,
            "no_new_privileges": "1",
            "seccomp": "2",
            "writable": [],
        }
        expect(service, found, wanted)
        expect(f"{service} is root", found["uid"] == 0, False)
    return "no root, no capability, seccomp, read-only"


def the_monitor_reaches_nothing_of_the_test(deployment: Deployment) -> str:
    """Neither by name nor by address; and the same look, from where it is allowed, does find something."""
    addresses = [each for service in VALIDATION for each in deployment.addresses(service).values()]
    addresses += [deployment.addresses(service)["audit"] for service in (*AUDITED, "telemetry", "observation")]
    names = [*VALIDATION, *(f"{service}-audit" for service in AUDITED)]
    for service in PRODUCTION:
        expect(f"{service} is on", sorted(deployment.addresses(service)), ["production"])
    for host, found in deployment.inside("risk-monitor", "open", *addresses, *names).items():
        if found and not str(found).startswith("unknown"):
            raise Failed(f"the monitor reaches {host}: {found}")
    found = deployment.inside("test-coordinator", "open", "exchange-audit")
    expect("the coordinator reaches", found, {"exchange-audit": [GRPC, REST, AUDIT]})
    return f"{len(addresses)} addresses, {len(names)} names, 65535 ports each: none"


def the_monitor_reaches_what_production_has(deployment: Deployment) -> str:
    wanted = {"exchange": [GRPC, REST], "registry": [8500], "production-store": [5432], "telemetry": [4317]}
    expect("open", deployment.inside("risk-monitor", "open", *wanted), wanted)
    return ", ".join(f"{host} {ports}" for host, ports in wanted.items())


def every_port_speaks_tls(deployment: Deployment) -> str:
    for host in AUDITED:
        check_tls(deployment, "risk-monitor", host, host)
    for host in PRODUCTION[1:]:
        check_tls(deployment, "risk-monitor", host, host)
    check_tls(deployment, "test-coordinator", "audit-correlator", "audit-correlator")
    check_tls(deployment, "test-coordinator", "risk-monitor", "risk-monitor")  # Through the relay.
    return "TLS 1.3; gRPC with certificates on both sides"


def check_tls(deployment: Deployment, watcher: str, host: str, name: str) -> None:
    for port, spoken in deployment.inside(watcher, "tls", host, name, str(GRPC), str(REST)).items():
        where = f"{host}:{port}"
        if int(port) == GRPC:
            expect(where, spoken["with a certificate"], "TLSv1.3")
            expect(f"{where} without a certificate", spoken["without"] == "TLSv1.3", False)
        for way in ("TLS 1.2", "plain"):
            expect(f"{where}, {way}", spoken[way].startswith(("closed", "refused")), True)


def the_door_for_traces_is_for_traces(deployment: Deployment) -> str:
    """The monitor's own certificate, at the one address of the audit's that it is told of."""
    audit = "/trading_ecosystem.wire.audit_correlator.v1.AuditCorrelatorService"
    export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    wanted = {f"{audit}/CloseTrail": "PERMISSION_DENIED", f"{audit}/Subscribe": "PERMISSION_DENIED", export: "OK"}
    for method, code in wanted.items():
        expect(method, deployment.inside("risk-monitor", "call", "telemetry:4317", method), code)
    return ", ".join(f"{method.rpartition('/')[2]} {code}" for method, code in wanted.items())


def prometheus_sees_everybody(deployment: Deployment) -> str:
    expect("up", len(re.findall(r"=> 1 @", deployment.query("up == 1"))), len(SERVICES))
    return f"{len(SERVICES)} targets by http_sd"


CHECKS: Sequence[Callable[[Deployment], str]] = (
    everybody_is_healthy,
    nobody_can_do_more_than_it_must,
    the_monitor_reaches_nothing_of_the_test,
    the_monitor_reaches_what_production_has,
    every_port_speaks_tls,
    the_door_for_traces_is_for_traces,
    prometheus_sees_everybody,
)


def say(words: str) -> None:
    print(words, flush=True)


def main() -> int:
    try:
        need_engine()
        need_images()
        build()
        with deployed() as deployment:
            for check in CHECKS:
                say(f"{check.__name__.replace('_', ' ')}: {check(deployment)}")
    except Skipped as reason:
        say(f"compose lane SKIPPED: {reason}")
        return 1 if os.environ.get("CI") == "true" else 0
    except Failed as failure:
        say(f"compose lane FAILED: {failure}")
        return 1
    say("compose lane PASSED")
    return 0


if __name__ == "__main__":
    sys.exit(main())
