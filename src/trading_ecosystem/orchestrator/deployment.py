"""What containers mount: documents, settings, tokens, certificates and passwords, one folder for each container.

    compose.env             the folder itself, and as which user the containers run
    services/HOLDER/        read by this container alone; `data` in it is written by it
    certificates/HOLDER/    its own, signed by the authority that stays in certificates/certificate-authority
    operator/               the tokens of the person who runs it

Rule 1: a secret lies in the folder of its holder and, where it is a password, in that of the server that asks for it.
Rule 2: what stands in a folder of production is what stood there if all the rest were real.
"""

import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import yaml

from trading_ecosystem import routes
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.neighbours import TOKEN
from trading_ecosystem.live.security.certificates import AUTHORITY_FOLDER, issue_all
from trading_ecosystem.live.security.identity import host_of
from trading_ecosystem.live.security.private_files import private_folder, write_private
from trading_ecosystem.live.security.tokens import digest
from trading_ecosystem.orchestrator.documents import DOCUMENT, Files, documents_of
from trading_ecosystem.orchestrator.folder import TOKENS, RunFolder
from trading_ecosystem.orchestrator.identities import OBSERVER, OPERATOR, issue_tokens
from trading_ecosystem.orchestrator.launch import SETTINGS
from trading_ecosystem.orchestrator.planes import PLANES, plane_of, role_of
from trading_ecosystem.orchestrator.registry import ADMINISTRATOR, holder_of
from trading_ecosystem.orchestrator.terms import MILLISECOND_NS, Terms

CONTAINER_USER = 10_001  # Of the image; used where this is run by root, who may give files away.
ENVIRONMENT = "compose.env"

# Inside a container.
CERTIFICATES, STATE = "/run/certificates", "/var/lib/tse"
GRPC_PORT, REST_PORT, AUDIT_PORT, REGISTRY_PORT, TELEMETRY_PORT = 7001, 7002, 7003, 8500, 4317
EVERYWHERE = "0.0.0.0"  # noqa: S104  What is reached there is decided by the networks that the container is on.

# Who has a folder beside the services.
REGISTRY, VALKEY, PROMETHEUS, STORES = "registry", "valkey", "prometheus", "stores"
PRODUCTION_STORE, AUDIT_STORE = "production_store", "audit_store"
SERVERS = (REGISTRY, VALKEY, PROMETHEUS, STORES, PRODUCTION_STORE, AUDIT_STORE)
TELEMETRY = "telemetry"  # The host by which everybody but validation knows where traces go.
OWNER, OWNER_PASSWORD, DATABASE = "owner", "owner.password", "ecosystem"
STORES_FILE, REGISTRY_FILE, ARGUMENTS, USERS = "stores.yaml", "registry.yaml", "arguments", "users.acl"
TRUST = f"{CERTIFICATES}/ca.pem"
REGISTRY_RIGHTS = "ping hello client|setname client|setinfo get set del mget scan multi exec discard"


def write_deployment(path: Path, world: Path, seed: int) -> list[str]:
    """Fill a folder for a deployment that begins now, in wall time; returns the instances of the world.

    Raises `Problem` for whatever is wrong with the world, and for a folder with anything in it.
    """
    start_ns = Clock().now_ns() // MILLISECOND_NS * MILLISECOND_NS
    documents = documents_of(world, Terms(seed=seed, start_ns=start_ns))
    folder = empty_folder(path)
    instances = list(documents)
    tokens = {name: secret() for name in (*instances, ADMINISTRATOR, PROMETHEUS)}
    passwords = {name: secret() for name in (*instances, REGISTRY, PRODUCTION_STORE, AUDIT_STORE)}
    for instance, files in documents.items():
        settings = yaml.safe_dump(settings_for(instance, passwords[instance]), sort_keys=False)
        folder.make_service(instance, files | {SETTINGS: settings, f"{TOKENS}/{TOKEN}": tokens[instance]})
    issue_tokens(folder, instances, tokens[ADMINISTRATOR])
    for server, files in server_files(instances, tokens, passwords).items():
        folder.make_service(server, files)
    renew_certificates(path)
    write_private(path / ENVIRONMENT, environment_text(path).encode())
    return instances


def empty_folder(path: Path) -> RunFolder:
    folder = RunFolder(path)
    try:
        private_folder(folder.path)
        if any(folder.path.iterdir()):
            raise Problem(f"{path}: is not empty; a deployment that is there keeps its passwords")
    except (FileExistsError, NotADirectoryError):
        raise Problem(f"{path}: is a file, not a folder") from None
    return folder


def secret() -> str:
    """Good in a URL as it is."""
    return secrets.token_urlsafe(32)


# Services.


def settings_for(instance: str, password: str) -> dict[str, str | bool]:
    """The process settings. What ships to production has no audit surface."""
    shipped = plane_of(instance) == "production"
    settings: dict[str, str | bool] = {
        "instance": instance,
        "profile": "production" if shipped else "simulation",
        "document": DOCUMENT,
        "registry": f"https://{host_of(REGISTRY)}:{REGISTRY_PORT}",
        "store": store_url(store_of(instance), schema_of(instance), password),
        "data": STATE,
        "tokens": TOKENS,
        "tls": CERTIFICATES,
        "expose": True,
        "advertise": label_of(instance),
        "grpc": f"{EVERYWHERE}:{GRPC_PORT}",
        "rest": f"{EVERYWHERE}:{REST_PORT}",
    }
    if role_of(instance) in routes.SIMULATORS:
        settings["audit"] = f"{EVERYWHERE}:{AUDIT_PORT}"
    if role_of(instance) != routes.AUDIT_CORRELATOR:
        settings["telemetry"] = telemetry_of(instance)
    return settings


