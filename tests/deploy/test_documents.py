"""What `tse deploy` writes: each holder has its own, production knows of no test, and real servers take it."""

import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from trading_ecosystem.cli.main import main
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.discovery import __main__ as registry_process
from trading_ecosystem.live.discovery.tokens import read_tokens
from trading_ecosystem.live.security.credentials import read_credentials
from trading_ecosystem.live.security.identity import host_of
from trading_ecosystem.live.settings import Profile, load_settings
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.orchestrator.cluster import secrets_of
from trading_ecosystem.orchestrator.deployment import (
    AUDIT_STORE,
    PRODUCTION_STORE,
    REGISTRY,
    STORES,
    STORES_FILE,
    VALKEY,
    renew_certificates,
    write_deployment,
)
from trading_ecosystem.orchestrator.planes import plane_of, role_of
from trading_ecosystem.orchestrator.servers import DESIGNS, prepare_stores

ROOT = Path(__file__).parents[2]
WORLD = ROOT / "worlds" / "two-desks.yaml"
SIMULATORS = ["market_data", "exchange", "custodian"]
PRODUCTION = ["trading_engine.alpha", "trading_engine.beta", "risk_monitor"]
VALIDATION = ["test_coordinator", "audit_correlator"]
INSTANCES = [*SIMULATORS, *PRODUCTION, *VALIDATION]
CANARIES = re.compile(
    r"scenario|simulat|seed|two-desks|inject|chaos|coordinator|audit|test|twin|virtual|validat", re.IGNORECASE
)
Capture = pytest.CaptureFixture[str]


def files_of(deployment: Path, holder: str) -> list[Path]:
    places = (deployment / "services" / holder, deployment / "certificates" / holder)
    return [path for place in places for path in sorted(place.rglob("*")) if path.is_file()]


def names_of(certificate: Path) -> list[str]:
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName)


# Who has what.


