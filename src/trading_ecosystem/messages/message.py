"""What every message is: one of four kinds, told apart by who it is for.

Rule 1: a message is never changed after it was made; one object serves every recipient.
Rule 2: a field's name has one meaning in the whole system (see `codec.py` and the glossary).
"""

from dataclasses import fields

from mypy_extensions import mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True, acyclic=True)
class Record:
    """Values by name: equal where all of them are, and never changed after it was made."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and values_of(self) == values_of(other)

    def __hash__(self) -> int:
        return hash((type(self).__name__, values_of(self)))

    def __repr__(self) -> str:
        pairs = zip(field_names(type(self)), values_of(self), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"


@mypyc_attr(allow_interpreted_subclasses=True, acyclic=True)
class Message(Record):
    """Anything that a core is handed or returns."""

    __slots__ = ()


@mypyc_attr(allow_interpreted_subclasses=True, acyclic=True)
class Addressed(Message):
    """A command, a question or an answer: for the one instance named `to`."""

    __slots__ = ("to",)
    to: str


@mypyc_attr(allow_interpreted_subclasses=True, acyclic=True)
class Published(Message):
    """An event for every service that `routes.py` names for its type."""

    __slots__ = ()


@mypyc_attr(allow_interpreted_subclasses=True, acyclic=True)
class Private(Message):
    """An event for those services of its route that may see `account`."""

    __slots__ = ("account",)
    account: str


def field_names(message_type: type) -> tuple[str, ...]:
    """The fields of a message type, in order. Hot types name them in `__match_args__`."""
    if hasattr(message_type, "__dataclass_fields__"):
        return tuple(field.name for field in fields(message_type))
    return tuple(getattr(message_type, "__match_args__", ()))


def values_of(message: object) -> tuple[object, ...]:
    """The values of a message's fields, in the order of `field_names`."""
    return tuple(getattr(message, name) for name in field_names(type(message)))
