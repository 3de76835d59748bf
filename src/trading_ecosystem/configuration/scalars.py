"""Text to exact values. Each reader raises ValueError with a sentence that says what would be right."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

SECOND_NS = 1_000_000_000
UNITS_NS = {
    "d": 86_400 * SECOND_NS,
    "h": 3_600 * SECOND_NS,
    "m": 60 * SECOND_NS,
    "s": SECOND_NS,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
LATEST_DAYS = 84_006  # From 1970 to 2200: any such moment and ten years more fit into 64 bits.
LONGEST_NS = 3_653 * UNITS_NS["d"]
NUMBER = r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?"
DURATION = re.compile(r"(?:[0-9]{1,18}(?:\.[0-9]{1,9})?(?:ms|us|ns|d|h|m|s))+", re.ASCII)
DURATION_PART = re.compile(r"([0-9.]+)(ms|us|ns|d|h|m|s)", re.ASCII)
FRACTION = re.compile(rf"({NUMBER})\s*(%|bps)", re.ASCII)
FRACTION_PPM = {"%": 10_000, "bps": 100}


def integer(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
        raise ValueError(f"{text!r} is not a whole number such as 42")
    return int(text)


def decimal(text: str) -> Decimal:
    if not re.fullmatch(NUMBER, text, re.ASCII):
        raise ValueError(f"{text!r} is not a number such as 0.92")
    return Decimal(text)


def duration_ns(text: str) -> int:
    if not DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 90s, 15m, 36h or 1h30m")
    parts = DURATION_PART.findall(text)
    total = sum(Decimal(number) * UNITS_NS[unit] for number, unit in parts)
    if total != int(total) or total > LONGEST_NS:
        raise ValueError(f"{text!r} is not between 0 and ten years in whole nanoseconds")
    return int(total)


def duration_text(duration: int) -> str:
    """The shortest exact way to write a duration, such as 1h30m."""
    parts: list[str] = []
    for unit, size in UNITS_NS.items():
        count, duration = divmod(duration, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def instant_ns(text: str) -> int:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.utcoffset() is None:
        raise ValueError(f"{text!r} is not a time with its zone such as 2026-03-02T00:00:00Z")
    try:
        delta = parsed.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError:
        delta = timedelta.max
    if not 0 <= delta.days < LATEST_DAYS:
        raise ValueError(f"{text!r} is not between 1970 and 2199")
    return (delta.days * 86_400 + delta.seconds) * SECOND_NS + delta.microseconds * 1_000


def instant_text(instant: int) -> str:
    """ISO 8601 in UTC, with milliseconds where there are any."""
    seconds, nanoseconds = divmod(instant, SECOND_NS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{nanoseconds // 1_000_000:03d}Z" if nanoseconds else f"{text}Z"


def fraction_ppm(text: str) -> int:
    match = FRACTION.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a share such as 15%, -2.5% or 50bps")
    ppm = Decimal(match[1]) * FRACTION_PPM[match[2]]
    if ppm != int(ppm):
        raise ValueError(f"{text!r} is finer than 0.0001%")
    return int(ppm)
