"""Business days, in whole days since 1970 and nanoseconds of a day, all UTC.

Rule 1: integers only; a date is `occurred_ns // DAY_NS`.
Rule 2: Saturday, Sunday and the holidays given are no business days; every other day is.
"""

from typing import final

DAY_NS = 86_400_000_000_000
FRIDAY = 4  # Monday is 0.
FIRST_WEEKDAY = 3  # 1970-01-01 was a Thursday.


@final
class BusinessCalendar:
    """`holidays` are days since 1970."""

    __slots__ = ("_holidays",)

    def __init__(self, holidays: tuple[int, ...]) -> None:
        self._holidays = frozenset(holidays)

    def is_business_day(self, day: int) -> bool:
        return (day + FIRST_WEEKDAY) % 7 <= FRIDAY and day not in self._holidays

    def business_day_after(self, day: int, count: int) -> int:
        """The `count`-th business day after `day`, which need not be one itself; `count` is 1 or more."""
        assert count > 0
        while count > 0:
            day += 1
            if self.is_business_day(day):
                count -= 1
        return day

    def business_days_between(self, first: int, last: int) -> int:
        """How many business days come after `first`, up to and including `last`."""
        return sum([1 for day in range(first + 1, last + 1) if self.is_business_day(day)])

    def settlement_ns(self, traded_ns: int, business_days: int, cut_off_ns: int) -> int:
        """The cut-off, `cut_off_ns` after midnight, of the `business_days`-th business day after the trade date."""
        return self.business_day_after(traded_ns // DAY_NS, business_days) * DAY_NS + cut_off_ns
