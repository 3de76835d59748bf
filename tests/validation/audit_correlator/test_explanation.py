"""The causal chain of each kind of alert, over streams made by hand; and the timeline that tells it."""

from typing import Any

import pytest

from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.audit import LossReason
from trading_ecosystem.messages.chaos import (
    ApplyPricePath,
    CrashService,
    CustodyFault,
    DrainAccount,
    FaultCustody,
    FaultFeed,
    FaultLink,
    FaultService,
    FaultVenue,
    FeedFault,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    LinkFault,
    PathAnchor,
    PathPoint,
    RestorePricePath,
    ScaleVolatility,
    ServiceFault,
    VenueFault,
)
from trading_ecosystem.messages.custody import FailReason, SettlementFailed, SettlementsReported
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.orders import (
    CancelOrder,
    Liquidity,
    OrderFilled,
    OrderType,
    Side,
    SubmitOrder,
    TimeInForce,
)
from trading_ecosystem.messages.risk import (
    AlertAcknowledged,
    AlertFired,
    AlertResolved,
    Exposure,
    RiskReported,
    Severity,
)
from trading_ecosystem.validation.audit_correlator.explanation import UNEXPLAINED
from trading_ecosystem.validation.results import ChainLink

MONITOR, FEED, VENUE, DESK = "risk_monitor", "market_data", "exchange", "trading_engine.alpha"


def inject_path(stream: Any, at: float, *symbols: str, name: str = "drift") -> tuple[int, int]:
    """Ids of command and receipt."""
    points = (PathPoint(after_ns=1, value_ppm=920_000),)
    command = ApplyPricePath(to=FEED, injection_id=name, symbols=symbols, anchor=PathAnchor.ABSOLUTE, points=points)
    ordered = stream.send("test_coordinator", at, command)
    return ordered, receipt(stream, at, ordered, name, "price.drift", FEED, symbols)


def inject_crash(stream: Any, at: float, service: str, name: str = "crash") -> tuple[int, int]:
    command = CrashService(to="injector", injection_id=name, service=service, torn_bytes=0)
    ordered = stream.send("test_coordinator", at, command)
    return ordered, receipt(stream, at, ordered, name, "service.crash", service, (service,))


def inject_pause(stream: Any, at: float, service: str) -> tuple[int, int]:
    kind = ServiceFault.PAUSE
    command = FaultService(to="injector", injection_id="still", service_fault=kind, service=service, by_ns=0)
    ordered = stream.send("test_coordinator", at, command)
    return ordered, receipt(stream, at, ordered, "still", kind.value, service, (service,))


def inject_fault(stream: Any, at: float, fault: LinkFault, sender: str, recipient: str) -> tuple[int, int]:
    command = FaultLink(
        to="injector",
        injection_id="fault",
        fault=fault,
        senders=(sender,),
        recipients=(recipient,),
        probability_ppm=0,
        delay_ns=0,
    )
    ordered = stream.send("test_coordinator", at, command)
    return ordered, receipt(stream, at, ordered, "fault", f"network.{fault.value}", sender, (recipient,))


def inject_custody_fault(stream: Any, at: float) -> tuple[int, int]:
    kind = CustodyFault.SAYS_DONE
    command = FaultCustody(to="custodian", injection_id="wrong", custody_fault=kind, by_ns=0, share_ppm=0)
    ordered = stream.send("test_coordinator", at, command)
    return ordered, receipt(stream, at, ordered, "wrong", kind.value, "custodian", ("custodian",))


def receipt(stream: Any, at: float, cause: int, name: str, kind: str, target: str, subjects: tuple[str, ...]) -> int:
    told = InjectionStarted(
        injection_id=name, kind=kind, target=target, subjects=subjects, occurred_ns=stream.ns(at + 0.001)
    )
    message_id: int = stream.send(FEED, at + 0.001, told, cause)
    return message_id


def end(stream: Any, at: float, name: str) -> int:
    message_id: int = stream.send(FEED, at, InjectionEnded(injection_id=name, occurred_ns=stream.ns(at)))
    return message_id


