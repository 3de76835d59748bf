"""A small world and a small scenario, from which each test makes its own."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.validation.test_coordinator.scenario import Scenario, read

SCENARIOS = Path(__file__).parents[3] / "scenarios"
SMALL = """\
name: small
title: A small story
story: USDT slips, and the monitor must say so.
family: stablecoin
severity: critical
world: two-desks
duration: 1h
steady_state:
  for: 10m
  hold: [no_alerts, ledger_balanced, all_services_healthy]
method:
  - at: 10m
    inject: price.drift
    instrument: USDT/USD
    to: 0.98
    over: 10m
effect:
  - {price: USDT/USD, below: 0.985}
expect:
  - alert: peg_deviation
    subject: USDT
    severity: critical
    when: {price: USDT/USD, below: 0.99, for: 60s}
    within: 5s
allow:
  - alert: pnl_drawdown
forbid:
  - alert: venue_down
rollbacks:
  - restore: price.drift
    at: 40m
recovery:
  within: 10m
  hold: [all_services_healthy]
"""


@pytest.fixture
def small_text() -> str:
    return SMALL


@pytest.fixture
def small() -> Scenario:
    return read(parse_document("small.yaml", SMALL))


@pytest.fixture
def scenario_of() -> Callable[[str], Scenario]:
    return lambda text: read(parse_document("small.yaml", text))


@pytest.fixture
def shipped() -> list[Path]:
    return sorted(SCENARIOS.glob("*.yaml"))


@pytest.fixture
def reference() -> ReferenceData:
    kinds = {
        "USD": (AssetKind.FIAT, 8, ""),
        "USDT": (AssetKind.STABLECOIN, 6, "Tether"),
        "BTC": (AssetKind.CRYPTO, 8, ""),
        "ETH": (AssetKind.CRYPTO, 8, ""),
    }
    assets = {name: Asset(name, kind, decimals, issuer) for name, (kind, decimals, issuer) in kinds.items()}
    pairs = {
        "BTC/USD": ("0.01", "0.0001"),
        "ETH/USD": ("0.01", "0.001"),
        "BTC/USDT": ("0.01", "0.0001"),
        "USDT/USD": ("0.0001", "1"),
    }
    instruments = [instrument(name, Decimal(tick), Decimal(lot), assets) for name, (tick, lot) in pairs.items()]
    return ReferenceData("USD", list(assets.values()), instruments)


@pytest.fixture
def balances() -> dict[str, dict[str, int]]:
    """Half a million dollars, tether of as much, 5 bitcoin and no ether."""
    return {
        "alpha": {"USD": 300_000 * 10**8, "USDT": 500_000 * 10**6, "BTC": 3 * 10**8},
        "beta": {"USD": 200_000 * 10**8, "BTC": 2 * 10**8},
    }


@pytest.fixture
def instances() -> tuple[str, ...]:
    return (
        "market_data",
        "exchange",
        "custodian",
        "trading_engine.maker",
        "trading_engine.arbitrage",
        "risk_monitor",
        "test_coordinator",
        "audit_correlator",
    )
