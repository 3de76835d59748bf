"""What the page on the market model says of impact is what is measured, by the core and on the shipped worlds."""

import re
from functools import cache
from pathlib import Path

import pytest

from trading_ecosystem.assembly import WorldPlan, load_world
from trading_ecosystem.cli.impact import start_ticks
from trading_ecosystem.report.impact import Curve, Weather, far_exponent, measured

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "market-model.md").read_text(encoding="utf-8")
NUMBER = r"(\d+\.\d+)"
FITS = re.findall(rf"\| `(\S+)` \| (\S+) \| (\d+), (\d+)%, (\d+)% \| {NUMBER} \| {NUMBER} \| {NUMBER} \|", PAGE)
COSTS = re.findall(rf"\| {NUMBER} BTC \| {NUMBER} bps \| {NUMBER} BTC \| {NUMBER} bps \|", PAGE)


@cache
def plan_of(world: str) -> WorldPlan:
    return load_world(ROOT / "worlds" / f"{world}.yaml")


@cache
def curves_of(world: str, symbol: str) -> dict[Weather, Curve]:
    plan = plan_of(world)
    ticks = start_ticks(plan, symbol)
    return measured(
        "exchange", plan.venues["exchange"], plan.reference, plan.accounts, symbol, ticks, orders=50, seed=7
    )


def test_the_page_has_its_tables() -> None:
    assert len(FITS) == 5 and len(COSTS) == 5


@pytest.mark.parametrize("row", FITS, ids=lambda row: f"{row[0]} {row[1]}")
def test_the_exponents_are_those_of_the_shipped_ladders(row: tuple[str, ...]) -> None:
    world, symbol, levels, spacing, growth, far, calm, storm = row
    ladder, curves = plan_of(world).venues["exchange"].liquidity, curves_of(world, symbol)
    assert (ladder.levels, ladder.spacing_ppm, ladder.growth_ppm) == (
        int(levels),
        int(spacing) * 10**4,
        int(growth) * 10**4,
    )
    assert far_exponent(ladder) == pytest.approx(float(far), abs=0.005)
    assert curves[Weather.CALM].exponent == pytest.approx(float(calm), abs=0.0051)
    assert curves[Weather.STORM].exponent == pytest.approx(float(storm), abs=0.0051)


def test_the_costs_are_those_of_bitcoin_in_crosses() -> None:
    pair, curves = plan_of("crosses").reference.instruments["BTC/USD"], curves_of("crosses", "BTC/USD")
    for row in COSTS:
        for weather, size, bps in zip(Weather, row[::2], row[1::2], strict=True):
            at = [f"{lots * pair.lot:f}" for lots in curves[weather].sizes_lots].index(f"{float(size):.4f}")
            assert curves[weather].impacts_ppm[at] == pytest.approx(float(bps) * 100, abs=5.1)


@pytest.mark.parametrize("symbol", plan_of("crosses").venues["exchange"].liquidity.instruments)
@pytest.mark.parametrize("weather", Weather)
def test_impact_grows_with_the_square_root_in_crosses(symbol: str, weather: Weather) -> None:
    curve = curves_of("crosses", symbol)[weather]
    assert curve.exponent == pytest.approx(0.5, abs=0.05)
    assert curve.sizes_lots[-1] > 1_000 * curve.sizes_lots[0]
