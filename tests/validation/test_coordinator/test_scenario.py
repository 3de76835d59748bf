"""A scenario is read whole or refused in one line that says where and what would be right."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from trading_ecosystem.configuration.document import Problem
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
    LinkFault,
    PathAnchor,
    PathPoint,
    RestartService,
    RestoreCustody,
    RestoreFeed,
    RestoreLink,
    RestorePricePath,
    RestoreService,
    RestoreVenue,
    ScaleVolatility,
    ServiceFault,
    VenueFault,
)
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.test_coordinator.conditions import Condition, Quantity
from trading_ecosystem.validation.test_coordinator.scenario import Scenario, load, twin

MINUTE_NS = 60_000_000_000
OUTFLOW = "  - {at: 11m, inject: custodian.outflow, account: alpha, asset: BTC, share: 5%, for: 1s}\n"
DRIFT = """\
  - at: 10m
    inject: price.drift
    instrument: USDT/USD
    to: 0.98
    over: 10m
"""


def running(fault: ServiceFault, by_ns: int) -> FaultService:
    name = f"{fault.value}-1"
    return FaultService(to="injector", injection_id=name, service_fault=fault, service="exchange", by_ns=by_ns)


def disturbed(fault: FeedFault, by_ppm: int = 0, by_ns: int = 0, prints: int = 0) -> FaultFeed:
    return FaultFeed(
        to="market_data",
        injection_id=f"{fault.value}-1",
        feed_fault=fault,
        symbols=("A/B",),
        by_ppm=by_ppm,
        by_ns=by_ns,
        prints=prints,
    )


def laid(kind: str, anchor: PathAnchor, *points: tuple[int, int]) -> ApplyPricePath:
    """Points: seconds after the injection, and the value in thousandths."""
    return ApplyPricePath(
        to="market_data",
        injection_id=f"{kind}-1",
        symbols=("A/B",),
        anchor=anchor,
        points=tuple(PathPoint(after_ns=after * 10**9, value_ppm=value * 1_000) for after, value in points),
    )


def restored(kind: str) -> RestorePricePath:
    return RestorePricePath(to="market_data", injection_id=f"{kind}-1", over_ns=7)


def test_a_scenario_reads_as_typed_values(small: Scenario) -> None:
    assert small.duration_ns == 60 * MINUTE_NS
    assert (small.seed, small.start_ns, small.quotes_every_ns, small.replay) == (1, None, None, None)
    assert small.effect == (
        Condition(quantity=Quantity.PRICE, subject="USDT/USD", level=Decimal("0.985"), below=True, sustain_ns=0),
    )
    assert small.expect[0].when.text == "USDT/USD below 0.99 for 1m"
    assert small.expect[0].deadline_ns == 65_000_000_000
    assert small.allow[0].subject is None


def of_venue(kind: VenueFault, **terms: object) -> FaultVenue:
    values = {"symbols": (), "only_account": "", "by_ns": 0, "share_ppm": 0, "spread_ppm": 0, "cancels": False, **terms}
    return FaultVenue(to="exchange", injection_id=f"{kind.value}-1", venue_fault=kind, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("step", "command", "undo"),
    [
        (
            "{at: 10m, inject: price.drift, instrument: USDT/USD, to: 0.98, over: 1s, id: x, for: 2s}",
            ApplyPricePath(
                to="market_data",
                injection_id="x",
                symbols=("USDT/USD",),
                anchor=PathAnchor.ABSOLUTE,
                points=(PathPoint(after_ns=10**9, value_ppm=980_000),),
            ),
            RestorePricePath(to="market_data", injection_id="x", over_ns=7),
        ),
        (
            "{at: 10m, inject: price.drift, instruments: [A/B, C/D], by: 5%, over: 1s, for: 1m}",
            ApplyPricePath(
                to="market_data",
                injection_id="price.drift-1",
                symbols=("A/B", "C/D"),
                anchor=PathAnchor.RELATIVE,
                points=(
                    PathPoint(after_ns=0, value_ppm=1_000_000),
                    PathPoint(after_ns=10**9, value_ppm=1_050_000),
                ),
            ),
            RestorePricePath(to="market_data", injection_id="price.drift-1", over_ns=7),
        ),
        (
            "{at: 10m, inject: price.crash, instruments: [A/B], by: -15%, over: 2s, recover_to: -5%, "
            "recover_over: 3s, for: 1m}",
            ApplyPricePath(
                to="market_data",
                injection_id="price.crash-1",
                symbols=("A/B",),
                anchor=PathAnchor.RELATIVE,
                points=(
                    PathPoint(after_ns=0, value_ppm=1_000_000),
                    PathPoint(after_ns=2 * 10**9, value_ppm=850_000),
                    PathPoint(after_ns=5 * 10**9, value_ppm=950_000),
                ),
            ),
            RestorePricePath(to="market_data", injection_id="price.crash-1", over_ns=7),
        ),
        (
            "{at: 10m, inject: price.path, instrument: A/B, for: 1m, "
            "waypoints: [{after: 0s, price: 1}, {after: 1s, price: 0.5}]}",
            ApplyPricePath(
                to="market_data",
                injection_id="price.path-1",
                symbols=("A/B",),
                anchor=PathAnchor.ABSOLUTE,
                points=(PathPoint(after_ns=0, value_ppm=1_000_000), PathPoint(after_ns=10**9, value_ppm=500_000)),
            ),
            RestorePricePath(to="market_data", injection_id="price.path-1", over_ns=7),
        ),
        (
            "{at: 10m, inject: price.rally, instruments: [A/B], by: 30%, over: 2s, fall_back_to: 10%, "
            "fall_back_over: 3s, for: 1m}",
            laid("price.rally", PathAnchor.RELATIVE, (0, 1_000), (2, 1_300), (5, 1_100)),
            restored("price.rally"),
        ),
        (
            "{at: 10m, inject: price.gap, instrument: A/B, by: -8%, for: 1m}",
            laid("price.gap", PathAnchor.RELATIVE, (0, 920)),
            restored("price.gap"),
        ),
        (
            "{at: 10m, inject: price.gap, instrument: A/B, to: 3.5, for: 1m}",
            laid("price.gap", PathAnchor.ABSOLUTE, (0, 3_500)),
            restored("price.gap"),
        ),
        (
            "{at: 10m, inject: price.depeg, instrument: A/B, for: 1m, "
            "legs: [{to: 0.995, over: 9s}, {to: 0.9, over: 1s, hold: 5s}]}",
            laid("price.depeg", PathAnchor.ABSOLUTE, (9, 995), (10, 900), (15, 900)),
            restored("price.depeg"),
        ),
        (
            "{at: 10m, inject: price.divergence, instrument: A/B, by: 2%, over: 4s, for: 1m}",
            laid("price.divergence", PathAnchor.APART, (0, 1_000), (4, 1_020)),
            restored("price.divergence"),
        ),
        (
            "{at: 10m, inject: volatility.spike, instrument: A/B, factor: 2.5, for: 1m}",
            ScaleVolatility(
                to="market_data", injection_id="volatility.spike-1", symbols=("A/B",), factor_ppm=2_500_000
            ),
            restored("volatility.spike"),
        ),
        *(
            (
                f"{{at: 10m, inject: {command.feed_fault.value}, instrument: A/B{more}, for: 1m}}",
                command,
                RestoreFeed(to="market_data", injection_id=command.injection_id),
            )
            for command, more in (
                (disturbed(FeedFault.BAD_PRINT, by_ppm=-400_000, prints=1), ", by: -40%"),
                (disturbed(FeedFault.BAD_PRINT, by_ppm=9_000_000, prints=3), ", by: 900%, quotes: 3"),
                (disturbed(FeedFault.STALE), ""),
                (disturbed(FeedFault.FROZEN), ""),
                (disturbed(FeedFault.CROSSED, by_ppm=1_000), ""),
                (disturbed(FeedFault.CROSSED, by_ppm=2_500), ", by: 25bps"),
                (disturbed(FeedFault.LAG, by_ns=7 * 10**9), ", by: 7s"),
            )
        ),
        (
            "{at: 10m, inject: service.crash, service: exchange, for: 90s, torn_bytes: 5}",
            CrashService(to="injector", injection_id="service.crash-1", service="exchange", torn_bytes=5),
            RestartService(to="injector", injection_id="service.crash-1", service="exchange"),
        ),
        (
            "{at: 10m, inject: settlement.delay, by: 2s, for: 1m}",
            FaultCustody(
                to="custodian",
                injection_id="settlement.delay-1",
                custody_fault=CustodyFault.DELAY,
                by_ns=2 * 10**9,
                share_ppm=0,
            ),
            RestoreCustody(to="custodian", injection_id="settlement.delay-1"),
        ),
        (
            "{at: 10m, inject: settlement.partial, share: 25%, for: 1m}",
            FaultCustody(
                to="custodian",
                injection_id="settlement.partial-1",
                custody_fault=CustodyFault.PARTIAL,
                by_ns=0,
                share_ppm=250_000,
            ),
            RestoreCustody(to="custodian", injection_id="settlement.partial-1"),
        ),
        *(
            (
                f"{{at: 10m, inject: {fault.value}{key}, for: 1m}}",
                FaultCustody(
                    to="custodian",
                    injection_id=f"{fault.value}-1",
                    custody_fault=fault,
                    by_ns=by_ns,
                    share_ppm=0,
                ),
                RestoreCustody(to="custodian", injection_id=f"{fault.value}-1"),
            )
            for fault, key, by_ns in (
                (CustodyFault.FREEZE_ALL, "", 0),
                (CustodyFault.BANK_HOURS, "", 0),
                (CustodyFault.BANK_HOURS, ", told_after: 40s", 40 * 10**9),
            )
        ),
        (
            "{at: 10m, inject: custodian.outflow, account: alpha, asset: BTC, share: 85%, for: 1m}",
            DrainAccount(
                to="custodian",
                injection_id="custodian.outflow-1",
                account="alpha",
                asset="BTC",
                share_ppm=850_000,
            ),
            RestoreCustody(to="custodian", injection_id="custodian.outflow-1"),
        ),
        (
            "{at: 10m, inject: venue.outage, orders: canceled, for: 1m}",
            of_venue(VenueFault.OUTAGE, cancels=True),
            RestoreVenue(to="exchange", injection_id="venue.outage-1"),
        ),
        (
            "{at: 10m, inject: venue.halt, instruments: [BTC/USD], auction: 2s, for: 1m}",
            of_venue(VenueFault.HALT, symbols=("BTC/USD",), by_ns=2 * 10**9),
            RestoreVenue(to="exchange", injection_id="venue.halt-1"),
        ),
        (
            "{at: 10m, inject: venue.spread, spread: 2.5, for: 1m}",
            of_venue(VenueFault.SPREAD, spread_ppm=2_500_000, share_ppm=1_000_000),
            RestoreVenue(to="exchange", injection_id="venue.spread-1"),
        ),
        (
            "{at: 10m, inject: venue.margin_rates, instruments: [BTC-PERP], times: 2.5, for: 1m}",
            of_venue(VenueFault.MARGIN_RATES, symbols=("BTC-PERP",), share_ppm=2_500_000),
            RestoreVenue(to="exchange", injection_id="venue.margin_rates-1"),
        ),
        (
            "{at: 10m, inject: venue.lost_reports, account: alpha, for: 1m}",
            of_venue(VenueFault.LOST_REPORTS, only_account="alpha", share_ppm=1_000_000),
            RestoreVenue(to="exchange", injection_id="venue.lost_reports-1"),
        ),
        (
            "{at: 10m, inject: network.delay, from: [exchange], to: [risk_monitor], by: 2s, for: 1m}",
            FaultLink(
                to="injector",
                injection_id="network.delay-1",
                fault=LinkFault.DELAY,
                senders=("exchange",),
                recipients=("risk_monitor",),
                probability_ppm=1_000_000,
                delay_ns=2 * 10**9,
            ),
            RestoreLink(to="injector", injection_id="network.delay-1"),
        ),
        (
            "{at: 10m, inject: network.reorder, from: [exchange], to: [risk_monitor], probability: 10%, for: 1m}",
            FaultLink(
                to="injector",
                injection_id="network.reorder-1",
                fault=LinkFault.REORDER,
                senders=("exchange",),
                recipients=("risk_monitor",),
                probability_ppm=100_000,
                delay_ns=50_000_000,
            ),
            RestoreLink(to="injector", injection_id="network.reorder-1"),
        ),
        (
            "{at: 10m, inject: network.throttle, from: [exchange], to: [risk_monitor], by: 10ms, for: 1m}",
            FaultLink(
                to="injector",
                injection_id="network.throttle-1",
                fault=LinkFault.THROTTLE,
                senders=("exchange",),
                recipients=("risk_monitor",),
                probability_ppm=1_000_000,
                delay_ns=10_000_000,
            ),
            RestoreLink(to="injector", injection_id="network.throttle-1"),
        ),
        (
            "{at: 10m, inject: store.slow, service: exchange, by: 2s, for: 1m}",
            running(ServiceFault.STORE_SLOW, 2 * 10**9),
            RestoreService(to="injector", injection_id="store.slow-1", service="exchange"),
        ),
        (
            "{at: 10m, inject: clock.jump, service: exchange, by: 1h, for: 1m}",
            running(ServiceFault.CLOCK_JUMP, 3_600 * 10**9),
            RestoreService(to="injector", injection_id="clock.jump-1", service="exchange"),
        ),
        *(
            (
                f"{{at: 10m, inject: {kind.value}, service: exchange, for: 1m}}",
                running(kind, 0),
                RestoreService(to="injector", injection_id=f"{kind.value}-1", service="exchange"),
            )
            for kind in (ServiceFault.PAUSE, ServiceFault.STORE_AWAY, ServiceFault.STORE_FULL)
        ),
    ],
)
def test_an_injection_is_a_chaos_message_and_knows_its_undo(
    step: str, command: object, undo: object, small_text: str, scenario_of: Callable[[str], Scenario]
) -> None:
    text = small_text.replace(DRIFT, f"  - {step}\n").replace("  - restore: price.drift\n    at: 40m\n", "")
    injection = scenario_of(text.replace("rollbacks:\n", "")).method[0]
    assert injection.command() == command
    assert injection.undo(7) == undo


@pytest.mark.parametrize(
    "fault",
    ["partition", "hold", "lose", "duplicate", "reset", "refuse", "trickle", "lose_answers"],
)
def test_every_fault_of_the_network_can_be_injected(
    fault: str, small_text: str, scenario_of: Callable[[str], Scenario]
) -> None:
    chance = ", probability: 1%" if fault in ("lose", "duplicate") else ""
    step = f"  - {{at: 11m, inject: network.{fault}, from: [exchange], to: [risk_monitor], for: 1m{chance}}}\n"
    command = scenario_of(small_text.replace(DRIFT, DRIFT + step)).method[1].command()
    assert isinstance(command, FaultLink)
    assert command.fault is LinkFault(fault)
    assert command.probability_ppm == (10_000 if chance else 1_000_000)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("name: small", "nmae: small", "small.yaml:1: nmae: unknown key 'nmae'; did you mean 'name'?"),
        ("duration: 1h", "duration: 1hour", "small.yaml:7: duration: '1hour' is not a duration such as 90s"),
        ("duration: 1h", "duration: 1s", "small.yaml:7: duration: the shortest time allowed is 1m"),
        ("family: stablecoin", "family: stabelcoin", "small.yaml:4: family: unknown family 'stabelcoin'; did you mean"),
        ("inject: price.drift", "inject: price.drit", "small.yaml:13: method.0.inject: unknown injection 'price.drit'"),
        ("    to: 0.98\n", "", "small.yaml:12: method.0: exactly one of to and by must be given, not 0"),
        ("to: 0.98", "to: 0", "small.yaml:15: method.0.to: 0 is not above zero"),
        ("to: 0.98", "to: 0.9800001", "method.0: the price 0.9800001 is finer than 0.000001"),
        ("to: 0.98", "by: 0%", "method.0: by: a change of nothing injects nothing"),
        (
            "instrument: USDT/USD\n    to",
            "instruments: [A/B, C/D]\n    to",
            "several instruments cannot drift to one price",
        ),
        ("no_alerts,", "no_alarms,", "small.yaml:10: steady_state.hold.0: unknown probe 'no_alarms'; did you mean"),
        ("[no_alerts, ledger_balanced, all_services_healthy]", "[]", "steady_state.hold: the list is empty"),
        ("at: 10m\n", "at: 5m\n", "small.yaml:12: method.0: at: comes before the steady state has been watched; 10m"),
        ("over: 10m", "over: 55m", "at: would end after the scenario (1h); 5m or sooner is right"),
        ("over: 10m", "over: 2h", "at: would end after the scenario (1h); a longer duration is right"),
        ("for: 10m", "for: 2h", "small.yaml:9: steady_state: for: longer than the scenario, which takes 1h"),
        (
            "within: 5s",
            "within: 50m",
            "small.yaml:20: expect.0: within: `for` and `within` together must fit",
        ),
        ("within: 5s", "within: 0s", "expect.0.within: the shortest time allowed is 1ns"),
        ("at: 40m", "at: 10m", "small.yaml:30: rollbacks.0: at: comes before price.drift-1 begins; later than 10m"),
        ("at: 40m", "at: 2h", "rollbacks.0: at: comes after the scenario; 1h or sooner is right"),
        ("    at: 40m\n", "", "recovery: within: the last fault is undone at 1h; an earlier `at` of the rollbacks"),
        ("within: 10m", "within: 21m", "recovery: within: the last fault is undone at 40m; 20m or less is right"),
        ("restore: price.drift", "restore: price.drft", "no such injection in the method: 'price.drft'; did you mean"),
        (
            "rollbacks:\n  - restore: price.drift\n    at: 40m\n",
            "",
            "small.yaml:12: method.0: price.drift-1 is never undone (price.restore); give it `for`, or a rollback",
        ),
        ("over: 10m", "over: 10m\n    for: 20m", "price.drift-1 is undone twice; one `for` or one rollback is right"),
        ("alert: venue_down", "alert: peg_deviation", "forbids peg_deviation, which is expected as well"),
        ("effect:\n  - {price: USDT/USD, below: 0.985}\n", "", "effect: name what must be seen of the injections"),
        ("{price: USDT/USD, below: 0.985}", "{price: USDT/USD}", "exactly one of below and above must be given, not 0"),
        ("{price: USDT/USD, below: 0.985}", "{prise: USDT/USD}", "effect.0.prise: unknown key 'prise'; did you mean"),
        ("{price: USDT/USD, below: 0.985}", "{for: 1s}", "small.yaml:18: effect.0: what is watched? known: price"),
        ("{price: USDT/USD, below: 0.985}", "{price: A/B, age: A/B}", "only one of price and age can be watched"),
        ("{price: USDT/USD, below: 0.985}", "{injected: drift, for: 1s}", "no such injection in the method: 'drift'"),
        ("{price: USDT/USD, below: 0.985}", "{deviation: USDT, above: 0%}", "0% is not between 0.0001% and 100%"),
        (
            "{price: USDT/USD, below: 0.985}",
            "{position: BTC, above: 1, accounts: []}",
            "effect.0.accounts: the list is empty",
        ),
        (
            "{price: USDT/USD, below: 0.985}",
            "{concentration: BTC, above: 1%, accounts: [alpha]}",
            "effect.0.accounts: unknown key 'accounts'",
        ),
        ("steady_state:", "replay: {until: 2023-03-10T00:00:00Z}\nsteady_state:", "until: `from` must be given"),
        (
            "steady_state:",
            "replay: {from: 2023-03-11T00:00:00Z, until: 2023-03-10T00:00:00Z}\nsteady_state:",
            "small.yaml:8: replay: until: must be later than `from`",
        ),
        (DRIFT, DRIFT.replace("at:", "id: x\n    at:") * 2, "id: a second injection with the id 'x'"),
    ],
)
def test_a_mistake_is_one_line(
    before: str, after: str, problem: str, small_text: str, scenario_of: Callable[[str], Scenario]
) -> None:
    assert before in small_text
    with pytest.raises(Problem) as caught:
        scenario_of(small_text.replace(before, after, 1))
    assert problem in str(caught.value)
    assert str(caught.value).startswith("small.yaml:")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("inject: price.crash, instruments: [A/B], by: 15%, over: 1s", "15% is not between -99% and -0.0001%"),
        ("inject: price.crash, instruments: [A/B], by: -15%, over: 1s, recover_to: -5%", "are given together"),
        (
            "inject: price.crash, instruments: [A/B], by: -15%, over: 1s, recover_to: -20%, recover_over: 1s",
            "recover_to must lie above `by`",
        ),
        (
            "inject: price.path, instrument: A/B, waypoints: [{after: 2s, price: 1}, {after: 2s, price: 2}]",
            "waypoints.1: after: must be later than the waypoint before it, which is at 2s",
        ),
        (
            "inject: price.rally, instruments: [A/B], by: 15%, over: 1s, fall_back_to: 20%, fall_back_over: 1s",
            "fall_back_to must lie below `by`",
        ),
        ("inject: price.rally, instruments: [A/B], by: 15%, over: 1s, fall_back_to: 2%", "are given together"),
        ("inject: price.gap, instrument: A/B, by: 0%", "by: a change of nothing injects nothing"),
        ("inject: price.gap, instruments: [A/B, C/D], to: 3", "cannot open at one price; give `by` instead of `to`"),
        ("inject: price.depeg, instrument: A/B, legs: [{to: 0.9}]", "legs.0: the key 'over' is missing"),
        (
            "inject: price.divergence, by: 1%, over: 1s",
            "exactly one of instrument and instruments must be given, not 0",
        ),
        ("inject: volatility.spike, instrument: A/B, factor: 1", "factor: a factor of 1 injects nothing"),
        ("inject: volatility.spike, instrument: A/B, factor: 101", "factor: 101 is more than 100"),
        ("inject: feed.bad_print, instrument: A/B, by: 0%", "by: a change of nothing injects nothing"),
        ("inject: feed.bad_print, instrument: A/B, by: -1001%", "-1001% is not between -1000% and 100000%"),
        ("inject: feed.bad_print, instrument: A/B, by: 5%, quotes: 0", "method.1.quotes"),
        ("inject: feed.crossed, instrument: A/B, by: 60%", "60% is not between 0.0001% and 50%"),
        ("inject: feed.lag, instrument: A/B, by: 6m", "by: longer than 5m"),
        ("inject: feed.lag, instrument: A/B", "the key 'by' is missing"),
        ("inject: feed.stale, instrument: A/B, by: 6m", "unknown key 'by'"),
        ("inject: network.lose, from: [a], to: [b], probability: 0%", "0% is not between 0.0001% and 100%"),
        ("inject: network.delay, from: [a], to: [b]", "the key 'by' is missing"),
        ("inject: venue.margin_rates, times: 1", "times: once what they were injects nothing"),
        ("inject: venue.margin_rates, times: 101", "times: 101 is not between 0.000001 and 100"),
        ("injct: price.crash", "the key 'inject' is missing"),
    ],
)
def test_an_injection_that_cannot_be_is_refused(
    step: str, problem: str, small_text: str, scenario_of: Callable[[str], Scenario]
) -> None:
    with pytest.raises(Problem, match=r"^small.yaml:17: method.1") as caught:
        scenario_of(small_text.replace(DRIFT, f"{DRIFT}  - {{at: 11m, for: 1m, {step}}}\n"))
    assert problem in str(caught.value)


# What each rule of the firm can be about.
RULES = {"peg_deviation": ["USDT"], "pnl_drawdown": ["firm"], "venue_down": ["exchange"]}


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("instrument: USDT/USD", "instrument: USDT/USDD", "method.0: unknown instrument 'USDT/USDD'; did you mean"),
        ("price: USDT/USD, below: 0.985", "price: UST/USD, below: 0.985", "effect.0: price: unknown 'UST/USD'"),
        ("price: USDT/USD, below: 0.985", "crossed: UST/USD", "effect.0: crossed: unknown 'UST/USD'; did you mean"),
        ("price: USDT/USD, below: 0.985", "divergence: BTC/USD, above: 1%", "divergence: unknown 'BTC/USD'"),
        ("price: USDT/USD, below: 0.985", "unchanged: UST/USD, for: 1s", "unchanged: unknown 'UST/USD'; did you mean"),
        ("price: USDT/USD, below: 0.985", "lag: UST/USD, above: 1s", "lag: unknown 'UST/USD'; did you mean"),
        ("price: USDT/USD, below: 0.985", "volatility: UST/USD, above: 90%", "volatility: unknown 'UST/USD'; did you"),
        (
            DRIFT,
            f"{DRIFT}  - {{at: 11m, inject: feed.stale, instrument: BTC/EUR, for: 1s}}\n",
            "method.1: unknown instrument 'BTC/EUR'; did you mean",
        ),
        (
            DRIFT,
            f"{DRIFT}  - {{at: 11m, inject: venue.margin_rates, times: 2, for: 1s}}\n",
            "method.1: there are no perpetuals in this world",
        ),
        (
            DRIFT,
            f"{DRIFT}  - {{at: 11m, inject: price.depeg, instrument: BTC/USD, legs: [{{to: 1, over: 1s}}], for: 1m}}\n",
            "method.1: instrument: BTC/USD is no stablecoin's price in USD",
        ),
        ("price: USDT/USD, below: 0.985", "deviation: BTC, above: 1%", "deviation: unknown 'BTC'; known: USDT"),
        ("price: USDT/USD, below: 0.985", "drawdown: form, above: 1%", "drawdown: unknown 'form'; did you mean 'firm'"),
        (
            "price: USDT/USD, below: 0.985",
            "drawdown: firm, above: 1%, accounts: [alpha, alfa]",
            "accounts: not of the firm: 'alfa'; did you mean 'alpha'?",
        ),
        (
            "price: USDT/USD, below: 0.985",
            "delta: firm, above: 1, accounts: [alpha, alpha]",
            "accounts: alpha is named twice",
        ),
        ("price: USDT/USD, below: 0.985", "silence: exchnge, for: 1s", "unknown 'exchnge'; did you mean 'exchange'?"),
        ("price: USDT/USD, below: 0.985", "concentration: Thether, above: 1%", "did you mean 'Tether'?"),
        ("subject: USDT", "subject: USDTT", "subject: peg_deviation is never about 'USDTT'; did you mean 'USDT'?"),
        (
            "alert: pnl_drawdown",
            "alert: pnl_drawdwn",
            "alert: the limits of this world have no rule 'pnl_drawdwn'; did you mean 'pnl_drawdown'?",
        ),
        (
            "alert: venue_down",
            "alert: kill_switch",
            "the limits of this world have no rule 'kill_switch'; known: peg_deviation, pnl_drawdown, venue_down",
        ),
        ("alert: pnl_drawdown", "alert: pnl_drawdown\n    subject: farm", "did you mean 'firm'?"),
        (DRIFT, f"{DRIFT}  - {{at: 11m, inject: service.crash, service: exchang, for: 1s}}\n", "mean 'exchange'?"),
        (
            DRIFT,
            f"{DRIFT}  - {{at: 11m, inject: store.away, service: audit_correlator, for: 1s}}\n",
            "service: audit_correlator judges the scenario; it can be killed by it, but not touched",
        ),
        (
            DRIFT,
            f"{DRIFT}  - {{at: 11m, inject: service.pause, service: test_coordinator, for: 1s}}\n",
            "service: test_coordinator judges the scenario; it can be killed by it, but not touched",
        ),
        (
            DRIFT,
            f"{DRIFT}  - {{at: 11m, inject: clock.jump, service: exchang, by: 1s, for: 1s}}\n",
            "unknown service 'exchang'; did you mean 'exchange'?",
        ),
        (
            DRIFT,
            f"{DRIFT}  - {{at: 11m, inject: network.hold, from: [exchange], to: [risk_monitr], for: 1s}}\n",
            "unknown service 'risk_monitr'; did you mean 'risk_monitor'?",
        ),
        (
            DRIFT,
            f"{DRIFT}  - {{at: 11m, inject: network.hold, from: [exchange], to: [exchange], for: 1s}}\n",
            "no link joins exchange to itself",
        ),
        *(
            (DRIFT, DRIFT + OUTFLOW.replace(right, wrong), problem)
            for right, wrong, problem in (
                ("account: alpha", "account: alfa", "account: not of the firm: 'alfa'; did you mean 'alpha'?"),
                ("asset: BTC", "asset: BCT", "asset: unknown 'BCT'; did you mean 'BTC'?"),
                ("account:", "custodian: custodiam, account:", "unknown custodian 'custodiam'; did you mean"),
            )
        ),
    ],
)
def test_what_the_world_does_not_have_is_refused(
    before: str,
    after: str,
    problem: str,
    small_text: str,
    scenario_of: Callable[[str], Scenario],
    reference: ReferenceData,
    instances: tuple[str, ...],
) -> None:
    assert before in small_text
    scenario_of(small_text).check(reference, instances, ("alpha", "beta"), RULES)
    broken = scenario_of(small_text.replace(before, after, 1))
    with pytest.raises(Problem) as caught:
        broken.check(reference, instances, ("alpha", "beta"), RULES)
    assert problem in str(caught.value)
    assert str(caught.value).startswith("small.yaml:")


OF_SEVERAL = RULES | {
    "venue_down": ["exchange.north", "exchange.south"],
    "reconciliation_break": ["exchange.north:BTC", "exchange.south:BTC"],
}
SEVERAL = ("market_data", "exchange.north", "exchange.south", "custodian", "risk_monitor")
OUTAGE = "  - {{at: 11m, inject: venue.outage, for: 1s{}}}\n"


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (DRIFT, DRIFT + OUTAGE.format(""), "venue: this world has several; one of exchange.north, exchange.south is"),
        (DRIFT, DRIFT + OUTAGE.format(", venue: exchange.sout"), "unknown venue 'exchange.sout'; did you mean"),
        (
            DRIFT,
            DRIFT + OUTAGE.format(", venue: exchange.south").replace("outage", "stale_balances, account: north.alpha"),
            "account: north.alpha does not lie at exchange.south",
        ),
        (
            "alert: pnl_drawdown",
            "alert: venue_down\n    subject: exchange",
            "venue_down is never about 'exchange'; did you",
        ),
        ("alert: pnl_drawdown", "alert: reconciliation_break\n    subject: BTC", "is never about 'BTC'"),
    ],
)
def test_of_several_venues_it_has_to_be_said_which(
    before: str,
    after: str,
    problem: str,
    small_text: str,
    scenario_of: Callable[[str], Scenario],
    reference: ReferenceData,
) -> None:
    accounts = ("north.alpha", "south.beta")
    text = small_text.replace("exchange", "exchange.south")
    with pytest.raises(Problem) as caught:
        scenario_of(text.replace(before, after, 1)).check(reference, SEVERAL, accounts, OF_SEVERAL)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (DRIFT, DRIFT + OUTAGE.format(", venue: exchange.south")),
        (
            DRIFT,
            DRIFT + OUTAGE.format(", venue: exchange.north").replace("outage", "stale_balances, account: north.alpha"),
        ),
        ("alert: pnl_drawdown", "alert: venue_down\n    subject: exchange.north"),
        ("alert: pnl_drawdown", "alert: reconciliation_break\n    subject: exchange.south:BTC"),
    ],
)
def test_a_venue_among_several_is_spoken_of_by_its_instance(
    before: str, after: str, small_text: str, scenario_of: Callable[[str], Scenario], reference: ReferenceData
) -> None:
    text = small_text.replace("exchange", "exchange.south")
    scenario_of(text.replace(before, after, 1)).check(reference, SEVERAL, ("north.alpha", "south.beta"), OF_SEVERAL)


def test_a_role_names_all_its_instances(
    small_text: str, scenario_of: Callable[[str], Scenario], reference: ReferenceData, instances: tuple[str, ...]
) -> None:
    step = "  - {at: 11m, inject: network.hold, from: [trading_engine], to: [exchange], for: 1s}\n"
    scenario_of(small_text.replace(DRIFT, DRIFT + step)).check(reference, instances, ("alpha", "beta"), RULES)


def test_a_move_that_dies_away_halves_and_ends_where_it_began(
    small_text: str, scenario_of: Callable[[str], Scenario]
) -> None:
    step = "  - {at: 11m, inject: price.revert, instrument: A/B, by: -8%, over: 2s, half_life: 10s, for: 2m}\n"
    command = scenario_of(small_text.replace(DRIFT, DRIFT + step)).method[1].command()
    assert isinstance(command, ApplyPricePath)
    values = {point.after_ns // 10**9: point.value_ppm for point in command.points}
    assert [values[second] for second in (0, 2, 12, 22, 32)] == [1_000_000, 920_000, 960_000, 980_000, 990_000]
    assert command.points[-1] == PathPoint(after_ns=82 * 10**9, value_ppm=1_000_000)


def test_a_replay_takes_the_place_of_injected_prices_unless_it_is_told(
    small_text: str, scenario_of: Callable[[str], Scenario]
) -> None:
    step = "  - {at: 11m, inject: feed.stale, instrument: USDT/USD, for: 1m}\n"
    step += "  - {at: 11m, inject: volatility.spike, instrument: USDT/USD, factor: 3, for: 1m}\n"
    text = small_text.replace(DRIFT, DRIFT + step)
    kinds = [each.kind for each in scenario_of(text).replayed(["USDT/USD"]).method]
    assert kinds == ["feed.stale", "volatility.spike"]
    told = scenario_of(text.replace("steady_state:", "replay: {prices: overlaid}\nsteady_state:", 1))
    assert [each.kind for each in told.replayed(["USDT/USD"]).method] == ["price.drift", *kinds]


# Settings.


def test_a_setting_changes_what_it_names_and_nothing_else(small: Scenario) -> None:
    changed = small.with_settings(["method.0.to=0.97", "expect.0.within=1s", "quotes_every=5s", "expect.0.episodes=2"])
    command = changed.method[0].command()
    assert isinstance(command, ApplyPricePath)
    assert command.points[0].value_ppm == 970_000
    assert (changed.expect[0].within_ns, changed.expect[0].episodes) == (10**9, 2)
    assert changed.quotes_every_ns == 5 * 10**9
    assert small.quotes_every_ns is None
    assert small.with_settings([]) == small
    assert changed.with_settings(["method.0.to=0.98"]).expect == changed.expect


def test_a_setting_may_be_a_whole_mapping(small: Scenario) -> None:
    changed = small.with_settings(["expect.0.when={drawdown: firm, above: 5%}"])
    assert changed.expect[0].when.text == "drawdown of firm above 5%"
    replayed = small.with_settings(["replay.from=2023-03-01T00:00:00Z", "replay.until=2023-03-02T00:00:00Z"])
    assert replayed.replay is not None
    assert replayed.replay.until_ns == 1_677_715_200 * 10**9


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("seed", "--set seed: is not KEY=VALUE such as"),
        ("=3", "--set =3: is not KEY=VALUE such as"),
        ("seed=", "--set seed: the value is empty"),
        ("seed=x", "--set seed: 'x' is not a whole number such as 42"),
        ("sead=3", "--set sead: unknown key 'sead'; did you mean 'seed'?"),
        ("method.0.too=0.9", "--set method.0.too: unknown key 'too'; did you mean 'to'?"),
        ("method.1.to=0.9", "--set method.1.to: items are named by number, 0 to 0, not '1'"),
        ("method.first.to=0.9", "--set method.first.to: items are named by number, 0 to 0, not 'first'"),
        ("name.first=x", "--set name.first: name is a single value and has no 'first'"),
        ("expect.0.when={price: USDT/USD}", "--set expect.0.when: exactly one of below and above"),
        ("expect.0.when={price: USDT/USD, bellow: 1}", "--set expect.0.when.bellow: unknown key 'bellow'"),
        ("seed=[1", "--set seed: not valid YAML"),
        ("seed=&a 1", "--set seed: anchors and aliases are not allowed"),
        ("replay.untill=2023-03-02T00:00:00Z", "--set replay.untill: unknown key 'untill'; did you mean 'until'?"),
    ],
)
def test_a_setting_that_cannot_be_names_itself(setting: str, problem: str, small: Scenario) -> None:
    with pytest.raises(Problem) as caught:
        small.with_settings([setting])
    assert str(caught.value).startswith(problem)
    assert "\n" not in str(caught.value)


def test_an_impossible_time_that_was_set_is_refused(small: Scenario) -> None:
    with pytest.raises(Problem, match="5m or sooner is right"):
        small.with_settings(["method.0.over=55m"])


# Twin and replay.


def test_the_twin_injects_nothing_and_forbids_what_was_expected(small: Scenario) -> None:
    negative = twin(small)
    assert (negative.method, negative.effect, negative.expect, negative.rollbacks) == ((), (), (), ())
    assert negative.seed == small.seed
    assert [pattern.text for pattern in negative.forbid] == ["venue_down", "peg_deviation USDT critical"]
    assert negative.steady_state == small.steady_state
    assert negative.recovery is None


def test_a_scenario_may_name_the_real_event_and_who_tells_of_it(
    small: Scenario, small_text: str, scenario_of: Callable[[str], Scenario]
) -> None:
    assert (small.incident, small.sources) == (None, ())
    told = small_text + "incident: usdt-2018-10\nsources:\n  - 'measured: hourly bars'\n  - https://example.org/a?b=c\n"
    scenario = scenario_of(told)
    assert scenario.incident == "usdt-2018-10"
    assert scenario.sources == ("measured: hourly bars", "https://example.org/a?b=c")


def test_whoever_models_an_incident_gives_its_sources(shipped: list[Path]) -> None:
    modelled = [scenario for scenario in map(load, shipped) if scenario.incident]
    assert modelled
    for scenario in modelled:
        for source in scenario.sources:
            assert source.startswith(("https://", "http://", "measured: ")), scenario.name
        assert scenario.sources, scenario.name


def test_a_replay_takes_the_place_of_the_injected_path(shipped: list[Path]) -> None:
    scenario = load(next(path for path in shipped if path.stem == "usdc-svb-2023"))
    replayed = scenario.replayed(["USDC/USD", "BTC/USD"])
    assert (replayed.method, replayed.rollbacks) == ((), ())
    assert replayed.expect == scenario.expect
    assert replayed.replayed_symbols == ("BTC/USD", "USDC/USD")
    assert replayed.duration_ns == 96 * 60 * MINUTE_NS
    assert scenario.replayed(["BTC/USD"]).method == scenario.method
    assert twin(replayed).replay is None


def test_a_replay_of_other_days_takes_its_times_from_its_settings(shipped: list[Path]) -> None:
    scenario = load(next(path for path in shipped if path.stem == "usdc-svb-2023"))
    days = scenario.with_settings(["replay.from=2023-03-01T00:00:00Z", "replay.until=2023-03-10T00:00:00Z"])
    replayed = days.replayed(["USDC/USD"])
    assert replayed.start_ns == 1_677_628_800 * 10**9
    assert replayed.duration_ns == 9 * 24 * 60 * MINUTE_NS
    short = scenario.with_settings(["replay.until=2023-03-10T01:00:00Z"])
    with pytest.raises(Problem, match="longer than the scenario"):
        short.replayed(["USDC/USD"])
