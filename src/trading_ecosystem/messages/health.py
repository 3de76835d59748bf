"""How a service says whether it serves."""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from trading_ecosystem.messages.message import Published


class HealthStatus(StrEnum):
    SERVING = "serving"
    DEGRADED = "degraded"  # It answers, but not everything it says is certain.
    NOT_SERVING = "not_serving"


@final
@dataclass(frozen=True, kw_only=True)
class HealthChanged(Published):
    service: str
    health: HealthStatus
    detail: str
    occurred_ns: int
