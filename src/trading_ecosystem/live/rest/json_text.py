"""JSON as it is read from outside: stricter than the standard library, which forgives too much.

Rule 1: a text has one meaning or none: no repeated keys, no NaN or infinity, no lone surrogates, no huge integers.
Rule 2: reading is bounded: the caller bounds the bytes, this file the depth.
"""

import json
import math
from typing import NoReturn

from trading_ecosystem.live.door import RefusalCode, Refused

DEEPEST = 16
MOST_DIGITS = 18


def read_json(data: bytes | str) -> object:
    """The value of a JSON text in UTF-8. Raises `Refused` (MALFORMED) for whatever is wrong with it."""
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        value: object = json.loads(
            text,
            object_pairs_hook=read_object,
            parse_int=read_integer,
            parse_float=read_float,
            parse_constant=refuse_constant,
        )
    except UnicodeDecodeError:
        refuse("the text is not UTF-8")
    except json.JSONDecodeError as error:
        refuse(f"not JSON: {error.msg.lower()} at character {error.pos}")
    except RecursionError:
        refuse(f"nested deeper than {DEEPEST} levels")
    refuse_depth_and_surrogates(value)
    return value


def refuse(detail: str) -> NoReturn:
    raise Refused(RefusalCode.MALFORMED, detail)


def read_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        refuse("a key is there twice")
    return found


def read_integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MOST_DIGITS:
        refuse(f"an integer has more than {MOST_DIGITS} digits")
    return int(digits)


def read_float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        refuse("a number is too large")
    return value


def refuse_constant(name: str) -> NoReturn:
    refuse(f"{name} is not a number of JSON")


def refuse_depth_and_surrogates(value: object) -> None:
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, str):
            refuse_surrogates(item)
        elif isinstance(item, dict | list):
            if depth == DEEPEST:
                refuse(f"nested deeper than {DEEPEST} levels")
            parts = [*item, *item.values()] if isinstance(item, dict) else item
            waiting.extend((part, depth + 1) for part in parts)


def refuse_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        refuse("a text holds half of a surrogate pair")
