"""What a scrape shows: the figures that are defined, and each role's business."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from tests.live.test_codec import built

from trading_ecosystem.live.telemetry.business import BUSINESS, Business
from trading_ecosystem.live.telemetry.metrics import COUNTED_AT_ONCE, FIGURES, PrometheusMeter
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.custody import SettlementInstructed
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    CancelReason,
    DenyReason,
    Liquidity,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderRejected,
    RejectReason,
    Side,
)
from trading_ecosystem.messages.risk import AlertFired, AlertResolved, Exposure, RiskReported, Severity

SECOND_NS = 1_000_000_000
R5 = {
    "risk_compliance_status": ("mandate", "asset"),
    "risk_alert_generated_total": ("type", "severity"),
    "risk_threshold_breach": ("limit",),
    "risk_monitor_latency_seconds": ("source",),
    "risk_position_size": ("asset", "venue"),
    "risk_pnl_drawdown": ("strategy",),
}


def samples(meter: PrometheusMeter) -> dict[str, float]:
    """Every sample as Prometheus would read it, such as `name{label="x"}`."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(generate_latest(meter.registry).decode()):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def alert(number: int, rule: str = "position_limit") -> AlertFired:
    return AlertFired(
        alert_id=f"{rule}:BTC:warning:{number}",
        rule=rule,
        subject="BTC",
        severity=Severity.WARNING,
        episode=number,
        value=2,
        limit=1,
        unit="ppm",
        breached_ns=10 * SECOND_NS,
        occurred_ns=12 * SECOND_NS,
    )


def resolved(fired: AlertFired) -> AlertResolved:
    return AlertResolved(
        alert_id=fired.alert_id,
        rule=fired.rule,
        subject=fired.subject,
        severity=fired.severity,
        episode=fired.episode,
        occurred_ns=fired.occurred_ns,
    )


def exposure(measure: str, subject: str, value: int, limit: int, certain: bool = True) -> Exposure:
    return Exposure(measure=measure, subject=subject, value=value, limit=limit, unit="", certain=certain)


def report(*exposures: Exposure, certain: bool = True) -> RiskReported:
    return RiskReported(
        equity_minor=1,
        high_water_mark_minor=1,
        drawdown_ppm=25_000,
        realised_minor=0,
        unrealised_minor=0,
        exposures=exposures,
        certain=certain,
        occurred_ns=1,
    )


def test_the_names_of_the_risk_figures_are_those_that_were_promised() -> None:
    assert {name: FIGURES[name].labels for name in R5} == R5


def test_calls_have_rate_errors_and_duration() -> None:
    meter = PrometheusMeter()
    meter.requests.note("grpc", "SubmitOrder", "OK", 0.003)
    meter.requests.note("grpc", "SubmitOrder", "INVALID_ARGUMENT", 0.2)
    shown = samples(meter)
    assert shown['tse_requests_total{code="OK",method="SubmitOrder",surface="grpc"}'] == 1
    assert shown['tse_requests_total{code="INVALID_ARGUMENT",method="SubmitOrder",surface="grpc"}'] == 1
    assert shown['tse_request_duration_seconds_bucket{le="0.005",method="SubmitOrder",surface="grpc"}'] == 1
    assert shown['tse_request_duration_seconds_count{method="SubmitOrder",surface="grpc"}'] == 2


def test_however_many_calls_come_all_are_shown_and_few_are_kept() -> None:
    meter, calls = PrometheusMeter(), 4 * COUNTED_AT_ONCE + 3
    for _ in range(calls):
        meter.requests.note("grpc", "SubmitOrder", "OK", 0.003)
    assert len(meter.requests._calls) == 3
    assert samples(meter)['tse_requests_total{code="OK",method="SubmitOrder",surface="grpc"}'] == calls


def test_a_queue_is_shown_with_its_bound() -> None:
    meter, queue = PrometheusMeter(), [1, 2]
    meter.watch("held", 10, lambda: len(queue))
    queue.append(3)
    shown = samples(meter)
    assert (shown['tse_queue_length{queue="held"}'], shown['tse_queue_bound{queue="held"}']) == (3, 10)


