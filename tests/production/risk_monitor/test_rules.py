"""Each rule just under its limit and just over it, once it has all it needs to know, and not before."""

from collections.abc import Callable
from typing import Any

import pytest

from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.orders import Side
from trading_ecosystem.messages.risk import AlertFired

SECOND = 1_000_000_000
START = 1_772_409_600 * SECOND
Cause = Callable[[Any], None]


def btc(price: str) -> Cause:
    return lambda rig: rig.quote("BTC/USD", price, 1)


def usdt(price: str, lasting: int = 62) -> Cause:
    return lambda rig: rig.stay(0, lasting, USDT_USD=price)


def bought(amount: str) -> Cause:
    return lambda rig: rig.fill("alpha", "BTC/USD", Side.BUY, amount, "60000", 1)


def bought_before(amount: str, price: str) -> Cause:
    """40 BTC at 81,250 and 700 ETH at 2,500 are worth 5 M exactly."""

    def cause(rig: Any) -> None:
        bought(amount)(rig)
        rig.quote("BTC/USD", price, 2)

    return cause


def bought_tether(amount: str) -> Cause:
    """A swap at par: 3,972,500 of 11,350,000 are 35% exactly."""
    return lambda rig: rig.fill("alpha", "USDT/USD", Side.BUY, amount, "1", 1)


def silent_for(seconds: float) -> Cause:
    return lambda rig: rig.wait(seconds)


# 35 BTC and 700 ETH at 60,000 and 2,500 are worth 3.85 M USD, of 11.35 M in all.
BOUNDARIES = [
    ("position_limit:BTC:warning", bought("14.9999"), bought("15")),
    ("position_limit:BTC:critical", bought("24.9999"), bought("25")),
    ("pnl_drawdown:firm:warning", btc("48650.01"), btc("48650")),
    ("pnl_drawdown:firm:critical", btc("45407.15"), btc("45407.14")),
    ("delta_exposure:firm:warning", btc("92857.14"), btc("92857.15")),
    ("delta_exposure:firm:warning", bought_before("5", "81249.99"), bought_before("5", "81250")),
    ("delta_exposure:firm:critical", btc("121428.57"), btc("121428.58")),
    ("concentration:BTC:warning", btc("113265.30"), btc("113265.31")),
    ("concentration:BTC:critical", btc("176190.47"), btc("176190.48")),
    ("concentration:Tether:warning", usdt("1.9061", 1), usdt("1.9062", 1)),
    ("concentration:Tether:warning", bought_tether("1472499"), bought_tether("1472500")),
    ("peg_deviation:USDT:warning", usdt("0.9951"), usdt("0.9950")),
    ("peg_deviation:USDT:warning", usdt("1.0049"), usdt("1.0050")),
    ("peg_deviation:USDT:critical", usdt("0.9901"), usdt("0.9900")),
    ("peg_deviation:USDT:critical", usdt("1.0099"), usdt("1.0100")),
    ("peg_deviation:USDT:critical", usdt("0.9900", 59), usdt("0.9900", 61)),
    ("stale_data:BTC/USD:warning", silent_for(9.999), silent_for(10)),
    ("stale_data:ETH/USDT:critical", silent_for(59.999), silent_for(60)),
    ("venue_down:exchange:critical", silent_for(9.999), silent_for(10)),
]


@pytest.mark.parametrize(("key", "under", "over"), BOUNDARIES, ids=[key for key, _, _ in BOUNDARIES])
@pytest.mark.parametrize("is_over", [False, True])
def test_a_rule_fires_at_its_limit_and_not_below(rig: Any, key: str, under: Cause, over: Cause, is_over: bool) -> None:
    rig.begin()
    (over if is_over else under)(rig)
    assert (f"{key}:1" in rig.fired()) == is_over


def test_an_alert_tells_its_figure_its_limit_and_when_the_breach_began(rig: Any) -> None:
    rig.begin()
    rig.quote("BTC/USD", "45000", 1.5, occurred=1.25)
    alerts = [message for _, message in rig.said if isinstance(message, AlertFired)]
    critical = next(each for each in alerts if each.alert_id == "pnl_drawdown:firm:critical:1")
    assert (critical.value, critical.limit, critical.unit) == (46_255, 45_000, "ppm")
    assert critical.occurred_ns - critical.breached_ns == 250_000_000


def test_a_loss_on_a_stablecoin_is_a_loss(rig: Any) -> None:
    rig.begin()
    rig.stay(0, 61, USDT_USD="0.92", BTC_USDT="65217.39", ETH_USDT="2717.39")
    assert "peg_deviation:USDT:critical:1" in rig.fired()
    figures = rig.figures(61)
    assert figures.equity_minor == rig.minor("USD", "11150000")
    assert figures.unrealised_minor == rig.minor("USD", "-200000")
    assert figures.drawdown_ppm == 17_621


