"""How near a side of a boundary comes to its limit: ground truth at other levels, and over other times.

Rule 1: a share is that of the level, held for as long as the limit says, or that of the time, at the level; the nearer
of the two counts. It is rounded down to a rung.
Rule 2: under the limit the time is that of the condition; over it the whole deadline, before which nothing is owed.
Rule 3: near is 80% or more under the limit, and 125% or less over it; of a count, one less or one more is near too.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from trading_ecosystem.validation.results import Nearness
from trading_ecosystem.validation.test_coordinator.conditions import COUNTS, SHARES, Condition, Quantity
from trading_ecosystem.validation.test_coordinator.measures import Breach

LEAST_UNDER, MOST_OVER = 80, 125
PERCENTS = (*range(10, LEAST_UNDER, 10), *range(LEAST_UNDER, MOST_OVER + 6), 150, 200, 300, 500)
WITH_LEVEL = (*SHARES, Quantity.DELTA, Quantity.POSITION, Quantity.FUNDING, Quantity.LAG)
UNDER, OVER = "under", "over"
Ladder = list[tuple[int, Condition]]  # Percent of the limit, and the condition at that rung.


def measurable(limit: Condition) -> bool:
    return bool(ladders(UNDER, limit, 0))


def ladders(side: str, limit: Condition, deadline_ns: int) -> list[Ladder]:
    """What is to be watched so that `nearness` can be told: by level, and by time."""
    whole_ns = limit.sustain_ns if side == UNDER else deadline_ns
    return [ladder for ladder in (by_level(limit), by_time(limit, whole_ns)) if ladder]


def by_level(limit: Condition) -> Ladder:
    """Of a count, every number up to twice the limit. A price has no share of itself that would mean anything."""
    if limit.quantity in COUNTS:
        whole = int(limit.level)
        return [(100 * each // whole, replace(limit, level=Decimal(each))) for each in range(1, 2 * whole + 1)]
    if limit.quantity in WITH_LEVEL:
        return [(percent, replace(limit, level=limit.level * percent / 100)) for percent in PERCENTS]
    return []


def by_time(limit: Condition, whole_ns: int) -> Ladder:
    """Nothing where the limit says no time: then it is reached at once."""
    if not limit.sustain_ns:
        return []
    return [(percent, replace(limit, sustain_ns=whole_ns * percent // 100)) for percent in PERCENTS]


def nearness(side: str, limit: Condition, deadline_ns: int, breaches: Mapping[str, tuple[Breach, ...]]) -> Nearness:
    """What share of the limit a side reached; at 100% it was none under the limit."""
    reached = [highest(ladder, breaches) for ladder in ladders(side, limit, deadline_ns)]
    percent = max(reached) if side == UNDER else min(reached)
    if side == UNDER:
        near = min(LEAST_UNDER, one_off(limit, -1)) <= percent < 100
    else:
        near = percent <= max(MOST_OVER, one_off(limit, 1))
    return Nearness(limit=limit.text, percent=percent, near=near)


def highest(ladder: Ladder, breaches: Mapping[str, tuple[Breach, ...]]) -> int:
    """The highest rung that was held for as long as it says, in percent; 0 for none."""
    held = (percent for percent, rung in ladder if any(each.held_ns is not None for each in breaches[rung.text]))
    return max(held, default=0)


def one_off(limit: Condition, by: int) -> int:
    """One less than a count, or one more, in percent; of anything else, the limit itself."""
    return 100 * (int(limit.level) + by) // int(limit.level) if limit.quantity in COUNTS else 100