def fire(stream: Any, rule: str, subject: str, breached: float, at: float, cause: int) -> tuple[int, str]:
    alert = AlertFired(
        alert_id=f"{rule}:{subject}:critical:1",
        rule=rule,
        subject=subject,
        severity=Severity.CRITICAL,
        episode=1,
        value=123,
        limit=100,
        unit="bps",
        breached_ns=stream.ns(breached),
        occurred_ns=stream.ns(at),
    )
    return stream.send(MONITOR, at, alert, cause), alert.alert_id


def hold(stream: Any, at: float, *assets: str) -> None:
    exposures = tuple(
        Exposure(measure="position", subject=asset, value=int(asset in assets), limit=0, unit="x", certain=True)
        for asset in ("USD", "USDT", "BTC", "ETH")
    )
    report = RiskReported(
        equity_minor=1,
        high_water_mark_minor=1,
        drawdown_ppm=0,
        realised_minor=0,
        unrealised_minor=0,
        exposures=exposures,
        certain=True,
        occurred_ns=stream.ns(at),
    )
    stream.send(MONITOR, at, report)


def shape(chain: tuple[ChainLink, ...]) -> list[tuple[str, int]]:
    return [(link.kind, link.message_id) for link in chain]


def test_a_peg_alert_goes_to_the_drift(stream: Any) -> None:
    stream.quote(0)
    ordered, started = inject_path(stream, 10, "USDT/USD")
    provider = stream.wake(FEED, 10)
    first = stream.quote(11, bid_ticks=9_990, cause=provider)
    breaching = stream.quote(12, bid_ticks=9_890, cause=provider)
    timer = stream.wake(MONITOR, 12, breaching)
    for second in range(13, 72):
        stream.quote(second, bid_ticks=9_880, cause=provider)
    fired, alert_id = fire(stream, "peg_deviation", "USDT", 12, 72, timer)
    chain = stream.correlator.explain(alert_id)
    assert shape(chain) == [
        ("injection", ordered),
        ("injection", started),
        ("market", first),
        ("breach", breaching),
        ("alert", fired),
    ]
    assert [link.at_ns for link in chain] == [stream.ns(at) for at in (10, 10.001, 11, 12, 72)]
    assert chain[0].text == "ApplyPricePath drift: price path on USDT/USD"
    assert chain[2].text == "first quote under the path: USDT/USD quoted at 0.9990 / 0.9992"
    assert chain[3].text == "peg_deviation of USDT first in breach: USDT/USD quoted at 0.9890 / 0.9892"
    assert chain[4].text == "critical peg_deviation of USDT: 123 against 100 bps"
    (latency,) = stream.correlator.latencies()
    assert (latency.from_injection_ns, latency.from_breach_ns) == (61_999_000_000, 60_000_000_000)


@pytest.mark.parametrize(("breached", "explained"), [(40, True), (5, False)])
def test_books_that_differ_go_to_the_fault_of_the_custodian(stream: Any, breached: float, explained: bool) -> None:
    """They are compared by a timer, whose causes do not lead to what the custodian told."""
    ordered, started = inject_custody_fault(stream, 10)
    timer = stream.wake(MONITOR, 44)
    fired, alert_id = fire(stream, "reconciliation_break", "USD", breached, 44, timer)
    chain = stream.correlator.explain(alert_id)
    if explained:
        assert shape(chain) == [("injection", ordered), ("injection", started), ("breach", 0), ("alert", fired)]
        assert chain[0].text == "FaultCustody wrong: custodian.says_done of custodian"
    else:
        assert UNEXPLAINED in chain[0].text


def test_a_break_goes_to_what_left_custody_unasked(stream: Any) -> None:
    command = DrainAccount(to="custodian", injection_id="gone", account="alpha", asset="ETH", share_ppm=850_000)
    ordered = stream.send("test_coordinator", 10, command)
    started = receipt(stream, 10, ordered, "gone", "custodian.outflow", "custodian", ("alpha",))
    fired, alert_id = fire(stream, "reconciliation_break", "ETH", 12, 15, stream.wake(MONITOR, 15))
    chain = stream.correlator.explain(alert_id)
    assert shape(chain) == [("injection", ordered), ("injection", started), ("breach", 0), ("alert", fired)]
    assert chain[0].text == "DrainAccount gone: custodian.outflow of ETH of alpha"


