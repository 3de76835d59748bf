"""What a process says of itself to the registry, and how it is written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

INSTANCE = r"^[a-z][a-z0-9_]{0,31}(\.[a-z0-9][a-z0-9_-]{0,31})?$"
PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
ADDRESS = rf"^(unix:/[!-~]{{1,106}}|([A-Za-z0-9._-]{{1,253}}|\[[0-9A-Fa-f:.]{{2,45}}\]):{PORT})$"
VERSION = r"^[!-~]{1,64}$"
LATEST_EPOCH = (1 << 53) - 1  # Exact in any JSON reader: microseconds since 1970 fit, nanoseconds do not.
KINDS = ("grpc", "rest", "audit", "audit_rest")


class Status(StrEnum):
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """`instance` is such as `exchange` or `trading_engine.alpha`; its role is the word before the dot.

    `addresses`: `host:port` or `unix:/path` of each kind of surface that is open. `epoch` is higher for every life
    of a process under this name; of two processes, the one of the higher epoch is the instance.
    """

    instance: str
    version: str
    addresses: Mapping[str, str]
    status: Status
    epoch: int

    @property
    def role(self) -> str:
        return role_of(self.instance)


def role_of(instance: str) -> str:
    return instance.partition(".")[0]


def to_plain(registration: Registration) -> dict[str, object]:
    """As JSON holds it."""
    return {
        "instance": registration.instance,
        "role": registration.role,
        "version": registration.version,
        "addresses": dict(registration.addresses),
        "status": registration.status.value,
        "epoch": registration.epoch,
    }


def from_plain(plain: object) -> Registration:
    """Raises `ValueError` for what `to_plain` cannot have written."""
    match plain:
        case {
            "instance": str(instance),
            "version": str(version),
            "addresses": dict(addresses),
            "status": str(status),
            "epoch": int(epoch),
        } if re.fullmatch(INSTANCE, instance) and re.fullmatch(VERSION, version) and 0 < epoch <= LATEST_EPOCH:
            check_addresses(addresses)
            return Registration(
                instance=instance, version=version, addresses=addresses, status=Status(status), epoch=epoch
            )
    raise ValueError("not a registration")


def check_addresses(addresses: Mapping[str, str]) -> None:
    """Raises `ValueError` for the first that is none."""
    for kind, address in addresses.items():
        if kind not in KINDS:
            raise ValueError(f"there are addresses of the kinds {', '.join(KINDS)}")
        if not isinstance(address, str) or not re.fullmatch(ADDRESS, address):
            raise ValueError(f"{kind} is not host:port, [IPv6]:port or unix:/path")
