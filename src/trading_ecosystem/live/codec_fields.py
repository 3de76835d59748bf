"""One type of message beside its protobuf twin, and what its fields turn into on the way.

Rule 1: both sides have the same fields by the same names; the descriptors of `proto/` say what is in them.
Rule 2: what does not fit is refused by the name of its field, on the way out as on the way in.
"""

import json
from collections.abc import Callable, Container, Sequence
from enum import Enum
from operator import attrgetter
from typing import Any, final

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message as ProtoMessage

from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.flat import CHOICE, FLAG, NUMBER, TEXT, Field, Reader, Writer
from trading_ecosystem.messages.message import field_names

Convert = Callable[[Any], object]
FLAT_KINDS = {
    FieldDescriptor.TYPE_INT64: NUMBER,
    FieldDescriptor.TYPE_BOOL: FLAG,
    FieldDescriptor.TYPE_STRING: TEXT,
}
MEMORY = "memory"  # The one field whose value is JSON text on the wire.
SUCCESSORS = {"rule": "rule_name"}  # Fields that were released with another type, and what they are called now.
LAST_OF_ONE_BYTE = 15  # The highest number of a field whose tag is one byte.
UNFIT = (OverflowError, TypeError, AssertionError, UnicodeEncodeError)
Converts = Sequence[tuple[int, Convert]]  # The place of a field, and what its value turns into.
Older = tuple[int, str, dict[int, str]]  # The place of a field, its first name, and what the numbers there meant.


@final
class Pair:
    """`outward` and `inward`: the fields that are not the same on both sides."""

    __slots__ = (
        "_get",
        "_get_wired",
        "_inward",
        "_names",
        "_older",
        "_outward",
        "_positional",
        "_wired",
        "_writer",
        "message_type",
        "proto_type",
    )

    def __init__(self, message_type: type, proto_type: type[ProtoMessage], outward: Converts, inward: Converts) -> None:
        self.message_type = message_type
        self.proto_type = proto_type
        self._names = field_names(message_type)
        wired: Any = proto_type.DESCRIPTOR.fields_by_name
        self._wired = [wire_name(name, wired) for name in self._names]
        renamed = [name for name in self._names if name not in self._wired]
        self._older = [(self._names.index(name), name, meanings(wired[name])) for name in renamed]
        self._get, self._get_wired = getter(self._names), getter(tuple(self._wired))
        self._outward = outward
        self._inward = inward
        self._positional = not hasattr(message_type, "__dataclass_fields__")
        self._writer: Writer | None = None  # Of a flat message.

    def be_flat(self, fields: Sequence[Field]) -> None:
        """Write messages of this type without the library. `fields`: in the order of the type's own."""
        ordered = sorted(zip(fields, self._names, strict=True), key=lambda pair: pair[0].number)
        self._writer = Writer(getter(tuple(name for _, name in ordered)), [field for field, _ in ordered])

    def encode(self, message: object) -> bytes:
        """The bytes of `to_wire`. Raises `Refused` like it."""
        if self._writer is not None:
            try:
                return self._writer.write(message)
            except UNFIT:
                pass  # The library says what is wrong with it, and with which field.
        encoded: bytes = self.to_wire(message).SerializeToString()
        return encoded

    def reader(self, fields: Sequence[Field]) -> Reader | None:
        """What reads messages of this type without the library, where their values stand in the order of the fields."""
        if not self._positional or any(field.number > LAST_OF_ONE_BYTE for field in fields):
            return None
        return Reader(self.message_type, fields)

    def to_wire(self, message: object) -> ProtoMessage:
        """Raises `Refused` (INVALID) for a number beyond 64 bits and for text that is no Unicode."""
        values: Sequence[object] = self._get(message)
        if self._outward:
            values = changed(values, self._outward)
        try:
            return self.proto_type(**dict(zip(self._wired, values, strict=True)))
        except ValueError as problem:
            raise Refused(RefusalCode.INVALID, str(problem), self._misfit(values)) from None

    def from_wire(self, proto: ProtoMessage) -> Any:
        """Raises `Refused` (INVALID) for a value that no field of this name can have."""
        values: Sequence[object] = self._get_wired(proto)
        if self._inward:
            values = changed(values, self._inward)
        for each_older in self._older:
            values = filled(values, each_older, proto)
        if self._positional:
            return self.message_type(*values)
        return self.message_type(**dict(zip(self._names, values, strict=True)))

    def _misfit(self, values: Sequence[object]) -> str:
        for name, wired, value in zip(self._names, self._wired, values, strict=True):
            try:
                self.proto_type(**{wired: value})
            except ValueError:
                return name
        raise AssertionError("each field fits alone, but not all of them together")


