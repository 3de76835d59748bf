"""Strict YAML: every value is text with a place, typed by whoever reads it.

Rule 1: a problem is one line: file, line, what is wrong, and the nearest right word.
Rule 2: nothing of YAML that surprises is allowed: tags, anchors, merge keys, several documents, repeated keys.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn, TypeVar

import yaml

from trading_ecosystem.configuration import scalars

T = TypeVar("T")
MAXIMUM_BYTES = 1 << 20
MAXIMUM_DEPTH = 20


class Problem(Exception):
    """A mistake in a file or an argument, said in one line for the person who made it."""


class Node:
    """A value of a document, with its place. Readers raise `Problem`, never anything else."""

    def __init__(self, file: str, node: yaml.Node, path: str) -> None:
        self._file, self._node, self._path = file, node, path

    @property
    def file(self) -> str:
        """Where the document came from: a path, or a word such as `default`."""
        return self._file

    def tree(self) -> yaml.Node:
        """What the parser made of it."""
        return self._node

    @property
    def place(self) -> str:
        return f"{self._file}:{self._node.start_mark.line + 1}"

    @property
    def path(self) -> str:
        """The keys from the top to here, joined by dots."""
        return self._path

    def fail(self, problem: str) -> NoReturn:
        where = f"{self._path}: " if self._path else ""
        raise Problem(f"{self.place}: {where}{problem}")

    # Structure.

    def entries(self) -> list[tuple[str, "Node"]]:
        """The keys and values of a mapping, in the order of the file."""
        if not isinstance(self._node, yaml.MappingNode):
            self.fail("a mapping (key: value lines) is expected here")
        return [(key.value, self._child(value, str(key.value))) for key, value in self._node.value]

    def is_list(self) -> bool:
        return isinstance(self._node, yaml.SequenceNode)

    def items(self) -> list["Node"]:
        if not isinstance(self._node, yaml.SequenceNode):
            self.fail("a list is expected here")
        return [self._child(value, str(i)) for i, value in enumerate(self._node.value)]

    def section(self, required: Iterable[str] = (), optional: Iterable[str] = ()) -> "Section":
        """A mapping with these keys and no others."""
        required, optional = tuple(required), tuple(optional)
        found = dict(self.entries())
        for key, value in found.items():
            if key not in required and key not in optional:
                value.fail_word("unknown key", key, required + optional)
        for key in required:
            if key not in found:
                self.fail(f"the key {key!r} is missing")
        return Section(self, found)

    def _child(self, node: yaml.Node, key: str) -> "Node":
        return Node(self._file, node, f"{self._path}.{key}" if self._path else key)

    # Values.

    def text(self) -> str:
        if not isinstance(self._node, yaml.ScalarNode):
            self.fail("a single value is expected here")
        value = str(self._node.value)
        if not value.strip():
            self.fail("the value is empty")
        return value

    def word(self, choices: Iterable[str], what: str) -> str:
        """One of `choices`, or a problem that names the nearest of them."""
        value, choices = self.text(), tuple(choices)
        if value not in choices:
            self.fail_word(f"unknown {what}", value, choices)
        return value

    def fail_word(self, problem: str, word: str, choices: Iterable[str]) -> NoReturn:
        choices = sorted(choices)
        near = get_close_matches(word, choices, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(choices)}"
        self.fail(f"{problem} {word!r}; {hint}")

    def flag(self) -> bool:
        return self.word(("true", "false"), "flag") == "true"

    def integer(self, minimum: int, maximum: int) -> int:
        value = self._read(scalars.integer)
        if not minimum <= value <= maximum:
            self.fail(f"{value} is not between {minimum} and {maximum}")
        return value

    def decimal(self, minimum: str, maximum: str) -> Decimal:
        """An exact decimal number within the bounds, which are included."""
        value = self._read(scalars.decimal)
        if not Decimal(minimum) <= value <= Decimal(maximum):
            self.fail(f"{value} is not between {minimum} and {maximum}")
        return value

    def positive(self, maximum: str = "1e15") -> Decimal:
        value = self.decimal("-1e18", maximum)
        if value <= 0:
            self.fail(f"{value} is not above zero")
        return value

    def duration_ns(self, minimum_ns: int = 0) -> int:
        """A duration such as 90s, 15m, 36h, 1h30m, 250ms, 2d. Up to ten years."""
        value = self._read(scalars.duration_ns)
        if value < minimum_ns:
            self.fail(f"the shortest time allowed is {scalars.duration_text(minimum_ns)}")
        return value

    def instant_ns(self) -> int:
        """A date and time in UTC such as 2026-03-02T00:00:00Z, as ns since 1970."""
        return self._read(scalars.instant_ns)

    def fraction_ppm(self) -> int:
        """A share or a change such as 15%, -2.5%, 50bps, as parts per million."""
        return self._read(scalars.fraction_ppm)

    def _read(self, read: Callable[[str], T]) -> T:
        try:
            return read(self.text())
        except ValueError as problem:
            self.fail(str(problem))


class Section:
    """A mapping whose keys have been checked. `key in section` tells whether an optional one is there."""

    def __init__(self, node: Node, found: dict[str, Node]) -> None:
        self.node, self._found = node, found

    def __getitem__(self, key: str) -> Node:
        return self._found[key]

    def __contains__(self, key: object) -> bool:
        return key in self._found

    def get(self, key: str) -> Node | None:
        return self._found.get(key)


def read_document(path: Path) -> Node:
    """Read a file. Raises `Problem` for whatever is wrong with it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Problem(f"{path}: {error.strerror or error}") from None
    if len(data) > MAXIMUM_BYTES:
        raise Problem(f"{path}: larger than {MAXIMUM_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(f"{path}: not UTF-8 text") from None
    return parse_document(str(path), text)


def parse_document(file: str, text: str) -> Node:
    """Parse a document that came from `file`."""
    if text.startswith("\ufeff"):
        raise Problem(f"{file}:1: starts with a byte order mark; save it as plain UTF-8")
    try:
        node = Composer(without_surprises(file, text)).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise Problem(f"{file}:{line}: not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise Problem(f"{file}: not valid YAML: {' '.join(str(error).split())}") from None
    if node is None:
        raise Problem(f"{file}:1: the file is empty")
    refuse_repeated_keys(file, node)
    return Node(file, node, "")


class Composer(yaml.composer.Composer, yaml.resolver.Resolver):
    """Makes the nodes of a document from its events, which are read once."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        yaml.composer.Composer.__init__(self)
        yaml.resolver.Resolver.__init__(self)
        self._events = events
        self._next: yaml.Event | None = None

    def peek_event(self) -> yaml.Event | None:
        if self._next is None:
            self._next = next(self._events, None)
        return self._next

    def check_event(self, *choices: type[yaml.Event]) -> bool:
        return isinstance(self.peek_event(), choices or yaml.Event)

    def get_event(self) -> yaml.Event | None:
        event, self._next = self.peek_event(), None
        return event


def without_surprises(file: str, text: str) -> Iterator[yaml.Event]:
    """What the parser sees. Raises `Problem` for what is not allowed here."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise Problem(f"{file}:{line}: a second document; one file holds one document")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Problem(f"{file}:{line}: anchors and aliases are not allowed")
        tag = getattr(event, "tag", None)
        if tag:
            raise Problem(f"{file}:{line}: tags such as {tag} are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAXIMUM_DEPTH:
                raise Problem(f"{file}:{line}: nested deeper than {MAXIMUM_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        yield event


def refuse_repeated_keys(file: str, node: yaml.Node) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            refuse_repeated_keys(file, item)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise Problem(f"{file}:{line}: a key must be a single word")
            if key.value in seen:
                first = seen[key.value]
                raise Problem(f"{file}:{line}: the key {key.value!r} is there twice (first in line {first})")
            seen[key.value] = line
            refuse_repeated_keys(file, value)


def text_of(node: Node) -> str:
    """The document of a node as YAML text."""
    text: str = yaml.serialize(node.tree(), Dumper=yaml.SafeDumper, allow_unicode=True)
    return text
