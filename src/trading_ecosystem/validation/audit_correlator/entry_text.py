"""What an entry of the trail says, as JSON without spaces, in ASCII: the bytes that the `json` library would write.

An entry is written for every second message of a run. The library makes a new encoder for each; this makes none.
"""

from collections.abc import Callable
from json.encoder import encode_basestring_ascii
from operator import attrgetter

from trading_ecosystem.messages.codec import PARTS
from trading_ecosystem.messages.message import field_names, values_of

Reader = Callable[[object], object]
PART_TYPES = frozenset(PARTS.values())

_readers: dict[type, Reader] = {}  # By part type.


def text_of(value: object) -> str:
    """Plain data and message parts, a part being the array of its values. Raises TypeError for anything else."""
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, tuple):
        return f"[{','.join([text_of(item) for item in value])}]"
    if isinstance(value, list):
        return f"[{','.join([text_of(item) for item in value])}]"
    if value is None:
        return "null"
    if isinstance(value, dict):
        return f"{{{','.join([f'{encode_basestring_ascii(key)}:{text_of(item)}' for key, item in value.items()])}}}"
    return text_of(read_part(value))


def read_part(part: object) -> object:
    """The values of a message part."""
    part_type = type(part)
    reader = _readers.get(part_type)
    if reader is None:
        if part_type not in PART_TYPES:
            raise TypeError(f"{part_type.__name__} is not plain data")
        reader = _readers[part_type] = reader_of(field_names(part_type))
    return reader(part)


def reader_of(names: tuple[str, ...]) -> Reader:
    """What reads these fields of an object, as a tuple."""
    return attrgetter(*names) if len(names) > 1 else values_of
