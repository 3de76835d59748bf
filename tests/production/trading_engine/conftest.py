"""A small world of two coins, a stablecoin and the numeraire, and desks read from text as a user writes them."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.production.trading_engine.config import DeskConfig, read
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument

LISTED = {
    "BTC/USD": ("0.01", "0.0001"),
    "ETH/USD": ("0.01", "0.001"),
    "BTC/USDT": ("0.01", "0.0001"),
    "ETH/USDT": ("0.01", "0.001"),
    "USDT/USD": ("0.0001", "1"),
    "ETH/BTC": ("0.00001", "0.001"),
}


@pytest.fixture
def reference() -> ReferenceData:
    assets = {
        "USD": Asset("USD", AssetKind.FIAT, 8),
        "USDT": Asset("USDT", AssetKind.STABLECOIN, 8, "Tether"),
        "BTC": Asset("BTC", AssetKind.CRYPTO, 8),
        "ETH": Asset("ETH", AssetKind.CRYPTO, 8),
    }
    pairs = [instrument(symbol, Decimal(tick), Decimal(lot), assets) for symbol, (tick, lot) in LISTED.items()]
    return ReferenceData("USD", list(assets.values()), pairs)


@pytest.fixture
def desk_config(reference: ReferenceData) -> Callable[[str], DeskConfig]:
    def build(text: str) -> DeskConfig:
        return read(parse_document("world.yaml", text), reference)

    return build


@pytest.fixture
def maker_text() -> str:
    return """
name: alpha
account: alpha
venue: exchange
limits:
  order_value: 100000
  position: {BTC: 30, ETH: 600, USDT: 2000000}
  price_collar: 3%
  quote_age: 10s
  orders_per_minute: 60
strategies:
  - kind: market_maker
    instruments:
      BTC/USD: {size: 0.5, maximum: 5, half_spread: 10bps, skew: 5bps, requote: 8bps}
"""


@pytest.fixture
def arbitrage_text() -> str:
    return """
name: beta
account: beta
venue: exchange
limits:
  order_value: 100000
  position: {BTC: 30, ETH: 600, USDT: 3000000}
  price_collar: 3%
  quote_age: 10s
  orders_per_minute: 60
strategies:
  - kind: arbitrage
    taker_fee: 4bps
    threshold: 3bps
    slippage: 20bps
    cooldown: 10s
    hedge_above: 500
    triangles:
      - {direct: BTC/USD, cross: BTC/USDT, bridge: USDT/USD, size: 0.5}
      - {direct: ETH/USD, cross: ETH/USDT, bridge: USDT/USD, size: 10}
"""
