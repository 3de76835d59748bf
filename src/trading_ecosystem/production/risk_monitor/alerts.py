"""The life of an alert: inactive, pending, firing, resolved.

Rule 1: a status changes in `Alert._turn` by the table, and nowhere else.
Rule 2: what must survive a crash is remembered before the alert is told to anybody.
Rule 3: an episode lasts at least `fires_at_most_every`, so a flapping value is one episode, not a storm.
"""

from enum import StrEnum
from typing import final

from trading_ecosystem.messages.numbers import carried
from trading_ecosystem.messages.risk import AlertAcknowledged, AlertFired, AlertResolved, Severity
from trading_ecosystem.messages.runtime import Plain, Remember
from trading_ecosystem.production.risk_monitor.levels import Ending, Level, Levels
from trading_ecosystem.production.risk_monitor.outbox import Outbox

NEVER = -1
UNLIMITED = 1 << 100  # No figure reaches it.


class Status(StrEnum):
    INACTIVE = "inactive"
    PENDING = "pending"  # In breach, not yet as long as the rule asks.
    FIRING = "firing"
    RESOLVED = "resolved"


class Turn(StrEnum):
    BREACHED = "breached"
    ENDED = "ended"  # The breach was over before it had lasted long enough.
    LASTED = "lasted"
    RECOVERED = "recovered"


TRANSITIONS = {
    (Status.INACTIVE, Turn.BREACHED): Status.PENDING,
    (Status.RESOLVED, Turn.BREACHED): Status.PENDING,
    (Status.PENDING, Turn.ENDED): Status.INACTIVE,
    (Status.PENDING, Turn.LASTED): Status.FIRING,
    (Status.FIRING, Turn.RECOVERED): Status.RESOLVED,
}


@final
class Alert:
    """One severity of one rule for one subject, over all its episodes. Times are ns; `NEVER` where there is none."""

    __slots__ = (
        "acknowledged_ns",
        "breached_ns",
        "eased_ns",
        "episode",
        "fired_ns",
        "key",
        "limit",
        "resolves",
        "resolves_after_ns",
        "rule",
        "severity",
        "shortest_episode_ns",
        "status",
        "subject",
        "sustain_ns",
        "unit",
        "value",
    )

    def __init__(self, rule: str, subject: str, severity: Severity, unit: str, level: Level, ending: Ending) -> None:
        self.rule, self.subject, self.severity, self.unit = rule, subject, severity, unit
        self.key = f"{rule}:{subject}:{severity.value}"
        self.limit: int = level.at
        self.resolves: int = level.resolves
        self.sustain_ns: int = level.for_ns
        self.resolves_after_ns: int = ending.resolves_after_ns
        self.shortest_episode_ns: int = ending.fires_at_most_every_ns
        self.status = Status.INACTIVE
        self.episode = 0
        self.value = 0
        self.breached_ns = NEVER
        self.fired_ns = NEVER
        self.eased_ns = NEVER
        self.acknowledged_ns = NEVER

    @property
    def alert_id(self) -> str:
        return f"{self.key}:{self.episode}"

    @property
    def active(self) -> bool:
        return self.status is Status.PENDING or self.status is Status.FIRING

    def update(self, value: int, at_ns: int, now: int, outbox: Outbox) -> None:
        """Take a new value that held at `at_ns` on the venue's clock."""
        self.value = value
        if self.status is Status.FIRING:
            self._ease(at_ns, outbox)
            self.resolve(now, outbox)
        elif value >= self.limit:
            if self.status is not Status.PENDING:
                self._begin(at_ns, now, outbox)
            if at_ns - self.breached_ns >= self.sustain_ns:
                self._fire(now, outbox)
        elif self.status is Status.PENDING:
            self._turn(Turn.ENDED)
            self._remember(outbox)

    def last(self, now: int, outbox: Outbox) -> None:
        """Fire if the breach has lasted until now; nothing newer than its last value is known."""
        if self.status is Status.PENDING and now - self.breached_ns >= self.sustain_ns:
            self._fire(now, outbox)

    def resolve(self, now: int, outbox: Outbox) -> None:
        """Resolve if the value has been low for long enough, and the episode is not too young."""
        if self.status is not Status.FIRING or self.eased_ns == NEVER:
            return
        if now - self.eased_ns < self.resolves_after_ns or now - self.fired_ns < self.shortest_episode_ns:
            return
        self._turn(Turn.RECOVERED)
        self.eased_ns = NEVER
        self._remember(outbox)
        outbox.send(
            AlertResolved(
                alert_id=self.alert_id,
                rule=self.rule,
                subject=self.subject,
                severity=self.severity,
                episode=self.episode,
                occurred_ns=now,
            )
        )

    def acknowledge(self, operator: str, now: int, outbox: Outbox) -> None:
        if self.status is Status.FIRING and self.acknowledged_ns == NEVER:
            self.acknowledged_ns = now
            self._remember(outbox)
            outbox.send(AlertAcknowledged(alert_id=self.alert_id, operator=operator, occurred_ns=now))

    def recall(self, memory: Plain, now: int, outbox: Outbox) -> None:
        """Take over what `_remember` kept. A breach that was pending goes on where it was."""
        assert isinstance(memory, dict)
        self.status = Status(memory["status"])
        self.episode = int(memory["episode"])
        self.breached_ns = int(memory["breached_ns"])
        self.fired_ns = int(memory["fired_ns"])
        self.eased_ns = int(memory["eased_ns"])
        self.acknowledged_ns = int(memory.get("acknowledged_ns", NEVER))
        if self.status is Status.PENDING:
            outbox.wake(self.key, max(now, self.breached_ns + self.sustain_ns))

    def _turn(self, turn: Turn) -> None:
        self.status = TRANSITIONS[self.status, turn]

    def _begin(self, at_ns: int, now: int, outbox: Outbox) -> None:
        self._turn(Turn.BREACHED)
        self.breached_ns = at_ns
        if self.sustain_ns > 0:
            self._remember(outbox)
            outbox.wake(self.key, max(now, at_ns + self.sustain_ns))

    def _fire(self, now: int, outbox: Outbox) -> None:
        self._turn(Turn.LASTED)
        self.episode += 1
        self.fired_ns, self.eased_ns, self.acknowledged_ns = now, NEVER, NEVER
        self._remember(outbox)
        outbox.send(
            AlertFired(
                alert_id=self.alert_id,
                rule=self.rule,
                subject=self.subject,
                severity=self.severity,
                episode=self.episode,
                value=carried(self.value),
                limit=self.limit,
                unit=self.unit,
                breached_ns=self.breached_ns,
                occurred_ns=now,
            )
        )

    def _ease(self, at_ns: int, outbox: Outbox) -> None:
        low = self.value < self.resolves
        if low == (self.eased_ns != NEVER):
            return
        self.eased_ns = at_ns if low else NEVER
        self._remember(outbox)

    def _remember(self, outbox: Outbox) -> None:
        value: dict[str, Plain] = {
            "status": self.status.value,
            "episode": self.episode,
            "breached_ns": self.breached_ns,
            "fired_ns": self.fired_ns,
            "eased_ns": self.eased_ns,
            "acknowledged_ns": self.acknowledged_ns,
        }
        outbox.send(Remember(key=memory_key(self.key), value=value))


