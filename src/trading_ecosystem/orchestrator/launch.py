"""What the process of each service is started with: its settings, its environment, its command.

Rule 1: settings name only what lies in the service's own folder, and no process is told where that folder is.
Rule 2: no process inherits a variable that is not named here; one of them could override settings, or tell of a test.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from trading_ecosystem import routes
from trading_ecosystem.live.neighbours import TOKEN
from trading_ecosystem.live.security.handshakes import HANDSHAKE_ENVIRONMENT
from trading_ecosystem.orchestrator.child import Command
from trading_ecosystem.orchestrator.documents import DOCUMENT, Files
from trading_ecosystem.orchestrator.folder import DATA, LOG, TOKENS, RunFolder
from trading_ecosystem.orchestrator.planes import module_of, plane_of, role_of
from trading_ecosystem.orchestrator.request import UpRequest

SETTINGS = "settings.yaml"
ANY_PORT = "127.0.0.1:0"
OFF = ""
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "SYSTEMROOT")


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where everybody finds what they share: the registry's URL, and the address that takes in traces.

    `stores`: the URL of the store of each instance that keeps none in its own folder.
    """

    folder: RunFolder
    registry: str
    telemetry: str
    stores: Mapping[str, str] = field(default_factory=dict)


def command_for(places: Places, instance: str, files: Files, token: str, request: UpRequest) -> Command:
    """Make the folder of the instance, and say how to start it."""
    settings = yaml.safe_dump(settings_for(places, instance, request), sort_keys=False)
    folder = places.folder.make_service(instance, files | {SETTINGS: settings, f"{TOKENS}/{TOKEN}": token})
    return Command(
        arguments=(sys.executable, "-P", "-m", module_of(instance), "--config", SETTINGS),
        folder=folder,
        environment=environment_from(os.environ, request.tls),
        log=folder / LOG,
    )


def settings_for(places: Places, instance: str, request: UpRequest) -> dict[str, str]:
    """The process settings. What ships to production runs as it does there: without an audit surface."""
    shipped = plane_of(instance) == "production"
    takes_traces, alerts = role_of(instance) == routes.AUDIT_CORRELATOR, role_of(instance) == routes.RISK_MONITOR
    settings = {
        "instance": instance,
        "profile": "production" if shipped else "simulation",
        "document": DOCUMENT,
        "registry": places.registry,
        "store": places.stores.get(instance, f"sqlite:///{DATA}/store.db"),
        "data": DATA,
        "tokens": TOKENS,
        "grpc": places.telemetry if takes_traces else ANY_PORT,
        "rest": ANY_PORT,
        "audit": OFF if shipped else ANY_PORT,
        "audit_rest": ANY_PORT if plane_of(instance) == "simulators" else OFF,
        "telemetry": places.telemetry,
        "forward": request.forward if takes_traces else "",
        "alertmanager": request.alertmanager if alerts else "",
        "webhook": request.webhook if alerts else "",
    }
    if request.tls:
        settings["tls"] = os.path.relpath(places.folder.certificates / instance, places.folder.service(instance))
    return {key: value for key, value in settings.items() if value}


def environment_from(inherited: Mapping[str, str], tls: bool) -> dict[str, str]:
    """The environment of a service process. Folders of modules stay the same from any working folder."""
    kept = {name: inherited[name] for name in INHERITED if name in inherited}
    if "PYTHONPATH" in kept:
        folders = kept["PYTHONPATH"].split(os.pathsep)
        kept["PYTHONPATH"] = os.pathsep.join(str(Path(folder).absolute()) for folder in folders if folder)
    return kept | {"PYTHONUNBUFFERED": "1"} | (HANDSHAKE_ENVIRONMENT if tls else {})
