"""What a module says: an event in plain words, and what belongs to it by name.

Rule 1: the words of an event are always the same; what differs from time to time is in the fields.
"""

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple, final

OF_LOGGING = ("exc_info", "stack_info", "stacklevel")  # What the standard library takes by name itself.


class Said(NamedTuple):
    """The message of a record; as a text where nobody has set up anything better."""

    event: str
    fields: Mapping[str, object]

    def __str__(self) -> str:
        return " ".join([self.event, *(f"{name}={value!r}" for name, value in self.fields.items())])


@final
class Log(logging.LoggerAdapter[logging.Logger]):
    """`log.warning("a call is refused", caller="exchange")`. `name` is that of the module."""

    def __init__(self, name: str) -> None:
        super().__init__(logging.getLogger(name))

    def process(self, msg: str, kwargs: MutableMapping[str, Any]) -> tuple[Said, MutableMapping[str, Any]]:
        passed = {name: kwargs.pop(name) for name in OF_LOGGING if name in kwargs}
        return Said(msg, kwargs), passed
