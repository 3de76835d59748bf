"""What every REST surface is given, whichever service it belongs to."""

from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import CollectorRegistry

from trading_ecosystem.live.door import Door
from trading_ecosystem.live.rest.access import Authorise
from trading_ecosystem.live.rest.rates import Rate, Rates

USUAL_RATE = Rate(per_second=200, burst=400)


class Observe(Protocol):
    def __call__(self, method: str, route: str, status: int, seconds: float) -> None:
        """One call has ended. `route` is the template of its path, never the path; `status` a close code for streams.

        Must neither wait nor raise.
        """


@dataclass(frozen=True, kw_only=True)
class Surface:
    """`service` is the role, such as `exchange`; `environment` the profile that it runs in."""

    door: Door
    service: str
    version: str
    environment: str
    authorise: Authorise
    observe: Observe
    metrics: CollectorRegistry
    rates: Rates = field(default_factory=lambda: Rates(USUAL_RATE))
