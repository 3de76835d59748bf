"""What the coordinator measures of a feed, against the definition of each measure worked out anew."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st

from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.test_coordinator.conditions import Condition, Quantity
from trading_ecosystem.validation.test_coordinator.ground_truth import GroundTruth
from trading_ecosystem.validation.test_coordinator.measures import Breach

SECOND_NS = 10**9
YEAR_S = 365 * 86_400
UNHURRIED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def condition(quantity: Quantity, subject: str = "BTC/USD", **more: Any) -> Condition:
    return Condition(quantity=quantity, subject=subject, sustain_ns=more.pop("sustain_ns", 0), **more)


def quote(second: int, bid: int, ask: int, symbol: str = "BTC/USD", lots: int = 1) -> QuotePublished:
    return QuotePublished(symbol, bid, lots, ask, lots, second, second * SECOND_NS)


def truth_of(reference: ReferenceData, watched: Condition) -> GroundTruth:
    return GroundTruth(reference, {}, (watched,), 0)


def spans(truth: GroundTruth, watched: Condition, until_s: int) -> list[tuple[int, int | None]]:
    found: tuple[Breach, ...] = truth.breaches(until_s * SECOND_NS)[watched.text]
    return [(each.begin_ns // SECOND_NS, None if each.end_ns is None else each.end_ns // SECOND_NS) for each in found]


def test_a_quote_that_is_locked_is_not_crossed(reference: ReferenceData) -> None:
    watched = condition(Quantity.CROSSED)
    truth = truth_of(reference, watched)
    for second, (bid, ask) in enumerate([(99, 101), (101, 100), (110, 90), (100, 100), (101, 99)], start=1):
        truth.quote(quote(second, bid, ask))
    assert spans(truth, watched, 9) == [(2, 4), (5, None)]


def test_a_lag_is_of_arrival(reference: ReferenceData) -> None:
    watched = condition(Quantity.LAG, level=Decimal(5 * SECOND_NS))
    truth = truth_of(reference, watched)
    for second, arrived in [(1, 1), (2, 6), (3, 8), (4, 12), (9, 13), (10, 15)]:
        truth.quote(quote(second, 99, 101), arrived * SECOND_NS)
    assert spans(truth, watched, 20) == [(8, 13), (15, None)]
    assert watched.text == "lag of BTC/USD above 5s"


def test_a_fresh_time_is_not_news(reference: ReferenceData) -> None:
    watched = condition(Quantity.UNCHANGED, sustain_ns=3 * SECOND_NS)
    truth = truth_of(reference, watched)
    for second, lots in enumerate([1, 2, 2, 2, 2, 3, 4, 4, 4, 5], start=1):
        truth.quote(quote(second, 99, 101, lots=lots))
    assert spans(truth, watched, 10) == [(2, 6), (7, 10)]
    assert spans(truth, watched, 13) == [(2, 6), (7, 10), (10, None)]


@UNHURRIED
@given(
    sums=st.lists(st.integers(9_000, 11_000), min_size=2, max_size=40),
    percent=st.integers(1, 2_000_000),
    window_s=st.integers(1, 12),
)
def test_volatility_is_what_its_definition_says(
    reference: ReferenceData, sums: list[int], percent: int, window_s: int
) -> None:
    level = Decimal(percent) / 100
    watched = condition(Quantity.VOLATILITY, level=level, window_ns=window_s * SECOND_NS)
    truth = truth_of(reference, watched)
    returns: dict[int, Fraction] = {}
    states: list[bool] = []
    for second, double_mid in enumerate(sums, start=1):
        truth.quote(quote(second, double_mid // 2, double_mid - double_mid // 2))
        if second > 1:
            returns[second] = Fraction(double_mid, sums[second - 2]) - 1
        variance = sum((r * r for s, r in returns.items() if s > second - window_s), Fraction(0))
        variance *= Fraction(YEAR_S, window_s)
        if abs(variance - Fraction(level) ** 2) < Fraction(level) ** 2 / 10**6:
            return  # Returns are counted in parts per billion.
        states.append(variance >= Fraction(level) ** 2)
    assert spans(truth, watched, len(sums)) == runs(states)


@UNHURRIED
@given(steps=st.lists(st.tuples(st.sampled_from(["BTC/USD", "BTC/USDT", "USDT/USD"]), st.integers(-300, 300))))
def test_divergence_is_what_its_definition_says(reference: ReferenceData, steps: list[tuple[str, int]]) -> None:
    usual = {"BTC/USD": 12_000_000, "BTC/USDT": 12_000_000, "USDT/USD": 20_000}
    watched = condition(Quantity.DIVERGENCE, "BTC/USDT", level=Decimal("0.02"))
    truth = truth_of(reference, watched)
    prices: dict[str, Fraction] = {}
    states: list[bool] = []
    for second, (symbol, change) in enumerate(steps, start=1):
        double_mid = usual[symbol] + usual[symbol] * change // 10_000
        tick = Fraction(reference.instruments[symbol].tick)
        prices[symbol] = Fraction(double_mid) * tick / 2
        truth.quote(quote(second, double_mid // 2, double_mid - double_mid // 2, symbol))
        away = Fraction(0) if len(prices) < 3 else prices["BTC/USDT"] * prices["USDT/USD"] / prices["BTC/USD"] - 1
        states.append(abs(away) >= Fraction(2, 100))
    assert spans(truth, watched, len(steps)) == runs(states)


def runs(states: list[bool]) -> list[tuple[int, int | None]]:
    """From when to when it was true; moments are 1, 2, 3, ..."""
    found: list[tuple[int, int | None]] = []
    for second, holds in enumerate(states, start=1):
        if holds and (not found or found[-1][1] is not None):
            found.append((second, None))
        elif not holds and found and found[-1][1] is None:
            found[-1] = (found[-1][0], second)
    return found
