"""The JSON that the registry takes and gives."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from trading_ecosystem.live.discovery.configuration import LONGEST_VALUE
from trading_ecosystem.live.discovery.registration import ADDRESS, LATEST_EPOCH, VERSION, Status

Address = Annotated[str, Field(pattern=ADDRESS)]


def whole(value: object) -> object:
    """JSON Schema calls 7.0 an integer too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Addresses(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    grpc: Address | None = None
    rest: Address | None = None
    audit: Address | None = None
    audit_rest: Address | None = None


class Announcement(BaseModel):
    """What a process says of itself, again every two seconds."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str, Field(pattern=VERSION)]
    addresses: Addresses
    status: Status
    epoch: Annotated[
        int,
        Field(strict=True, ge=1, le=LATEST_EPOCH, description="Higher for every life of a process"),
        BeforeValidator(whole),
    ]


class ServiceReport(BaseModel):
    instance: str
    role: str
    version: str
    addresses: dict[str, str]
    status: Status
    epoch: int


class ServiceList(BaseModel):
    services: list[ServiceReport]


class Accepted(BaseModel):
    lifetime_ns: int = Field(description="How long the process is there without saying so again")


class Setting(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    value: Annotated[str, Field(max_length=LONGEST_VALUE)]


class ParameterReport(BaseModel):
    name: str
    value: str
    version: int
    changed_ns: int


class ParameterList(BaseModel):
    parameters: list[ParameterReport]


class TargetGroup(BaseModel):
    """As Prometheus reads it: https://prometheus.io/docs/prometheus/latest/http_sd/"""

    targets: list[str]
    labels: dict[str, str]