@final
class Watch:
    """The alerts of one rule for one subject.

    Below `lowest` and while not `active`, a value changes nothing and need not be handed in; without levels it never
    does. `known` is False while there is no value to go by: nothing fires or resolves from a clock alone then.
    """

    __slots__ = ("active", "alerts", "known", "lowest", "subject", "unit")

    def __init__(self, rule: str, subject: str, unit: str, levels: Levels, ending: Ending) -> None:
        self.subject, self.unit = subject, unit
        self.alerts: list[Alert] = []
        if levels.warning is not None:
            self.alerts.append(Alert(rule, subject, Severity.WARNING, unit, levels.warning, ending))
        if levels.critical is not None:
            self.alerts.append(Alert(rule, subject, Severity.CRITICAL, unit, levels.critical, ending))
        self.lowest: int = self.alerts[0].limit if self.alerts else UNLIMITED
        self.active = False
        self.known = False

    @property
    def highest(self) -> int:
        """0 where no limit is set."""
        return self.alerts[-1].limit if self.alerts else 0

    def update(self, value: int, at_ns: int, now: int, outbox: Outbox) -> None:
        self.known = True
        for alert in self.alerts:
            alert.update(value, at_ns, now, outbox)
        self._look()

    def last(self, now: int, outbox: Outbox) -> None:
        """The time of a pending breach may be up."""
        if self.known:
            for alert in self.alerts:
                alert.last(now, outbox)

    def resolve(self, now: int, outbox: Outbox) -> None:
        """The time of a recovery may be up."""
        if self.known and self.active:
            for alert in self.alerts:
                alert.resolve(now, outbox)
            self._look()

    def acknowledge(self, alert_id: str, operator: str, now: int, outbox: Outbox) -> None:
        for alert in self.alerts:
            if alert.alert_id == alert_id:
                alert.acknowledge(operator, now, outbox)

    def recall(self, memory: dict[str, Plain], now: int, outbox: Outbox) -> None:
        for alert in self.alerts:
            key = memory_key(alert.key)
            if key in memory:
                alert.recall(memory[key], now, outbox)
        self._look()

    def _look(self) -> None:
        self.active = False
        for alert in self.alerts:
            if alert.active:
                self.active = True


def memory_key(alert_key: str) -> str:
    return f"alert {alert_key}"