@pytest.mark.parametrize(
    ("subject", "at_fault"),
    [("exchange.north:USD", "exchange.north"), ("exchange.south:USD", "exchange.south"), ("USD", "exchange.south")],
)
def test_a_break_at_one_of_two_venues_goes_to_the_fault_of_that_one(stream: Any, subject: str, at_fault: str) -> None:
    """Where none is named it goes to the latest."""
    for at, venue in ((10, "exchange.north"), (20, "exchange.south")):
        kind = VenueFault.LOST_REPORTS
        command = FaultVenue(
            to=venue,
            injection_id=venue,
            venue_fault=kind,
            symbols=(),
            only_account="",
            by_ns=0,
            share_ppm=0,
            spread_ppm=0,
            cancels=False,
        )
        ordered = stream.send("test_coordinator", at, command)
        receipt(stream, at, ordered, venue, kind.value, venue, (venue,))
    _, alert_id = fire(stream, "reconciliation_break", subject, 40, 44, stream.wake(MONITOR, 44))
    assert stream.correlator.explain(alert_id)[0].text == f"FaultVenue {at_fault}: venue.lost_reports of {at_fault}"


def test_what_is_overdue_goes_to_the_fault_by_what_the_custodian_told(stream: Any) -> None:
    ordered, started = inject_custody_fault(stream, 10)
    report = SettlementsReported(
        to=MONITOR,
        custodian="custodian",
        account="alpha",
        settlements=(),
        unsettled_count=0,
        occurred_ns=stream.ns(40),
    )
    told = stream.send("custodian", 40, report)
    fired, alert_id = fire(stream, "settlement_overdue", "alpha", 40, 40.001, told)
    assert shape(stream.correlator.explain(alert_id)) == [
        ("injection", ordered),
        ("injection", started),
        ("breach", told),
        ("alert", fired),
    ]


def test_a_sustained_breach_is_found_by_the_venue_clock(stream: Any) -> None:
    """The alert's own cause is the last quote; the breach was a minute before."""
    _, started = inject_path(stream, 0, "USDT/USD")
    first = stream.quote(1, bid_ticks=9_990)
    breaching = stream.quote(2, bid_ticks=9_890)
    last = stream.quote(62, bid_ticks=9_880)
    fired, alert_id = fire(stream, "peg_deviation", "USDT", 2, 62, last)
    chain = shape(stream.correlator.explain(alert_id))
    assert chain[1:] == [
        ("injection", started),
        ("market", first),
        ("breach", breaching),
        ("market", last),
        ("alert", fired),
    ]


def test_a_restarted_monitor_has_lost_the_way_but_not_the_cause(stream: Any) -> None:
    """It fires from what it remembered; only the state leads to the drift, and not to its own crash."""
    ordered, started = inject_path(stream, 0, "USDT/USD")
    first = stream.quote(1, bid_ticks=9_990)
    breaching = stream.quote(2, bid_ticks=9_890)
    inject_crash(stream, 30, MONITOR)
    end(stream, 40, "crash")
    timer = stream.wake(MONITOR, 40)
    fired, alert_id = fire(stream, "peg_deviation", "USDT", 2, 62, timer)
    assert shape(stream.correlator.explain(alert_id)) == [
        ("injection", ordered),
        ("injection", started),
        ("market", first),
        ("breach", breaching),
        ("alert", fired),
    ]


def test_a_path_reaches_the_crosses_of_its_asset(stream: Any) -> None:
    ordered, _ = inject_path(stream, 0, "USDT/USD")
    direct = stream.quote(1, "USDT/USD", 9_200)
    cross = stream.quote(1, "BTC/USDT", 7_000_000)
    _, alert_id = fire(stream, "position_limit", "BTC", 1, 1.1, cross)
    assert shape(stream.correlator.explain(alert_id))[0] == ("injection", ordered)
    assert shape(stream.correlator.explain(alert_id))[2:4] == [("market", direct), ("breach", cross)]
    other = stream.quote(2, "ETH/USD", 300_000)
    _, alert_id = fire(stream, "position_limit", "ETH", 2, 2.1, other)
    assert stream.correlator.explain(alert_id)[0].text.startswith(UNEXPLAINED)