def test_a_count_kept_elsewhere_is_read_when_somebody_looks() -> None:
    meter, kept = PrometheusMeter(), {"Wake": 1}
    meter.total("tse_messages_delivered_total", lambda: kept)
    kept["Wake"] += 1
    kept["VenueHeartbeat"] = 5
    shown = samples(meter)
    assert shown['tse_messages_delivered_total{kind="Wake"}'] == 2
    assert shown['tse_messages_delivered_total{kind="VenueHeartbeat"}'] == 5


def test_what_is_not_defined_is_an_error() -> None:
    meter = PrometheusMeter()
    with pytest.raises(KeyError):
        meter.count("tse_unheard_of_total")
    with pytest.raises(ValueError, match="label"):
        meter.count("tse_requests_total", ("grpc",))
    with pytest.raises(AssertionError):
        meter.show("tse_journal_commit_seconds", (), 1.0)


def test_every_figure_can_be_shown() -> None:
    meter = PrometheusMeter()
    methods: dict[str, Callable[[str, tuple[str, ...]], None]] = {
        "counter": meter.count,
        "gauge": lambda name, labels: meter.show(name, labels, 1.0),
        "histogram": lambda name, labels: meter.time(name, labels, 1.0),
    }
    for name, definition in FIGURES.items():
        methods[definition.kind.value](name, ("x",) * len(definition.labels))
    shown = samples(meter)
    assert all(any(sample.startswith(name) for sample in shown) for name in FIGURES)
    assert not any("_created" in sample for sample in shown)


def test_alerts_are_counted_and_open_ones_shown() -> None:
    meter = PrometheusMeter()
    business = Business("risk_monitor", meter)
    for message in (
        alert(1),
        alert(1),
        alert(2),
        resolved(alert(1)),
        resolved(alert(9)),
        alert(1, "stale_data"),
    ):
        business.note_sent(message, 0)
    shown = samples(meter)
    assert shown['risk_alert_generated_total{severity="warning",type="position_limit"}'] == 3
    assert shown['risk_threshold_breach{limit="position_limit"}'] == 1
    assert shown['risk_threshold_breach{limit="stale_data"}'] == 1
    assert shown['risk_monitor_latency_seconds_sum{source="alert"}'] == 8


def test_a_report_shows_positions_compliance_and_drawdown() -> None:
    meter = PrometheusMeter()
    business = Business("risk_monitor", meter)
    lines = (
        exposure("position", "BTC", -350_000_000, 300_000_000),
        exposure("position", "USD", 100, 0),
        exposure("delta", "firm", 4, 5),
        exposure("delta", "alpha", 5, 5),
        exposure("concentration", "ETH", 1, 5, certain=False),
        exposure("position_at_venue", "exchange.north:BTC", 150_000_000, 0),
        exposure("position_at_venue", "exchange.south:BTC", -500_000_000, 0, certain=False),
        exposure("account_drawdown", "alpha", 10_000, 40_000),
        exposure("strategy_drawdown", "making", 20_000, 20_000),
        exposure("desk_drawdown", "majors", 30_000, 0, certain=False),
    )
    business.note_sent(report(*lines), 0)
    shown = samples(meter)
    assert shown['risk_position_size{asset="BTC",venue="all"}'] == -3.5
    assert shown['risk_position_size{asset="BTC",venue="exchange.north"}'] == 1.5
    dark = shown['risk_position_size{asset="BTC",venue="exchange.south"}']
    assert dark != dark
    assert shown['risk_compliance_status{asset="BTC",mandate="position"}'] == 0
    assert shown['risk_compliance_status{asset="firm",mandate="delta"}'] == 1
    assert shown['risk_compliance_status{asset="alpha",mandate="delta"}'] == 0, "a level itself is a breach"
    unknown = shown['risk_compliance_status{asset="ETH",mandate="concentration"}']
    assert unknown != unknown, "what is not certain is neither right nor wrong"
    assert 'risk_compliance_status{asset="USD",mandate="position"}' not in shown
    assert shown['risk_pnl_drawdown{strategy="firm"}'] == 0.025
    assert shown['risk_pnl_drawdown{strategy="alpha"}'] == 0.01
    assert shown['risk_pnl_drawdown{strategy="making"}'] == 0.02
    assert shown['risk_compliance_status{asset="making",mandate="strategy_drawdown"}'] == 0
    majors = shown['risk_pnl_drawdown{strategy="majors"}']
    assert majors != majors, "what is not certain is no figure"


