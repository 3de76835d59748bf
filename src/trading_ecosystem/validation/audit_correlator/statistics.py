"""Figures of a run: orders and settlements per hour, losses by reason, how fast each alert came."""

from dataclasses import dataclass
from typing import final

from trading_ecosystem.messages.audit import DeliveryLost
from trading_ecosystem.validation.audit_correlator.explanation import Explanation
from trading_ecosystem.validation.results import Series

HOUR_NS = 3_600_000_000_000

# What is counted per hour: type of message, the name of its line, the group of its chart.
PER_HOUR = {
    "SubmitOrder": ("orders submitted", "orders"),
    "OrderDenied": ("orders denied", "orders"),
    "OrderAccepted": ("orders accepted", "orders"),
    "OrderRejected": ("orders rejected", "orders"),
    "OrderCanceled": ("orders canceled", "orders"),
    "TradeExecuted": ("trades", "orders"),
    "SettlementInstructed": ("settlements instructed", "settlement"),
    "TransactionPosted": ("settlements posted", "settlement"),
    "PartPosted": ("settlements posted in part", "settlement"),
    "NettingSettled": ("netting sets settled", "settlement"),
    "SettlementFailed": ("settlements failed", "settlement"),
    "SettlementCanceled": ("settlements canceled", "settlement"),
    "TransferRequested": ("transfers requested", "transfer"),
    "TransferPosted": ("steps of transfers posted", "transfer"),
}


@dataclass(frozen=True, kw_only=True)
class DetectionLatency:
    """How long an alert took; from the injection None where none explains it."""

    alert_id: str
    from_injection_ns: int | None
    from_breach_ns: int


@final
class HourlyCounts:
    """Counts of one type of message in full hours, from the hour of the first message of the run."""

    __slots__ = ("counts", "first_hour")

    def __init__(self) -> None:
        self.first_hour = 0
        self.counts: list[int] = []

    def add(self, ns: int) -> None:
        hour = ns // HOUR_NS
        if not self.counts:
            self.first_hour = hour
        place = hour - self.first_hour
        if place < 0:
            return self._reach_back(-place)
        while len(self.counts) <= place:
            self.counts.append(0)
        self.counts[place] += 1

    def _reach_back(self, hours: int) -> None:
        self.counts = [1] + [0] * (hours - 1) + self.counts
        self.first_hour -= hours

    def series(self, name: str, group: str) -> Series:
        """One point per hour, at its beginning."""
        points = tuple(((self.first_hour + place) * HOUR_NS, float(count)) for place, count in enumerate(self.counts))
        return Series(name=name, group=group, unit="count", points=points)


@final
class Statistics:
    __slots__ = ("hourly", "losses")

    def __init__(self) -> None:
        self.hourly: dict[str, HourlyCounts] = {name: HourlyCounts() for name in PER_HOUR}
        self.losses: dict[str, int] = {}

    def lose(self, fact: DeliveryLost) -> None:
        reason = fact.loss_reason.value
        self.losses[reason] = self.losses.get(reason, 0) + 1

    def series(self) -> tuple[Series, ...]:
        """Those lines that have a point."""
        return tuple(
            self.hourly[type_name].series(name, group)
            for type_name, (name, group) in PER_HOUR.items()
            if self.hourly[type_name].counts
        )


def latency(explanation: Explanation) -> DetectionLatency:
    alert, injection = explanation.alert, explanation.injection
    receipt = None if injection is None else injection.receipt
    return DetectionLatency(
        alert_id=alert.alert_id,
        from_injection_ns=None if receipt is None else alert.occurred_ns - receipt.occurred_ns,
        from_breach_ns=alert.occurred_ns - alert.breached_ns,
    )
