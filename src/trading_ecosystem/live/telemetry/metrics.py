"""The figures of a service: what is measured, by which name, and the port to whoever collects it.

Rule 1: a figure is defined here once, with its labels; measuring one that is not defined is an error.
Rule 2: every queue is shown with its bound, every loss is counted.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar, final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

Labels = tuple[str, ...]  # Values, in the order of the definition's labels.

CALL_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
COUNTED_AT_ONCE = 250  # Calls.
ALERT_SECONDS = (0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0)


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Definition:
    kind: Kind
    help: str
    labels: Labels
    buckets: tuple[float, ...] = CALL_SECONDS


def counter(text: str, *labels: str) -> Definition:
    return Definition(Kind.COUNTER, text, labels)


def gauge(text: str, *labels: str) -> Definition:
    return Definition(Kind.GAUGE, text, labels)


def histogram(text: str, buckets: tuple[float, ...], *labels: str) -> Definition:
    return Definition(Kind.HISTOGRAM, text, labels, buckets)


FIGURES = {
    # 1. Every surface: rate, errors, duration.
    "tse_requests_total": counter("Calls, by their result.", "surface", "method", "code"),
    "tse_request_duration_seconds": histogram("How long a call took.", CALL_SECONDS, "surface", "method"),
    # 2. What goes through the core.
    "tse_messages_delivered_total": counter("Messages handed to the core.", "kind"),
    "tse_messages_published_total": counter("Messages that left the core.", "kind"),
    "tse_messages_lost_total": counter("Messages that never came to where they were meant to.", "reason"),
    "tse_journal_commit_seconds": histogram("How long a group of inputs took to be durable.", CALL_SECONDS),
    "tse_queue_length": gauge("What waits in a queue.", "queue"),
    "tse_queue_bound": gauge("What a queue may hold at most.", "queue"),
    # 3. The risk monitor.
    "risk_compliance_status": gauge("1 within the mandate, 0 not, NaN where it is unknown.", "mandate", "asset"),
    "risk_alert_generated_total": counter("Alerts fired.", "type", "severity"),
    "risk_notifications_total": counter("Alerts told to those outside, by what became of it.", "channel", "result"),
    "risk_threshold_breach": gauge("Alerts that fire now, by the limit that is breached.", "limit"),
    "risk_monitor_latency_seconds": histogram("Age of an input, or of a breach.", ALERT_SECONDS, "source"),
    "risk_position_size": gauge("Units of the asset.", "asset", "venue"),
    "risk_pnl_drawdown": gauge("Share of the high-water mark that is lost.", "strategy"),
    # 4. The trading engine.
    "trading_orders_total": counter("Orders, by what became of them and why.", "outcome", "reason"),
    "trading_filled_lots_total": counter("Lots filled.", "symbol"),
    # 5. The simulators.
    "exchange_orders_total": counter("Orders, by the venue's answer and why.", "outcome", "reason"),
    "exchange_trades_total": counter("Trades.", "symbol"),
    "exchange_margin_calls_total": counter("Accounts told that their margin runs out.", "asset"),
    "exchange_liquidations_total": counter("Positions closed by the venue, or parts of them.", "symbol"),
    "exchange_deleveragings_total": counter("Sides of a position closed against a bankrupt account's.", "symbol"),
    "custodian_settlements_total": counter("Settlement instructions, by what became of them.", "custodian", "outcome"),
    "custodian_transfers_total": counter("Transfers, by the status that they came to.", "custodian", "status"),
    "market_data_quotes_total": counter("Quotes.", "symbol"),
}  # fmt: skip


class Meter(Protocol):
    """Where figures go. Raises KeyError for a name that is not in `FIGURES`, ValueError for wrong labels."""

    def count(self, name: str, labels: Labels = (), amount: int = 1) -> None:
        """Add to a counter."""

    def show(self, name: str, labels: Labels, value: float) -> None:
        """Set a gauge."""

    def time(self, name: str, labels: Labels, seconds: float) -> None:
        """Add to a histogram."""

    def watch(self, queue: str, bound: float, length: Callable[[], int]) -> None:
        """Show the length of a queue whenever somebody looks, beside its bound."""


Family = Counter | Gauge | Histogram
AFamily = TypeVar("AFamily", Counter, Gauge, Histogram)


@final
class KeptElsewhere(Collector):
    """A counter of one label whose amounts somebody else keeps, read when somebody looks."""

    def __init__(self, name: str, amounts: Callable[[], Mapping[str, int]]) -> None:
        self._name, self._amounts = name, amounts

    def collect(self) -> Iterator[CounterMetricFamily]:
        definition = FIGURES[self._name]
        family = CounterMetricFamily(self._name, definition.help, labels=definition.labels)
        for label, amount in self._amounts().items():
            family.add_metric((label,), amount)
        yield family


@final
class Requests(Collector):
    """Counts calls in groups, and before somebody looks: to count one alone takes as long as to check its caller."""

    def __init__(self, count: Callable[[str, Labels], None], time: Callable[[str, Labels, float], None]) -> None:
        self._count, self._time = count, time
        self._calls: list[tuple[str, str, str, float]] = []

    def note(self, surface: str, method: str, code: str, seconds: float) -> None:
        """One call over `surface` (grpc, audit, rest, websocket), answered with this status code."""
        self._calls.append((surface, method, code, seconds))
        if len(self._calls) >= COUNTED_AT_ONCE:
            self._fold()

    def collect(self) -> Iterator[Metric]:
        """Shows nothing itself; whoever registers it before its figures has them whole."""
        self._fold()
        yield from ()

    def _fold(self) -> None:
        calls, self._calls = self._calls, []
        for surface, method, code, seconds in calls:
            self._count("tse_requests_total", (surface, method, code))
            self._time("tse_request_duration_seconds", (surface, method), seconds)


@final
class PrometheusMeter:
    """Figures of one process, to be scraped: `registry` is what a `/metrics` shows."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._families: dict[str, Family] = {}
        self._members: dict[tuple[str, Labels], Family] = {}  # Of a family, by their labels.
        self.requests = Requests(self.count, self.time)
        self.registry.register(self.requests)
        for name in ("tse_requests_total", "tse_request_duration_seconds"):
            self._family(name)  # A registry does not show what it gets while it is looked at.

    def count(self, name: str, labels: Labels = (), amount: int = 1) -> None:
        self._labelled(Counter, name, labels).inc(amount)

    def show(self, name: str, labels: Labels, value: float) -> None:
        self._labelled(Gauge, name, labels).set(value)

    def time(self, name: str, labels: Labels, seconds: float) -> None:
        self._labelled(Histogram, name, labels).observe(seconds)

    def watch(self, queue: str, bound: float, length: Callable[[], int]) -> None:
        self.show("tse_queue_bound", (queue,), bound)
        self._labelled(Gauge, "tse_queue_length", (queue,)).set_function(length)

    def total(self, name: str, amounts: Callable[[], Mapping[str, int]]) -> None:
        """Show a counter of one label that costs nothing while nobody looks: `amounts` says it by label."""
        self.registry.register(KeptElsewhere(name, amounts))

    def _labelled(self, kind: type[AFamily], name: str, labels: Labels) -> AFamily:
        member = self._members.get((name, labels))
        if member is None:
            family = self._family(name)
            member = self._members[name, labels] = family.labels(*labels) if labels else family
        assert isinstance(member, kind), name
        return member

    def _family(self, name: str) -> Family:
        found = self._families.get(name)
        if found is None:
            found = self._families[name] = self._build(name, FIGURES[name])
        return found

    def _build(self, name: str, definition: Definition) -> Family:
        if definition.kind is Kind.COUNTER:
            return Counter(name, definition.help, definition.labels, registry=self.registry)
        if definition.kind is Kind.GAUGE:
            return Gauge(name, definition.help, definition.labels, registry=self.registry)
        return Histogram(name, definition.help, definition.labels, registry=self.registry, buckets=definition.buckets)
