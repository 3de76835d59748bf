"""The feed can print badly, cross, freeze, lag and fall silent; numbers have no gap, and nothing below is touched."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from trading_ecosystem.messages.chaos import (
    ApplyPricePath,
    FaultFeed,
    FeedFault,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    PathAnchor,
    PathPoint,
    RestoreFeed,
    RestorePricePath,
    ScaleVolatility,
)
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.simulators.market_data.core import MarketData

START_NS = 1_772_409_600_000_000_000
SECOND_NS = 1_000_000_000
PPM = 1_000_000
BTC, ETH, USDT = "BTC/USD", "ETH/USD", "USDT/USD"
SYMBOLS = ("BTC/USD", "ETH/USD", "BTC/USDT", "ETH/USDT", "USDT/USD", "USDC/USD")
Build = Callable[..., MarketData]


def fault(name: str, kind: FeedFault, *symbols: str, by_ppm: int = 0, by_ns: int = 0, prints: int = 0) -> FaultFeed:
    return FaultFeed(
        to="market_data",
        injection_id=name,
        feed_fault=kind,
        symbols=symbols or (BTC,),
        by_ppm=by_ppm,
        by_ns=by_ns,
        prints=prints,
    )


def undo(name: str) -> RestoreFeed:
    return RestoreFeed(to="market_data", injection_id=name)


def content(quote: QuotePublished) -> tuple[int, int, int, int]:
    return quote.bid_ticks, quote.bid_lots, quote.ask_ticks, quote.ask_lots


def of(quotes: list[QuotePublished], symbol: str) -> list[QuotePublished]:
    return [quote for quote in quotes if quote.symbol == symbol]


def ends(messages: list[Message]) -> list[str]:
    return [message.injection_id for message in messages if isinstance(message, InjectionEnded)]


@pytest.fixture
def pair(build: Build, feed: Any) -> tuple[Any, Any]:
    """Two equal feeds, ten seconds old: one to be left alone."""
    both = feed(build(), START_NS), feed(build(), START_NS)
    for each in both:
        each.run(10 * SECOND_NS)
    return both


def test_every_fault_gives_its_receipts(pair: tuple[Any, Any]) -> None:
    running = pair[1]
    lag = fault("late", FeedFault.LAG, BTC, ETH, by_ns=3 * SECOND_NS)
    assert running.tell(lag) == [
        InjectionStarted(
            injection_id="late",
            kind="feed.lag",
            target="market_data",
            subjects=(BTC, ETH),
            occurred_ns=START_NS + 10 * SECOND_NS,
        )
    ]
    assert running.tell(lag) == []
    assert ends(running.tell(undo("late"))) == ["late"]
    assert running.tell(undo("late")) == []


def test_a_bad_print_is_a_few_quotes_and_ends_by_itself(pair: tuple[Any, Any]) -> None:
    base, moved = pair
    moved.tell(fault("print", FeedFault.BAD_PRINT, by_ppm=-400_000, prints=2))
    before = len(moved.said)
    true, told = of(base.run(4 * SECOND_NS), BTC), of(moved.run(4 * SECOND_NS), BTC)
    for quote, was in zip(told[:2], true[:2], strict=True):
        assert quote.bid_ticks == was.bid_ticks * 600_000 // PPM
        assert quote.ask_ticks == was.ask_ticks * 600_000 // PPM
    assert told[2:] == true[2:]
    assert ends(moved.said[before:]) == ["print"]
    assert moved.tell(undo("print")) == []


@pytest.mark.parametrize("by_ppm", [-PPM, -PPM - 1, -1_370_000, -10 * PPM])
def test_a_print_may_be_no_price_at_all(pair: tuple[Any, Any], by_ppm: int) -> None:
    untouched, moved = pair
    moved.tell(fault("print", FeedFault.BAD_PRINT, by_ppm=by_ppm, prints=2))
    for right, wrong in zip(of(untouched.run(3), BTC), of(moved.run(3), BTC), strict=True):
        if wrong.sequence > 2:
            assert content(wrong) == content(right)
            continue
        assert wrong.bid_ticks < wrong.ask_ticks <= 0
        assert abs(wrong.ask_ticks - right.bid_ticks * (PPM + by_ppm) // PPM) <= 1


@pytest.mark.parametrize("by_ppm", [1 - PPM, 10**9])
def test_an_absurd_print_is_still_a_quote(pair: tuple[Any, Any], by_ppm: int) -> None:
    pair[1].tell(fault("print", FeedFault.BAD_PRINT, *SYMBOLS, by_ppm=by_ppm, prints=1))
    quotes = pair[1].run(SECOND_NS)
    assert len(quotes) == 6
    assert all(0 < quote.bid_ticks < quote.ask_ticks < 1 << 53 for quote in quotes)


def test_a_crossed_feed_keeps_its_middle(pair: tuple[Any, Any]) -> None:
    base, moved = pair
    moved.tell(fault("crossed", FeedFault.CROSSED, *SYMBOLS, by_ppm=1_000))
    for quote, was in zip(moved.run(5 * SECOND_NS), base.run(5 * SECOND_NS), strict=True):
        assert quote.bid_ticks > quote.ask_ticks > 0
        assert abs(quote.bid_ticks + quote.ask_ticks - was.bid_ticks - was.ask_ticks) <= 1
        assert quote.bid_ticks - quote.ask_ticks == max(1, (was.bid_ticks + was.ask_ticks) // 2_000)
    moved.tell(undo("crossed"))
    assert moved.run(SECOND_NS) == base.run(SECOND_NS)


def test_a_frozen_feed_says_the_same_under_new_times(pair: tuple[Any, Any]) -> None:
    base, moved = pair
    moved.tell(fault("frozen", FeedFault.FROZEN))
    true, told = of(base.run(9 * SECOND_NS), BTC), of(moved.run(9 * SECOND_NS), BTC)
    assert told[0] == true[0]
    assert {content(quote) for quote in told} == {content(true[0])}
    assert [(quote.sequence, quote.occurred_ns) for quote in told] == [(q.sequence, q.occurred_ns) for q in true]
    moved.tell(undo("frozen"))
    assert moved.run(5 * SECOND_NS) == base.run(5 * SECOND_NS)


def test_a_stale_feed_says_nothing_and_misses_no_number(pair: tuple[Any, Any]) -> None:
    base, moved = pair
    moved.tell(fault("stale", FeedFault.STALE))
    true, told = base.run(9 * SECOND_NS), moved.run(9 * SECOND_NS)
    assert told == [quote for quote in true if quote.symbol != BTC]
    moved.tell(undo("stale"))
    true, told = of(base.run(2 * SECOND_NS), BTC), of(moved.run(2 * SECOND_NS), BTC)
    assert [content(quote) for quote in told] == [content(quote) for quote in true]
    assert [quote.sequence for quote in told] == [11, 12]


@pytest.mark.parametrize("lag_ns", [1, SECOND_NS // 3, SECOND_NS, 7 * SECOND_NS + 5])
def test_a_late_quote_comes_just_so_late_and_bears_its_time(pair: tuple[Any, Any], lag_ns: int) -> None:
    base, moved = pair
    moved.tell(fault("late", FeedFault.LAG, by_ns=lag_ns))
    arrived: list[tuple[int, QuotePublished]] = []
    until_ns = moved.now + 20 * SECOND_NS
    while moved.wake_ns <= until_ns:
        told = of(moved.run(moved.wake_ns - moved.now), BTC)
        arrived += [(moved.now, quote) for quote in told]
    true = of(base.run(20 * SECOND_NS), BTC)
    assert [quote for _, quote in arrived] == true[: len(arrived)]
    assert len(arrived) >= 12
    assert [at_ns for at_ns, _ in arrived] == [quote.occurred_ns + lag_ns for _, quote in arrived]


def test_what_was_late_leaves_at_once_when_the_lag_is_over(pair: tuple[Any, Any]) -> None:
    base, moved = pair
    moved.tell(fault("late", FeedFault.LAG, by_ns=30 * SECOND_NS))
    moved.tell(fault("later", FeedFault.LAG, by_ns=30 * SECOND_NS))
    true = of(base.run(50 * SECOND_NS), BTC)
    assert of(moved.run(50 * SECOND_NS), BTC) == []
    assert of([m for m in moved.tell(undo("late")) if isinstance(m, QuotePublished)], BTC) == true[:20]
    assert of([m for m in moved.tell(undo("later")) if isinstance(m, QuotePublished)], BTC) == true[20:]
    assert moved.run(3 * SECOND_NS) == base.run(3 * SECOND_NS)


def test_a_crossed_frozen_feed_is_the_same_whichever_came_first(pair: tuple[Any, Any]) -> None:
    frozen, crossed = fault("frozen", FeedFault.FROZEN), fault("crossed", FeedFault.CROSSED, by_ppm=2_000)
    for running, commands in zip(pair, ((frozen, crossed), (crossed, frozen)), strict=True):
        for command in commands:
            running.tell(command)
    told = of(pair[0].run(9 * SECOND_NS), BTC)
    assert told == of(pair[1].run(9 * SECOND_NS), BTC)
    assert len({content(quote) for quote in told}) == 1
    assert told[0].bid_ticks > told[0].ask_ticks


def test_a_crash_while_quotes_are_late_loses_none(build: Build, pair: tuple[Any, Any], feed: Any) -> None:
    base, moved = pair
    moved.tell(fault("late", FeedFault.LAG, by_ns=SECOND_NS * 5 // 2))
    moved.run(10 * SECOND_NS)
    rebuilt = build()
    rebuilt.restore(json.loads(json.dumps(moved.core.save())))
    after = feed(rebuilt, moved.now + 20 * SECOND_NS)
    waited = of(base.run(10 * SECOND_NS), BTC)[-3:]
    told = of(after.run(10 * SECOND_NS), BTC)
    assert told[:3] == waited
    assert [quote.sequence for quote in told] == list(range(18, 18 + len(told)))


KNOWN = fault("known", FeedFault.STALE)
HIDDEN = "BTC/USD is under feed.stale by known; feed.frozen would not be seen"


@pytest.mark.parametrize(
    ("command", "detail"),
    [
        (fault("known", FeedFault.STALE, ETH), "the injection id known is already active or was used before"),
        (fault("path", FeedFault.STALE, ETH), "the injection id path is one of a price"),
        (fault("x", FeedFault.STALE, "XRP/USD"), "unknown symbol XRP/USD; known: BTC/USD, ETH/USD,"),
        (fault("x", FeedFault.STALE, ETH, ETH), "the symbol ETH/USD is there twice"),
        (fault("x", FeedFault.BAD_PRINT, ETH, prints=1), "a print off by 0 ppm"),
        (fault("x", FeedFault.BAD_PRINT, ETH, by_ppm=-10 * PPM - 1, prints=1), "a print off by -10000001 ppm"),
        (fault("x", FeedFault.BAD_PRINT, ETH, by_ppm=5), "0 prints; between 1 and"),
        (fault("x", FeedFault.CROSSED, ETH), "crossed by 0 ppm; between 1 and"),
        (fault("x", FeedFault.CROSSED, ETH, by_ppm=PPM), "crossed by 1000000 ppm; between 1 and"),
        (fault("x", FeedFault.LAG, ETH), "a lag of 0 ns; between 1 and"),
        (fault("x", FeedFault.LAG, ETH, by_ns=10**12), "a lag of 1000000000000 ns; between 1 and"),
        (fault("x", FeedFault.FROZEN, ETH, BTC), HIDDEN),
        (fault("x", FeedFault.STALE), "feed.stale would not be seen"),
        (undo("x"), "no injection x to restore"),
        (undo("path"), "no injection path to restore"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(build: Build, feed: Any, command: Any, detail: str) -> None:
    running = feed(build(), START_NS)
    running.tell(KNOWN)
    points = (PathPoint(after_ns=0, value_ppm=900_000),)
    running.tell(
        ApplyPricePath(to="market_data", injection_id="path", symbols=(ETH,), anchor=PathAnchor.RELATIVE, points=points)
    )
    state = running.core.save()
    (refused,) = running.tell(command)
    assert isinstance(refused, InjectionRefused)
    assert detail in refused.detail
    assert running.core.save() == state


# All of it together.

NAMES = [f"injection-{number}" for number in range(6)]
SOME = st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=3, unique=True).map(tuple)
NAMED = st.sampled_from(NAMES)
POINTS = st.lists(
    st.builds(PathPoint, after_ns=st.integers(0, 9 * SECOND_NS), value_ppm=st.integers(500_000, 2_000_000)),
    min_size=1,
    max_size=3,
).map(lambda points: tuple(sorted(points, key=lambda point: point.after_ns)))
SHAPES = st.one_of(
    st.builds(
        ApplyPricePath,
        to=st.just("market_data"),
        injection_id=NAMED,
        symbols=SOME,
        anchor=st.sampled_from(PathAnchor),
        points=POINTS,
    ),
    st.builds(
        ScaleVolatility,
        to=st.just("market_data"),
        injection_id=NAMED,
        symbols=SOME,
        factor_ppm=st.integers(0, 30_000_000),
    ),
)
FAULTS = st.builds(
    FaultFeed,
    to=st.just("market_data"),
    injection_id=NAMED,
    feed_fault=st.sampled_from(FeedFault),
    symbols=SOME,
    by_ppm=st.integers(1, 400_000),
    by_ns=st.integers(1, 6 * SECOND_NS),
    prints=st.integers(1, 4),
)
UNDOS = st.one_of(
    st.builds(RestoreFeed, to=st.just("market_data"), injection_id=NAMED),
    st.builds(RestorePricePath, to=st.just("market_data"), injection_id=NAMED, over_ns=st.integers(0, 5 * SECOND_NS)),
)
MOVES = st.one_of(SHAPES, FAULTS, UNDOS, st.integers(1, 4 * SECOND_NS))
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def play(running: Any, moves: list[Any]) -> list[Message]:
    before = len(running.said)
    for move in moves:
        if isinstance(move, int):
            running.run(move)
        else:
            running.tell(move)
    return list(running.said[before:])


@QUIET
@given(moves=st.lists(MOVES, max_size=14))
def test_numbers_have_no_gap_and_times_never_go_back(build: Build, feed: Any, moves: list[Any]) -> None:
    """D1, whatever is injected."""
    running = feed(build(), START_NS)
    play(running, moves)
    for name in NAMES:
        running.tell(undo(name))
    running.run(2 * SECOND_NS)
    quotes = [message for message in running.said if isinstance(message, QuotePublished)]
    for symbol in SYMBOLS:
        told = of(quotes, symbol)
        assert [quote.sequence for quote in told] == list(range(1, len(told) + 1))
        moments = [quote.occurred_ns for quote in told]
        assert moments == sorted(set(moments))
        assert all(quote.bid_ticks > 0 and quote.ask_ticks > 0 for quote in told)


@QUIET
@given(moves=st.lists(MOVES, max_size=12))
def test_whatever_was_injected_leaves_no_mark_when_it_is_undone(build: Build, feed: Any, moves: list[Any]) -> None:
    base, moved = feed(build(), START_NS), feed(build(), START_NS)
    play(moved, moves)
    for name in NAMES:
        moved.tell(RestorePricePath(to="market_data", injection_id=name, over_ns=0))
        moved.tell(undo(name))
    moved.run(10 * SECOND_NS)  # One that was told to go back slowly goes on doing so.
    base.run(moved.now - base.now)
    true, told = base.run(3 * SECOND_NS), moved.run(3 * SECOND_NS)
    assert [content(quote) for quote in told] == [content(quote) for quote in true]


@QUIET
@given(before=st.lists(MOVES, max_size=9), after=st.lists(MOVES, max_size=5))
def test_a_restored_core_has_the_same_future(build: Build, feed: Any, before: list[Any], after: list[Any]) -> None:
    first = feed(build(), START_NS)
    play(first, before)
    state = json.dumps(first.core.save())
    core = build()
    core.restore(json.loads(state))
    assert json.dumps(core.save()) == state
    second = feed(build(), first.now)
    second.core, second.wakes = core, list(first.wakes)
    assert play(second, after) == play(first, after)
    assert json.dumps(second.core.save()) == json.dumps(first.core.save())


@QUIET
@given(
    commands=st.lists(st.one_of(SHAPES, FAULTS), max_size=5, unique_by=lambda each: each.injection_id), data=st.data()
)
def test_the_order_of_arrival_changes_nothing(
    build: Build, feed: Any, commands: list[Any], data: st.DataObject
) -> None:
    """But for absolute paths, which begin at the price that others left, and for what would not be seen."""
    told = [each for each in commands if getattr(each, "anchor", None) is not PathAnchor.ABSOLUTE]
    kinds = [each.feed_fault for each in told if isinstance(each, FaultFeed)]
    one, other = feed(build(), START_NS), feed(build(), START_NS)
    refused = [m for m in play(one, told) if isinstance(m, InjectionRefused)]
    refused += [m for m in play(other, data.draw(st.permutations(told))) if isinstance(m, InjectionRefused)]
    if not refused:
        assert one.run(12 * SECOND_NS) == other.run(12 * SECOND_NS), kinds


@QUIET
@given(commands=st.lists(st.one_of(SHAPES, FAULTS), min_size=1, max_size=4, unique_by=lambda each: each.injection_id))
def test_taking_one_away_shifts_nobody_elses_draws(build: Build, feed: Any, commands: list[Any]) -> None:
    """An instrument that the injection does not reach is told bit for bit as before."""
    whole, without = feed(build(), START_NS), feed(build(), START_NS)
    play(whole, commands)
    play(without, commands[1:])
    symbols = commands[0].symbols
    assets = {asset for symbol in symbols for asset in symbol.split("/") if asset != "USD"}
    with_it, without_it = whole.run(10 * SECOND_NS), without.run(10 * SECOND_NS)
    if any(isinstance(message, InjectionRefused) for message in (*whole.said, *without.said)):
        return
    for symbol in SYMBOLS:
        if symbol not in symbols and not assets & set(symbol.split("/")):
            assert of(with_it, symbol) == of(without_it, symbol)


def test_a_start_asks_for_what_still_waits(build: Build, pair: tuple[Any, Any]) -> None:
    moved = pair[1]
    moved.tell(fault("late", FeedFault.LAG, by_ns=SECOND_NS // 2))
    moved.run(SECOND_NS)
    core = build()
    core.restore(moved.core.save())
    wakes = [each.at_ns for each in core.handle(Start(memory={}), moved.now + 1) if hasattr(each, "at_ns")]
    assert sorted(wakes) == [moved.now + SECOND_NS // 2, moved.now + SECOND_NS]


SLOW_SHAPES = st.one_of(
    st.builds(
        ApplyPricePath,
        to=st.just("market_data"),
        injection_id=st.just("slow"),
        symbols=SOME,
        anchor=st.sampled_from([PathAnchor.RELATIVE, PathAnchor.APART]),
        points=st.integers(500_000, 2_000_000).map(
            lambda value_ppm: (PathPoint(after_ns=10_000 * SECOND_NS, value_ppm=value_ppm),)
        ),
    ),
    st.builds(
        ScaleVolatility,
        to=st.just("market_data"),
        injection_id=st.just("slow"),
        symbols=SOME,
        factor_ppm=st.integers(0, 20_000_000),
    ),
)


@QUIET
@given(moves=st.lists(st.one_of(SHAPES, st.integers(1, 4 * SECOND_NS)), max_size=5), shape=SLOW_SHAPES)
def test_nothing_jumps_when_a_shape_begins(build: Build, feed: Any, moves: list[Any], shape: Any) -> None:
    """Over whatever lies there already: the next quotes are those without it, but for what a second can do."""
    base, moved = feed(build(), START_NS), feed(build(), START_NS)
    for running in (base, moved):
        play(running, [*moves, SECOND_NS])
    moved.tell(shape)
    for quote, was in zip(moved.run(SECOND_NS), base.run(SECOND_NS), strict=True):
        true, told = was.bid_ticks + was.ask_ticks, quote.bid_ticks + quote.ask_ticks
        assert abs(told - true) <= 4 + true * 5 // 1_000, (quote, was)