def test_the_age_of_inputs_is_shown() -> None:
    meter = PrometheusMeter()
    business = Business("risk_monitor", meter)
    business.note_heard(QuotePublished("BTC/USD", 1, 1, 2, 1, 1, SECOND_NS), 3 * SECOND_NS)
    business.note_heard(VenueHeartbeat(venue="exchange", session=1, occurred_ns=SECOND_NS), 2 * SECOND_NS)
    shown = samples(meter)
    assert shown['risk_monitor_latency_seconds_sum{source="market_data"}'] == 2
    assert shown['risk_monitor_latency_seconds_sum{source="exchange"}'] == 1


CASES: list[tuple[str, str, Message, str, float]] = [
    (
        "exchange",
        "sent",
        OrderRejected(
            account="a",
            venue="exchange",
            account_sequence=1,
            occurred_ns=1,
            client_order_id="o",
            symbol="BTC/USD",
            reject_reason=RejectReason.WOULD_TAKE,
        ),
        'exchange_orders_total{outcome="rejected",reason="would_take"}',
        1,
    ),
    (
        "exchange",
        "sent",
        OrderCanceled("a", "exchange", 1, 1, 1, "o", "BTC/USD", 5, CancelReason.REQUESTED),
        'exchange_orders_total{outcome="canceled",reason="requested"}',
        1,
    ),
    (
        "trading_engine",
        "heard",
        OrderFilled("a", "exchange", 1, 1, 1, "o", "BTC/USD", Side.BUY, 1, 7, 0, 0, Liquidity.TAKER, 1),
        'trading_filled_lots_total{symbol="BTC/USD"}',
        7,
    ),
    (
        "trading_engine",
        "sent",
        OrderDenied(
            account="a", client_order_id="o", symbol="BTC/USD", deny_reason=DenyReason.STALE_QUOTE, occurred_ns=1
        ),
        'trading_orders_total{outcome="denied",reason="stale_quote"}',
        1,
    ),
    (
        "custodian",
        "sent",
        SettlementInstructed(
            custodian="bank", instruction_id=1, trade_id=1, venue="exchange", postings=(), due_ns=1, occurred_ns=1
        ),
        'custodian_settlements_total{custodian="bank",outcome="instructed"}',
        1,
    ),
    (
        "market_data",
        "sent",
        QuotePublished("BTC/USD", 1, 1, 2, 1, 1, 1),
        'market_data_quotes_total{symbol="BTC/USD"}',
        1,
    ),
]


@pytest.mark.parametrize(("role", "way", "message", "sample", "value"), CASES, ids=lambda value: str(value)[:20])
def test_each_role_counts_its_business(role: str, way: str, message: Message, sample: str, value: float) -> None:
    meter = PrometheusMeter()
    getattr(Business(role, meter), f"note_{way}")(message, 2)
    assert samples(meter)[sample] == value


MEASURED = [
    (role, way, kind) for role, made in BUSINESS.items() for way in ("sent", "heard") for kind in getattr(made(), way)
]


@pytest.mark.parametrize(("role", "way", "kind"), MEASURED, ids=lambda value: getattr(value, "__name__", value))
def test_whatever_a_role_measures_is_defined(role: str, way: str, kind: type[Message]) -> None:
    """A figure that is not ends the process that wants to measure it."""

    @settings(max_examples=10, deadline=None)
    @given(built(kind))
    def is_measured(message: Message) -> None:
        meter = PrometheusMeter()
        getattr(Business(role, meter), f"note_{way}")(message, 2)
        samples(meter)

    is_measured()


def test_roles_without_figures_have_none() -> None:
    meter = PrometheusMeter()
    Business("test_coordinator", meter).note_sent(alert(1), 0)
    assert samples(meter) == {}
    assert set(BUSINESS) == {"market_data", "exchange", "custodian", "trading_engine", "risk_monitor"}
