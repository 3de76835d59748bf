"""The grammar of the scenario format: each kind of value is read, described to machines and to people.

Rule 1: what a kind refuses when it reads, its schema refuses too, as far as a schema can say it.
Rule 2: a default is written as a person would write it, and read by the same reader.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading_ecosystem.configuration import scalars
from trading_ecosystem.configuration.document import Node, parse_document

Schema = dict[str, Any]
Values = dict[str, Any]  # What the keys of a table hold, by field.
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
NUMBER = r"^-?[0-9]{1,18}(\.[0-9]{1,18})?$"
DURATION = r"^([0-9]{1,18}(\.[0-9]{1,9})?(ms|us|ns|d|h|m|s))+$"
INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})$"
SHARE = r"^-?[0-9]{1,18}(\.[0-9]{1,18})?\s*(%|bps)$"


class Kind:
    """What a key may hold. `words` is how the documentation calls it."""

    words = ""

    def read(self, node: Node) -> Any:
        """The typed value. Raises `Problem`."""
        raise NotImplementedError(type(self).__name__)

    def schema(self) -> Schema:
        raise NotImplementedError(type(self).__name__)

    def tables(self) -> Sequence["Table"]:
        """The tables that this kind brings along, in reading order."""
        return ()


class Text(Kind):
    words = "text"

    def read(self, node: Node) -> str:
        return " ".join(node.text().split())

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1}


class Name(Kind):
    """What may be the name of a file: a scenario's reports lie in a folder of its name."""

    words = "name of letters, digits, `-`, `_` and `.`"

    def read(self, node: Node) -> str:
        value = node.text()
        if not re.fullmatch(NAME, value, re.ASCII):
            node.fail(f"{value!r} is not a name of up to 100 letters, digits, -, _ and . such as usdt-depeg-36h")
        return value

    def schema(self) -> Schema:
        return {"type": "string", "pattern": NAME}


class Word(Kind):
    """One of a few words; `what` names them in a problem."""

    def __init__(self, what: str, choices: Iterable[str]) -> None:
        self.what, self.choices = what, tuple(str(choice) for choice in choices)
        self.words = ", ".join(f"`{choice}`" for choice in self.choices)

    def read(self, node: Node) -> str:
        return node.word(self.choices, self.what)

    def schema(self) -> Schema:
        return {"enum": list(self.choices)}


class Whole(Kind):
    def __init__(self, minimum: int, maximum: int) -> None:
        self.minimum, self.maximum = minimum, maximum
        self.words = f"whole number from {minimum}"

    def read(self, node: Node) -> int:
        return node.integer(self.minimum, self.maximum)

    def schema(self) -> Schema:
        sign = "-?" if self.minimum < 0 else ""
        return {
            "type": ["integer", "string"],
            "minimum": self.minimum,
            "maximum": self.maximum,
            "pattern": f"^{sign}[0-9]{{1,18}}$",
        }


class Number(Kind):
    """A decimal above zero, exact: a price, or an amount in units of an asset."""

    words = "number above 0, such as `0.92`"

    def read(self, node: Node) -> Decimal:
        return node.positive()

    def schema(self) -> Schema:
        return {"type": ["number", "string"], "exclusiveMinimum": 0, "pattern": NUMBER.replace("-?", "")}


class Duration(Kind):
    def __init__(self, minimum_ns: int) -> None:
        self.minimum_ns = minimum_ns
        least = f", {scalars.duration_text(minimum_ns)} or longer" if minimum_ns > 1 else ""
        self.words = f"duration such as `90s` or `1h30m`{least}"

    def read(self, node: Node) -> int:
        return node.duration_ns(self.minimum_ns)

    def schema(self) -> Schema:
        return {"type": "string", "pattern": DURATION}


class Instant(Kind):
    words = "time with its zone such as `2026-03-02T00:00:00Z`"

    def read(self, node: Node) -> int:
        return node.instant_ns()

    def schema(self) -> Schema:
        return {"type": "string", "pattern": INSTANT}


class Share(Kind):
    """A share or a change in parts per million, within bounds that are included."""

    def __init__(self, least: str, most: str) -> None:
        self.least, self.most = least, most
        self.words = f"share such as `15%` or `50bps`, from {least} to {most}"

    def read(self, node: Node) -> int:
        ppm = node.fraction_ppm()
        if not scalars.fraction_ppm(self.least) <= ppm <= scalars.fraction_ppm(self.most):
            node.fail(f"{node.text()} is not between {self.least} and {self.most}")
        return ppm

    def schema(self) -> Schema:
        positive = not self.least.startswith("-")
        return {"type": "string", "pattern": SHARE.replace("-?", "") if positive else SHARE}


class FlagOrDuration(Kind):
    """`true`, or a duration. Reads as 0 for `true`."""

    words = "`true`, or a duration such as `10m`"

    def read(self, node: Node) -> int:
        return 0 if node.text() == "true" else node.duration_ns(1)

    def schema(self) -> Schema:
        return {"anyOf": [{"enum": [True, "true"]}, {"type": "string", "pattern": DURATION}]}


