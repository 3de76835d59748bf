"""What `tse up` asks for, as one line of JSON: a supervisor in the background is handed it on its standard input."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.settings import is_web_address

READY_WITHIN_S = 60


class Stores(StrEnum):
    """Where services keep what must survive: each in a file of its own, or in servers that are there already."""

    EMBEDDED = "embedded"
    SERVERS = "servers"


@dataclass(frozen=True, kw_only=True)
class UpRequest:
    """`postgres` and `valkey` are URLs, for the profile `servers`. `port` is the registry's, 0 for any free one.

    `speed`: so many simulated seconds pass in each second of the machine. `tls`: services show each other
    certificates of an authority made for this run. `forward`: `host:port` that the audit hands telemetry on to.
    `alertmanager` and `webhook`: URLs that the risk monitor tells of its alerts.
    """

    folder: Path
    world: Path
    seed: int
    speed: int
    profile: Stores = Stores.EMBEDDED
    postgres: str = ""
    valkey: str = ""
    port: int = 0
    tls: bool = False
    ready_within_s: int = READY_WITHIN_S
    forward: str = ""
    alertmanager: str = ""
    webhook: str = ""

    def __post_init__(self) -> None:
        for name, url in (("--alertmanager", self.alertmanager), ("--webhook", self.webhook)):
            if url and not is_web_address(url):
                raise Problem(f"{name}: {url!r} is not an http:// or https:// address")
        if self.profile is not Stores.SERVERS:
            return
        for name, url in (("--postgres", self.postgres), ("--valkey", self.valkey)):
            if not url:
                raise Problem(f"--profile servers needs {name}, or TSE_{name[2:].upper()} in the environment")

    def to_line(self) -> str:
        return json.dumps(asdict(self), default=str) + "\n"

    @classmethod
    def from_line(cls, line: str) -> "UpRequest":
        told = json.loads(line)
        folder, world = Path(told.pop("folder")), Path(told.pop("world"))
        return cls(folder=folder, world=world, profile=Stores(told.pop("profile")), **told)
