"""What is believed of a price when its sources do not agree, when its book is crossed, and when it says nothing new."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.production.risk_monitor.conftest import ONE, TWO, limits_with

from trading_ecosystem.messages.health import HealthChanged
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.risk import AlertFired, RiskReported
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.production.risk_monitor.core import RiskMonitor
from trading_ecosystem.production.risk_monitor.levels import SECOND_NS, Level, Levels
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.price_outlier import PriceOutlier, Source
from trading_ecosystem.production.risk_monitor.rules.unchanged_data import Content, Movement
from trading_ecosystem.reference import ReferenceData

NORTH, SOUTH = "exchange.north", "exchange.south"
FAR = Levels(
    warning=Level(at=10_000, for_ns=2 * SECOND_NS, resolves=5_000),
    critical=Level(at=50_000, for_ns=2 * SECOND_NS, resolves=30_000),
)
WATCHED: dict[str, object] = {
    "price_outlier": {
        "BTC/USD": {
            "warning": {"at": "1%", "for": "2s", "resolves": "0.5%"},
            "critical": {"at": "5%", "for": "2s", "resolves": "3%"},
        }
    },
    "crossed_book": {"warning": "2s", "critical": "4s"},
    "unchanged_data": "15s",
}
BTC = "BTC/USD"


def watching(reference: ReferenceData, venues: dict[str, tuple[str, ...]] = ONE) -> Limits:
    return limits_with(reference, WATCHED, venues)


@pytest.fixture
def one_venue(new_rig: Callable[[], Any], reference: ReferenceData, limits: Limits) -> Any:
    rig = new_rig()
    rig.__init__(reference, watching(reference))
    started(rig)
    return rig


@pytest.fixture
def two(two_venues: Any, reference: ReferenceData, limits: Limits) -> Any:
    two_venues.__init__(reference, watching(reference, TWO), TWO)
    started(two_venues)
    return two_venues


def started(rig: Any) -> None:
    rig.begin()
    for venue in rig.venues:
        book(rig, venue, "60000", 0)


def book(rig: Any, venue: str, price: str, at: float, spread_ticks: int = 1, occurred: float | None = None) -> None:
    ticks = int(Decimal(price) / rig.reference.instruments[BTC].tick)
    at_ns = 1_772_409_600 * SECOND_NS + round((at if occurred is None else occurred) * SECOND_NS)
    rig.hear(BookTopChanged(venue, BTC, ticks - spread_ticks, 1, ticks + spread_ticks, 1, 1, at_ns), at)


def stay(rig: Any, since: int, until: int, price: str = "60000", books: bool = True) -> None:
    """A second is a quote of everything, with other sizes, and a heartbeat; the books say the same again."""
    for at in range(since + 1, until + 1):
        lively(rig, at, price)
        for venue in rig.venues if books else ():
            book(rig, venue, price, at)


def lively(rig: Any, at: float, price: str, spread_ticks: int = 1) -> list[Message]:
    """Sizes that change from second to second, as in a market that is awake."""
    said: list[Message] = []
    for symbol, usual in {**PRICES, BTC: price}.items():
        said += size(rig, symbol, usual, at, spread_ticks if symbol == BTC else 1)
    for venue in rig.venues:
        if venue not in rig.dark:
            rig.heartbeat(at, venue=venue)
    return said


def size(rig: Any, symbol: str, price: str, at: float, spread_ticks: int, lots: int | None = None) -> list[Message]:
    ticks = int(Decimal(price) / rig.reference.instruments[symbol].tick)
    lots = 1 + round(10 * at) if lots is None else lots
    at_ns = 1_772_409_600 * SECOND_NS + round(at * SECOND_NS)
    said: list[Message] = rig.hear(
        QuotePublished(symbol, ticks - spread_ticks, lots, ticks + spread_ticks, lots, 1, at_ns), at
    )
    return said


PRICES = {"BTC/USD": "60000", "ETH/USD": "2500", "BTC/USDT": "60000", "ETH/USDT": "2500"}
PRICES |= {"USDT/USD": "1", "USDC/USD": "1"}


def fired(rig: Any, rule: str = "") -> list[str]:
    return [alert for alert in rig.fired() if alert.startswith(rule)]


def doubts(rig: Any) -> str:
    return next(message.detail for _, message in reversed(rig.said) if isinstance(message, HealthChanged))


def equity(report: RiskReported) -> int:
    return report.equity_minor


# Three voices.


def test_a_wick_at_one_venue_is_of_that_venue_alone_and_no_loss(two: Any) -> None:
    stay(two, 0, 59)
    for at in range(60, 120):
        lively(two, at, "60000")
        book(two, NORTH, "60000", at)
        book(two, SOUTH, "8900", at)
    assert fired(two) == [f"price_outlier:{SOUTH}:{BTC}:warning:1", f"price_outlier:{SOUTH}:{BTC}:critical:1"]
    told = [at for at, message in two.said if isinstance(message, AlertFired)]
    assert told == [62, 62]
    assert doubts(two) == f"the price of {BTC} at {SOUTH} is far from the others"
    before, after = two.figures(59), two.figures(119)
    assert equity(before) == equity(after) and after.certain  # Two others agree on what it is worth.


def test_a_print_of_the_provider_moves_nothing_and_is_forgotten(two: Any) -> None:
    stay(two, 0, 59)
    lively(two, 59.5, "24000")
    during = two.figures(60)
    assert not during.certain and "at the provider is far" in doubts(two)
    lively(two, 60.5, "60000")
    assert doubts(two) == ""
    stay(two, 61, 130)
    assert fired(two) == [] and equity(two.figures(120)) == equity(during)


def test_the_provider_is_the_outlier_when_the_venues_agree(two: Any) -> None:
    stay(two, 0, 59)
    for at in range(60, 70):
        lively(two, at, "57300")  # 4.5%: a warning, and no more.
        for venue in (NORTH, SOUTH):
            book(two, venue, "60000", at)
    assert fired(two) == [f"price_outlier:{BTC}:warning:1"]
    stay(two, 69, 250)
    assert two.resolved() == [] and doubts(two) == ""
    stay(two, 250, 700)
    assert two.resolved() == [f"price_outlier:{BTC}:warning:1"]


def test_a_crash_that_everybody_sees_is_a_price(two: Any) -> None:
    stay(two, 0, 59)
    lively(two, 60, "42000")
    assert two.monitor._rulebook.firm.portfolio.position("BTC").price == 2 * 6_000_000
    book(two, NORTH, "42000", 60.01)  # Two of three: the third is late.
    assert two.monitor._rulebook.firm.portfolio.position("BTC").price == 2 * 4_200_000
    book(two, SOUTH, "42000", 60.02)
    stay(two, 60, 70, "42000")
    assert fired(two, "price_outlier") == []
    assert fired(two, "pnl_drawdown") == ["pnl_drawdown:firm:warning:1", "pnl_drawdown:firm:critical:1"]


# Two voices.


def test_of_two_sources_the_outlier_is_the_one_that_left(one_venue: Any) -> None:
    stay(one_venue, 0, 59)
    for at in range(60, 70):
        lively(one_venue, at, "60000")
        book(one_venue, "exchange", "50000", at)
    assert {alert.rpartition(":")[0] for alert in fired(one_venue)} == {
        f"price_outlier:exchange:{BTC}:warning",
        f"price_outlier:exchange:{BTC}:critical",
    }
    assert doubts(one_venue) == f"the price of {BTC} at exchange is far from the others"
    report = one_venue.monitor.statement.report(0)
    assert not report.certain  # Nobody confirms the provider.
    assert equity(report) == equity(one_venue.figures(1))


def test_of_two_sources_the_provider_may_be_the_outlier(one_venue: Any) -> None:
    stay(one_venue, 0, 59)
    lively(one_venue, 60, "24000")
    assert doubts(one_venue) == f"the price of {BTC} at the provider is far from the others"
    assert one_venue.monitor._rulebook.firm.portfolio.position("BTC").price == 2 * 6_000_000
    book(one_venue, "exchange", "24000", 60.5)
    assert one_venue.monitor._rulebook.firm.portfolio.position("BTC").price == 2 * 2_400_000


def test_both_of_two_go_the_same_way_and_nothing_is_said(one_venue: Any) -> None:
    stay(one_venue, 0, 20)
    for at in range(21, 80):
        price = str(60_000 - 20 * (at - 20))
        lively(one_venue, at, price)
        book(one_venue, "exchange", price, at + 0.01)
    assert fired(one_venue) == []


def test_two_that_never_agreed_are_both_in_doubt(reference: ReferenceData, limits: Limits, new_rig: Any) -> None:
    rig = new_rig()
    rig.__init__(reference, watching(reference))
    book(rig, "exchange", "50000", 0)
    rig.begin()
    for at in range(1, 5):
        lively(rig, at, "60000")
        book(rig, "exchange", "50000", at)
    subjects = {alert.split(":critical")[0] for alert in fired(rig, "price_outlier") if "critical" in alert}
    assert subjects == {f"price_outlier:{BTC}", f"price_outlier:exchange:{BTC}"}


# Nobody to ask.


def test_a_venue_that_is_silent_is_no_voice(one_venue: Any) -> None:
    stay(one_venue, 0, 20)
    one_venue.dark = ("exchange",)
    for at in range(21, 50):
        lively(one_venue, at, "55000" if at > 35 else "60000")
    assert fired(one_venue, "price_outlier") == []
    assert fired(one_venue, "venue_down") == ["venue_down:exchange:critical:1"]
    price = one_venue.monitor._rulebook.firm.portfolio.position("BTC").price
    assert price == 2 * 5_500_000  # As if there were no other source.
    assert not one_venue.figures(40).certain


def test_an_alert_does_not_end_because_nobody_is_left_to_ask(one_venue: Any) -> None:
    stay(one_venue, 0, 20)
    for at in range(21, 30):
        lively(one_venue, at, "60000")
        book(one_venue, "exchange", "50000", at)
    one_venue.dark = ("exchange",)
    for at in range(30, 1_500):
        lively(one_venue, at, "60000")
    assert one_venue.resolved() == []


def test_a_provider_that_is_stale_is_no_voice_either(two: Any) -> None:
    stay(two, 0, 20)
    for at in range(21, 60):
        for venue in (NORTH, SOUTH):
            two.heartbeat(at, venue=venue)
            book(two, venue, "60000" if at < 35 else "50000", at)
    assert fired(two, "price_outlier") == []
    assert f"stale_data:{BTC}:warning:1" in fired(two)


def test_an_older_book_says_nothing(two: Any) -> None:
    stay(two, 0, 20)
    for at in range(21, 30):
        lively(two, at, "60000")
        book(two, NORTH, "60000", at)
        book(two, SOUTH, "30000", at, occurred=19)
    assert fired(two) == []


def test_a_book_of_a_venue_that_is_not_ours_says_nothing(two: Any) -> None:
    stay(two, 0, 20)
    for at in range(21, 30):
        lively(two, at, "60000")
        book(two, "exchange.west", "30000", at)
    assert fired(two) == [] and doubts(two) == ""


def test_an_empty_book_is_no_price(two: Any) -> None:
    stay(two, 0, 20)
    two.hear(BookTopChanged(SOUTH, BTC, 0, 0, 0, 0, 1, 1_772_409_621 * SECOND_NS), 21)
    stay(two, 21, 40, books=False)
    assert fired(two) == [] and doubts(two) == ""


def test_a_restart_takes_over_the_alert(two: Any, reference: ReferenceData) -> None:
    stay(two, 0, 20)
    for at in range(21, 30):
        lively(two, at, "60000")
        book(two, NORTH, "60000", at)
        book(two, SOUTH, "30000", at)
    two.restart(30)
    two.begin(30)
    for at in range(31, 60):
        lively(two, at, "60000")
        book(two, NORTH, "60000", at)
        book(two, SOUTH, "30000", at)
    assert len(fired(two, "price_outlier")) == 2
    assert doubts(two) == f"the price of {BTC} at {SOUTH} is far from the others"


# Crossed.


def test_a_crossed_quote_is_told_before_it_is_stale(two: Any) -> None:
    stay(two, 0, 20)
    for at in range(21, 27):
        lively(two, at, "60000", spread_ticks=-300)
    assert fired(two, "crossed_book") == [f"crossed_book:{BTC}:warning:1", f"crossed_book:{BTC}:critical:1"]
    value = next(message.value for _, message in two.said if isinstance(message, AlertFired))
    assert value == 601  # Six dollars, in ticks, and one.


def test_one_crossed_quote_is_no_alert_and_a_locked_one_is_crossed(two: Any) -> None:
    stay(two, 0, 20)
    lively(two, 21, "60000", spread_ticks=-300)
    stay(two, 21, 40)
    assert fired(two) == []
    for at in range(41, 44):
        lively(two, at, "60000", spread_ticks=0)
    assert fired(two) == [f"crossed_book:{BTC}:warning:1"]


def test_a_venue_whose_book_stays_crossed_needs_no_second_word(two: Any) -> None:
    stay(two, 0, 20)
    book(two, SOUTH, "60000", 20.5, spread_ticks=-100)
    for at in range(21, 27):
        lively(two, at, "60000")
        book(two, NORTH, "60000", at)
    assert fired(two) == [f"crossed_book:{SOUTH}:{BTC}:warning:1", f"crossed_book:{SOUTH}:{BTC}:critical:1"]
    told = [at for at, message in two.said if isinstance(message, AlertFired)]
    assert told == [22.5, 24.5]


# Nothing new.


def test_a_quote_that_says_nothing_new_under_new_times_is_stale(two: Any) -> None:
    stay(two, 0, 20)
    for at in range(21, 100):
        for symbol, price in PRICES.items():
            size(two, symbol, price, at, 1, lots=7 if symbol == BTC else None)
        for venue in (NORTH, SOUTH):
            two.heartbeat(at, venue=venue)
            book(two, venue, "60000", at)
    assert fired(two) == [f"stale_data:{BTC}:warning:1", f"stale_data:{BTC}:critical:1"]
    told = [at for at, message in two.said if isinstance(message, AlertFired)]
    assert told == [36, 81]  # 15 s after the last that was new, which was at 21; and a minute after it.
    assert doubts(two) == f"no fresh quote of {BTC}"
    assert not two.figures(60).certain
    lively(two, 100, "60000", 1)
    assert doubts(two) == ""


def test_where_nothing_moves_nothing_is_old(two: Any) -> None:
    stay(two, 0, 20)
    for at in range(21, 100):
        for symbol, price in PRICES.items():
            size(two, symbol, price, at, 1, lots=7)
        for venue in (NORTH, SOUTH):
            two.heartbeat(at, venue=venue)
    assert fired(two, "stale_data") == []


def test_one_side_that_stands_still_is_enough() -> None:
    content = Content(20, Movement())
    assert [content.fresh_ns(QuotePublished(BTC, 100, 1, 101 + at, 1, 1, at), at) for at in (1, 20, 21, 40)] == [
        *(1, 20, 1, 1),
    ]
    assert content.fresh_ns(QuotePublished(BTC, 99, 1, 150, 1, 1, 41), 41) == 41


# For any prices.


def rule(limits: Limits, books: int) -> PriceOutlier:
    def source(name: str) -> Source:
        return Source(name, Watch("price_outlier", name or BTC, "ppm", FAR, limits))

    return PriceOutlier(BTC, source(""), [source(str(number)) for number in range(books)])


STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(1_000, 4_000) | st.just(0)), min_size=1, max_size=60)


@given(STEPS, st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_the_doubts_are_those_of_a_slow_reckoning(steps: list[tuple[int, int]], books: int) -> None:
    """Fewer than half of three or more are never in the way: who is near the middle is believed."""
    limits = slow_limits()
    outlier, outbox = rule(limits, books), Outbox()
    for at, (number, price) in enumerate(steps):
        name = str(number % books) if number else ""
        outlier.take(name, price, at, at, outbox)
        outbox.take()
        spoken = [source for source in outlier.sources if source.price]
        if len(spoken) < 2:
            assert not any(source.in_doubt or source.watch.known for source in outlier.sources)
        elif len(spoken) > 2:
            middle = sorted(source.price for source in spoken)[(len(spoken) - 1) // 2]
            for source in spoken:
                assert source.in_doubt == (abs(source.price - middle) * 100 >= middle)
        for source in outlier.sources:
            assert source.price or not source.in_doubt or source not in spoken


@given(st.lists(st.integers(990, 1_009), min_size=2, max_size=40))
@settings(max_examples=100, deadline=None)
def test_sources_within_the_limit_of_each_other_are_never_in_doubt(prices: list[int]) -> None:
    outlier, outbox = rule(slow_limits(), 1), Outbox()
    for at, price in enumerate(prices):
        outlier.take("", price * 1_000, at, at, outbox)
        outlier.take("0", price * 1_000 + 9_000, at, at, outbox)
    assert not any(source.in_doubt for source in outlier.sources)


def slow_limits() -> Limits:
    from pathlib import Path

    from tests.production.risk_monitor.conftest import PAIRS

    from trading_ecosystem.assembly import load_world

    assert PAIRS
    return load_world(Path(__file__).parents[3] / "worlds" / "two-venues-watched.yaml").limits


def test_a_monitor_that_watches_no_sources_hears_books_without_a_word(rig: Any) -> None:
    rig.begin()
    before = len(rig.said)
    book(rig, "exchange", "10", 1)
    assert rig.said[before:] == [] and isinstance(rig.monitor, RiskMonitor)