class ListOf(Kind):
    def __init__(self, item: Kind, minimum: int = 1) -> None:
        self.item, self.minimum = item, minimum
        self.words = f"list of {item.words}"

    def read(self, node: Node) -> tuple[Any, ...]:
        items = node.items()
        if len(items) < self.minimum:
            node.fail("the list is empty")
        return tuple(self.item.read(item) for item in items)

    def schema(self) -> Schema:
        return {"type": "array", "minItems": self.minimum, "items": self.item.schema()}

    def tables(self) -> Sequence["Table"]:
        return self.item.tables()


class Mapped(Kind):
    """A mapping whose keys the writer chooses. Reads as pairs, in the order of the file."""

    def __init__(self, words: str) -> None:
        self.words = words

    def read(self, node: Node) -> tuple[tuple[str, str], ...]:
        return tuple((key, value.text()) for key, value in node.entries())

    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}


class Changes(Kind):
    """A mapping from dotted keys to whatever these may hold. Reads as pairs, in the order of the file."""

    words = "mapping of dotted keys to values, as with `tse run --set`"

    def read(self, node: Node) -> tuple[tuple[str, Node], ...]:
        entries = tuple(node.entries())
        if not entries:
            node.fail("nothing is changed; name a key such as method.0.to, and its value")
        return entries

    def schema(self) -> Schema:
        return {"type": "object", "minProperties": 1}


@dataclass(frozen=True)
class Key:
    """One line of the format. `field` is the name that the value has in the code."""

    name: str
    kind: Kind
    words: str
    field: str = ""
    required: bool = False
    default: str = ""  # As a person would write it; "" where there is none.
    absent: object = None  # What the code sees when the key is not there and has no default.

    def default_value(self) -> Any:
        return self.kind.read(parse_document("default", self.default)) if self.default else self.absent


class Table(Kind):
    """A mapping with declared keys. `make` gets the values by field, and `node` for problems found later.

    `exactly_one`: groups of keys of which just one must be there.
    """

    def __init__(
        self,
        name: str,
        words: str,
        make: Callable[..., Any],
        keys: Sequence[Key],
        exactly_one: Sequence[tuple[str, ...]] = (),
    ) -> None:
        self.name, self.meaning, self.make = name, words, make
        self.keys, self.exactly_one = tuple(keys), tuple(exactly_one)
        self.anchor = name.replace(" ", "-").replace(".", "")
        self.words = f"[{name}](#{self.anchor})"

    def read(self, node: Node) -> Any:
        return self.make(node=node, **self.values(node))

    def values(self, node: Node) -> Values:
        required = [key.name for key in self.keys if key.required]
        section = node.section(required, [key.name for key in self.keys if not key.required])
        for group in self.exactly_one:
            present = [name for name in group if name in section]
            if len(present) != 1:
                node.fail(f"exactly one of {' and '.join(group)} must be given, not {len(present)}")
        values: Values = {}
        for key in self.keys:
            found = section.get(key.name)
            values[key.field or key.name] = key.kind.read(found) if found else key.default_value()
        return values

    def schema(self) -> Schema:
        return {"$ref": f"#/$defs/{self.anchor}"}

    def definition(self) -> Schema:
        """The schema of this table itself, to be placed under `$defs`."""
        schema: Schema = {
            "description": self.meaning,
            "type": "object",
            "additionalProperties": False,
            "properties": {key.name: described(key) for key in self.keys},
            "required": [key.name for key in self.keys if key.required],
        }
        groups = [{"oneOf": [{"required": [name]} for name in group]} for group in self.exactly_one]
        return {**schema, "allOf": groups} if groups else schema

    def tables(self) -> Sequence["Table"]:
        return [self, *(table for key in self.keys for table in key.kind.tables())]


class Choice(Kind):
    """One of several tables, told apart by which of their leading keys is there."""

    def __init__(self, words: str, tables: dict[str, Table]) -> None:
        self.words, self._tables = words, tables

    def read(self, node: Node) -> Any:
        keys = [key for key, _ in node.entries()]
        found = [key for key in keys if key in self._tables]
        if len(found) > 1:
            node.fail(f"only one of {' and '.join(found)} can be watched in one place")
        if not found:
            known = {key.name for table in self._tables.values() for key in table.keys}
            for key, value in node.entries():
                if key not in known:
                    value.fail_word("unknown key", key, self._tables)
            node.fail(f"what is watched? known: {', '.join(self._tables)}")
        return self._tables[found[0]].read(node)

    def schema(self) -> Schema:
        return {"oneOf": [table.schema() for table in self._tables.values()]}

    def tables(self) -> Sequence[Table]:
        return [each for table in self._tables.values() for each in table.tables()]


class Tagged(Kind):
    """One of several tables, told apart by the word that stands under `tag`."""

    def __init__(self, words: str, what: str, tag: str, tables: dict[str, Table]) -> None:
        self.words, self._what, self._tag, self._tables = words, what, tag, tables

    def read(self, node: Node) -> Any:
        entries = dict(node.entries())
        if self._tag not in entries:
            node.fail(f"the key {self._tag!r} is missing")
        return self._tables[entries[self._tag].word(self._tables, self._what)].read(node)

    def schema(self) -> Schema:
        return {"oneOf": [table.schema() for table in self._tables.values()]}

    def tables(self) -> Sequence[Table]:
        return [each for table in self._tables.values() for each in table.tables()]


def described(key: Key) -> Schema:
    schema = {**key.kind.schema(), "description": key.words}
    return {**schema, "default": key.default} if key.default else schema
