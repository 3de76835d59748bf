"""Every mistake in a desk's configuration is one line that names the place and what would be right."""

from collections.abc import Callable

import pytest
import yaml

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.production.trading_engine import config as config_module
from trading_ecosystem.production.trading_engine.config import DeskConfig
from trading_ecosystem.production.trading_engine.strategies.arbitrage_config import ArbitrageConfig
from trading_ecosystem.production.trading_engine.strategies.market_maker_config import MarketMakerConfig

Build = Callable[[str], DeskConfig]


def test_a_market_making_desk_is_read_in_exact_units(desk_config: Build, maker_text: str) -> None:
    desk = desk_config(maker_text)
    (maker,) = desk.strategies
    assert maker.kind == "market_maker" and isinstance(maker.config, MarketMakerConfig)
    (quoting,) = maker.config.instruments
    assert (quoting.size_lots, quoting.maximum_minor) == (5_000, 5 * 10**8)
    assert (quoting.half_spread_ppm, quoting.skew_ppm, quoting.requote_ppm) == (1_000, 500, 800)
    assert desk.limits.order_value_minor == 100_000 * 10**8
    assert desk.limits.position_minor["USDT"] == 2_000_000 * 10**8
    assert desk.symbols == ("BTC/USD",)
    assert desk.heartbeat_timeout_ns == 10 * 10**9


def test_an_arbitrage_desk_watches_all_legs_once(desk_config: Build, arbitrage_text: str) -> None:
    desk = desk_config(arbitrage_text)
    (arbitrage,) = desk.strategies
    assert isinstance(arbitrage.config, ArbitrageConfig)
    assert desk.symbols == ("BTC/USD", "BTC/USDT", "USDT/USD", "ETH/USD", "ETH/USDT")
    assert arbitrage.config.triangles[1].size_minor == 10 * 10**8


def test_what_is_needed_to_value_a_trade_is_watched_too(desk_config: Build, maker_text: str) -> None:
    assert desk_config(maker_text.replace("BTC/USD:", "BTC/USDT:")).symbols == ("BTC/USDT", "USDT/USD")


def test_the_documented_example_is_read(desk_config: Build) -> None:
    assert config_module.__doc__ is not None
    _, _, example = config_module.__doc__.partition("\n\n")
    names = []
    for entry in yaml.safe_load(example)["desks"]:
        names.append(desk_config(yaml.safe_dump(entry)).name)
    assert names == ["alpha", "beta"]


MAKER_MISTAKES = [
    ("order_value: 100000", "order_value: 0", "limits.order_value: 0 is not above zero"),
    ("order_value: 100000", "order_value: -5", "limits.order_value: -5 is not above zero"),
    ("BTC: 30,", "BTC: 0,", "limits.position.BTC: 0 is not above zero"),
    ("BTC: 30,", "BTK: 30,", "unknown asset 'BTK'; did you mean 'BTC'?"),
    ("BTC: 30, ETH", "ETH", "no position limit for BTC, which the desk trades"),
    ("price_collar: 3%", "price_collar: 3", "'3' is not a share"),
    ("price_collar: 3%", "price_collar: 0%", "a share above 0% and up to 50%"),
    ("price_collar: 3%", "price_collar: 15bps", "beyond the price collar"),
    ("quote_age: 10s", "quote_age: 10", "'10' is not a duration"),
    ("quote_age: 10s", "quote_age: 0s", "the shortest time allowed is 1ms"),
    ("orders_per_minute: 60", "orders_per_minute: 0", "0 is not between 1 and"),
    ("orders_per_minute: 60", "orders_per_min: 60", "unknown key 'orders_per_min'; did you mean 'orders_per_minute'?"),
    (
        "kind: market_maker",
        "kind: market_taker",
        "unknown kind of strategy 'market_taker'; did you mean 'market_maker'?",
    ),
    ("kind: market_maker", "sort: market_maker", "the key 'kind' is missing"),
    ("BTC/USD: {", "BTC/USB: {", "unknown instrument 'BTC/USB'; did you mean"),
    ("size: 0.5", "size: 0.00015", "0.00015 is not a multiple of the lot of BTC/USD, 0.0001"),
    ("size: 0.5", "size: 6", "is smaller than the size of one quote"),
    ("skew: 5bps", "skew: 11bps", "a skew from zero to the half spread"),
    ("half_spread: 10bps", "half_spread: 0bps", "a share above 0%"),
    ("requote: 8bps", "requote: -8bps", "a share above 0%"),
    ("maximum: 5", "maximum: 5.000000001", "finer than the smallest unit of BTC"),
    ("venue: exchange", "venue: ''", "the value is empty"),
    ("account: alpha\n", "", "the key 'account' is missing"),
]


@pytest.mark.parametrize(("right", "wrong", "line"), MAKER_MISTAKES)
def test_a_mistake_is_one_line(desk_config: Build, maker_text: str, right: str, wrong: str, line: str) -> None:
    assert right in maker_text
    with pytest.raises(Problem) as problem:
        desk_config(maker_text.replace(right, wrong))
    text = str(problem.value)
    assert line in text
    assert text.startswith("world.yaml:") and "\n" not in text


ARBITRAGE_MISTAKES = [
    ("direct: BTC/USD,", "direct: BTC/USDT,", "must be priced in USD"),
    ("cross: BTC/USDT", "cross: ETH/USDT", "the cross pair must be BTC/USDT"),
    ("cross: BTC/USDT", "cross: BTC/USDX", "unknown instrument 'BTC/USDX'"),
    ("size: 0.5", "size: 0.00001", "is smaller than a lot"),
    ("slippage: 20bps", "slippage: 3%", "every hedge would be denied"),
    ("taker_fee: 4bps", "taker_fee: -4bps", "a fee from 0% to 50%"),
    ("threshold: 3bps", "threshold: 0bps", "a share above 0%"),
    ("cooldown: 10s", "cooldown: 0s", "the shortest time allowed"),
    ("hedge_above: 500", "hedge_above: 0", "not above zero"),
]


@pytest.mark.parametrize(("right", "wrong", "line"), ARBITRAGE_MISTAKES)
def test_a_mistake_about_arbitrage(desk_config: Build, arbitrage_text: str, right: str, wrong: str, line: str) -> None:
    assert right in arbitrage_text
    with pytest.raises(Problem, match=line):
        desk_config(arbitrage_text.replace(right, wrong))


def test_two_strategies_do_not_share_an_asset(desk_config: Build, maker_text: str) -> None:
    second = maker_text[maker_text.index("  - kind") :].replace("BTC/USD", "ETH/BTC").replace("size: 0.5", "size: 1")
    with pytest.raises(Problem, match="BTC is already traded by another strategy of this desk"):
        desk_config(maker_text + second)
    apart = maker_text[maker_text.index("  - kind") :].replace("BTC/USD", "ETH/USD")
    assert len(desk_config(maker_text + apart).strategies) == 2


def test_empty_lists_are_refused(desk_config: Build, maker_text: str) -> None:
    head = maker_text[: maker_text.index("  - kind")]
    with pytest.raises(Problem, match="at least one strategy is needed"):
        desk_config(head.rstrip() + " []\n")
    with pytest.raises(Problem, match="at least one instrument is needed"):
        desk_config(head + "  - {kind: market_maker, instruments: {}}\n")
