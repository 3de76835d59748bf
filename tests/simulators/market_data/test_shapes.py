"""Paths hit their marks, combine, come back, and leave what is under them as it was."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.messages.chaos import (
    ApplyPricePath,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    PathAnchor,
    PathPoint,
    RestorePricePath,
    ScaleVolatility,
)
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.simulators.market_data.core import MarketData
from trading_ecosystem.simulators.market_data.shapes import LaidPath, PricePaths

START_NS = 1_772_409_600_000_000_000
SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
Build = Callable[..., MarketData]


def path(
    injection_id: str, symbols: tuple[str, ...], *points: tuple[int, int], anchor: PathAnchor = PathAnchor.RELATIVE
) -> ApplyPricePath:
    return ApplyPricePath(
        to="market_data",
        injection_id=injection_id,
        symbols=symbols,
        anchor=anchor,
        points=tuple(PathPoint(after_ns=after, value_ppm=value) for after, value in points),
    )


def spike(injection_id: str, factor: float, *symbols: str) -> ScaleVolatility:
    return ScaleVolatility(
        to="market_data", injection_id=injection_id, symbols=symbols, factor_ppm=round(factor * 1_000_000)
    )


def undo(injection_id: str, over_ns: int = 0) -> RestorePricePath:
    return RestorePricePath(to="market_data", injection_id=injection_id, over_ns=over_ns)


def middle(quote: QuotePublished) -> float:
    return (quote.bid_ticks + quote.ask_ticks) / 2


def middles(quotes: list[QuotePublished]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for quote in quotes:
        found.setdefault(quote.symbol, []).append(middle(quote))
    return found


def ratios(build: Build, feed: Any, *commands: Any, seconds: int = 20) -> dict[str, list[float]]:
    """With the injections over without, per symbol and second."""
    base, moved = feed(build(), START_NS), feed(build(), START_NS)
    for command in commands:
        moved.tell(command)
    below, above = middles(base.run(seconds * SECOND_NS)), middles(moved.run(seconds * SECOND_NS))
    return {s: [high / low for high, low in zip(above[s], below[s], strict=True)] for s in below}


def test_a_depeg_of_36_hours_hits_its_marks(configure: Any, build: Build, feed: Any) -> None:
    running = feed(build(config=configure(every="10m")), START_NS)
    running.run(HOUR_NS)
    depeg = path("depeg", ("USDT/USD",), (36 * HOUR_NS, 920_000), anchor=PathAnchor.ABSOLUTE)
    assert running.tell(depeg) == [
        InjectionStarted(
            injection_id="depeg",
            kind="price.path",
            target="market_data",
            subjects=("USDT/USD",),
            occurred_ns=START_NS + HOUR_NS,
        )
    ]
    usdt = middles(running.run(40 * HOUR_NS))["USDT/USD"]
    assert usdt[9 * 6 - 1] == pytest.approx(9_800, abs=6)
    assert usdt[18 * 6 - 1] == pytest.approx(9_600, abs=6)
    assert all(value == pytest.approx(9_200, abs=6) for value in usdt[36 * 6 :])


def test_a_move_of_an_asset_moves_all_its_pairs(build: Build, feed: Any) -> None:
    found = ratios(build, feed, path("depeg", ("USDT/USD",), (0, 500_000)))
    assert found["BTC/USDT"] == pytest.approx([2.0] * 20, rel=1e-4)
    assert found["ETH/USDT"] == pytest.approx([2.0] * 20, rel=1e-4)
    assert found["USDT/USD"] == pytest.approx([0.5] * 20, rel=2e-4)
    for symbol in ("BTC/USD", "ETH/USD", "USDC/USD"):
        assert found[symbol] == [1.0] * 20


def test_a_crash_falls_linearly_and_holds(build: Build, feed: Any) -> None:
    found = ratios(build, feed, path("crash", ("BTC/USD", "ETH/USD"), (10 * SECOND_NS, 850_000)))
    expected = [1 - 0.15 * min(second, 10) / 10 for second in range(1, 21)]
    for symbol in ("BTC/USD", "ETH/USD", "BTC/USDT", "ETH/USDT"):
        assert found[symbol] == pytest.approx(expected, rel=2e-5)
    assert found["USDT/USD"] == [1.0] * 20


def test_a_cross_pair_moves_alone(build: Build, feed: Any) -> None:
    found = ratios(build, feed, path("wick", ("BTC/USDT",), (0, 1_100_000)))
    assert found["BTC/USDT"] == pytest.approx([1.1] * 20, rel=1e-5)
    assert all(found[symbol] == [1.0] * 20 for symbol in found if symbol != "BTC/USDT")


def test_a_pair_named_with_its_base_moves_once(build: Build, feed: Any) -> None:
    found = ratios(build, feed, path("crash", ("BTC/USDT", "BTC/USD"), (0, 850_000)))
    assert found["BTC/USDT"] == pytest.approx([0.85] * 20, rel=1e-5)


@pytest.mark.parametrize("symbol", ["BTC/USD", "BTC/USDT"])
def test_an_instrument_apart_moves_without_the_others_of_its_assets(build: Build, feed: Any, symbol: str) -> None:
    found = ratios(build, feed, path("apart", (symbol,), (0, 1_020_000), anchor=PathAnchor.APART))
    assert found[symbol] == pytest.approx([1.02] * 20, rel=1e-5)
    assert all(found[other] == [1.0] * 20 for other in found if other != symbol)


@pytest.mark.parametrize("factor", [0, 0.5, 3, 20])
def test_a_spike_scales_every_return_and_jumps_nowhere(build: Build, feed: Any, factor: float) -> None:
    base, moved = feed(build(), START_NS), feed(build(), START_NS)
    for running in (base, moved):
        running.run(60 * SECOND_NS)
    last = middles([message for message in base.said if isinstance(message, QuotePublished)])["BTC/USD"][-1]
    moved.tell(spike("wild", factor, "BTC/USD"))
    below, above = middles(base.run(300 * SECOND_NS)), middles(moved.run(300 * SECOND_NS))
    for low, high in zip(below["BTC/USD"], above["BTC/USD"], strict=True):
        assert math.log(high / last) == pytest.approx(factor * math.log(low / last), abs=1e-6 * (1 + factor))
    for symbol in ("ETH/USD", "ETH/USDT", "USDT/USD", "USDC/USD"):
        assert above[symbol] == below[symbol]
    crossed = [one / other for one, other in zip(above["BTC/USDT"], below["BTC/USDT"], strict=True)]
    assert crossed == pytest.approx(
        [one / o for one, o in zip(above["BTC/USD"], below["BTC/USD"], strict=True)], rel=1e-5
    )


def test_a_spike_over_a_stablecoin_scales_its_deviation(build: Build, feed: Any) -> None:
    base, moved = feed(build(), START_NS), feed(build(), START_NS)
    moved.tell(spike("wild", 10, "USDT/USD"))
    below, above = middles(base.run(2 * HOUR_NS))["USDT/USD"], middles(moved.run(2 * HOUR_NS))["USDT/USD"]
    assert max(abs(value / 10_000 - 1) for value in above) == pytest.approx(
        10 * max(abs(value / 10_000 - 1) for value in below), rel=0.2
    )


def test_a_spike_ends_where_the_price_would_have_been(build: Build, feed: Any) -> None:
    base, moved = feed(build(), START_NS), feed(build(), START_NS)
    moved.tell(spike("wild", 30, "BTC/USD"))
    moved.run(100 * SECOND_NS)
    base.run(100 * SECOND_NS)
    assert moved.tell(undo("wild", 10 * SECOND_NS)) == []
    before = len(moved.said)
    below, above = middles(base.run(20 * SECOND_NS)), middles(moved.run(20 * SECOND_NS))
    assert above["BTC/USD"][:9] != below["BTC/USD"][:9]
    assert above["BTC/USD"][9:] == below["BTC/USD"][9:]
    ended = [message.injection_id for message in moved.said[before:] if isinstance(message, InjectionEnded)]
    assert ended == ["wild"]


def test_spikes_add_up_and_go_with_paths(build: Build, feed: Any) -> None:
    one, both = feed(build(), START_NS), feed(build(), START_NS)
    one.tell(spike("a", 4, "BTC/USD"))
    for command in (spike("a", 2, "BTC/USD"), spike("b", 3, "BTC/USD"), path("c", ("BTC/USD",), (0, 500_000))):
        both.tell(command)
    whole, halved = middles(one.run(60 * SECOND_NS))["BTC/USD"], middles(both.run(60 * SECOND_NS))["BTC/USD"]
    assert halved == pytest.approx([value / 2 for value in whole], rel=1e-6)


def test_no_heap_of_shapes_takes_a_price_beyond_counting(build: Build, feed: Any) -> None:
    running = feed(build(), START_NS)
    for name in "abcdef":
        running.tell(path(name, ("BTC/USD", "USDC/USD"), (0, 10**12)))
        running.tell(spike(f"wild-{name}", 100, "BTC/USD", "USDC/USD"))
        running.tell(path(f"low-{name}", ("ETH/USD",), (0, 1)))
    quotes = running.run(3600 * SECOND_NS)[-6:]
    assert all(0 < quote.bid_ticks < quote.ask_ticks < 1 << 53 for quote in quotes)


def test_paths_combine_by_multiplication(build: Build, feed: Any) -> None:
    crash = path("crash", ("BTC/USD",), (0, 800_000))
    found = ratios(build, feed, crash, path("rally", ("BTC/USD", "ETH/USD"), (0, 1_500_000)))
    assert found["BTC/USD"] == pytest.approx([1.2] * 20, rel=1e-5)
    assert found["ETH/USD"] == pytest.approx([1.5] * 20, rel=1e-5)


def test_an_absolute_path_starts_from_the_price_that_others_left(build: Build, feed: Any) -> None:
    running = feed(build(), START_NS)
    running.tell(path("first", ("USDC/USD",), (0, 900_000)))
    running.run(5 * SECOND_NS)
    running.tell(path("second", ("USDC/USD",), (10 * SECOND_NS, 950_000), anchor=PathAnchor.ABSOLUTE))
    usdc = middles(running.run(20 * SECOND_NS))["USDC/USD"]
    assert usdc[0] == pytest.approx(9_050, abs=3)
    assert usdc[9:] == pytest.approx([9_500] * 11, abs=3)


def test_restores_at_once_or_over_time_and_says_when_it_is_over(build: Build, feed: Any) -> None:
    base, moved = feed(build(), START_NS), feed(build(), START_NS)
    for name, symbol in (("slow", "BTC/USD"), ("quick", "ETH/USD")):
        moved.tell(path(name, (symbol,), (0, 800_000)))
    moved.run(5 * SECOND_NS)
    base.run(5 * SECOND_NS)
    now = START_NS + 5 * SECOND_NS
    assert moved.tell(undo("quick")) == [InjectionEnded(injection_id="quick", occurred_ns=now)]
    assert moved.tell(undo("slow", 10 * SECOND_NS)) == []
    before = len(moved.said)
    below, above = middles(base.run(15 * SECOND_NS)), middles(moved.run(15 * SECOND_NS))
    assert above["ETH/USD"] == below["ETH/USD"]
    assert above["BTC/USD"][9:] == below["BTC/USD"][9:]
    back = [high / low for high, low in zip(above["BTC/USD"], below["BTC/USD"], strict=True)]
    assert back[:9] == pytest.approx([0.8 + 0.02 * second for second in range(1, 10)], rel=1e-5)
    ended = [message for message in moved.said[before:] if isinstance(message, InjectionEnded)]
    assert ended == [InjectionEnded(injection_id="slow", occurred_ns=now + 10 * SECOND_NS)]


def test_each_path_that_is_back_is_reported_once_and_none_is_forgotten(build: Build, feed: Any) -> None:
    running = feed(build(), START_NS)
    for name in ("first", "second"):
        running.tell(path(name, ("BTC/USD",), (0, 800_000)))
    running.tell(undo("first", SECOND_NS * 3 // 2))
    running.run(SECOND_NS * 17 // 10)
    running.tell(undo("second"))
    running.run(5 * SECOND_NS)
    ended = [message.injection_id for message in running.said if isinstance(message, InjectionEnded)]
    assert ended == ["first", "second"]


def test_commands_delivered_twice_change_nothing(build: Build, feed: Any) -> None:
    crash = path("crash", ("BTC/USD",), (10 * SECOND_NS, 850_000))
    once, twice = feed(build(), START_NS), feed(build(), START_NS)
    for running in (once, twice):
        running.tell(crash)
        running.run(3 * SECOND_NS)
    assert twice.tell(crash) == []
    assert once.core.save() == twice.core.save()
    for running in (once, twice):
        running.tell(undo("crash", 5 * SECOND_NS))
        running.run(2 * SECOND_NS)
    assert twice.tell(undo("crash", 9 * SECOND_NS)) == []
    assert once.core.save() == twice.core.save()
    once.run(5 * SECOND_NS)
    twice.run(5 * SECOND_NS)
    assert twice.tell(undo("crash")) == twice.tell(crash) == []
    assert once.core.save() == twice.core.save()


BTC_PATH = path("known", ("BTC/USD",), (0, 900_000))


@pytest.mark.parametrize(
    ("command", "detail"),
    [
        (path("known", ("ETH/USD",), (0, 900_000)), "the injection id known is already active or was used before"),
        (path("x", (), (0, 900_000)), "no symbol to move"),
        (path("x", ("XRP/USD",), (0, 900_000)), "unknown symbol XRP/USD; known: BTC/USD, ETH/USD,"),
        (path("x", ("BTC/USD", "BTC/USD"), (0, 900_000)), "the symbol BTC/USD is there twice"),
        (path("x", ("BTC/USD",)), "a path without points"),
        (path("x", ("BTC/USD",), (0, 0)), "the value 0 ppm is not between 1 and"),
        (path("x", ("BTC/USD",), (0, -5)), "the value -5 ppm is not between 1 and"),
        (path("x", ("BTC/USD",), (0, 10**13)), "the value 10000000000000 ppm is not between 1 and"),
        (path("x", ("BTC/USD",), (9, 5), (8, 5)), "not in order of time"),
        (path("x", ("BTC/USD",), (-1, 5)), "not in order of time"),
        (path("x", ("BTC/USDT", "USDT/USD"), (0, 5)), "BTC/USDT moves against USDT/USD"),
        (path("x", ("BTC/USDT", "BTC/USD"), (0, 5), anchor=PathAnchor.ABSOLUTE), "BTC/USDT moves with BTC/USD"),
        (spike("x", 1, "BTC/USD"), "a factor of 1000000 ppm; between 0 and"),
        (spike("x", 101, "BTC/USD"), "a factor of 101000000 ppm; between 0 and"),
        (spike("x", 3, "XRP/USD"), "unknown symbol XRP/USD; known: BTC/USD, ETH/USD,"),
        (spike("known", 3, "BTC/USD"), "the injection id known is already active or was used before"),
        (undo("x"), "no injection x to restore"),
        (undo("known", -1), "the time to restore is negative"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(build: Build, feed: Any, command: Any, detail: str) -> None:
    running = feed(build(), START_NS)
    running.tell(BTC_PATH)
    state = running.core.save()
    (refused,) = running.tell(command)
    assert isinstance(refused, InjectionRefused)
    assert (refused.injection_id, refused.occurred_ns) == (command.injection_id, START_NS)
    assert detail in refused.detail
    assert running.core.save() == state


def oracle(points: list[tuple[int, int]], passed_ns: int) -> Fraction:
    """The multiplier by definition, in exact numbers."""
    known = [(0, Fraction(1)), *((after, Fraction(value, 10**6)) for after, value in points)]
    reached = [point for point in known if point[0] <= passed_ns]
    ahead = [point for point in known if point[0] > passed_ns]
    if not ahead:
        return reached[-1][1]
    (from_ns, first), (to_ns, last) = reached[-1], ahead[0]
    return first + (last - first) * Fraction(passed_ns - from_ns, to_ns - from_ns)


@settings(max_examples=100)
@given(
    points=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 3_000_000)), min_size=1, max_size=5).map(
        lambda points: sorted(points, key=lambda point: point[0])
    ),
    passed_ns=st.integers(0, 60),
)
def test_a_multiplier_is_what_its_definition_says(points: list[tuple[int, int]], passed_ns: int) -> None:
    paths = PricePaths({"BTC/USD": 1}, "USD", 2)
    paths.lay(path("x", ("BTC/USD",), *points), [1.0], START_NS)
    paths.multiply(START_NS + passed_ns, [])
    assert paths.multipliers[0] == 1.0
    assert paths.multipliers[1] == pytest.approx(float(oracle(points, passed_ns)), rel=1e-12)


@settings(max_examples=50)
@given(undone_ns=st.integers(0, 100), over_ns=st.integers(0, 50), later_ns=st.integers(0, 80))
def test_the_way_back_is_linear_and_ends(undone_ns: int, over_ns: int, later_ns: int) -> None:
    laid = LaidPath(0, [40], [0], [[0.5]])
    multipliers = [1.0]
    laid.multiply(multipliers, undone_ns)
    held = multipliers[0]
    laid.undo(undone_ns, over_ns)
    multipliers = [1.0]
    laid.multiply(multipliers, undone_ns + later_ns)
    share = 1.0 if later_ns >= over_ns else later_ns / over_ns
    assert multipliers[0] == pytest.approx(held + (1 - held) * share)
    assert laid.is_undone(undone_ns + later_ns) == (later_ns >= over_ns)