def telemetry_of(instance: str) -> str:
    """Validation goes straight to the audit; to everybody else it is some address that takes telemetry."""
    if plane_of(instance) == "validation":
        return f"{label_of(routes.AUDIT_CORRELATOR)}:{GRPC_PORT}"
    return f"{TELEMETRY}:{TELEMETRY_PORT}"


def label_of(instance: str) -> str:
    """The host name of an instance where a dot would end it: `trading-engine-alpha`."""
    return host_of(instance).replace(".", "-")


def store_of(instance: str) -> str:
    """Validation keeps what it has in a server of its own: a role of the other one sees nothing of a test there."""
    return AUDIT_STORE if plane_of(instance) == "validation" else PRODUCTION_STORE


def schema_of(instance: str) -> str:
    """Also the name of its role."""
    from trading_ecosystem.orchestrator.servers import DESIGNS

    return DESIGNS[role_of(instance)].schema_of(instance)


def store_url(server: str, role: str, password: str) -> str:
    verified = f"sslmode=verify-full&sslrootcert={TRUST}"
    return f"postgresql://{role}:{password}@{host_of(server)}:5432/{DATABASE}?{verified}"


# Servers.


def server_files(instances: Sequence[str], tokens: Mapping[str, str], passwords: Mapping[str, str]) -> dict[str, Files]:
    url = f"rediss://{REGISTRY}:{passwords[REGISTRY]}@{VALKEY}:6379?ssl_ca_certs={TRUST}"
    return {
        REGISTRY: {REGISTRY_FILE: registry_document(tokens), ARGUMENTS: registry_arguments(url)},
        VALKEY: {USERS: users_text(passwords[REGISTRY])},
        PROMETHEUS: {"registry.token": tokens[PROMETHEUS]},
        STORES: {STORES_FILE: yaml.safe_dump(stores_document(instances, passwords), sort_keys=False)},
        PRODUCTION_STORE: {OWNER_PASSWORD: passwords[PRODUCTION_STORE]},
        AUDIT_STORE: {OWNER_PASSWORD: passwords[AUDIT_STORE]},
    }


def registry_document(tokens: Mapping[str, str]) -> str:
    holders: dict[str, object] = {PROMETHEUS: {"sha256": digest(tokens[PROMETHEUS]).hex(), "sees": ["*"]}}
    for name in tokens:
        if name != PROMETHEUS:
            holder = holder_of(name)
            holders[name] = {
                "sha256": digest(tokens[name]).hex(),
                "sees": sorted(holder.sees),
                "administrator": holder.administrator,
            }
    planes = {role: plane for plane, roles in PLANES.items() for role in roles}
    return yaml.safe_dump({"holders": holders, "planes": planes}, sort_keys=False)


def registry_arguments(valkey: str) -> str:
    told = ["--document", REGISTRY_FILE, "--bind", f"{EVERYWHERE}:{REGISTRY_PORT}", "--expose", "--tls", CERTIFICATES]
    return "\n".join([*told, "--valkey", valkey]) + "\n"


def users_text(password: str) -> str:
    """The users of Valkey: the registry within its own prefix, and nobody else."""
    rights = " ".join(f"+{command}" for command in REGISTRY_RIGHTS.split())
    known = sha256(password.encode()).hexdigest()
    return f"user default off\nuser {REGISTRY} on #{known} resetkeys ~{REGISTRY}:* resetchannels -@all {rights}\n"


def stores_document(instances: Sequence[str], passwords: Mapping[str, str]) -> dict[str, object]:
    return {
        server: {
            "url": store_url(server, OWNER, passwords[server]),
            "passwords": {each: passwords[each] for each in instances if store_of(each) == server},
        }
        for server in (PRODUCTION_STORE, AUDIT_STORE)
    }


# Certificates.


def renew_certificates(path: Path) -> list[str]:
    """New ones in place of the old, for a day; returns for whom. Raises `Problem` where there is no deployment."""
    folder = RunFolder(path)
    holders = folder.instances()
    if not holders:
        raise Problem(f"{path}: there is no deployment here; `tse deploy documents` makes one")
    aliases = {name: [label_of(name)] for name in holders if "." in name}
    aliases[routes.AUDIT_CORRELATOR] = [TELEMETRY]
    issue_all(folder.certificates, [*holders, OPERATOR, OBSERVER], aliases=aliases)
    as_observer = private_folder(folder.certificates / routes.TEST_COORDINATOR / OBSERVER)
    for file in sorted((folder.certificates / OBSERVER).iterdir()):
        write_private(as_observer / file.name, file.read_bytes())
    shutil.rmtree(folder.certificates / OBSERVER)
    give_away(path)
    return holders


def give_away(path: Path) -> None:
    """What containers read belongs to the user that they run as. Only root can, and need, do that."""
    if os.geteuid() != 0:
        return
    folder = RunFolder(path)
    for top in (folder.path / "services", folder.certificates):
        for each in sorted(top.rglob("*")):
            if AUTHORITY_FOLDER not in each.relative_to(folder.path).parts and is_ours(each, folder):
                os.chown(each, CONTAINER_USER, CONTAINER_USER, follow_symlinks=False)


def is_ours(path: Path, folder: RunFolder) -> bool:
    """Not what a server has made of its data."""
    parts = path.relative_to(folder.path).parts
    return not (len(parts) > 3 and parts[2] == "data")


def environment_text(path: Path) -> str:
    """What Compose is told with `--env-file`."""
    root = os.geteuid() == 0
    user, group = (CONTAINER_USER, CONTAINER_USER) if root else (os.geteuid(), os.getegid())
    return f"TSE_DEPLOYMENT={path.absolute()}\nTSE_UID={user}\nTSE_GID={group}\n"