def test_a_crash_of_15_percent_is_critical_and_orders_in_the_book_are_still_ours(rig: Any) -> None:
    rig.begin()
    assert rig.figures(0).equity_minor == rig.minor("USD", "11350000")
    rig.quotes(61, BTC_USD="51000", ETH_USD="2125", BTC_USDT="51000", ETH_USDT="2125")
    drawdowns = [alert_id for alert_id in rig.fired() if alert_id.startswith("pnl_drawdown")]
    assert drawdowns == ["pnl_drawdown:firm:warning:1", "pnl_drawdown:firm:critical:1"]


def test_concentration_grows_when_something_else_falls(rig: Any) -> None:
    """Nobody touches USDT, but the rest of the firm is worth less, and then nearly nothing."""
    rig.begin()
    rig.fill("alpha", "USDT/USD", Side.BUY, "1400000", "1", 1)
    assert not [each for each in rig.fired() if each.startswith("concentration")]
    rig.quote("BTC/USD", "40000", 2)
    rig.quote("ETH/USD", "1500", 3)
    assert "concentration:Tether:warning:1" in rig.fired()


@pytest.mark.parametrize(("bid", "ask"), [(3_000_001, 3_000_000), (0, 3_000_000), (0, 0), (-1, 1)])
def test_a_crossed_or_one_sided_quote_is_no_price(rig: Any, bid: int, ask: int) -> None:
    rig.begin()
    for second in range(1, 11):
        now = START + second * SECOND
        rig.hear(QuotePublished("BTC/USD", bid, 1, ask, 1, 1, now), second)
    assert "stale_data:BTC/USD:warning:1" in rig.fired()
    assert not [each for each in rig.fired() if each.startswith("pnl_drawdown")]


def test_a_quote_from_the_future_does_not_stay_fresh(rig: Any) -> None:
    rig.begin()
    rig.quote("BTC/USD", "60000", 1, occurred=3600)
    rig.wait(11)
    assert "stale_data:BTC/USD:warning:1" in rig.fired()
    rig.quote("BTC/USD", "45000", 12)
    assert "pnl_drawdown:firm:critical:1" in rig.fired()


def test_an_alert_about_positions_resolves_by_time_alone(rig: Any) -> None:
    rig.begin()
    rig.fill("alpha", "BTC/USD", Side.BUY, "16", "60000", 1)
    rig.fill("alpha", "BTC/USD", Side.SELL, "16", "60000", 300)
    rig.wait(601)
    assert "position_limit:BTC:warning:1" not in rig.resolved()
    rig.wait(612)
    assert "position_limit:BTC:warning:1" in rig.resolved()


def test_an_alert_about_wealth_waits_while_wealth_is_unknown(rig: Any) -> None:
    """The loss is made good, but then an asset is bought that never had a price."""
    for account in ("alpha", "beta"):
        rig.report(account, 0)
    for symbol in ("BTC/USD", "ETH/USD", "USDT/USD"):
        rig.quote(symbol, {"BTC/USD": "60000", "ETH/USD": "2500", "USDT/USD": "1"}[symbol], 0)
    rig.quote("BTC/USD", "45000", 1)
    rig.quote("BTC/USD", "60000", 2)
    rig.fill("alpha", "USDC/USD", Side.BUY, "1000", "1", 3)
    rig.quote("BTC/USD", "60000", 700)
    rig.wait(800)
    assert "pnl_drawdown:firm:critical:1" not in rig.resolved()
    rig.quote("USDC/USD", "1", 801)
    assert "pnl_drawdown:firm:critical:1" in rig.resolved()


def test_a_fresh_arrival_of_an_old_quote_is_not_fresh(rig: Any) -> None:
    rig.begin()
    for second in range(1, 12):
        rig.quote("BTC/USD", "60000", second, occurred=second / 10)
    assert rig.fired().count("stale_data:BTC/USD:warning:1") == 1


def test_an_older_quote_that_comes_late_changes_nothing(rig: Any) -> None:
    rig.begin()
    rig.quote("BTC/USD", "60000", 2)
    rig.quote("BTC/USD", "30000", 2.5, occurred=1)
    assert rig.fired() == []


def test_a_peg_breach_does_not_last_on_the_strength_of_one_print_and_silence(rig: Any) -> None:
    rig.begin()
    rig.quote("USDT/USD", "0.95", 1)
    rig.wait(100)
    assert not [each for each in rig.fired() if each.startswith("peg")]
    rig.quote("USDT/USD", "0.95", 101)
    assert "peg_deviation:USDT:critical:1" in rig.fired()
