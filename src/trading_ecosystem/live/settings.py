"""How a service process is told what it is: one YAML file, every key of which the environment may override.

Rule 1: a key is `instance` in the file and TSE_INSTANCE in the environment; a problem names the one it came from.
Rule 2: nothing here is about a test: the same keys stand in a production deployment.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from trading_ecosystem.configuration.document import Node, parse_document, read_document

PREFIX = "TSE_"
ANY_PORT = "127.0.0.1:0"
REQUIRED = ("instance", "document", "registry", "store", "data")
SURFACES = ("grpc", "rest", "audit", "audit_rest")
OUTSIDE = ("telemetry", "forward", "alertmanager", "webhook")
WORDS = ("profile", *OUTSIDE, "tls", "tokens", "expose", "advertise", "log_level", "accept_rollback")
KEYS = (*REQUIRED, *SURFACES, *WORDS)


class Profile(StrEnum):
    SIMULATION = "simulation"
    PRODUCTION = "production"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Addresses are `host:port`, port 0 for any free one; an empty address is a surface that is off."""

    instance: str
    profile: Profile
    document: Path  # The service's own configuration.
    grpc: str
    rest: str
    audit: str  # What is done to the process, over gRPC.
    registry: str  # URL of the registry and configuration service.
    store: str  # memory:, sqlite:///PATH or postgresql://...
    telemetry: str  # Where traces, warnings and errors go by OTLP/gRPC; empty: nowhere.
    data: Path  # Folder for what must survive a crash beside the store.
    tls: Path | None  # Folder with ca.pem, cert.pem and key.pem.
    tokens: Path | None  # Folder with the bearer tokens of the REST surfaces.
    expose: bool  # May listen elsewhere than on loopback; that needs TLS too.
    advertise: str  # The host by which others reach it, where it listens on all addresses; empty: as it listens.
    log_level: LogLevel
    forward: str = ""  # Where whoever takes telemetry in hands it on by OTLP/gRPC; empty: nowhere.
    alertmanager: str = ""  # URL of an Alertmanager that the risk monitor tells of its alerts; empty: none.
    webhook: str = ""  # URL to which the risk monitor posts what becomes of its alerts; empty: none.
    audit_rest: str = ""  # What the process is inside, over REST.
    accept_rollback: bool = False  # May start on an older copy of its store.

    @property
    def role(self) -> str:
        return self.instance.partition(".")[0]


def load_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises `Problem` for whatever is wrong with the file or the environment."""
    told = merged(path, environment)

    def text(key: str, default: str = "") -> str:
        return told[key].text() if key in told else default

    def address(key: str) -> str:
        if key in told and not is_web_address(told[key].text()):
            told[key].fail(f"{told[key].text()!r} is not an http:// or https:// address")
        return text(key)

    def folder(key: str) -> Path | None:
        return Path(told[key].text()) if key in told else None

    def flag(key: str) -> bool:
        return told[key].flag() if key in told else False

    return Settings(
        instance=told["instance"].text(),
        profile=Profile(told["profile"].word(Profile, "profile")) if "profile" in told else Profile.SIMULATION,
        document=Path(told["document"].text()),
        grpc=text("grpc", ANY_PORT),
        rest=text("rest", ANY_PORT),
        audit=text("audit"),
        audit_rest=text("audit_rest"),
        registry=text("registry"),
        store=told["store"].text(),
        telemetry=text("telemetry"),
        forward=text("forward"),
        alertmanager=address("alertmanager"),
        webhook=address("webhook"),
        data=Path(told["data"].text()),
        tls=folder("tls"),
        tokens=folder("tokens"),
        expose=flag("expose"),
        advertise=text("advertise"),
        log_level=LogLevel(told["log_level"].word(LogLevel, "log level")) if "log_level" in told else LogLevel.INFO,
        accept_rollback=flag("accept_rollback"),
    )


def merged(path: Path, environment: Mapping[str, str]) -> dict[str, Node]:
    """The keys of the file, each replaced by the environment's where that has one."""
    document = read_document(path)
    document.section(optional=KEYS)
    told = dict(document.entries())
    for key in KEYS:
        name = PREFIX + key.upper()
        if name in environment:
            told[key] = parse_document(f"environment {name}", json.dumps(environment[name]))
    for key in REQUIRED:
        if key not in told:
            document.fail(f"the key {key!r} is missing (or {PREFIX}{key.upper()} in the environment)")
    return told


def is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
