"""The parameters that the surfaces share: names, instruments, pages, times.

Rule 1: a page is asked for by where it begins, in the words of the thing itself; there is no cursor to forge.
"""

import re
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import Header, Path, Query
from pydantic import BeforeValidator

from trading_ecosystem.live.command_fields import NAME
from trading_ecosystem.live.rest.amounts import INSTANT, moment_ns, steps_in
from trading_ecosystem.live.rest.problems import Trouble, unknown
from trading_ecosystem.reference import Instrument, ReferenceData

LATEST_NS = (1 << 63) - 1
MOST_ROWS = 1_000


def plain_digits(value: object) -> object:
    """Text of a whole number in plain ASCII digits, nothing that a lenient reader would also take for one."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,18}", value):
        raise ValueError("not a whole number such as 100")
    return value


Account = Annotated[str, Query(pattern=NAME)]
AccountInPath = Annotated[str, Path(pattern=NAME)]
OrderInPath = Annotated[str, Path(pattern=NAME)]
OnlySymbol = Annotated[
    str | None,
    Query(pattern=r"^[A-Za-z0-9]{1,32}[/-][A-Za-z0-9]{1,32}$", description="Of this alone, such as BTC/USD"),
]
SymbolInPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="BASE-QUOTE, such as BTC-USD")]
Limit = Annotated[int, BeforeValidator(plain_digits), Query(ge=1, le=MOST_ROWS, description="Rows at most")]
Number = Annotated[int, BeforeValidator(plain_digits), Query(ge=0, le=10**18 - 1)]
NumberInPath = Annotated[int, BeforeValidator(plain_digits), Path(ge=0, le=10**18 - 1)]
Flag = Annotated[Literal["true", "false"], Query()]
Moment = Annotated[str, Query(pattern=INSTANT)]
IdempotencyKey = Annotated[str, Header(pattern=NAME, description="The same for every repetition of the same call")]


def instrument_of(symbol: str, reference: ReferenceData) -> Instrument:
    """The instrument BASE/QUOTE that a path calls BASE-QUOTE. Raises `Trouble` (404)."""
    for instrument in reference.instruments.values():
        if in_path(instrument.symbol) == symbol:
            return instrument
    raise unknown("symbol")


def in_path(name: str) -> str:
    """A name as a path holds it: an encoded slash is refused there, whatever it stands for."""
    return name.replace("/", "-")


def moment_of(text: str | None, name: str, otherwise_ns: int) -> int:
    """Raises `Trouble` (422) for a moment that is none, such as 30 February."""
    try:
        return otherwise_ns if text is None else moment_ns(text)
    except ValueError as problem:
        raise Trouble(422, f"invalid_{name}", str(problem), f"/query/{name}") from None


def steps_of(text: str, step: Decimal, name: str) -> int:
    """Ticks of a price, lots of a quantity. Raises `Trouble` (422)."""
    try:
        return steps_in(text, step)
    except ValueError as problem:
        raise Trouble(422, f"invalid_{name}", str(problem), f"/{name}") from None
