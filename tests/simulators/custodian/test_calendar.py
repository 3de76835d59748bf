"""Business days against the calendar of the standard library."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.configuration.scalars import instant_ns, instant_text
from trading_ecosystem.simulators.custodian.calendar import BusinessCalendar

HOUR_NS = 3_600_000_000_000
EPOCH = date(1970, 1, 1)
GOOD_FRIDAY = date(2026, 4, 3)
CALENDAR = BusinessCalendar(((GOOD_FRIDAY - EPOCH).days, (GOOD_FRIDAY - EPOCH).days + 3))


@pytest.mark.parametrize(
    ("traded", "business_days", "settles"),
    [
        ("2026-03-02T00:00:00Z", 1, "2026-03-03T16:00:00Z"),  # Monday to Tuesday.
        ("2026-03-02T15:59:59Z", 1, "2026-03-03T16:00:00Z"),  # The cut-off of the trade date itself is no boundary:
        ("2026-03-02T16:00:00Z", 1, "2026-03-03T16:00:00Z"),
        ("2026-03-02T23:59:59.999Z", 1, "2026-03-03T16:00:00Z"),  # midnight is.
        ("2026-03-03T00:00:00Z", 1, "2026-03-04T16:00:00Z"),
        ("2026-03-06T12:00:00Z", 1, "2026-03-09T16:00:00Z"),  # Friday to Monday.
        ("2026-03-07T12:00:00Z", 1, "2026-03-09T16:00:00Z"),  # Saturday and Sunday too.
        ("2026-03-08T23:00:00Z", 1, "2026-03-09T16:00:00Z"),
        ("2026-04-02T12:00:00Z", 1, "2026-04-07T16:00:00Z"),  # Over Easter: Friday and Monday are holidays.
        ("2026-04-01T12:00:00Z", 2, "2026-04-07T16:00:00Z"),
        ("2026-03-05T12:00:00Z", 2, "2026-03-09T16:00:00Z"),
        ("2026-03-05T12:00:00Z", 3, "2026-03-10T16:00:00Z"),
        ("2028-02-28T12:00:00Z", 1, "2028-02-29T16:00:00Z"),  # A leap year.
    ],
)
def test_settlement_dates(traded: str, business_days: int, settles: str) -> None:
    settles_ns = CALENDAR.settlement_ns(instant_ns(traded), business_days, 16 * HOUR_NS)
    assert instant_text(settles_ns) == settles


@given(st.dates(date(1970, 1, 1), date(2100, 1, 1)), st.integers(1, 5), st.sets(st.integers(0, 9)))
def test_counts_like_a_wall_calendar(traded: date, count: int, closed: set[int]) -> None:
    start = (traded - EPOCH).days
    holidays = {traded + timedelta(days=days) for days in closed}
    calendar = BusinessCalendar(tuple((holiday - EPOCH).days for holiday in holidays))
    expected, left = traded, count
    while left:
        expected += timedelta(days=1)
        left -= expected.isoweekday() <= 5 and expected not in holidays
    assert calendar.business_day_after(start, count) == (expected - EPOCH).days
    midnight = datetime(expected.year, expected.month, expected.day, tzinfo=UTC)
    settles_ns = calendar.settlement_ns(start * 24 * HOUR_NS, count, 0)
    assert settles_ns == int(midnight.timestamp()) * 1_000_000_000
