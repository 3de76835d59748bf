"""What the simulation plane of one run is like: everything that a monitor must not be able to tell from another.

Rule 1: nothing here is a part of the production stream; all of it may differ within a pair, and does.
Rule 2: every text carries the canary of its run, so that a leak can be found wherever it comes out.
"""

from dataclasses import dataclass
from typing import final

import yaml
from tests.planes.recording import Stream

from trading_ecosystem import routes
from trading_ecosystem.chance import Dice
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.flat import varint
from trading_ecosystem.orchestrator.terms import Terms

MINUTE_NS = 60_000_000_000
UNKNOWN_FIELDS = (1000, 2000, 77_777)  # Of events; no schema here has them.
TEXT = 2  # The wire type of a field of bytes.
INJECTIONS = ("price.crash", "network.partition", "service.crash")
HIDDEN = (routes.TEST_COORDINATOR, routes.AUDIT_CORRELATOR, "trading_engine.gamma", "risk_monitor.shadow")
NAMES = (
    *("TSE_SCENARIO", "TSE_INJECTION", "TSE_CHAOS_LEASE", "TSE_FAULT", "TSE_LOG_LEVEL", "TSE_STORE", "SCENARIO"),
    *("OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME", "TRACEPARENT", "BAGGAGE", "PYTEST_CURRENT_TEST"),
)


@final
@dataclass(frozen=True, kw_only=True)
class Simulation:
    """`number` is one for every run; the dice of two numbers have nothing in common."""

    number: int

    @property
    def dice(self) -> Dice:
        return Dice(self.number, "planes")

    @property
    def canary(self) -> str:
        return f"canary{self.dice.bits(1):08x}{self.dice.bits(2):08x}"

    # What others than the monitor are told.

    def terms(self, stream: Stream) -> Terms:
        """Another scenario, another seed: other documents for everybody but the firm."""
        return Terms(
            seed=self.dice.below(1 << 30, 3),
            start_ns=stream.start_ns,
            scenario=yaml.safe_dump(self.scenario(), sort_keys=False),
            duration_ns=(10 + self.dice.below(50, 4)) * MINUTE_NS,
        )

    def scenario(self) -> dict[str, object]:
        kind = INJECTIONS[self.dice.below(len(INJECTIONS), 5)]
        return {
            "name": f"{self.canary}-{kind.replace('.', '-')}",
            "title": f"{self.canary} is what this run is called",
            "story": f"Somebody called {self.canary} breaks something, and a monitor is tested.",
            "method": [{"at": "1m", "inject": kind, "id": f"{self.canary}-injection"}],
        }

    def environment(self) -> dict[str, str]:
        """Of the process that starts the monitor."""
        return {name: f"{self.canary}-{name.lower()}" for name in NAMES}

    def parameters(self) -> dict[str, str]:
        count = 1 + self.dice.below(5, 6)
        return {f"scenario.part{at}": f"{self.canary} {self.dice.bits(7, at)}" for at in range(count)}

    def hidden(self) -> tuple[str, ...]:
        """Who else is in the registry; nobody at all in some runs."""
        return HIDDEN[: self.dice.below(len(HIDDEN) + 1, 8)]

    def beats_every_s(self) -> float:
        """How often these say that they are there, and leases are renewed."""
        return (50 + self.dice.below(400, 9)) / 1000

    # What is around the production stream.

    @property
    def watched(self) -> bool:
        """Whether an observer listens to the monitor."""
        return self.dice.below(2, 10) == 1

    @property
    def incarnation(self) -> int:
        return 1 + self.dice.bits(11)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (
            ("baggage", f"scenario={self.canary}"),
            ("traceparent", f"00-{self.dice.bits(12):032x}-{1 + self.dice.bits(13):016x}-01"),
            ("x-injection", self.canary),
        )

    def gap(self, index: int) -> int:
        """How many events that are not for the monitor the sender published before this one."""
        return self.dice.below(4, index, 14)

    def header(self, index: int) -> Header:
        """Of an event of a story of its own, or of one of the stories of an injection."""
        message_id = ((1 + self.dice.bits(15)) << 30) + index
        story = self.dice.below(4, index, 16)
        return Header(message_id=message_id, correlation_id=((1 + self.dice.bits(17)) << 30) + story or message_id)

    def marks(self, index: int) -> bytes:
        """Fields of an event that the monitor's schema does not know."""
        number = UNKNOWN_FIELDS[self.dice.below(len(UNKNOWN_FIELDS), index, 18)]
        text = f"{self.canary} {index}".encode()
        return varint(number << 3 | TEXT) + varint(len(text)) + text if self.dice.below(3, index, 19) else b""
