"""A venue with two pairs: prices of a tick and a lot small enough to reckon by hand."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.simulators.exchange.config import ExchangeConfig, InstrumentLiquidityConfig, LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.fees import FeeTier
from trading_ecosystem.simulators.exchange.rules import MarketRules

ASSETS = {
    "USD": Asset("USD", AssetKind.FIAT, 2),
    "BTC": Asset("BTC", AssetKind.CRYPTO, 3),
    "ETH": Asset("ETH", AssetKind.CRYPTO, 3),
}
REFERENCE = ReferenceData(
    "USD",
    list(ASSETS.values()),
    [
        instrument("BTC/USD", Decimal("1"), Decimal("0.01"), ASSETS),
        instrument("ETH/USD", Decimal("1"), Decimal("0.01"), ASSETS),
    ],
)
CROSSED = ReferenceData(
    "USD",
    list(ASSETS.values()),
    [*REFERENCE.instruments.values(), instrument("ETH/BTC", Decimal("0.1"), Decimal("0.01"), ASSETS)],
)
SILENT = LiquidityConfig(
    levels=1,
    spacing_ppm=500_000,
    growth_ppm=0,
    follow_ppm=500_000,
    stressed_spread_ppm=1_000_000,
    stressed_depth_ppm=1_000_000,
    noise_ppm=0,
    instruments={},
)
LADDER = LiquidityConfig(
    levels=3,
    spacing_ppm=1_000_000,
    growth_ppm=500_000,
    follow_ppm=500_000,
    stressed_spread_ppm=5_000_000,
    stressed_depth_ppm=200_000,
    noise_ppm=300_000,
    instruments={
        "BTC/USD": InstrumentLiquidityConfig(
            half_spread_ppm=1_000, depth_lots=100, noise_lots=60, calm_move_ppm=1_000, storm_move_ppm=10_000
        )
    },
)


@pytest.fixture(scope="session")
def reference() -> ReferenceData:
    return REFERENCE


@pytest.fixture(scope="session")
def ladder() -> LiquidityConfig:
    return LADDER


@pytest.fixture(scope="session")
def make_exchange() -> Callable[..., Exchange]:
    """make_exchange(accounts, liquidity=none, maker_fee_ppm=1000, taker_fee_ppm=3000, seed=1)"""

    def make(
        accounts: dict[str, dict[str, int]],
        liquidity: LiquidityConfig = SILENT,
        maker_fee_ppm: int = 1_000,
        taker_fee_ppm: int = 3_000,
        seed: int = 1,
        rules: dict[str, MarketRules] | None = None,
        fee_tiers: tuple[FeeTier, ...] = (),
        cross: bool = False,
        masters: dict[str, str] | None = None,
    ) -> Exchange:
        config = ExchangeConfig(
            maker_fee_ppm=maker_fee_ppm,
            taker_fee_ppm=taker_fee_ppm,
            heartbeat_ns=1_000,
            liquidity=liquidity,
            rules=rules or {},
            fee_tiers=fee_tiers,
        )
        return Exchange("venue", config, CROSSED if cross else REFERENCE, accounts, seed, masters=masters)

    return make


@pytest.fixture(scope="session")
def silent() -> LiquidityConfig:
    return SILENT
