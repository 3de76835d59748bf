"""A crash at any moment keeps the high-water mark, and neither loses nor repeats an alert."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.messages.orders import Side
from trading_ecosystem.messages.risk import (
    AcknowledgeAlert,
    AlertAcknowledged,
    AlertFired,
    AlertResolved,
)
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.silence import Silence

STEP = 5  # Seconds between quotes; less than it takes to go stale.
CRASHED = {"BTC_USD": "48000", "ETH_USD": "2000"}
DEPEGGED = {"USDT_USD": "0.985"}
FALLEN = "pnl_drawdown:firm:critical:1"
OFF_PEG = "peg_deviation:USDT:critical:1"


def play(rig: Any, since: float, until: float, **changed: str) -> None:
    at = since
    while at <= until:
        rig.quotes(at, **changed)
        at += STEP


def return_after(rig: Any, at: float, **changed: str) -> None:
    """The monitor comes back; the venue answers at once, and every price comes."""
    rig.restart(at)
    rig.begin(at, **changed)


def told(rig: Any) -> list[tuple[str, str]]:
    alerts = [each for _, each in rig.said if isinstance(each, AlertFired | AlertResolved | AlertAcknowledged)]
    return sorted((type(each).__name__, each.alert_id) for each in alerts)


def test_the_mark_is_kept_and_the_loss_since_is_seen(rig: Any) -> None:
    rig.begin()
    rig.quotes(1, BTC_USD="70000")
    mark = rig.monitor.statement.report(0).high_water_mark_minor
    return_after(rig, 100, BTC_USD="52000")
    figures = rig.monitor.statement.report(0)
    assert (figures.high_water_mark_minor, figures.drawdown_ppm) == (mark, 53_846)
    assert FALLEN in rig.fired()


def test_a_breach_that_began_while_it_was_down_fires_once(rig: Any) -> None:
    rig.begin()
    return_after(rig, 300, **CRASHED)
    play(rig, 305, 400, **CRASHED)
    assert rig.fired().count(FALLEN) == 1


def test_an_alert_that_was_firing_is_not_fired_again_and_stays_acknowledged(rig: Any) -> None:
    rig.begin()
    play(rig, 5, 20, **CRASHED)
    rig.hear(AcknowledgeAlert(to="risk", alert_id=FALLEN, operator="ann"), 21)
    for at in (30, 3000, 6000):
        return_after(rig, at, **CRASHED)
    assert rig.fired().count(FALLEN) == 1
    assert not rig.hear(AcknowledgeAlert(to="risk", alert_id=FALLEN, operator="bob"), 6001)


def test_an_alert_whose_breach_ended_while_it_was_down_resolves(rig: Any) -> None:
    rig.begin()
    play(rig, 5, 20, **CRASHED)
    return_after(rig, 900)
    assert FALLEN not in rig.resolved()
    play(rig, 905, 1025)
    assert rig.resolved().count(FALLEN) == 1
    play(rig, 1030, 1040, **CRASHED)
    assert "pnl_drawdown:firm:critical:2" in rig.fired()


def test_a_pending_breach_goes_on_where_it_was(rig: Any) -> None:
    rig.begin()
    play(rig, 5, 30, **DEPEGGED)
    return_after(rig, 40, **DEPEGGED)
    play(rig, 45, 60, **DEPEGGED)
    assert OFF_PEG not in rig.fired()
    rig.wait(65)
    assert OFF_PEG in rig.fired()


def test_a_pending_breach_that_ended_while_it_was_down_does_not_fire(rig: Any) -> None:
    rig.begin()
    play(rig, 5, 30, **DEPEGGED)
    return_after(rig, 40)
    play(rig, 45, 200)
    assert OFF_PEG not in rig.fired()


def test_after_a_restart_silence_is_unknown_before_it_is_stale(rig: Any) -> None:
    rig.begin()
    rig.restart(1000)
    rig.wait(1009.999)
    assert rig.fired() == []
    rig.wait(1010)
    assert "stale_data:BTC/USD:warning:1" in rig.fired() and "venue_down:exchange:critical:1" in rig.fired()
    rig.restart(1100)
    rig.wait(1200)
    assert rig.fired().count("venue_down:exchange:critical:1") == 1
    assert "venue_down:exchange:critical:1" not in rig.resolved()


def test_a_quote_that_was_on_its_way_during_the_restart_counts(rig: Any) -> None:
    rig.restart(1000)
    for account in ("alpha", "beta"):
        rig.report(account, 1000)
    rig.quote("BTC/USD", "60000", 1000.2, occurred=999.9)
    assert "no price yet of BTC" not in rig.monitor.statement.doubts()


def test_a_source_not_heard_since_the_start_has_not_recovered(limits: Limits) -> None:
    """Another source may be looked at before this one has been silent for long enough."""
    watch, outbox = Watch("stale_data", "BTC/USD", "ns", limits.levels("stale_data")["BTC/USD"], limits), Outbox()
    firing = {"status": "firing", "episode": 1, "breached_ns": 5, "fired_ns": 5, "eased_ns": -1, "acknowledged_ns": -1}
    watch.recall({"alert stale_data:BTC/USD:warning": firing}, 100, outbox)
    silence = Silence(watch)
    silence.begin(100)
    silence.check(101, outbox)
    assert not watch.known and outbox.take() == ()
    silence.hear(102)
    silence.check(102, outbox)
    assert watch.known


@pytest.mark.parametrize("crashes", [(6,), (70,), (6, 70, 80)])
def test_profit_goes_on(rig: Any, crashes: tuple[int, ...]) -> None:
    rig.begin()
    rig.quotes(1, BTC_USD="61000")
    for at in crashes:
        return_after(rig, at, BTC_USD="61000")
    figures = rig.monitor.statement.report(0)
    assert (figures.realised_minor, figures.unrealised_minor) == (0, rig.minor("USD", "35000"))


def test_what_was_bought_before_the_last_report_keeps_its_cost(rig: Any) -> None:
    rig.begin()
    rig.fill("alpha", "BTC/USD", Side.BUY, "1", "60000", 1)
    rig.wait(61)
    rig.restart(70)
    rig.report("alpha", 70, held={"USD": "2940000", "USDT": "1000000", "BTC": "21", "ETH": "400"}, sequence=1)
    rig.report("beta", 70)
    rig.quotes(70, BTC_USD="61000")
    figures = rig.monitor.statement.report(0)
    assert (figures.realised_minor, figures.unrealised_minor) == (0, rig.minor("USD", "36000"))


def test_nothing_resolves_before_there_is_a_figure_again(rig: Any) -> None:
    rig.begin()
    rig.quotes(1, **CRASHED)
    play(rig, 5, 500)
    rig.restart(505)
    rig.wait(2000)
    assert FALLEN not in rig.resolved()
    rig.begin(2001)
    assert FALLEN in rig.resolved()


LEGS = st.lists(
    st.tuples(
        st.sampled_from(["60000", "57000", "52000", "45000", "80000", "130000"]),
        st.sampled_from(["1", "0.9940", "0.9880", "1.0200"]),
        st.integers(1, 60),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=50, deadline=None)
@given(LEGS, st.lists(st.integers(0, 2_000), max_size=4))
def test_a_crash_at_any_message_changes_no_history(
    new_rig: Callable[[], Any], legs: list[tuple[str, str, int]], crashes: list[int]
) -> None:
    """Both monitors hear the same; one is killed between messages, and hears again what holds just then."""
    whole, killed = new_rig(), new_rig()
    for rig in (whole, killed):
        rig.begin()
    now: dict[str, tuple[str, float]] = {}
    count = at = 0
    for btc, usdt, steps in legs:
        for _ in range(steps):
            at += STEP
            prices = {"BTC/USD": btc, "ETH/USD": "2500", "USDT/USD": usdt, "USDC/USD": "1"}
            for symbol, price in (prices | {"BTC/USDT": "60000", "ETH/USDT": "2500"}).items():
                count += 1
                now[symbol] = (price, at)
                for rig in (whole, killed):
                    rig.quote(symbol, price, at)
                    rig.heartbeat(at)
                if count in crashes:
                    come_back(killed, at, now)
    assert told(killed) == told(whole)
    last = [rig.monitor.statement.report(0) for rig in (whole, killed)]
    assert last[0].high_water_mark_minor == last[1].high_water_mark_minor
    assert (last[0].equity_minor, last[0].drawdown_ppm) == (last[1].equity_minor, last[1].drawdown_ppm)


def come_back(rig: Any, at: float, now: dict[str, tuple[str, float]]) -> None:
    known = {symbol: now.get(symbol, (price, 0)) for symbol, price in BEGINNING.items()}
    rig.restart(at)
    rig.heartbeat(at)
    for symbol, (price, occurred) in known.items():
        rig.quote(symbol, price, at, occurred=occurred)
    for account in ("alpha", "beta"):
        rig.report(account, at)


BEGINNING = {"BTC/USD": "60000", "ETH/USD": "2500", "BTC/USDT": "60000", "ETH/USDT": "2500"}
BEGINNING |= {"USDT/USD": "1", "USDC/USD": "1"}
