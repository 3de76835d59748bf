"""The feed publishes every instrument on its grid, pairs agree, and neither crash nor snapshot bends a path."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from trading_ecosystem.messages.chaos import ApplyPricePath, PathAnchor, PathPoint, RestorePricePath
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.market_data.core import MarketData

START_NS = 1_772_409_600_000_000_000
SECOND_NS = 1_000_000_000
Build = Callable[..., MarketData]


def plain(messages: list[Message]) -> list[tuple[object, ...]]:
    return [
        (m.symbol, m.bid_ticks, m.bid_lots, m.ask_ticks, m.ask_lots, m.sequence, m.occurred_ns)
        for m in messages
        if isinstance(m, QuotePublished)
    ]


def test_starts_serving_and_asks_for_the_next_grid_time(build: Build) -> None:
    core = build()
    serving = HealthChanged(service="market_data", health=HealthStatus.SERVING, detail="", occurred_ns=START_NS)
    health, wake = core.handle(Start(memory={}), START_NS)
    assert health == serving
    assert isinstance(wake, WakeAt)
    assert wake.at_ns == START_NS + SECOND_NS


def test_publishes_all_instruments_in_the_order_of_the_reference_data(
    build: Build, feed: Any, reference: ReferenceData
) -> None:
    quotes = feed(build(), START_NS).run(3 * SECOND_NS)
    assert [quote.symbol for quote in quotes] == list(reference.instruments) * 3
    assert [quote.sequence for quote in quotes] == [1] * 6 + [2] * 6 + [3] * 6
    assert [quote.occurred_ns for quote in quotes[::6]] == [START_NS + i * SECOND_NS for i in (1, 2, 3)]


def test_a_wake_too_many_publishes_nothing(build: Build) -> None:
    core = build()
    core.handle(Start(memory={}), START_NS)
    core.handle(Start(memory={}), START_NS)
    assert list(core.handle(Wake(), START_NS)) == []
    assert len(plain(list(core.handle(Wake(), START_NS + SECOND_NS)))) == 6
    assert list(core.handle(Wake(), START_NS + SECOND_NS)) == []


def test_a_late_wake_publishes_the_newest_step_only(build: Build, feed: Any) -> None:
    whole = plain(feed(build(), START_NS).run(5 * SECOND_NS))
    core = build()
    core.handle(Start(memory={}), START_NS)
    outputs = list(core.handle(Wake(), START_NS + 5 * SECOND_NS + 1))
    assert [(*row[:5], row[-1]) for row in plain(outputs)] == [(*row[:5], row[-1]) for row in whole[-6:]]
    assert isinstance(outputs[-1], WakeAt)
    assert outputs[-1].at_ns == START_NS + 6 * SECOND_NS


def test_ask_is_above_bid_and_the_spread_is_the_one_configured(build: Build, feed: Any, config: Any) -> None:
    for quote in feed(build(), START_NS).run(600 * SECOND_NS):
        assert 0 < quote.bid_ticks < quote.ask_ticks
        settings_of = config.pairs[quote.symbol]
        expected = (quote.bid_ticks + quote.ask_ticks) / 2 * settings_of.spread_ppm / 1e6
        assert quote.ask_ticks - quote.bid_ticks == pytest.approx(expected, abs=1.01)
        assert settings_of.smallest_lots <= quote.bid_lots <= settings_of.largest_lots
        assert settings_of.smallest_lots <= quote.ask_lots <= settings_of.largest_lots


def test_a_price_near_zero_keeps_a_bid_of_one_tick(build: Build, feed: Any) -> None:
    running = feed(build(), START_NS)
    points = (PathPoint(after_ns=0, value_ppm=1),)
    names = {"to": "market_data", "injection_id": "zero", "symbols": ("USDT/USD",)}
    running.tell(ApplyPricePath(anchor=PathAnchor.RELATIVE, points=points, **names))  # type: ignore[arg-type]
    quotes = [quote for quote in running.run(SECOND_NS) if quote.symbol == "USDT/USD"]
    assert [(quote.bid_ticks, quote.ask_ticks) for quote in quotes] == [(1, 2)]


def test_crosses_are_the_ratio_of_their_legs_within_spread_and_dispersion(build: Build, feed: Any) -> None:
    quotes = feed(build(), START_NS).run(1000 * SECOND_NS)
    for base in (0, 1):
        ratios = []
        for i in range(0, len(quotes), 6):
            usd, usdt, peg = quotes[i + base], quotes[i + base + 2], quotes[i + 4]
            implied = (usd.bid_ticks + usd.ask_ticks) / (peg.bid_ticks + peg.ask_ticks) * 1e4
            ratios.append((usdt.bid_ticks + usdt.ask_ticks) / 2 / implied - 1)
        assert max(abs(ratio) for ratio in ratios) < 15e-4
        assert 0.5e-4 < (sum(ratio * ratio for ratio in ratios) / len(ratios)) ** 0.5 < 4e-4


def test_one_seed_is_one_history(build: Build, feed: Any) -> None:
    histories = [plain(feed(build(seed=seed), START_NS).run(300 * SECOND_NS)) for seed in (7, 7, 8)]
    assert histories[0] == histories[1]
    assert histories[0] != histories[2]


@pytest.mark.parametrize("down_s", [1, 59, 3600])
def test_a_crash_bends_no_path(build: Build, feed: Any, down_s: int) -> None:
    unbroken = plain(feed(build(), START_NS).run((200 + down_s) * SECOND_NS))
    crashed = feed(build(), START_NS)
    crashed.run(100 * SECOND_NS)
    state = json.loads(json.dumps(crashed.core.save()))
    rebuilt = build()
    rebuilt.restore(state)
    back_ns = START_NS + (100 + down_s) * SECOND_NS + 1
    after = feed(rebuilt, back_ns)
    assert after.wake_ns == START_NS + (101 + down_s) * SECOND_NS
    quotes = plain(after.run(99 * SECOND_NS))
    whole = {(row[0], row[-1]): row for row in unbroken}
    assert len(quotes) == 6 * 99
    assert [row[:5] for row in quotes] == [whole[row[0], row[-1]][:5] for row in quotes]
    assert [row[5] for row in quotes[:6]] == [101] * 6  # What was not published is not counted.


COMMANDS = st.one_of(
    st.builds(
        ApplyPricePath,
        to=st.just("market_data"),
        injection_id=st.sampled_from(["a", "b", "c"]),
        symbols=st.lists(st.sampled_from(["BTC/USD", "ETH/USDT", "USDT/USD", "XRP/USD"]), max_size=2).map(tuple),
        anchor=st.sampled_from(PathAnchor),
        points=st.lists(
            st.builds(
                PathPoint,
                after_ns=st.integers(0, 20 * SECOND_NS),
                value_ppm=st.integers(-1, 2_000_000),
            ),
            max_size=3,
        ).map(lambda points: tuple(sorted(points, key=lambda point: point.after_ns))),
    ),
    st.builds(
        RestorePricePath,
        to=st.just("market_data"),
        injection_id=st.sampled_from(["a", "b", "c"]),
        over_ns=st.integers(-1, 15 * SECOND_NS),
    ),
    st.integers(1, 9 * SECOND_NS),
)


def play(running: Any, moves: list[Any]) -> list[str]:
    said = []
    for move in moves:
        if isinstance(move, int):
            before = len(running.said)
            running.run(move)
            said += [shown(message) for message in running.said[before:]]
        else:
            said += [shown(message) for message in running.tell(move)]
    return said


def shown(message: Message) -> str:
    return str(plain([message])) if isinstance(message, QuotePublished) else type(message).__name__


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(COMMANDS, max_size=8), after=st.lists(COMMANDS, max_size=8))
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
    assert second.core.save() == first.core.save()
