"""The kept holiday calendars that a world may name, out of the library `holidays`, as plain day numbers.

Rule 1: they are asked when a world is read; the core knows days only.
"""

from datetime import date

CALENDARS = ("ECB", "FED", "HKEX", "JPX", "LSE", "NYSE", "SIX")  # Payment systems and exchanges.
FIRST_YEAR, LAST_YEAR = 2000, 2060
EPOCH = date(1970, 1, 1)


def holidays_of(calendar: str) -> tuple[int, ...]:
    """Days since 1970 on which this one of `CALENDARS` is closed, in order; none before 2000 and after 2060."""
    import holidays  # Hundreds of files: only where a world names a calendar.

    closed = holidays.financial_holidays(calendar, years=range(FIRST_YEAR, LAST_YEAR + 1))
    return tuple(sorted((day - EPOCH).days for day in closed))