def test_a_position_alert_tells_the_orders_in_between(stream: Any) -> None:
    inject_path(stream, 0, "BTC/USD")
    quote = stream.quote(1, "BTC/USD", 6_000_000)
    order = SubmitOrder(VENUE, "alpha", "a1", "BTC/USD", Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 6_000_002, 10)
    submitted = stream.send(DESK, 1.1, order, quote)
    filled = OrderFilled(
        "alpha", VENUE, 1, stream.ns(1.2), 1, "a1", "BTC/USD", Side.BUY, 6_000_002, 10, 0, 4, Liquidity.TAKER, 1
    )
    fill = stream.send(VENUE, 1.2, filled, submitted)
    fired, alert_id = fire(stream, "position_limit", "BTC", 1.2, 1.3, fill)
    chain = stream.correlator.explain(alert_id)
    assert shape(chain)[2:] == [("market", quote), ("order", submitted), ("breach", fill), ("alert", fired)]
    assert chain[3].text == f"SubmitOrder BTC/USD by {DESK}"


PORTFOLIO = ["pnl_drawdown", "delta_exposure", "concentration"]


@pytest.mark.parametrize("rule", PORTFOLIO)
def test_a_portfolio_alert_goes_to_the_path_of_what_is_held(stream: Any, rule: str) -> None:
    hold(stream, 0, "USD", "BTC")
    ordered, started = inject_path(stream, 1, "BTC/USD", "BTC/USDT")
    first = stream.quote(2, "BTC/USD", 6_600_000)
    breaching = stream.quote(3, "BTC/USD", 5_700_000)
    unmoved = stream.quote(3, "ETH/USD", 300_000)
    stream.quote(4, "BTC/USD", 5_600_000)
    fired, alert_id = fire(stream, rule, "firm", 3, 3.1, unmoved)
    assert shape(stream.correlator.explain(alert_id)) == [
        ("injection", ordered),
        ("injection", started),
        ("market", first),
        ("breach", breaching),
        ("alert", fired),
    ]


@pytest.mark.parametrize("rule", PORTFOLIO)
def test_the_path_of_what_nobody_holds_moves_no_portfolio(stream: Any, rule: str) -> None:
    hold(stream, 0, "ETH")
    inject_path(stream, 1, "BTC/USD")
    moved = stream.quote(2, "BTC/USD", 6_600_000)
    _, alert_id = fire(stream, rule, "firm", 2, 2.1, moved)
    assert stream.correlator.explain(alert_id)[0].text.startswith(UNEXPLAINED)


@pytest.mark.parametrize("held_up", [True, False])
def test_what_piles_up_goes_to_what_holds_it_up_and_not_to_its_prices(stream: Any, held_up: bool) -> None:
    hold(stream, 0, "BTC")
    rising, _ = inject_path(stream, 1, "BTC/USD")
    expected = inject_custody_fault(stream, 1.5)[0] if held_up else rising
    inject_path(stream, 1.7, "ETH/USD", name="other")
    moved = stream.quote(2, "BTC/USD", 6_600_000)
    _, alert_id = fire(stream, "concentration", "settlement", 2, 2.1, moved)
    assert shape(stream.correlator.explain(alert_id))[0] == ("injection", expected)
    _, other_id = fire(stream, "concentration", "BTC", 2, 2.2, moved)
    assert shape(stream.correlator.explain(other_id))[0] == ("injection", rising)


@pytest.mark.parametrize(("rule", "subject"), [("venue_down", VENUE), ("stale_data", "BTC/USD")])
@pytest.mark.parametrize("how", ["crash", "pause", "partition", "hold"])
def test_silence_goes_to_what_silenced_the_sender(stream: Any, rule: str, subject: str, how: str) -> None:
    sender = VENUE if rule == "venue_down" else FEED
    heard = stream.quote(0, "BTC/USD")
    timer = stream.wake(MONITOR, 0, heard)
    # A price path explains no silence.
    inject_path(stream, 1, "BTC/USD")
    if how == "crash":
        ordered, started = inject_crash(stream, 5, sender)
    elif how == "pause":
        ordered, started = inject_pause(stream, 5, sender)
    else:
        ordered, started = inject_fault(stream, 5, LinkFault(how), sender, MONITOR)
    fired, alert_id = fire(stream, rule, subject, 15, 15, timer)
    assert shape(stream.correlator.explain(alert_id)) == [
        ("injection", ordered),
        ("injection", started),
        ("breach", 0),
        ("alert", fired),
    ]


