"""Flat messages as protobuf bytes, field by field: what the library writes and reads, at a fraction of its cost.

Rule 1: only whole numbers, booleans, enums and texts; a message with parts of its own is the library's.
Rule 2: what is written is the library's own encoding; what would not be read as the library reads it is not read here.
"""

from collections.abc import Callable, Sequence
from typing import Final, final

NUMBER: Final = 0
FLAG: Final = 1
CHOICE: Final = 2
TEXT: Final = 3

VARINT: Final = 0  # Wire types.
LENGTH: Final = 2

LIMIT: Final = 1 << 63
LONGEST_VARINT: Final = 9  # Bytes of a number that is not negative.
KNOWN_NUMBERS: Final = 4096
DEFAULTS: Final[dict[int, object]] = {NUMBER: 0, FLAG: False, TEXT: ""}
ONE_BYTE: Final = [bytes([number]) for number in range(128)]

known_numbers: dict[int, bytes] = {}  # Those that came last: prices, moments and accounts' figures come again.


@final
class Field:
    """`members`: of a choice, each with its number."""

    __slots__ = ("encoded", "kind", "members", "number", "numbers", "tag")

    def __init__(self, number: int, kind: int, members: Sequence[tuple[object, int]] = ()) -> None:
        self.number = number
        self.kind = kind
        self.tag = varint(number << 3 | (LENGTH if kind == TEXT else VARINT))
        self.members: list[object] = [member for member, _ in members]
        self.numbers: list[int] = [each for _, each in members]
        self.encoded: list[bytes] = [self.tag + varint(each) if each else b"" for _, each in members]


@final
class Writer:
    """`get` gives the values of a message in the order of `fields`, which is the one of their numbers."""

    __slots__ = ("_fields", "_get")

    def __init__(self, get: Callable[[object], Sequence[object]], fields: Sequence[Field]) -> None:
        self._get = get
        self._fields: list[Field] = list(fields)

    def write(self, message: object) -> bytes:
        """Raises OverflowError, UnicodeEncodeError or TypeError for what does not fit."""
        parts: list[bytes] = []
        values = self._get(message)
        for place, field in enumerate(self._fields):
            value = values[place]
            kind = field.kind
            if kind == TEXT:
                assert isinstance(value, str)
                if value:
                    text = value.encode()
                    parts.append(field.tag)
                    parts.append(varint(len(text)))
                    parts.append(text)
            elif kind == NUMBER:
                assert isinstance(value, int)
                if value:
                    parts.append(field.tag)
                    parts.append(varint(value))
            elif kind == FLAG:
                if value:
                    parts.append(field.tag)
                    parts.append(ONE_BYTE[1])
            else:
                parts.append(encoded_choice(field, value))
        return b"".join(parts)


@final
class Reader:
    """`make` takes the values in the order of `fields`, each of which has a tag of one byte."""

    __slots__ = ("_by_tag", "_defaults", "_fields", "_make")

    def __init__(self, make: Callable[..., object], fields: Sequence[Field]) -> None:
        self._make = make
        self._fields: list[Field] = list(fields)
        self._by_tag: list[int] = [-1] * 128
        self._defaults: list[object] = [default_of(field) for field in self._fields]
        for place, field in enumerate(self._fields):
            self._by_tag[field.tag[0]] = place

    def read(self, data: bytes, at: int, end: int) -> object | None:
        """The message that stands there; None where the library has to look at it."""
        values = self._defaults.copy()
        while at < end:
            tag = data[at]
            place = self._by_tag[tag] if tag < 128 else -1
            if place < 0:
                return None
            number, at = read_varint(data, at + 1, end)
            if at < 0:
                return None
            field = self._fields[place]
            kind = field.kind
            if kind == TEXT:
                if at + number > end:
                    return None
                try:
                    values[place] = data[at : at + number].decode()
                except UnicodeDecodeError:
                    return None
                at += number
            elif kind == NUMBER:
                values[place] = number
            elif kind == FLAG:
                values[place] = number != 0
            else:
                values[place] = member_of(field, number)
        if None in values:
            return None
        return self._make(*values)


def default_of(field: Field) -> object | None:
    """What a field is that is not there; None for a choice that has to be made."""
    return member_of(field, 0) if field.kind == CHOICE else DEFAULTS[field.kind]


def member_of(field: Field, number: int) -> object | None:
    for place, each in enumerate(field.numbers):
        if each == number:
            return field.members[place]
    return None


def read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number that is not negative, and the place behind it; -1 where there is none such."""
    value = 0
    shift = 0
    while at < end and shift < 7 * LONGEST_VARINT:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    return 0, -1


def encoded_choice(field: Field, value: object) -> bytes:
    for place, member in enumerate(field.members):
        if member is value:
            return field.encoded[place]
    raise TypeError(f"{value!r} is no member")


def varint(number: int) -> bytes:
    """Raises OverflowError beyond 64 bits with a sign."""
    if 0 <= number < 128:
        return ONE_BYTE[number]
    found = known_numbers.get(number)
    if found is None:
        found = long_varint(number)
        if len(known_numbers) >= KNOWN_NUMBERS:
            known_numbers.clear()
        known_numbers[number] = found
    return found


def long_varint(number: int) -> bytes:
    if not -LIMIT <= number < LIMIT:
        raise OverflowError(number)
    if number < 0:
        number += 2 * LIMIT
    out: list[int] = []
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def framed(tag: bytes, body: bytes) -> bytes:
    """A part of a message: its tag, its length, its bytes."""
    return tag + varint(len(body)) + body
