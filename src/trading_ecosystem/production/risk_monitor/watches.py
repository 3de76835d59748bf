"""The watches over all limits of a firm, by rule and subject."""

from typing import final

from trading_ecosystem.messages.risk import Severity
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.production.risk_monitor.alerts import Alert, Watch
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.production.risk_monitor.levels import Levels
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry


@final
class Watches:
    """In the order in which they were made. `by_key`: by alert, so that a wake finds what it is for."""

    __slots__ = ("_limits", "all", "by_key")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.all: list[Watch] = []
        self.by_key: dict[str, Watch] = {}

    def of(self, rule: str) -> dict[str, Watch]:
        """Those of a rule, by subject; none where the firm has no such rule."""
        entry = self._limits.entry(rule)
        return {} if entry is None else self.of_entry(rule, entry)

    def of_entry(self, rule: str, entry: Entry) -> dict[str, Watch]:
        return {
            subject: self.add(rule, subject, limit.unit, limit.levels)
            for limit in entry.limits
            for subject in limit.subjects
        }

    def add(self, rule: str, subject: str, unit: str, levels: Levels) -> Watch:
        watch = Watch(rule, subject, unit, levels, self._limits)
        self.all.append(watch)
        for alert in watch.alerts:
            self.by_key[alert.key] = watch
        return watch

    def critical(self) -> list[Alert]:
        """Every critical alert that there may be."""
        return [alert for watch in self.all for alert in watch.alerts if alert.severity is Severity.CRITICAL]

    def recall(self, memory: dict[str, Plain], now: int, outbox: Outbox) -> None:
        for watch in self.all:
            watch.recall(memory, now, outbox)

    def resolve(self, now: int, outbox: Outbox) -> None:
        """Whatever has been over for long enough."""
        for watch in self.all:
            watch.resolve(now, outbox)