def test_a_monitor_that_was_dead_was_silenced_by_what_killed_it(stream: Any) -> None:
    timer = stream.wake(MONITOR, 0, stream.quote(0, "BTC/USD"))
    inject_pause(stream, 2, VENUE)
    ordered, started = inject_crash(stream, 5, MONITOR)
    _, alert_id = fire(stream, "own_heartbeat", MONITOR, 15, 185, timer)
    assert shape(stream.correlator.explain(alert_id))[:2] == [("injection", ordered), ("injection", started)]


def test_venues_that_fell_together_go_to_what_silenced_one_of_them(stream: Any) -> None:
    beat = VenueHeartbeat(venue=VENUE, session=1, occurred_ns=0)
    timer = stream.wake(MONITOR, 0, stream.send(VENUE, 0, beat))
    inject_pause(stream, 2, FEED)
    ordered, started = inject_crash(stream, 5, VENUE)
    _, alert_id = fire(stream, "systemic_venue", "venues", 15, 15, timer)
    assert shape(stream.correlator.explain(alert_id))[:2] == [("injection", ordered), ("injection", started)]


def test_a_call_has_the_cause_of_the_alert_that_nobody_answered(stream: Any) -> None:
    ordered, started = inject_path(stream, 1, "USDT/USD")
    inject_path(stream, 900, "BTC/USD", name="later")
    low = stream.quote(2, "USDT/USD")
    first, peg = fire(stream, "peg_deviation", "USDT", 2, 62, stream.wake(MONITOR, 62, low))
    called, alert_id = fire(
        stream, "alert_escalation", "peg_deviation:USDT", 962, 962, stream.wake(MONITOR, 962, first)
    )
    chain = stream.correlator.explain(alert_id)
    assert shape(chain) == [*shape(stream.correlator.explain(peg)), ("alert", called)]
    assert shape(chain)[:2] == [("injection", ordered), ("injection", started)]


def test_a_call_about_what_nobody_explained_has_no_cause(stream: Any) -> None:
    called, alert_id = fire(stream, "alert_escalation", "peg_deviation:USDT", 962, 962, 0)
    chain = stream.correlator.explain(alert_id)
    assert UNEXPLAINED in chain[0].text and shape(chain)[-1] == ("alert", called)


def test_what_was_lost_first_is_the_first_effect(stream: Any) -> None:
    stream.quote(0, "BTC/USD")
    _, started = inject_fault(stream, 1, LinkFault.PARTITION, FEED, MONITOR)
    lost = stream.quote(2, "BTC/USD")
    stream.lose(2, lost, MONITOR, LossReason.PARTITION)
    stream.lose(3, lost, MONITOR, LossReason.PARTITION)
    fired, alert_id = fire(stream, "stale_data", "BTC/USD", 12, 12, 0)
    chain = stream.correlator.explain(alert_id)
    assert shape(chain)[1:] == [("injection", started), ("loss", lost), ("breach", 0), ("alert", fired)]
    assert chain[2].text == f"QuotePublished of {FEED} to {MONITOR} was lost: partition"


@pytest.mark.parametrize(
    ("sender", "recipient", "fault", "explained"),
    [
        (FEED, MONITOR, LinkFault.LOSE, True),
        (FEED, MONITOR, LinkFault.DUPLICATE, False),  # Twice is no silence.
        (MONITOR, FEED, LinkFault.PARTITION, False),  # The other direction.
        (MONITOR, FEED, LinkFault.RESET, True),  # A connection that breaks has no direction.
        (FEED, "trading_engine", LinkFault.PARTITION, False),  # Another listener.
        (VENUE, MONITOR, LinkFault.PARTITION, False),  # Another sender.
    ],
)
def test_only_a_fault_on_the_way_explains_a_silence(
    stream: Any, sender: str, recipient: str, fault: LinkFault, explained: bool
) -> None:
    stream.quote(0, "BTC/USD")
    inject_fault(stream, 1, fault, sender, recipient)
    _, alert_id = fire(stream, "stale_data", "BTC/USD", 12, 12, 0)
    assert (stream.correlator.explain(alert_id)[0].kind == "injection") is explained


