"""A message, or a part of one, like another but for some of its fields."""

from typing import TypeVar

from trading_ecosystem.messages.message import Record, field_names

Kind = TypeVar("Kind", bound=Record)


def replace(message: Kind, **fields: object) -> Kind:
    values = {name: getattr(message, name) for name in field_names(type(message))}
    return type(message)(**(values | fields))