def test_everything_is_its_owners_alone(deployment: Path) -> None:
    for path in [deployment, *deployment.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("instance", INSTANCES)
def test_its_settings_are_those_of_a_service_in_a_container(deployment: Path, instance: str) -> None:
    settings = load_settings(deployment / "services" / instance / "settings.yaml", {})
    assert settings.instance == instance
    assert settings.expose
    assert settings.tls == Path("/run/certificates")
    assert settings.advertise in names_of(deployment / "certificates" / instance / "cert.pem")
    assert settings.registry == "https://registry:8500"
    assert settings.store.startswith(f"postgresql://{DESIGNS[settings.role].schema_of(instance)}:")
    assert "sslmode=verify-full" in settings.store
    shipped = instance in PRODUCTION
    assert settings.profile is (Profile.PRODUCTION if shipped else Profile.SIMULATION)
    assert bool(settings.audit) == (instance in SIMULATORS)


@pytest.mark.parametrize("instance", PRODUCTION)
def test_what_ships_to_production_is_told_nothing_of_a_test(deployment: Path, instance: str) -> None:
    paths = files_of(deployment, instance)
    assert len(paths) >= 6
    for path in paths:
        text = path.name + path.read_text()
        if path.name == "cert.pem":
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
            text += certificate.public_bytes(serialization.Encoding.DER).decode("latin-1")
        elif path.suffix == ".pem":
            continue  # Chance in letters.
        secretless = re.sub(r"[A-Za-z0-9_+/=-]{40,}", "", text)
        assert not CANARIES.search(secretless), (path, CANARIES.search(secretless))


def test_a_password_is_with_its_holder_and_its_server(deployment: Path) -> None:
    stores = yaml.safe_load((deployment / "services" / STORES / STORES_FILE).read_text())
    passwords = {name: each for server in stores.values() for name, each in server["passwords"].items()}
    assert sorted(passwords) == sorted(INSTANCES)
    assert len(set(passwords.values())) == len(INSTANCES)
    for instance, password in passwords.items():
        holders = {path.relative_to(deployment).parts[1] for path in deployment.rglob("*") if has(path, password)}
        assert holders == {instance, STORES}


def has(path: Path, text: str) -> bool:
    return path.is_file() and text in path.read_text()


def test_validation_has_a_store_of_its_own(deployment: Path) -> None:
    stores = yaml.safe_load((deployment / "services" / STORES / STORES_FILE).read_text())
    assert sorted(stores[AUDIT_STORE]["passwords"]) == sorted(VALIDATION)
    assert sorted(stores[PRODUCTION_STORE]["passwords"]) == sorted([*SIMULATORS, *PRODUCTION])


def test_the_registry_knows_every_token(deployment: Path) -> None:
    document = registry_process.read_document(deployment / "services" / REGISTRY / "registry.yaml")
    tokens = read_tokens(document["holders"])
    for instance in INSTANCES:
        token = (deployment / "services" / instance / "tokens" / "registry").read_text()
        holder = tokens.holder(token)
        assert holder.name == instance
        assert not holder.administrator
        assert holder.sees_everything == (instance in VALIDATION)
    assert tokens.holder((deployment / "operator" / "registry.token").read_text()).administrator
    prometheus = tokens.holder((deployment / "services" / "prometheus" / "registry.token").read_text())
    assert prometheus.sees_everything and not prometheus.administrator
    assert registry_process.read_planes(document) == {role_of(each): plane_of(each) for each in INSTANCES}


@pytest.mark.parametrize(
    ("holder", "names"),
    [
        ("exchange", ["exchange", "localhost"]),
        ("trading_engine.alpha", ["trading-engine.alpha", "trading-engine-alpha", "localhost"]),
        ("audit_correlator", ["audit-correlator", "telemetry", "localhost"]),
        (PRODUCTION_STORE, ["production-store", "localhost"]),
        (VALKEY, ["valkey", "localhost"]),
    ],
)
def test_a_certificate_has_the_names_by_which_its_holder_is_called(
    deployment: Path, holder: str, names: list[str]
) -> None:
    assert names_of(deployment / "certificates" / holder / "cert.pem") == names
    assert read_credentials(deployment / "certificates" / holder).instance == holder
    assert host_of(holder) == names[0]


def test_the_coordinator_reads_production_as_an_observer(deployment: Path) -> None:
    assert read_credentials(deployment / "certificates" / "test_coordinator" / "observer").instance == "observer"
    assert not (deployment / "certificates" / "observer").exists()


# The command.


def test_certificates_are_renewed_by_the_same_authority(tmp_path: Path) -> None:
    write_deployment(tmp_path / "made", WORLD, 7)
    home = tmp_path / "made" / "certificates" / "exchange"
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    assert "exchange" in renew_certificates(tmp_path / "made")
    after = {path.name: path.read_bytes() for path in home.iterdir()}
    assert after["cert.pem"] != before["cert.pem"]
    assert after["ca.pem"] == before["ca.pem"]


def test_a_folder_with_anything_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(Problem, match="is not empty"):
        write_deployment(tmp_path, WORLD, 7)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["documents", "{folder}/file"], "is a file, not a folder"),
        (["documents", "{folder}/new", "--world", "two-desk"], "did you mean 'two-desks'?"),
        (["certificates", "{folder}/new"], "there is no deployment here"),
        (["secrets", "{folder}/new"], "there is no deployment here"),
        (["stores", "{folder}/new"], "No such file"),
        (["store", "x"], "tse deploy"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_two(
    tmp_path: Path, capsys: Capture, arguments: list[str], problem: str
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["deploy", *(each.format(folder=tmp_path) for each in arguments)]) == 2
    told = capsys.readouterr()
    assert problem in told.err and told.err.count("\n") == 1
    assert told.out == ""


def test_the_command_writes_and_says_what_is_next(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "deployment"
    assert main(["deploy", "documents", str(folder)]) == 0
    assert f"--env-file {folder}/compose.env" in capsys.readouterr().err
    assert f"TSE_DEPLOYMENT={folder}\n" in (folder / "compose.env").read_text()
    assert main(["deploy", "secrets", str(folder)]) == 0
    secrets = list(yaml.safe_load_all(capsys.readouterr().out))
    assert {each["kind"] for each in secrets} == {"Secret"}


def test_a_secret_holds_the_files_of_one_holder(deployment: Path) -> None:
    secrets = {each["metadata"]["name"]: each["stringData"] for each in yaml.safe_load_all(secrets_of(deployment))}
    assert sorted(secrets["risk-monitor"]) == ["document.yaml", "limits.yaml", "settings.yaml"]
    assert sorted(secrets["risk-monitor-tokens"]) == ["registry", "rest.yaml"]
    assert sorted(secrets["observer-certificates"]) == ["ca.pem", "cert.pem", "key.pem"]
    assert "prometheus-tokens" not in secrets
    key = (deployment / "certificates" / "exchange" / "key.pem").read_text()
    assert [name for name, files in secrets.items() if key in files.values()] == ["exchange-certificates"]


# Real servers.


def stores_file(tmp_path: Path, url: str) -> Path:
    document = {PRODUCTION_STORE: {"url": url, "passwords": {"exchange": "x" * 20, "trading_engine.alpha": "y" * 20}}}
    path = tmp_path / "stores.yaml"
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)
    return path


@pytest.fixture
def postgresql(make_postgresql: Callable[[], str]) -> Iterator[str]:
    url = make_postgresql()
    yield url
    with psycopg.connect(url, autocommit=True) as owner:
        for role in (b"exchange", b"trading_alpha"):
            owner.execute(b"DROP OWNED BY " + role)
            owner.execute(b"DROP ROLE " + role)


def test_the_stores_of_all_are_made_and_those_of_who_runs_are_left(tmp_path: Path, postgresql: str) -> None:
    url = postgresql
    path = stores_file(tmp_path, url)
    told: list[str] = []
    prepare_stores(path, told.append)
    assert told == ["production_store: exchange is ready", "production_store: trading_engine.alpha is ready"]
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^(exchange|trading)'").fetchall()
    assert sorted(found) == [("exchange",), ("trading_alpha",)]
    running = open_store(url, "exchange", DESIGNS["exchange"])
    try:
        told.clear()
        prepare_stores(path, told.append)
    finally:
        running.close()
    assert told == [
        "production_store: exchange is running; its store is left as it is",
        "production_store: trading_engine.alpha is ready",
    ]


def test_a_server_that_is_away_is_one_line(tmp_path: Path, capsys: Capture) -> None:
    path = stores_file(tmp_path, "postgresql://owner:secret-of-the-owner@127.0.0.1:1/none")
    assert main(["deploy", "stores", str(path)]) == 2
    told = capsys.readouterr().err
    assert "127.0.0.1:1" in told and told.count("\n") == 1
    assert "secret-of-the-owner" not in told


def test_passwords_of_nobody_are_refused(tmp_path: Path) -> None:
    path = stores_file(tmp_path, "postgresql://x/x")
    path.write_text("production_store: {url: 'postgresql://x/x', passwords: {broker: abc}}")
    with pytest.raises(Problem, match="there is no service 'broker'"):
        prepare_stores(path, print)


def test_valkey_lets_the_registry_do_what_its_copy_needs_and_no_more(deployment: Path, valkey_server: Any) -> None:
    owner = valkey_server.client()
    lines = (deployment / "services" / VALKEY / "users.acl").read_text().splitlines()
    assert lines[0] == "user default off"
    _, name, *rules = lines[1].split()
    password = re.search(rf"//{name}:([^@]+)@", (deployment / "services" / REGISTRY / "arguments").read_text())
    assert password is not None
    try:
        owner.execute_command("ACL", "SETUSER", name, "reset", *rules)
        mine = redis.Redis(port=valkey_server.port, username=name, password=password[1])
        with mine.pipeline() as pipeline:
            pipeline.set("registry:version", "1", px=1000)
            pipeline.delete("registry:none")
            pipeline.execute()
        assert list(mine.scan_iter(match="registry:version")) == [b"registry:version"]
        assert mine.mget(["registry:version"]) == [b"1"]
        for refused in (lambda: mine.get("exchange:x"), lambda: mine.flushall(), lambda: mine.keys("*")):
            with pytest.raises(redis.exceptions.NoPermissionError):
                refused()
    finally:
        owner.execute_command("ACL", "DELUSER", name)
        owner.delete("registry:version")