def test_a_role_stands_for_its_instances(stream: Any) -> None:
    order = CancelOrder(VENUE, "alpha", "a1")
    inject_fault(stream, 1, LinkFault.DELAY, "trading_engine", VENUE)
    canceled = stream.send(DESK, 2, order)
    answered = stream.send(VENUE, 3, order, canceled)
    _, alert_id = fire(stream, "position_limit", "BTC", 3, 3, answered)
    assert shape(stream.correlator.explain(alert_id))[2:-1] == [("order", canceled), ("breach", answered)]


@pytest.mark.parametrize(
    ("ended", "over", "quoted", "explained"),
    [(50, 0, 49, True), (50, 0, 51, False), (50, 20, 69, True), (50, 20, 71, False), (None, 0, 5_000, True)],
)
def test_an_ended_path_explains_as_long_as_the_price_comes_back(
    stream: Any, ended: float | None, over: float, quoted: float, explained: bool
) -> None:
    inject_path(stream, 0, "USDT/USD")
    if ended is not None:
        restore = RestorePricePath(to=FEED, injection_id="drift", over_ns=int(over * 1e9))
        stream.send("test_coordinator", ended, restore)
        end(stream, ended, "drift")
    quote = stream.quote(quoted, bid_ticks=9_800)
    _, alert_id = fire(stream, "peg_deviation", "USDT", quoted, quoted, quote)
    assert (stream.correlator.explain(alert_id)[0].kind == "injection") is explained


@pytest.mark.parametrize(("breached", "explained"), [(69, True), (71, False)])
def test_a_restarted_service_is_forgiven_after_a_minute(stream: Any, breached: float, explained: bool) -> None:
    inject_crash(stream, 0, VENUE)
    end(stream, 10, "crash")
    _, alert_id = fire(stream, "venue_down", VENUE, breached, breached, 0)
    assert (stream.correlator.explain(alert_id)[0].kind == "injection") is explained


def test_what_comes_after_the_breach_did_not_cause_it(stream: Any) -> None:
    breaching = stream.quote(1, bid_ticks=9_800)
    inject_path(stream, 30, "USDT/USD")
    quote = stream.quote(61, bid_ticks=9_700)
    _, alert_id = fire(stream, "peg_deviation", "USDT", 1, 61, quote)
    chain = stream.correlator.explain(alert_id)
    assert chain[0].text.startswith(UNEXPLAINED)
    assert ("breach", breaching) in shape(chain)


def test_without_a_cause_the_story_begins_at_the_markets_own_root(stream: Any) -> None:
    root = stream.wake(FEED, 0)
    provider = stream.wake(FEED, 1, root)
    breaching = stream.quote(2, bid_ticks=9_890, cause=provider)
    timer = stream.wake(MONITOR, 2, breaching)
    fired, alert_id = fire(stream, "peg_deviation", "USDT", 2, 62, timer)
    chain = stream.correlator.explain(alert_id)
    assert shape(chain) == [("market", root), ("breach", breaching), ("alert", fired)]
    assert chain[0].text == f"{UNEXPLAINED}; the story begins with Wake {FEED} by {FEED}"
    assert stream.correlator.latencies()[0].from_injection_ns is None


@pytest.mark.parametrize(("replayed", "is_named"), [(("USDT/USD", "BTC/USD"), True), (("BTC/USD",), False)])
def test_the_story_of_a_replay_begins_with_the_recorded_prices(
    stream: Any, replayed: tuple[str, ...], is_named: bool
) -> None:
    stream = type(stream)(replayed=replayed)
    breaching = stream.quote(2, bid_ticks=9_890, cause=stream.wake(FEED, 1))
    _, alert_id = fire(stream, "peg_deviation", "USDT", 2, 62, breaching)
    text = stream.correlator.explain(alert_id)[0].text
    assert (text == f"recorded prices of USDT/USD, replayed by {FEED}") is is_named


