"""The Kubernetes manifests: confined pods, connections that are declared, Secrets that are there."""

import os
import subprocess
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from trading_ecosystem.orchestrator.cluster import secrets_of
from trading_ecosystem.orchestrator.deployment import label_of
from trading_ecosystem.orchestrator.planes import module_of, plane_of

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
SIMULATORS = ["market_data", "exchange", "custodian"]
PRODUCTION = ["trading_engine.alpha", "trading_engine.beta", "risk_monitor"]
VALIDATION = ["test_coordinator", "audit_correlator"]
INSTANCES = [*SIMULATORS, *PRODUCTION, *VALIDATION]
WORKLOADS = ("StatefulSet", "Deployment", "Job")
PORTS = (53, 4317, 5432, 6379, 7001, 7002, 7003, 8500)
NAME, PLANE = "app.kubernetes.io/name", "trading-ecosystem/plane"
Manifest = dict[str, Any]


def raw() -> Iterator[Manifest]:
    """Every manifest as it is written, without what is laid over it."""
    for folder in ("base", "servers"):
        for path in sorted((FOLDER / folder).glob("*.yaml")):
            for each in yaml.safe_load_all(path.read_text()):
                if each["metadata" if "metadata" in each else "kind"] and each["kind"] != "Kustomization":
                    yield each


RAW = [each for each in raw() if each["metadata"]["name"] != "all"]


