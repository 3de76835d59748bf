"""Samples are the market's own prices, a walk without its features, and a record on whole minutes."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.market_data import likeness, samples
from trading_ecosystem.simulators.market_data.config import MarketDataConfig
from trading_ecosystem.simulators.market_data.core import MarketData

START_NS = 1_772_409_600_000_000_000
MINUTE_NS = 60_000_000_000


def test_a_sample_is_what_the_core_quotes(
    build: Callable[..., MarketData],
    feed: type,
    configure: Callable[..., MarketDataConfig],
    reference: ReferenceData,
) -> None:
    config = configure(every="60s")
    quotes = feed(build(seed=5, config=config), START_NS).run(200 * MINUTE_NS)
    middles = [(quote.bid_ticks + quote.ask_ticks) / 200 for quote in quotes if quote.symbol == "BTC/USD"]
    path = samples.generated(config, reference, 5, START_NS, 1)["BTC"]
    assert len(path) == samples.DAY_MINUTES + 1
    assert path[1:201] == pytest.approx(middles, rel=1e-6)


def test_a_sample_does_not_depend_on_how_often_the_world_quotes(
    configure: Callable[..., MarketDataConfig], reference: ReferenceData
) -> None:
    each_second, each_hour = (
        samples.generated(configure(every=every), reference, 5, START_NS, 1) for every in ("1s", "1h")
    )
    assert each_second == each_hour
    assert list(each_second) == ["BTC", "ETH"]


def test_the_control_has_the_volatility_and_correlation_of_the_world_and_fails(
    config: MarketDataConfig, reference: ReferenceData
) -> None:
    paths = samples.gaussian(config, reference, 3, 20)
    returns = {name: likeness.log_returns(path) for name, path in paths.items()}
    for name, volatility in (("BTC", 0.55), ("ETH", 0.70)):
        year = math.sqrt(sum(value * value for value in returns[name]) / 20 * 365)
        assert year == pytest.approx(volatility, rel=0.03)
        assert {"kurtosis", "tail index"} <= set(likeness.outside(likeness.measured(returns[name])))
    assert likeness.correlation(returns["BTC"], returns["ETH"]) == pytest.approx(0.85 * 0.85, abs=0.02)


def test_minutes_take_the_last_price_and_hold_it_through_a_gap() -> None:
    found = samples.minutes_from([(MINUTE_NS, 1.0), (2 * MINUTE_NS - 1, 2.0), (5 * MINUTE_NS, 3.0)])
    assert (found.first, found.closes, found.held) == (1, [2.0, 2.0, 2.0, 2.0, 3.0], 3)


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(1, 99)), min_size=1, max_size=30))
def test_minutes_are_their_slow_definition(rows: list[tuple[int, int]]) -> None:
    moments = [(second * MINUTE_NS // 60, float(price)) for second, price in sorted(rows, key=lambda row: row[0])]
    found = samples.minutes_from(moments)
    assert found.first == moments[0][0] // MINUTE_NS
    for place, close in enumerate(found.closes):
        until_ns = (found.first + place + 1) * MINUTE_NS
        assert close == [price for at_ns, price in moments if at_ns < until_ns][-1]
    assert found.held == len(found.closes) - len({at_ns // MINUTE_NS for at_ns, _ in moments})


def test_assets_are_compared_over_the_minutes_that_both_have() -> None:
    first = samples.Minutes(first=10, closes=[1.0, 2.0, 3.0], held=0)
    second = samples.Minutes(first=11, closes=[5.0, 6.0, 7.0], held=0)
    late = samples.Minutes(first=99, closes=[8.0], held=0)
    assert samples.together({"A": first, "B": second}) == {"A": [2.0, 3.0], "B": [5.0, 6.0]}
    assert samples.together({"A": first, "B": late}) == {}
    assert samples.together({}) == {}