def test_a_command_without_a_receipt_explains_nothing(stream: Any) -> None:
    points = (PathPoint(after_ns=1, value_ppm=1),)
    command = ApplyPricePath(
        to=FEED, injection_id="drift", symbols=("USDT/USD",), anchor=PathAnchor.RELATIVE, points=points
    )
    stream.send("test_coordinator", 0, command)
    quote = stream.quote(1, bid_ticks=1)
    _, alert_id = fire(stream, "peg_deviation", "USDT", 1, 61, quote)
    assert stream.correlator.explain(alert_id)[0].kind == "market"


def test_the_first_firing_is_the_one_that_is_explained(stream: Any) -> None:
    quote = stream.quote(1)
    fired, alert_id = fire(stream, "peg_deviation", "USDT", 1, 61, quote)
    fire(stream, "peg_deviation", "USDT", 1, 90, quote)
    assert shape(stream.correlator.explain(alert_id))[-1] == ("alert", fired)
    assert list(stream.correlator.chains()) == [alert_id]
    with pytest.raises(KeyError):
        stream.correlator.explain("peg_deviation:USDC:critical:1")


def test_the_timeline_hangs_everything_under_its_cause(stream: Any) -> None:
    _, started = inject_path(stream, 1, "USDT/USD")
    breaching = stream.quote(2, bid_ticks=9_890)
    fired, alert_id = fire(stream, "peg_deviation", "USDT", 2, 62, breaching)
    told = AlertAcknowledged(alert_id=alert_id, operator="ann", occurred_ns=stream.ns(63))
    acknowledged = stream.send(MONITOR, 63, told)
    ended = end(stream, 70, "drift")
    eased = stream.quote(70, bid_ticks=9_990)
    told_resolved = AlertResolved(
        alert_id=alert_id,
        rule="peg_deviation",
        subject="USDT",
        severity=Severity.CRITICAL,
        episode=1,
        occurred_ns=stream.ns(71),
    )
    resolved = stream.send(MONITOR, 71, told_resolved, eased)
    assert [(line.kind, line.message_id, line.cause_id) for line in stream.correlator.timeline()] == [
        ("injection_started", started, 0),
        ("breach", breaching, started),
        ("alert", fired, breaching),
        ("acknowledged", acknowledged, fired),
        ("injection_ended", ended, started),
        ("resolved", resolved, fired),
    ]


def test_the_timeline_of_a_crash(stream: Any) -> None:
    order = stream.send(DESK, 0, CancelOrder(VENUE, "alpha", "a"))
    _, started = inject_crash(stream, 1, VENUE)
    stream.lose(2, order, VENUE, LossReason.RECIPIENT_DOWN)
    stream.lose(2, 999, "", LossReason.SENDER_CRASHED)
    status = HealthChanged(
        service=VENUE, health=HealthStatus.NOT_SERVING, detail="recovering", occurred_ns=stream.ns(3)
    )
    health = stream.send(VENUE, 3, status)
    failure = SettlementFailed(
        custodian="custodian",
        instruction_id=1,
        trade_id=5,
        fail_reason=FailReason.BUYER_LACKS_CASH,
        occurred_ns=stream.ns(4),
    )
    failed = stream.send("custodian", 4, failure, order)
    refusal = InjectionRefused(injection_id="again", detail="exchange is down already", occurred_ns=stream.ns(5))
    refused = stream.send("injector", 5, refusal, failed)
    assert [(line.kind, line.message_id, line.cause_id) for line in stream.correlator.timeline()] == [
        ("injection_started", started, 0),
        ("loss", order, started),
        ("loss", 999, started),
        ("health", health, started),
        ("settlement_failed", failed, order),
        ("injection_refused", refused, failed),
    ]


# Shapes and faults of the feed.


def inject_feed(stream: Any, at: float, fault: FeedFault, *symbols: str, name: str) -> tuple[int, int]:
    command = FaultFeed(
        to=FEED, injection_id=name, feed_fault=fault, symbols=symbols, by_ppm=-400_000, by_ns=9, prints=1
    )
    ordered = stream.send("test_coordinator", at, command)
    return ordered, receipt(stream, at, ordered, name, fault.value, FEED, symbols)


