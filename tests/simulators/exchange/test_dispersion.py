"""Prices of a venue stray a little from the provider's, by its own chance, and come back."""

import json
from dataclasses import replace
from statistics import fmean, pstdev

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.orders import OrderAccepted, OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.exchange.config import DispersionConfig, ExchangeConfig, LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.dispersion import Dispersion, Dispersions

SECOND_NS = 1_000_000_000
START_NS = 1_772_409_600 * SECOND_NS
CONFIG = DispersionConfig(deviation_ppm=300, half_life_ns=60 * SECOND_NS)
MIDDLE = 6_000_000


def quote(second: int, bid_ticks: int = MIDDLE - 30, ask_ticks: int = MIDDLE + 30) -> QuotePublished:
    return QuotePublished("BTC/USD", bid_ticks, 1, ask_ticks, 2, second, START_NS + second * SECOND_NS)


def new(venue: str = "exchange.north", symbol: str = "BTC/USD", seed: int = 1) -> Dispersion:
    return Dispersion(CONFIG, Dice(seed, f"{venue}.dispersion.{symbol}"))


def path(dispersion: Dispersion, seconds: int) -> list[float]:
    """In parts per million."""
    found: list[float] = []
    for second in range(seconds):
        moved = dispersion.moved(quote(second))
        found.append(1e6 * ((moved.bid_ticks + moved.ask_ticks) / 2 - MIDDLE) / MIDDLE)
    return found


def test_it_has_the_deviation_and_the_half_life_that_are_asked_for() -> None:
    found = path(new(), 200_000)
    assert abs(fmean(found)) < 15
    assert pstdev(found) == pytest.approx(300, rel=0.05)
    pairs = list(zip(found, found[60:], strict=False))
    correlation = fmean(one * other for one, other in pairs) / fmean(each * each for each in found)
    assert correlation == pytest.approx(0.5, abs=0.05)


def test_it_is_zero_at_first() -> None:
    assert new().moved(quote(0)).bid_ticks == quote(0).bid_ticks


@pytest.mark.parametrize("other", [new("exchange.south"), new(symbol="ETH/USD"), new(seed=2)])
def test_each_venue_instrument_and_seed_has_its_own(other: Dispersion) -> None:
    mine, others = path(new(), 20_000), path(other, 20_000)
    product = fmean(one * two for one, two in zip(mine, others, strict=True))
    assert abs(product / (pstdev(mine) * pstdev(others))) < 0.2
    assert max(abs(one - two) for one, two in zip(mine, others, strict=True)) > 100


@settings(deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=20, unique=True).map(sorted))
def test_what_was_not_heard_in_between_changes_nothing(heard: list[int]) -> None:
    """Nor where it is saved and restored on the way."""
    whole, few = new(), new()
    whole.moved(quote(0))
    few.moved(quote(0))
    for second in range(1, heard[-1] + 1):
        expected = whole.moved(quote(second))
        if second in heard:
            again = new()
            again.restore(json.loads(json.dumps(few.save())))
            few = again
            assert few.moved(quote(second)).bid_ticks == expected.bid_ticks


@settings(deadline=None)
@given(st.integers(1, 10**12), st.integers(-5, 10**6), st.integers(1, 2_000))
def test_the_spread_and_the_sizes_stay_and_no_price_is_below_one(bid_ticks: int, width: int, second: int) -> None:
    ask_ticks = max(1, bid_ticks + width)
    given_quote = quote(second, bid_ticks, ask_ticks)
    dispersion = new()
    dispersion.moved(quote(0))
    moved = dispersion.moved(given_quote)
    assert moved.ask_ticks - moved.bid_ticks == ask_ticks - bid_ticks
    assert (moved.bid_lots, moved.ask_lots, moved.sequence) == (1, 2, second)
    assert min(moved.bid_ticks, moved.ask_ticks) >= 1


def test_a_one_sided_quote_is_left_alone() -> None:
    dispersion = new()
    path(dispersion, 100)
    assert dispersion.moved(quote(101, 0, 5)).ask_ticks == 5


def test_a_venue_without_one_has_the_state_that_it_would_have(
    reference: ReferenceData, silent: LiquidityConfig
) -> None:
    without = ExchangeConfig(maker_fee_ppm=0, taker_fee_ppm=0, heartbeat_ns=SECOND_NS, liquidity=silent)
    plain = Exchange("exchange", without, reference, {}, 1)
    strays = Exchange("exchange", replace(without, dispersion=CONFIG), reference, {}, 1)
    for venue in (plain, strays):
        venue.handle(Start(memory={}), START_NS)
        venue.handle(quote(0), START_NS)
    before, saved = plain.save(), strays.save()
    assert isinstance(before, dict) and isinstance(saved, dict)
    assert "dispersion" in saved and list(before) == [key for key in saved if key != "dispersion"]
    again = Exchange("exchange", replace(without, dispersion=CONFIG), reference, {}, 1)
    again.restore(json.loads(json.dumps(saved)))
    strays.handle(quote(50), START_NS + 50 * SECOND_NS)
    again.handle(quote(50), START_NS + 50 * SECOND_NS)
    assert again.save() == strays.save() != saved


RICH = {"USD": 10**15, "BTC": 10**12}
AMONG_OTHERS = {"south.ann": RICH, "south.background": RICH, "south.noise": RICH}


def of_south(reference: ReferenceData, ladder: LiquidityConfig, dispersion: DispersionConfig | None = None) -> Exchange:
    liquidity = replace(ladder, noise_ppm=0)
    settings = ExchangeConfig(
        maker_fee_ppm=0, taker_fee_ppm=0, heartbeat_ns=SECOND_NS, liquidity=liquidity, dispersion=dispersion
    )
    venue = Exchange("exchange.south", settings, reference, AMONG_OTHERS, 1)
    venue.handle(Start(memory={}), START_NS)
    return venue


def tops(venue: Exchange) -> list[BookTopChanged]:
    said = [each for second in range(300) for each in venue.handle(quote(second), START_NS + second * SECOND_NS)]
    return [each for each in said if isinstance(each, BookTopChanged)]


def test_the_books_of_a_venue_stray(reference: ReferenceData, ladder: LiquidityConfig) -> None:
    """Around a quote that does not move, a book without dispersion is laid once."""
    wide = replace(CONFIG, deviation_ppm=2_000)
    still, strays = tops(of_south(reference, ladder)), tops(of_south(reference, ladder, wide))
    assert len(still) == 1 and still[0].bid_ticks + still[0].ask_ticks == 2 * MIDDLE
    middles = [each.bid_ticks + each.ask_ticks for each in strays]
    assert len(middles) > 5 and min(middles) < 2 * MIDDLE - 2_000 < 2 * MIDDLE + 2_000 < max(middles)


def test_nobody_trades_as_the_background(reference: ReferenceData, ladder: LiquidityConfig) -> None:
    venue = of_south(reference, ladder)
    for account, taken in (("south.background", False), ("south.noise", False), ("fees", False), ("south.ann", True)):
        order = SubmitOrder(
            "exchange.south", account, "a", "BTC/USD", Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 10, 1
        )
        said = venue.handle(order, START_NS)
        assert any(isinstance(each, OrderAccepted) for each in said) == taken, account


def test_two_venues_stray_each_by_its_own_chance() -> None:
    north, south = (Dispersions(f"exchange.{name}", CONFIG, ["BTC/USD"], 1) for name in ("north", "south"))
    for second in range(100):
        north.moved(quote(second))
        south.moved(quote(second))
    assert north.save() != south.save()
