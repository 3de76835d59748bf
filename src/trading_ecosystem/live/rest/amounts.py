"""Prices, quantities, money and moments as people write them, to exact integers and back.

Rule 1: what comes in is ASCII digits with at most one point; no sign, no exponent, no spaces, no underscores.
Rule 2: nothing is rounded: what is finer than a tick, a lot or a minor unit is refused.
"""

import re
from decimal import Decimal

from trading_ecosystem.configuration import scalars
from trading_ecosystem.live.command_fields import MOST_STEPS
from trading_ecosystem.reference import Asset, Instrument

AMOUNT = r"^[0-9]{1,18}(\.[0-9]{1,18})?$"
INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$"


def steps_in(text: str, step: Decimal) -> int:
    """How many whole steps (ticks, lots) an amount is. Raises ValueError with what is wrong."""
    if not re.fullmatch(AMOUNT, text):
        raise ValueError("not a decimal number such as 60000.01, in plain digits")
    whole, _, fraction = text.partition(".")
    above, below = step.as_integer_ratio()
    unit: int = 10 ** len(fraction)
    steps, rest = divmod(int(whole + fraction) * below, unit * above)
    if rest:
        raise ValueError(f"not a multiple of {step:f}")
    if steps == 0:
        raise ValueError("not above zero")
    if steps > MOST_STEPS:
        raise ValueError("too large")
    return steps


def amount_text(amount_minor: int, asset: Asset) -> str:
    """An amount in units of the asset, with all its decimals."""
    return scaled_text(amount_minor, asset.decimals)


def scaled_text(value: int, decimals: int) -> str:
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**decimals)
    return f"{sign}{whole}.{fraction:0{decimals}d}" if decimals else f"{sign}{whole}"


def price_text(price_ticks: int, instrument: Instrument) -> str:
    """A price in units of the quote asset."""
    return f"{instrument.tick * price_ticks:f}"


def quantity_text(quantity_lots: int, instrument: Instrument) -> str:
    """A quantity in units of the base asset."""
    return f"{instrument.lot * quantity_lots:f}"


def moment_text(moment_ns: int) -> str:
    """ISO 8601 in UTC, with all nine decimals, so that two moments compare as their texts do."""
    seconds, nanoseconds = divmod(moment_ns, scalars.SECOND_NS)
    return f"{scalars.instant_text(seconds * scalars.SECOND_NS)[:-1]}.{nanoseconds:09d}Z"


def moment_or_none(moment: int | None) -> str | None:
    """Null for a moment that has not come."""
    return None if moment is None else moment_text(moment)


def moment_ns(text: str) -> int:
    """The moment that `moment_text` tells; fewer decimals are fine. Raises ValueError."""
    if not re.fullmatch(INSTANT, text):
        raise ValueError("not a moment in UTC such as 2026-03-02T00:00:00Z")
    seconds, _, fraction = text[:-1].partition(".")
    return scalars.instant_ns(seconds + "Z") + int(fraction.ljust(9, "0") if fraction else 0)
