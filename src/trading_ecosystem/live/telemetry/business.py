"""The figures of each role's business, read off the messages that it hears and sends.

Rule 1: a role's figures are two tables: message type -> what to measure, for what it sends and for what it hears.
Rule 2: nothing here is known of a test; a monitor shows the same figures in production.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from trading_ecosystem.live.telemetry.metrics import Meter
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.custody import (
    PartPosted,
    SettlementCanceled,
    SettlementFailed,
    SettlementInstructed,
    TransactionPosted,
)
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import OrderAmended
from trading_ecosystem.messages.orders import (
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderRejected,
    SubmitOrder,
    TradeExecuted,
)
from trading_ecosystem.messages.perpetuals import MarginCalled, PositionDeleveraged, PositionLiquidated
from trading_ecosystem.messages.risk import AlertFired, AlertResolved, Exposure, RiskReported
from trading_ecosystem.messages.transfers import TransferChanged, TransferRefused, TransferRequested
from trading_ecosystem.messages.triggers import OrderTriggered

SECOND_NS = 1_000_000_000
MINOR = 100_000_000  # Minor units in a unit of any asset.
MILLION = 1_000_000
FIRM = "firm"
ALL_VENUES = "all"
OF_GROUPS = ("account_drawdown", "strategy_drawdown", "desk_drawdown")
UNKNOWN = float("nan")

Measure = Callable[[Meter, Any, int], None]  # Meter, message of the table's type, now.
Table = Mapping[type[Message], Measure]


@dataclass(frozen=True, kw_only=True)
class Figures:
    sent: Table = field(default_factory=dict)
    heard: Table = field(default_factory=dict)


@final
class Business:
    """Measures what passes. `role` is such as `risk_monitor`; roles without figures of their own have none."""

    def __init__(self, role: str, meter: Meter) -> None:
        self._meter = meter
        self._figures = BUSINESS[role]() if role in BUSINESS else Figures()

    def note_sent(self, message: Message, now_ns: int) -> None:
        measure = self._figures.sent.get(type(message))
        if measure is not None:
            measure(self._meter, message, now_ns)

    def note_heard(self, message: Message, now_ns: int) -> None:
        measure = self._figures.heard.get(type(message))
        if measure is not None:
            measure(self._meter, message, now_ns)


# The risk monitor.


@final
class OpenAlerts:
    """Which alerts fire now."""

    def __init__(self) -> None:
        self._open: dict[str, set[str]] = {}  # Alert ids by rule.

    def note_fired(self, meter: Meter, alert: AlertFired, now_ns: int) -> None:
        meter.count("risk_alert_generated_total", (alert.rule, alert.severity.value))
        meter.time("risk_monitor_latency_seconds", ("alert",), (alert.occurred_ns - alert.breached_ns) / SECOND_NS)
        self._open.setdefault(alert.rule, set()).add(alert.alert_id)
        self._show(meter, alert.rule)

    def note_resolved(self, meter: Meter, alert: AlertResolved, now_ns: int) -> None:
        self._open.setdefault(alert.rule, set()).discard(alert.alert_id)
        self._show(meter, alert.rule)

    def _show(self, meter: Meter, rule: str) -> None:
        meter.show("risk_threshold_breach", (rule,), len(self._open[rule]))


def note_risk(meter: Meter, report: RiskReported, now_ns: int) -> None:
    meter.show("risk_pnl_drawdown", (FIRM,), report.drawdown_ppm / MILLION if report.certain else UNKNOWN)
    for exposure in report.exposures:
        if exposure.limit:
            meter.show("risk_compliance_status", (exposure.measure, exposure.subject), compliance(exposure))
        if exposure.measure in OF_GROUPS:
            drawdown = exposure.value / MILLION if exposure.certain else UNKNOWN
            meter.show("risk_pnl_drawdown", (exposure.subject,), drawdown)
        elif exposure.measure == "position":
            size = exposure.value / MINOR if exposure.certain else UNKNOWN
            meter.show("risk_position_size", (exposure.subject, ALL_VENUES), size)
        elif exposure.measure == "position_at_venue":
            venue, _, asset = exposure.subject.partition(":")
            size = exposure.value / MINOR if exposure.certain else UNKNOWN
            meter.show("risk_position_size", (asset, venue), size)


def compliance(exposure: Exposure) -> float:
    if not exposure.certain:
        return UNKNOWN
    return 1.0 if abs(exposure.value) < exposure.limit else 0.0


def note_quote_age(meter: Meter, quote: QuotePublished, now_ns: int) -> None:
    meter.time("risk_monitor_latency_seconds", ("market_data",), (now_ns - quote.occurred_ns) / SECOND_NS)


def note_venue_age(meter: Meter, beat: VenueHeartbeat, now_ns: int) -> None:
    meter.time("risk_monitor_latency_seconds", (beat.venue,), (now_ns - beat.occurred_ns) / SECOND_NS)


def risk_monitor() -> Figures:
    alerts = OpenAlerts()
    return Figures(
        sent={AlertFired: alerts.note_fired, AlertResolved: alerts.note_resolved, RiskReported: note_risk},
        heard={QuotePublished: note_quote_age, VenueHeartbeat: note_venue_age},
    )


# The others: all of it is counting.


def counts(name: str, labels_of: Callable[[Any], tuple[str, ...]]) -> Measure:
    def measure(meter: Meter, message: Any, now_ns: int) -> None:
        meter.count(name, labels_of(message))

    return measure


def note_fill(meter: Meter, fill: OrderFilled, now_ns: int) -> None:
    meter.count("trading_filled_lots_total", (fill.symbol,), max(0, fill.quantity_lots))  # A venue may say anything.


def trading_engine() -> Figures:
    orders = "trading_orders_total"
    return Figures(
        sent={
            SubmitOrder: counts(orders, lambda order: ("submitted", "")),
            OrderDenied: counts(orders, lambda order: ("denied", order.deny_reason.value)),
        },
        heard={
            OrderRejected: counts(orders, lambda order: ("rejected", order.reject_reason.value)),
            OrderCanceled: counts(orders, lambda order: ("canceled", order.reason.value)),
            OrderFilled: note_fill,
        },
    )


def exchange() -> Figures:
    orders = "exchange_orders_total"
    return Figures(
        sent={
            OrderAccepted: counts(orders, lambda order: ("accepted", "")),
            OrderRejected: counts(orders, lambda order: ("rejected", order.reject_reason.value)),
            OrderCanceled: counts(orders, lambda order: ("canceled", order.reason.value)),
            OrderAmended: counts(orders, lambda order: ("amended", "")),
            OrderTriggered: counts(orders, lambda order: ("triggered", "")),
            TradeExecuted: counts("exchange_trades_total", lambda trade: (trade.symbol,)),
            MarginCalled: counts("exchange_margin_calls_total", lambda call: (call.asset,)),
            PositionLiquidated: counts("exchange_liquidations_total", lambda fact: (fact.symbol,)),
            PositionDeleveraged: counts("exchange_deleveragings_total", lambda fact: (fact.symbol,)),
        }
    )


def custodian() -> Figures:
    settlements, transfers = "custodian_settlements_total", "custodian_transfers_total"
    return Figures(
        sent={
            SettlementInstructed: counts(settlements, lambda fact: (fact.custodian, "instructed")),
            TransactionPosted: counts(settlements, lambda fact: (fact.custodian, "posted")),
            PartPosted: counts(settlements, lambda fact: (fact.custodian, "posted_in_part")),
            SettlementFailed: counts(settlements, lambda fact: (fact.custodian, "failed")),
            SettlementCanceled: counts(settlements, lambda fact: (fact.custodian, "canceled")),
            TransferRequested: counts(transfers, lambda fact: (fact.custodian, "requested")),
            TransferChanged: counts(transfers, lambda fact: (fact.custodian, fact.transfer_status.value)),
            TransferRefused: counts(transfers, lambda fact: (fact.custodian, "refused")),
        }
    )


def market_data() -> Figures:
    return Figures(sent={QuotePublished: counts("market_data_quotes_total", lambda quote: (quote.symbol,))})


BUSINESS: dict[str, Callable[[], Figures]] = {
    "market_data": market_data,
    "exchange": exchange,
    "custodian": custodian,
    "trading_engine": trading_engine,
    "risk_monitor": risk_monitor,
}
