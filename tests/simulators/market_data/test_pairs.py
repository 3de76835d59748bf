"""Spreads widen with the volatility of the market where the world says so, and cross rates agree with their assets."""

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from trading_ecosystem.configuration.document import Problem, parse_document
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.reference import ReferenceData, instrument
from trading_ecosystem.simulators.market_data.config import MarketDataConfig, read
from trading_ecosystem.simulators.market_data.core import MarketData

START_NS = 1_772_409_600_000_000_000
MINUTE_NS = 60_000_000_000
SPREAD = "BTC/USD: {spread: 1bps,"


def stressed(world: str, reference: ReferenceData, spread: str) -> MarketDataConfig:
    text = world.replace("quotes_every: 1s", "quotes_every: 60s")
    return read(parse_document("world.yaml", text.replace(SPREAD, f"{SPREAD} stressed_spread: {spread},")), reference)


def of(quotes: list[QuotePublished], symbol: str) -> list[QuotePublished]:
    return [quote for quote in quotes if quote.symbol == symbol]


def spreads_bps(quotes: list[QuotePublished]) -> list[float]:
    return [1e4 * (q.ask_ticks - q.bid_ticks) / ((q.ask_ticks + q.bid_ticks) / 2) for q in of(quotes, "BTC/USD")]


def test_a_spread_goes_from_calm_to_stressed_with_volatility(
    world: str, reference: ReferenceData, build: Callable[..., MarketData], feed: Any
) -> None:
    config = stressed(world, reference, "9bps")
    quotes = feed(build(config=config), START_NS).run(3 * 1440 * MINUTE_NS)
    calm = feed(build(config=stressed(world, reference, "1bps")), START_NS).run(3 * 1440 * MINUTE_NS)
    widths = spreads_bps(quotes)
    assert min(widths) == pytest.approx(1.0, abs=0.01) and max(widths) == pytest.approx(9.0, abs=0.01)
    assert {round(width, 1) for width in spreads_bps(calm)} == {1.0}

    middles = [(q.bid_ticks + q.ask_ticks) / 2 for q in of(quotes, "BTC/USD")]
    assert middles == pytest.approx([(q.bid_ticks + q.ask_ticks) / 2 for q in of(calm, "BTC/USD")], rel=1e-6)
    moves = [abs(after / before - 1.0) for before, after in pairwise(middles)]
    wide = [move for move, width in zip(moves, widths[1:], strict=True) if width > 5.0]
    narrow = [move for move, width in zip(moves, widths[1:], strict=True) if width < 1.1]
    assert len(wide) > 50 and sum(wide) / len(wide) > 2.0 * sum(narrow) / len(narrow)


def test_a_stressed_spread_survives_a_restart(
    world: str, reference: ReferenceData, build: Callable[..., MarketData], feed: Any
) -> None:
    config = stressed(world, reference, "9bps")
    first = feed(build(config=config), START_NS)
    first.run(900 * MINUTE_NS)
    rebuilt = build(config=config)
    rebuilt.restore(first.core.save())
    second = feed(rebuilt, first.now)
    assert spreads_bps(second.run(60 * MINUTE_NS)) == spreads_bps(first.run(60 * MINUTE_NS))


def test_a_stressed_spread_is_not_narrower_than_the_calm_one(world: str, reference: ReferenceData) -> None:
    with pytest.raises(Problem, match=r"BTC/USD\.stressed_spread: narrower than the calm spread, which is 1bps"):
        stressed(world, reference, "0.5bps")


def test_a_pair_of_two_crypto_assets_is_their_ratio(
    world: str, reference: ReferenceData, build: Callable[..., MarketData], feed: Any
) -> None:
    assets = reference.assets
    cross = instrument("ETH/BTC", Decimal("0.00001"), Decimal("0.001"), assets)
    wider = ReferenceData("USD", list(assets.values()), [*reference.instruments.values(), cross])
    text = world + "  ETH/BTC: {spread: 2bps, size: {from: 5, to: 40}}\n"
    config = read(parse_document("world.yaml", text), wider)
    quotes = feed(MarketData("market_data", config, wider, 7, START_NS), START_NS).run(30 * MINUTE_NS)
    usual = feed(build(), START_NS).run(30 * MINUTE_NS)
    assert [quote for quote in map(values_of, quotes) if quote[0] != "ETH/BTC"] == list(map(values_of, usual))
    middle = {s: [(q.bid_ticks + q.ask_ticks) / 2 for q in of(quotes, s)] for s in ("ETH/BTC", "ETH/USD", "BTC/USD")}
    assert len(middle["ETH/BTC"]) == 1_800
    for ratio, eth, btc in zip(*middle.values(), strict=True):
        assert ratio == pytest.approx(1e5 * eth / btc, abs=0.6)  # Half a tick, and the ticks of the others.


def values_of(quote: QuotePublished) -> tuple[object, ...]:
    return quote.symbol, quote.bid_ticks, quote.bid_lots, quote.ask_ticks, quote.ask_lots, quote.sequence
