"""The first quote of each minute is kept, whatever the pace and however often it is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.simulators.market_data.store import DESIGN, MINUTE_NS, PriceHistory

START_NS = 1_700_000_040_000_000_000  # A whole minute.
END_NS = START_NS + 10_000 * MINUTE_NS


@pytest.fixture
def history(any_store_url: str) -> Iterator[PriceHistory]:
    store = open_store(any_store_url, "market_data", DESIGN)
    yield store.history
    store.close()


def quote(after_s: int, symbol: str = "BTC/USD") -> QuotePublished:
    return QuotePublished(symbol, 100 + after_s, 1, 101 + after_s, 2, after_s + 1, START_NS + after_s * 1_000_000_000)


def test_the_first_quote_of_each_minute_is_kept(history: PriceHistory) -> None:
    history.record([quote(0), quote(1), quote(59), quote(60), quote(61)])
    history.record([quote(119), quote(125), quote(7, "ETH/USD")])
    history.record([BookTopChanged("exchange", "BTC/USD", 1, 1, 2, 1, 1, START_NS)])
    assert history.history("BTC/USD", START_NS, END_NS) == [quote(0), quote(60), quote(125)]
    assert history.history("ETH/USD", START_NS, END_NS) == [quote(7, "ETH/USD")]
    assert history.history("nothing", START_NS, END_NS) == []


def test_a_span_takes_in_its_beginning_and_leaves_out_its_end(history: PriceHistory) -> None:
    history.record([quote(60 * minute) for minute in range(5)])
    from_ns, until_ns = START_NS + MINUTE_NS, START_NS + 3 * MINUTE_NS
    assert history.history("BTC/USD", from_ns, until_ns) == [quote(60), quote(120)]
    assert history.history("BTC/USD", START_NS, END_NS, limit=2) == [quote(0), quote(60)]


def test_after_a_restart_a_minute_that_is_kept_stays(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite"
    for told in ([quote(3), quote(70)], [quote(50), quote(71), quote(130)]):
        store = open_store(url, "market_data", DESIGN)
        store.history.record(told)
        kept = store.history.history("BTC/USD", START_NS, END_NS)
        store.close()
    assert kept == [quote(3), quote(70), quote(130)]


@settings(max_examples=25, deadline=None)
@given(seconds=strategies.lists(strategies.integers(0, 600), max_size=30), cut=strategies.integers(0, 30))
def test_it_keeps_what_the_obvious_sampler_keeps(seconds: list[int], cut: int) -> None:
    quotes = [quote(second) for second in sorted(seconds)]
    store = open_store("memory:", "market_data", DESIGN)
    store.history.record(quotes[:cut])
    store.history.record(quotes[cut:])
    kept = store.history.history("BTC/USD", START_NS, END_NS)
    store.close()
    obvious: dict[int, QuotePublished] = {}
    for each in quotes:
        obvious.setdefault(each.occurred_ns // MINUTE_NS, each)
    assert kept == list(obvious.values())
