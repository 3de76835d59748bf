"""A recorded bar is replayed by its close, when that is known; what is not recorded is derived or generated."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.messages.chaos import ApplyPricePath, PathAnchor, PathPoint, ScaleVolatility
from trading_ecosystem.simulators.market_data.core import MarketData
from trading_ecosystem.simulators.market_data.recorded import Piece, Record, Recorded, Track

START_NS = 1_772_409_600_000_000_000
SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
Build = Callable[..., MarketData]
Row = tuple[int, float, float, float, float]  # Minute, open, high, low, close.


@dataclass(frozen=True)
class InMemory:
    """A record that is there already, in pieces of so many rows."""

    rows: list[tuple[int, float]]
    piece_rows: int

    def pieces(self) -> Iterator[Piece]:
        for first in range(0, len(self.rows), self.piece_rows):
            times, prices = zip(*self.rows[first : first + self.piece_rows], strict=True)
            yield Piece(list(times), list(prices))


def bars(*rows: Row, from_ns: int = START_NS, piece_rows: int = 2) -> Record:
    moments = [(from_ns + minute * MINUTE_NS, close) for minute, _, _, _, close in rows]
    return Record(bar_ns=MINUTE_NS, opening=rows[0][1], source=InMemory(moments, piece_rows))


def walked(track: Track, seconds: int) -> list[float]:
    return [track.price(START_NS + second * SECOND_NS) for second in range(seconds)]


def test_a_close_is_known_with_the_last_quote_of_its_bar_and_holds_until_the_next() -> None:
    track = Track(bars((0, 10.0, 13.0, 9.0, 12.0), (1, 12.0, 14.0, 8.0, 9.0)), SECOND_NS)
    assert walked(track, 130) == [10.0] * 59 + [12.0] * 60 + [9.0] * 11


def test_a_minute_without_a_bar_holds_the_last_close() -> None:
    track = Track(bars((0, 10.0, 10.0, 10.0, 10.5), (3, 11.0, 11.0, 11.0, 11.0)), SECOND_NS)
    assert set(walked(track, 239)[59:]) == {10.5}
    assert track.price(START_NS + 239 * SECOND_NS) == 11.0
    assert track.price(START_NS + 10 * MINUTE_NS) == 11.0


def test_a_step_as_long_as_a_bar_sees_closes_only() -> None:
    track = Track(bars((0, 10.0, 13.0, 9.0, 12.0), (1, 12.0, 14.0, 8.0, 9.0)), MINUTE_NS)
    assert [track.price(START_NS + minute * MINUTE_NS) for minute in range(3)] == [12.0, 9.0, 9.0]


def by_definition(rows: list[Row], step_ns: int, at_ns: int) -> float:
    """A slow twin: looks at every bar."""
    lag_ns = max(0, MINUTE_NS - step_ns)
    known = [close for minute, _, _, _, close in rows if START_NS + minute * MINUTE_NS + lag_ns <= at_ns]
    return known[-1] if known else rows[0][1]


@settings(max_examples=100)
@given(
    minutes=st.lists(st.integers(0, 12), min_size=1, max_size=8, unique=True).map(sorted),
    prices=st.lists(st.tuples(*[st.integers(1, 99)] * 4), min_size=8, max_size=8),
    seconds=st.lists(st.integers(-90, 900), min_size=1, max_size=20),
    step_s=st.sampled_from([1, 7, 20, 60, 100]),
    piece_rows=st.integers(1, 9),
)
def test_a_track_is_what_its_definition_says_at_any_moments(
    minutes: list[int], prices: list[tuple[int, int, int, int]], seconds: list[int], step_s: int, piece_rows: int
) -> None:
    rows = [
        (minute, float(o), float(max(o, h, low, c)), float(min(o, h, low, c)), float(c))
        for minute, (o, h, low, c) in zip(minutes, prices, strict=False)
    ]
    track = Track(bars(*rows, piece_rows=piece_rows), step_s * SECOND_NS)
    for second in seconds:
        at_ns = START_NS + second * SECOND_NS
        assert track.price(at_ns) == by_definition(rows, step_s * SECOND_NS, at_ns)


FLAT_BTC = bars((0, 20_000.0, 20_000.0, 20_000.0, 20_000.0))
FLAT_USDT = bars((0, 0.8, 0.8, 0.8, 0.8))


def last_middles(running: Any, seconds: int) -> dict[str, float]:
    quotes = running.run(seconds * SECOND_NS)
    return {quote.symbol: (quote.bid_ticks + quote.ask_ticks) / 2 for quote in quotes}


def test_pairs_of_recorded_assets_are_derived_and_others_are_generated(build: Build, feed: Any) -> None:
    recorded = Recorded(records={"BTC/USD": FLAT_BTC, "USDT/USD": FLAT_USDT})
    found = last_middles(feed(build(recorded=recorded), START_NS), 90)
    generated = last_middles(feed(build(), START_NS), 90)
    assert found["BTC/USD"] == pytest.approx(2_000_000, abs=1)
    assert found["USDT/USD"] == pytest.approx(8_000, abs=0.5)
    assert found["BTC/USDT"] == pytest.approx(2_500_000, rel=15e-4)
    assert (found["ETH/USD"], found["USDC/USD"]) == (generated["ETH/USD"], generated["USDC/USD"])
    assert found["ETH/USDT"] == pytest.approx(generated["ETH/USD"] / 0.8, rel=15e-4)


def test_a_recorded_cross_pair_wins_over_its_assets(build: Build, feed: Any) -> None:
    cross = bars((0, 21_000.0, 21_000.0, 21_000.0, 21_000.0))
    recorded = Recorded(records={"BTC/USD": FLAT_BTC, "BTC/USDT": cross})
    found = last_middles(feed(build(recorded=recorded), START_NS), 90)
    assert found["BTC/USDT"] == pytest.approx(2_100_000, abs=1)
    assert found["BTC/USD"] == pytest.approx(2_000_000, abs=1)


def test_paths_lie_over_a_replay_too(build: Build, feed: Any) -> None:
    cross = bars((0, 21_000.0, 21_000.0, 21_000.0, 21_000.0))
    running = feed(build(recorded=Recorded(records={"USDT/USD": FLAT_USDT, "BTC/USDT": cross})), START_NS)
    running.run(30 * SECOND_NS)
    running.tell(
        ApplyPricePath(
            to="market_data",
            injection_id="depeg",
            symbols=("USDT/USD",),
            anchor=PathAnchor.ABSOLUTE,
            points=(PathPoint(after_ns=10 * SECOND_NS, value_ppm=400_000),),
        )
    )
    found = last_middles(running, 20)
    assert found["USDT/USD"] == pytest.approx(4_000, abs=0.5)
    assert found["BTC/USDT"] == pytest.approx(4_200_000, abs=1)


def test_volatility_lies_over_a_replay_too(build: Build, feed: Any) -> None:
    recorded = Recorded(records={"BTC/USD": bars((0, 100.0, 100.0, 100.0, 110.0), (1, 110.0, 110.0, 110.0, 99.0))})
    running = feed(build(recorded=recorded), START_NS)
    running.run(30 * SECOND_NS)
    running.tell(ScaleVolatility(to="market_data", injection_id="wild", symbols=("BTC/USD",), factor_ppm=3_000_000))
    assert last_middles(running, 20)["BTC/USD"] == pytest.approx(10_000, abs=1)
    assert last_middles(running, 40)["BTC/USD"] == pytest.approx(10_000 * 1.1**3, abs=1)
    assert last_middles(running, 60)["BTC/USD"] == pytest.approx(10_000 * 0.99**3, abs=1)


def test_a_replay_survives_a_restart(build: Build, feed: Any) -> None:
    recorded = Recorded(records={"BTC/USD": bars((0, 10.0, 13.0, 9.0, 12.0), (1, 12.0, 14.0, 8.0, 9.0))})
    first = feed(build(recorded=recorded), START_NS)
    first.run(70 * SECOND_NS)
    rebuilt = build(recorded=recorded)
    rebuilt.restore(first.core.save())
    second = feed(rebuilt, first.now)
    assert [q.bid_ticks for q in second.run(80 * SECOND_NS)] == [q.bid_ticks for q in first.run(80 * SECOND_NS)]
