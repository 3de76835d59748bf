"""The exchange's section of a world is read whole, and every mistake is one line that says what is right."""

import textwrap

import pytest

from trading_ecosystem.configuration.document import Problem, parse_document
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.exchange import config
from trading_ecosystem.simulators.exchange.config import (
    DispersionConfig,
    ExchangeConfig,
    InstrumentLiquidityConfig,
    LiquidityConfig,
    read,
)
from trading_ecosystem.simulators.exchange.fees import FeeTier
from trading_ecosystem.simulators.exchange.rules import BandRule, MarketRules


def documented() -> str:
    """The example in the module's docstring."""
    assert config.__doc__ is not None
    return textwrap.dedent(config.__doc__.split("\n\n", 1)[1])


def read_text(text: str, reference: ReferenceData) -> ExchangeConfig:
    [(_, node)] = parse_document("world.yaml", text).entries()
    return read(node, reference)


def test_the_documented_example_is_read(reference: ReferenceData) -> None:
    assert read_text(documented(), reference) == ExchangeConfig(
        maker_fee_ppm=100,
        taker_fee_ppm=400,
        heartbeat_ns=1_000_000_000,
        liquidity=LiquidityConfig(
            levels=5,
            spacing_ppm=600_000,
            growth_ppm=500_000,
            follow_ppm=500_000,
            stressed_spread_ppm=5_000_000,
            stressed_depth_ppm=200_000,
            noise_ppm=50_000,
            instruments={
                "BTC/USD": InstrumentLiquidityConfig(
                    half_spread_ppm=300, depth_lots=50, noise_lots=20, calm_move_ppm=150, storm_move_ppm=600
                )
            },
        ),
        rules={
            "BTC/USD": MarketRules(minimum_notional_minor=500, largest_lots=10_000, price_range_ppm=200_000),
            "ETH/USD": MarketRules(
                band=BandRule(
                    width_ppm=100_000, over_ns=300_000_000_000, halt_ns=300_000_000_000, auction_ns=60_000_000_000
                )
            ),
        },
        fee_tiers=(
            FeeTier(traded_minor=100_000_000, maker_fee_ppm=80, taker_fee_ppm=300),
            FeeTier(traded_minor=1_000_000_000, maker_fee_ppm=50, taker_fee_ppm=200),
        ),
        most_open_orders=1_000,
        most_waiting_orders=100,
        custodian="custodian",
        dispersion=DispersionConfig(deviation_ppm=200, half_life_ns=60_000_000_000),
    )


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("maker_fee: 1bps", "maker_fee: -1bps", "maker_fee: -1bps is not between 0% and 10%"),
        ("maker_fee: 1bps", "maker_fee: 5bps", "maker_fee: the maker fee is above the taker fee"),
        ("taker_fee: 4bps", "taker_fee: 4", "taker_fee: '4' is not a share such as 15%"),
        ("traded: 10000000", "traded: 999999", "traded: a tier begins above the one before it"),
        ("traded: 10000000", "traded: 0.001", "0.001 is not a whole number of minor units"),
        ("taker: 2bps", "taker: 3.1bps", "taker: a tier costs no more than the one before it"),
        ("maker: 0.5bps", "maker: 0.9bps", "maker: a tier costs no more than the one before it"),
        ("maker: 0.5bps", "maker: 2.5bps", "maker: the maker fee is above the taker fee"),
        ("{traded: 10000000, maker: 0.5bps", "{traded: 10000000", "fee_tiers.1: the key 'maker' is missing"),
        ("taker_fee: 4bps", "taker_fees: 4bps", "unknown key 'taker_fees'; did you mean 'taker_fee'?"),
        ("heartbeat_every: 1s", "heartbeat_every: 0s", "heartbeat_every: the shortest time allowed is 1ms"),
        ("heartbeat_every: 1s", "heartbeat_every: 1", "heartbeat_every: '1' is not a duration such as"),
        ("levels: 5", "levels: 0", "background.levels: 0 is not between 1 and 20"),
        ("spacing: 60%", "spacing: 0%", "background.spacing: 0% is not between 1% and 1000%"),
        ("growth: 50%", "growth: -1%", "background.growth: -1% is not between 0% and 1000%"),
        ("follow: 50%", "follow: 0bps", "background.follow: 0bps is not between 1% and 1000%"),
        ("stressed_spread: 500%", "stressed_spread: 50%", "50% is not between 100% and 10000%"),
        ("stressed_depth: 20%", "stressed_depth: 120%", "120% is not between 1% and 100%"),
        ("noise: 5%", "noise: 105%", "background.noise: 105% is not between 0% and 100%"),
        ("BTC/USD: {h", "BTC/USDT: {h", "unknown instrument 'BTC/USDT'; did you mean 'BTC/USD'?"),
        ("half_spread: 3bps", "half_spread: 0%", "half_spread: 0% is not between 0.0001% and 50%"),
        ("depth: 0.5", "depth: 0.005", "depth: 0.005 is less than one lot, which is 0.01 BTC"),
        ("depth: 0.5", "depth: 0", "depth: 0 is not above zero"),
        ("noise: 0.2", "noise: -0.2", "noise: -0.2 is not above zero"),
        ("noise: 0.2", "noise: 100000000", "noise: more than 2147483648 lots"),
        ("calm: 1.5bps", "calm: 0bps", "calm: 0bps is not between 0.0001% and 100%"),
        ("storm: 6bps", "storm: 1.5bps", "storm: the move in a storm must be above the move in calm"),
        ("storm: 6bps", "strom: 6bps", "unknown key 'strom'; did you mean 'storm'?"),
        ("BTC/USD: {m", "BTC/USDT: {m", "unknown instrument 'BTC/USDT'; did you mean 'BTC/USD'?"),
        ("minimum_notional: 5", "minimum_notional: 0.001", "minimum_notional: 0.001 is not a whole number of minor"),
        ("largest_order: 100", "largest_order: 0.001", "largest_order: 0.001 is less than one lot, which is 0.01 BTC"),
        ("price_range: 20%", "price_range: 100%", "price_range: 100% is not between 1% and"),
        ("most_open_orders: 1000", "most_open_orders: 0", "most_open_orders: 0 is not between 1 and 1000000"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(reference: ReferenceData, right: str, wrong: str, problem: str) -> None:
    text = documented()
    assert text.count(right) == 1
    with pytest.raises(Problem) as raised:
        read_text(text.replace(right, wrong), reference)
    said = str(raised.value)
    assert problem in said
    assert "\n" not in said
    line = next(number for number, words in enumerate(text.replace(right, wrong).splitlines(), 1) if wrong in words)
    assert said.startswith(f"world.yaml:{line}: exchange")
