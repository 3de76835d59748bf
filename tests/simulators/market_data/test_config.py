"""A world's section `market_data` is read whole, or refused with the line and the nearest right word."""

from decimal import Decimal

import pytest

from trading_ecosystem.configuration.document import Problem, parse_document
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData
from trading_ecosystem.simulators.market_data.config import MarketDataConfig, Reversion, read

HOUR_NS = 3_600_000_000_000


def test_reads_every_value_in_its_unit(config: MarketDataConfig) -> None:
    assert config.quotes_every_ns == 1_000_000_000
    assert config.longest_gap_ns == 6 * HOUR_NS
    assert (config.cryptos["BTC"].value, config.cryptos["BTC"].volatility_ppm) == (Decimal(65000), 550_000)
    assert (config.cryptos["ETH"].jump_size_ppm, config.cryptos["ETH"].jumps_per_day) == (8_000, Decimal(2))
    assert config.pegged["USDT"].anchor == config.pegged["USDT"].value == 1
    assert config.pegged["USDC"].reversion == Reversion(deviation_ppm=50, half_life_ns=HOUR_NS // 2)
    pair = config.pairs["BTC/USDT"]
    assert (pair.spread_ppm, pair.smallest_lots, pair.largest_lots) == (100, 5_000, 30_000)
    assert pair.dispersion == Reversion(deviation_ppm=200, half_life_ns=30_000_000_000)
    assert config.pairs["BTC/USD"].dispersion is None
    assert list(config.pairs) == ["BTC/USD", "ETH/USD", "BTC/USDT", "ETH/USDT", "USDT/USD", "USDC/USD"]


def test_a_fiat_asset_reverts_to_its_own_value() -> None:
    assets = [Asset("USD", AssetKind.FIAT, 8), Asset("EUR", AssetKind.FIAT, 8)]
    text = "quotes_every: 1s\nassets:\n  EUR: {value: 1.1, deviation: 5bps, half_life: 6h}\ninstruments: {}\n"
    config = read(parse_document("w.yaml", text), ReferenceData("USD", assets, []))
    assert config.pegged["EUR"].anchor == Decimal("1.1")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("quotes_every: 1s", "quotes_every: 0s", "w.yaml:1: quotes_every: the shortest time allowed is 1ms"),
        ("quotes_every: 1s", "quotes_every: 2h", "w.yaml:1: quotes_every: the longest time between quotes is 1h"),
        ("quotes_every", "quote_every", "unknown key 'quote_every'; did you mean 'quotes_every'?"),
        ("  USDC: {deviation: 0.5bps, half_life: 30m}\n", "", "w.yaml:3: assets: the asset USDC is missing"),
        ("  BTC: {value", "  BCT: {value", "w.yaml:3: assets.BCT: unknown asset 'BCT'; did you mean 'BTC'?"),
        ("  USDC: {d", "  USD: {d", "unknown asset 'USD'; did you mean 'USDT'?"),
        ("  USDC/USD: {", "  USDC/EUR: {", "unknown instrument 'USDC/EUR'; did you mean 'USDC/USD'?"),
        ("value: 65000", "value: 0", "w.yaml:3: assets.BTC.value: 0 is not above zero"),
        ("value: 65000", "value: -1", "w.yaml:3: assets.BTC.value: -1 is not above zero"),
        ("volatility: 55%", "volatility: 0.55", "'0.55' is not a share such as 15%"),
        ("volatility: 55%", "volatility: 0%", "assets.BTC.volatility: 0% is not between 1% and 1000%"),
        ("correlation: 0.85, jumps", "correlation: 1.2, jumps", "correlation: 1.2 is not between 0 and 1"),
        ("jumps_per_day: 2", "jumps_per_day: -2", "jumps_per_day: -2 is not between 0 and 100"),
        ("jump_size: 65bps", "jump_size: 65%", "jump_size: 65% is not between 1bps and 20%"),
        ("deviation: 1bps", "deviation: -1bps", "deviation: -1bps is not between 0.01bps and 5%"),
        ("half_life: 30m", "half_life: 30", "'30' is not a duration"),
        ("half_life: 30m", "half_live: 30m", "unknown key 'half_live'; did you mean 'half_life'?"),
        ("spread: 1bps", "spread: 0bps", "instruments.BTC/USD.spread: 0bps is not between 0.01bps and 10%"),
        ("from: 0.5", "from: 0.00001", "size.from: smaller than one lot, which is 0.0001 BTC"),
        ("from: 0.5", "from: 0", "size.from: 0 is not above zero"),
        ("to: 3}", "to: 0.1}", "size.to: smaller than the size in 'from'"),
        ("half_life: 30s", "half_life: 0s", "dispersion.half_life: the shortest time allowed is 1s"),
    ],
)
def test_a_mistake_is_one_line(reference: ReferenceData, world: str, old: str, new: str, problem: str) -> None:
    assert old in world
    with pytest.raises(Problem) as caught:
        read(parse_document("w.yaml", world.replace(old, new, 1)), reference)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