@pytest.mark.parametrize("fault", [FeedFault.STALE, FeedFault.CROSSED, FeedFault.LAG, FeedFault.FROZEN])
def test_a_price_that_is_missing_goes_to_the_fault_of_its_own_feed(stream: Any, fault: FeedFault) -> None:
    stream.quote(0, "BTC/USD")
    ordered, started = inject_feed(stream, 10, fault, "BTC/USD", name="mine")
    inject_feed(stream, 11, FeedFault.STALE, "ETH/USD", name="not mine")
    timer = stream.wake(MONITOR, 21)
    fired, alert_id = fire(stream, "stale_data", "BTC/USD", 21, 21, timer)
    chain = stream.correlator.explain(alert_id)
    assert shape(chain) == [("injection", ordered), ("injection", started), ("breach", 0), ("alert", fired)]
    assert f"{fault.value} of BTC/USD" in chain[0].text


def test_a_crossed_feed_hides_more_than_a_frozen_one(stream: Any) -> None:
    stream.quote(0, "BTC/USD")
    ordered, _ = inject_feed(stream, 10, FeedFault.CROSSED, "BTC/USD", name="crossed")
    inject_feed(stream, 11, FeedFault.FROZEN, "BTC/USD", name="frozen")
    _, alert_id = fire(stream, "stale_data", "BTC/USD", 21, 21, stream.wake(MONITOR, 21))
    assert stream.correlator.explain(alert_id)[0].message_id == ordered


def test_a_drawdown_from_a_bad_print_goes_to_the_print(stream: Any) -> None:
    stream.quote(0, "BTC/USD")
    hold(stream, 1, "BTC")
    ordered, started = inject_feed(stream, 10, FeedFault.BAD_PRINT, "BTC/USD", name="print")
    printed = stream.quote(11, "BTC/USD", cause=stream.wake(FEED, 11))
    _, alert_id = fire(stream, "pnl_drawdown", "firm", 11, 11, printed)
    chain = stream.correlator.explain(alert_id)
    assert [link.message_id for link in chain[:3]] == [ordered, started, printed]
    assert "first quote under feed.bad_print: BTC/USD quoted at" in chain[2].text


def test_after_a_print_has_ended_it_explains_nothing(stream: Any) -> None:
    hold(stream, 1, "BTC")
    inject_feed(stream, 10, FeedFault.BAD_PRINT, "BTC/USD", name="print")
    end(stream, 11, "print")
    later = stream.quote(30, "BTC/USD", cause=stream.wake(FEED, 30))
    _, alert_id = fire(stream, "pnl_drawdown", "firm", 30, 30, later)
    assert UNEXPLAINED in stream.correlator.explain(alert_id)[0].text


def test_wild_prices_go_to_the_volatility(stream: Any) -> None:
    hold(stream, 1, "ETH")
    command = ScaleVolatility(to=FEED, injection_id="wild", symbols=("ETH/USD",), factor_ppm=4_000_000)
    ordered = stream.send("test_coordinator", 10, command)
    receipt(stream, 10, ordered, "wild", "volatility.spike", FEED, ("ETH/USD",))
    moved = stream.quote(12, "ETH/USD", cause=stream.wake(FEED, 12))
    _, alert_id = fire(stream, "pnl_drawdown", "firm", 12, 12, moved)
    assert stream.correlator.explain(alert_id)[0].text == "ScaleVolatility wild: returns of ETH/USD times 4"


def test_a_pair_that_diverges_reaches_no_other(stream: Any) -> None:
    hold(stream, 1, "USDT")
    points = (PathPoint(after_ns=1, value_ppm=920_000),)
    command = ApplyPricePath(
        to=FEED, injection_id="apart", symbols=("BTC/USDT",), anchor=PathAnchor.APART, points=points
    )
    ordered = stream.send("test_coordinator", 10, command)
    receipt(stream, 10, ordered, "apart", "price.path", FEED, ("BTC/USDT",))
    moved = stream.quote(12, "USDT/USD", cause=stream.wake(FEED, 12))
    _, alert_id = fire(stream, "peg_deviation", "USDT", 12, 12, moved)
    assert UNEXPLAINED in stream.correlator.explain(alert_id)[0].text
