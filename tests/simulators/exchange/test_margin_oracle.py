"""The venue does with positions and margin what a slow and obvious twin does, whatever a crowd does to it."""

import json
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings, strategies as st
from tests.simulators.exchange.margin_crowd import ACCOUNTS, MarginCrowd
from tests.simulators.exchange.margin_twin import MarginTwin, Terms

from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.reference import Asset, AssetKind, PerpetualTerms, ReferenceData, instrument, perpetual
from trading_ecosystem.simulators.exchange.config import (
    DispersionConfig,
    ExchangeConfig,
    LiquidityConfig,
    PerpetualRules,
)
from trading_ecosystem.simulators.exchange.core import Exchange

ASSETS = {
    "USD": Asset("USD", AssetKind.FIAT, 2),
    "BTC": Asset("BTC", AssetKind.CRYPTO, 3),
    "ETH": Asset("ETH", AssetKind.CRYPTO, 3),
}
EVERY_NS = 1_000_000


def terms_of(index: str) -> PerpetualTerms:
    return PerpetualTerms(index, 50_000, 25_000, EVERY_NS, 7_500, 100)


REFERENCE = ReferenceData(
    "USD",
    list(ASSETS.values()),
    [
        instrument("BTC/USD", Decimal("0.5"), Decimal("0.02"), ASSETS),
        instrument("ETH/USD", Decimal("0.5"), Decimal("0.02"), ASSETS),
        perpetual("BTC-PERP", terms_of("BTC/USD"), Decimal(1), Decimal("0.01"), ASSETS),
        perpetual("ETH-PERP", terms_of("ETH/USD"), Decimal(1), Decimal("0.02"), ASSETS),
    ],
)
RICHES = (9_000, 6_000, 4_000, 3_000, 40_000)
WALLETS = dict(zip(ACCOUNTS, RICHES, strict=True))


def venue(
    silent: LiquidityConfig, fund_minor: int, taker_fee_ppm: int = 500, dispersion: DispersionConfig | None = None
) -> Exchange:
    config = ExchangeConfig(
        maker_fee_ppm=100,
        taker_fee_ppm=taker_fee_ppm,
        heartbeat_ns=1_000_000_000,
        liquidity=silent,
        perpetuals=PerpetualRules(insurance_minor={"USD": fund_minor}),
        dispersion=dispersion,
    )
    accounts = {name: {"USD": amount + 5_000} for name, amount in WALLETS.items()}
    margin = {name: {"USD": amount} for name, amount in WALLETS.items()}
    return Exchange("venue", config, REFERENCE, accounts, 1, margin)


def twin(fund_minor: int, taker_fee: str = "0.0005") -> MarginTwin:
    terms = {
        "BTC-PERP": Terms("BTC/USD", Fraction(1, 2), 1, "0.05", "0.025"),
        "ETH-PERP": Terms("ETH/USD", Fraction(1, 2), 2, "0.05", "0.025"),
    }
    return MarginTwin(terms, WALLETS, fund_minor, taker_fee, "0.01", "0.8", "0.25", "0.005")


def run(silent: LiquidityConfig, seed: int, fund_minor: int, count: int) -> MarginTwin:
    core, slow = venue(silent, fund_minor), twin(fund_minor)
    core.handle(Start(memory={}), 0)
    crowd = MarginCrowd(seed)
    for place, (now, command) in enumerate(crowd.commands(count)):
        try:
            slow.observe(command, core.handle(command, now))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, command {place}: {command}") from error
    return slow


@pytest.mark.parametrize("seed", range(6))
def test_a_crowd_on_little_margin(silent: LiquidityConfig, seed: int) -> None:
    run(silent, seed, (0, 300, 20_000)[seed % 3], 2_500)


def test_the_crowd_meets_everything(silent: LiquidityConfig) -> None:
    """What an oracle never sees it does not judge."""
    seen: Counter[str] = Counter()
    for seed in (100, 101, 102, 103):
        seen.update(run(silent, seed, 300, 2_500).seen)
    for name in (
        *("MarginCalled", "PositionLiquidated", "PositionDeleveraged", "LossCovered", "FundingSettled"),
        *("MarkPriceChanged", "MarginMoved", "MarginMoveRejected", "TradeExecuted", "OrderTriggered", "AmendRejected"),
    ):
        assert seen[name] > 3, (name, seen)


@settings(max_examples=15, deadline=None)
@given(st.integers(1_000, 1 << 30), st.sampled_from([0, 50, 5_000, 100_000]))
def test_any_crowd(silent: LiquidityConfig, seed: int, fund_minor: int) -> None:
    run(silent, seed, fund_minor, 300)


@pytest.mark.parametrize("seed", range(3))
def test_a_restored_venue_goes_on_alike(silent: LiquidityConfig, seed: int) -> None:
    core, straight = venue(silent, 300), venue(silent, 300)
    for each in (core, straight):
        each.handle(Start(memory={}), 0)
    for place, (now, command) in enumerate(MarginCrowd(seed).commands(1_200)):
        assert core.handle(command, now) == straight.handle(command, now), (seed, place)
        if place % 97 == 0:
            saved = json.loads(json.dumps(core.save()))
            core = venue(silent, 300)
            core.restore(saved)
            assert core.save() == straight.save()
