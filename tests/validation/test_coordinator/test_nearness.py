"""How far a side went, as a share of its limit: which rung counts, and what is near enough."""

from decimal import Decimal

import pytest

from trading_ecosystem.validation.test_coordinator.conditions import Condition, Quantity
from trading_ecosystem.validation.test_coordinator.measures import Breach
from trading_ecosystem.validation.test_coordinator.nearness import ladders, measurable, nearness

SECOND_NS = 1_000_000_000
PEG = Condition(quantity=Quantity.DEVIATION, subject="USDT", level=Decimal("0.01"), sustain_ns=60 * SECOND_NS)
SILENCE = Condition(quantity=Quantity.SILENCE, subject="exchange", sustain_ns=10 * SECOND_NS)
DRAWDOWN = Condition(quantity=Quantity.DRAWDOWN, subject="firm", level=Decimal("0.045"), sustain_ns=0)
WITHIN_NS = 5 * SECOND_NS


def orders(level: int) -> Condition:
    return Condition(quantity=Quantity.ORDERS, subject="alpha", level=Decimal(level), sustain_ns=0, window_ns=SECOND_NS)


def history(side: str, limit: Condition, level: float, seconds: float = 0) -> dict[str, tuple[Breach, ...]]:
    """What ground truth would say if the figure had been at `level`, once, for `seconds`."""
    found: dict[str, tuple[Breach, ...]] = {}
    for ladder in ladders(side, limit, limit.sustain_ns + WITHIN_NS):
        for _, rung in ladder:
            lasted_ns = round(seconds * SECOND_NS)
            held_ns = rung.sustain_ns if lasted_ns >= rung.sustain_ns else None
            breach = Breach(begin_ns=0, held_ns=held_ns, end_ns=lasted_ns)
            found[rung.text] = (breach,) if level >= float(rung.level) else ()
    return found


@pytest.mark.parametrize(
    ("limit", "level", "seconds", "percent", "near"),
    [
        (PEG, 0.0099, 600, 99, True),
        (PEG, 0.00999, 600, 99, True),  # Never rounded up to the limit.
        (PEG, 0.02, 57, 95, True),  # Far beyond the level, and not for long enough.
        (PEG, 0.008, 600, 80, True),
        (PEG, 0.0079, 600, 70, False),
        (PEG, 0.02, 40, 60, False),
        (PEG, 0.01, 60, 100, False),  # That was no run under the limit.
        (SILENCE, 0, 9, 90, True),
        (DRAWDOWN, 0.0441, 0, 98, True),
        (orders(20), 19, 0, 95, True),
        (orders(3), 2, 0, 66, True),  # There is no nearer count.
        (orders(3), 1, 0, 33, False),
        (orders(1), 0, 0, 0, True),
        (orders(1), 1, 0, 100, False),
    ],
)
def test_under(limit: Condition, level: float, seconds: float, percent: int, near: bool) -> None:
    found = nearness("under", limit, limit.sustain_ns + WITHIN_NS, history("under", limit, level, seconds))
    assert (found.limit, found.percent, found.near) == (limit.text, percent, near)


@pytest.mark.parametrize(
    ("limit", "level", "seconds", "percent", "near"),
    [
        (PEG, 0.0101, 6000, 101, True),
        (PEG, 0.0125, 6000, 125, True),
        (PEG, 0.0126, 6000, 126, False),
        (PEG, 0.05, 70, 107, True),  # Of the 65 seconds within which it must fire.
        (PEG, 0.05, 60, 92, True),  # It was owed nothing: the judge says so.
        (PEG, 0.05, 90, 130, False),
        (SILENCE, 0, 16, 106, True),
        (SILENCE, 0, 3600, 500, False),
        (DRAWDOWN, 0.046, 9, 102, True),
        (DRAWDOWN, 0.09, 6, 200, False),  # Where the limit says no time, a short one is not near.
        (orders(20), 25, 0, 125, True),
        (orders(20), 26, 0, 130, False),
        (orders(1), 2, 0, 200, True),
        (orders(2), 4, 0, 200, False),
    ],
)
def test_over(limit: Condition, level: float, seconds: float, percent: int, near: bool) -> None:
    found = nearness("over", limit, limit.sustain_ns + WITHIN_NS, history("over", limit, level, seconds))
    assert (found.limit, found.percent, found.near) == (limit.text, percent, near)


def test_a_rung_is_a_condition_of_its_own() -> None:
    """Two with one text would be measured as one."""
    for side in ("under", "over"):
        for limit in (PEG, SILENCE, DRAWDOWN, orders(20)):
            for ladder in ladders(side, limit, limit.sustain_ns + WITHIN_NS):
                assert len({rung.text for _, rung in ladder}) == len(ladder)


def test_a_price_alone_has_no_share() -> None:
    price = Condition(quantity=Quantity.PRICE, subject="USDT/USD", level=Decimal("0.99"), below=True, sustain_ns=0)
    assert not measurable(price)
    assert all(measurable(each) for each in (PEG, SILENCE, DRAWDOWN, orders(1)))