@pytest.fixture(scope="module")
def built(need_program: Callable[[str, str], str]) -> list[Manifest]:
    """The overlay as a cluster is given it."""
    kubectl = need_program("kubectl", "see the Kubernetes documentation")
    done = subprocess.run(
        [kubectl, "kustomize", str(FOLDER / "overlays" / "local")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def pods_of(manifests: list[Manifest]) -> dict[str, Manifest]:
    """The template of each workload, by name."""
    return {each["metadata"]["name"]: each["spec"]["template"] for each in manifests if each["kind"] in WORKLOADS}


# Pods.


def test_a_pod_passes_as_restricted(built: list[Manifest]) -> None:
    """By the Pod Security Standards, which the namespace enforces."""
    pods = pods_of(built)
    assert len(pods) == len(INSTANCES) + 5
    for name, template in pods.items():
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert all({"emptyDir", "secret", "projected", "configMap"} & set(volume) for volume in spec["volumes"])
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]
            assert all("hostPort" not in port for port in container.get("ports", []))
    namespace = next(each for each in built if each["kind"] == "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_pod_is_told_of_no_neighbour_and_has_no_account(built: list[Manifest]) -> None:
    for name, template in pods_of(built).items():
        assert template["spec"]["enableServiceLinks"] is False, name
        assert template["spec"]["automountServiceAccountToken"] is False
        for container in template["spec"]["containers"]:
            assert not [each for each in container.get("env", []) if "valueFrom" in each]
    for instance in PRODUCTION:
        assert "env" not in pods_of(built)[label_of(instance)]["spec"]["containers"][0]


@pytest.mark.parametrize("instance", INSTANCES)
def test_a_service_is_the_program_of_its_instance(built: list[Manifest], instance: str) -> None:
    template = pods_of(built)[label_of(instance)]
    container = template["spec"]["containers"][0]
    assert container["command"] == ["python", "-P", "-m", module_of(instance), "--config", "settings.yaml"]
    assert template["metadata"]["labels"][PLANE] == plane_of(instance)
    assert container["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    assert "tcpSocket" in container["livenessProbe"]


def test_what_a_pod_mounts_is_its_own_and_there(built: list[Manifest], deployment: Path) -> None:
    secrets = {each["metadata"]["name"]: each["stringData"] for each in yaml.safe_load_all(secrets_of(deployment))}
    for name, template in pods_of(built).items():
        for secret, keys in mounted(template):
            assert keys <= set(secrets[secret]), (name, secret)
            own = {name, f"{name}-tokens", f"{name}-certificates"}
            assert secret in own | ({"observer-certificates"} if name == "test-coordinator" else set())


def mounted(template: Manifest) -> Iterator[tuple[str, set[str]]]:
    """Secrets, and the keys that are asked for by name."""
    for volume in template["spec"]["volumes"]:
        if "secret" in volume:
            assert volume["secret"]["defaultMode"] == 0o440
            yield volume["secret"]["secretName"], set()
        for source in volume.get("projected", {}).get("sources", []):
            yield source["secret"]["name"], {item["key"] for item in source["secret"].get("items", [])}


def test_the_rules_of_access_are_those_of_compose() -> None:
    own, other = FOLDER / "servers" / "pg_hba.conf", FOLDER.parent / "compose" / "pg_hba.conf"
    assert own.read_text() == other.read_text()


@pytest.mark.parametrize("version", ["1.29.0", "1.32.0", "1.35.0"])
def test_a_cluster_takes_every_manifest(built: list[Manifest], version: str) -> None:
    if find_spec("kubernetes_validate") is None:
        assert os.environ.get("CI") != "true", "kubernetes-validate is not installed"
        pytest.skip("kubernetes-validate is not installed (see requirements/dev.in)")
    validate = import_module("kubernetes_validate").validate
    for manifest in built:
        validate(manifest, version, strict=True)


# Connections.


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] == "In"
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return True


def allows(direction: str, own: dict[str, str], other: dict[str, str], port: int) -> bool:
    """What NetworkPolicy means: of the rules that select a pod, one must allow it; with none, everything is."""
    policies = [each["spec"] for each in RAW if each["kind"] == "NetworkPolicy"]
    concerned = [
        each for each in policies if direction in each["policyTypes"] and selects(each.get("podSelector") or {}, own)
    ]
    peers, word = ("from", "ingress") if direction == "Ingress" else ("to", "egress")
    for policy in concerned:
        for rule in policy.get(word, []):
            heard = any("namespaceSelector" not in peer and selects(peer["podSelector"], other) for peer in rule[peers])
            if heard and port in [each["port"] for each in rule["ports"]]:
                return True
    return not concerned


def reached_by(name: str) -> set[tuple[str, int]]:
    labels = {each: template["metadata"]["labels"] for each, template in pods_of(RAW).items()}
    return {
        (other, port)
        for other, port in product(labels, PORTS)
        if allows("Egress", labels[name], labels[other], port) and allows("Ingress", labels[other], labels[name], port)
    }


WORLD = {(name, 7001) for name in ("market-data", "exchange", "custodian")}
COMMON = {("registry", 8500), ("production-store", 5432), ("audit-correlator", 7001)}
FIRM = {(name, 7001) for name in ("trading-engine-alpha", "trading-engine-beta", "risk-monitor")}
REACHED = {
    "risk-monitor": WORLD | COMMON,
    "trading-engine-alpha": WORLD | COMMON,
    "trading-engine-beta": WORLD | COMMON,
    "market-data": WORLD | COMMON,
    "exchange": WORLD | COMMON,
    "custodian": WORLD | COMMON,
    "test-coordinator": WORLD
    | FIRM
    | {(name, 7003) for name in ("market-data", "exchange", "custodian")}
    | {("registry", 8500), ("audit-store", 5432), ("audit-correlator", 7001)},
    "audit-correlator": {("registry", 8500), ("audit-store", 5432)},
    "registry": {("valkey", 6379)},
    "stores": {("production-store", 5432), ("audit-store", 5432)},
    "production-store": set(),
    "audit-store": set(),
    "valkey": set(),
}


@pytest.mark.parametrize("name", REACHED)
def test_a_pod_reaches_what_is_meant_and_nothing_else(name: str) -> None:
    assert reached_by(name) == REACHED[name]


def test_all_pods_are_thought_of() -> None:
    assert set(pods_of(RAW)) == set(REACHED)


def test_the_door_for_traces_is_the_port_of_the_audit() -> None:
    service = next(each for each in RAW if each["kind"] == "Service" and each["metadata"]["name"] == "telemetry")
    assert service["spec"]["selector"] == {NAME: "audit-correlator"}
    assert service["spec"]["ports"] == [{"name": "otlp", "port": 4317, "targetPort": 7001}]


def test_every_name_that_settings_speak_of_is_a_service(deployment: Path) -> None:
    services = {each["metadata"]["name"] for each in RAW if each["kind"] == "Service"}
    for path in sorted((deployment / "services").glob("*/settings.yaml")):
        told = yaml.safe_load(path.read_text())
        hosts = {told["advertise"], told.get("telemetry", "telemetry:").partition(":")[0]}
        assert hosts <= services
    assert {"registry", "production-store", "audit-store", "valkey"} <= services