def getter(names: tuple[str, ...]) -> Callable[[object], Sequence[object]]:
    """The values of these attributes, in order. `attrgetter` gives a sequence for two and more."""
    if len(names) >= 2:
        return attrgetter(*names)
    return lambda owner: [getattr(owner, name) for name in names]


def changed(values: Sequence[object], converts: Converts) -> Sequence[object]:
    result = list(values)
    for place, convert in converts:
        result[place] = convert(result[place])
    return result


# What had another type when it was released.


def wire_name(name: str, fields: Container[str]) -> str:
    """What a field is called among those of the wire."""
    successor = SUCCESSORS.get(name, name)
    return successor if successor in fields else name


def meanings(field: FieldDescriptor) -> dict[int, str]:
    """Of a field that was an enum and is a text now: the names of the members in small letters were what is said."""
    assert field.enum_type is not None
    prefix = field.enum_type.values_by_number[0].name.removesuffix(UNSPECIFIED)
    return {value.number: value.name.removeprefix(prefix).lower() for value in field.enum_type.values if value.number}


def filled(values: Sequence[object], field: Older, proto: ProtoMessage) -> Sequence[object]:
    """Raises `Refused` (INVALID) for a number that never meant anything."""
    place, name, texts = field
    number = getattr(proto, name)
    if values[place] or not number:
        return values
    if number not in texts:
        raise Refused(RefusalCode.INVALID, f"{number} is unknown", name)
    return [*values[:place], texts[number], *values[place + 1 :]]


# Enums: by the name of the member, behind the prefix of the enum; number 0 is valid where there is a member for it.

UNSPECIFIED = "UNSPECIFIED"


def numbers_of(enum: type[Enum], descriptor: EnumDescriptor) -> dict[Enum, int]:
    """The number of each member. Both sides must name the same members."""
    prefix = descriptor.values_by_number[0].name.removesuffix(UNSPECIFIED)
    named = {value.name.removeprefix(prefix): value.number for value in descriptor.values}
    if UNSPECIFIED not in enum.__members__:
        del named[UNSPECIFIED]
    assert set(named) == set(enum.__members__), f"{descriptor.full_name} and {enum.__name__} have other members"
    return {member: named[member.name] for member in enum}


def read_enum(name: str, numbers: dict[Enum, int]) -> Convert:
    members = {number: member for member, number in numbers.items()}

    def convert(number: int) -> Enum:
        member = members.get(number)
        if member is None:
            raise Refused(RefusalCode.INVALID, f"{number} is unknown" if number else "is not set", name)
        return member

    return convert


def flat_field(name: str, field: FieldDescriptor, enum: type[Enum] | None) -> Field | None:
    """None for one that only the library can write and read."""
    if field.is_repeated or name == MEMORY:
        return None
    if enum is not None and field.enum_type is not None:
        return Field(field.number, CHOICE, [*numbers_of(enum, field.enum_type).items()])
    kind = FLAT_KINDS.get(field.type)
    return None if kind is None else Field(field.number, kind)


# Parts of messages, and the memory of a service.


def write_parts(name: str, pair: Pair) -> Convert:
    return lambda parts: each(name, pair.to_wire, parts)


def read_parts(name: str, pair: Pair) -> Convert:
    return lambda parts: tuple(each(name, pair.from_wire, parts))


def each(name: str, convert: Convert, parts: Sequence[object]) -> list[object]:
    return [within(f"{name}[{place}]", convert, part) for place, part in enumerate(parts)]


def within(path: str, convert: Convert, value: object) -> object:
    """Convert what is at this path; a refusal names the path and the field within."""
    try:
        return convert(value)
    except Refused as refused:
        field = f"{path}.{refused.field}" if refused.field else path
        raise Refused(refused.code, refused.detail, field) from None


def write_memory(memory: object) -> str:
    return json.dumps(memory, separators=(",", ":"))


def read_memory(text: str) -> object:
    try:
        memory = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise Refused(RefusalCode.INVALID, str(problem), "memory") from None
    if not isinstance(memory, dict):
        raise Refused(RefusalCode.INVALID, "is no JSON object", "memory")
    return memory
