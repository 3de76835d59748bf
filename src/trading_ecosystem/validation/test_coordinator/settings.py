"""Settings: KEY=VALUE changes of a document, before anything of it is read.

Rule 1: a setting is an edit of the document, so whatever reads the document judges the setting too.
Rule 2: the document that is edited stays as it was.
"""

from collections.abc import Iterable
from typing import NoReturn

import yaml

from trading_ecosystem.configuration.document import Node, Problem, parse_document

OPTION = "--set"


class EditedNode(Node):
    """A node of an edited document. What was set names the setting as its place, and all else its line."""

    def fail(self, problem: str) -> NoReturn:
        mark = self._node.start_mark
        if mark is not None and mark.name == OPTION:
            raise Problem(f"{OPTION} {self._path}: {problem}")
        super().fail(problem)

    def _child(self, node: yaml.Node, key: str) -> "EditedNode":
        return EditedNode(self._file, node, f"{self._path}.{key}" if self._path else key)


def edited(document: Node, settings: Iterable[str]) -> Node:
    """The document with the settings made, in order. Raises `Problem` for a setting that cannot be."""
    node = document._node
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key:
            raise Problem(f"{OPTION} {setting}: is not KEY=VALUE such as replay.until=2023-03-10T00:00:00Z")
        node = with_value(node, key.split("."), value_of(key, text), key)
    return EditedNode(document._file, node, "")


def value_of(key: str, text: str) -> yaml.Node:
    """The value as YAML, marked as set."""
    if not text.strip():
        raise Problem(f"{OPTION} {key}: the value is empty")
    try:
        node = parse_document(OPTION, text)._node
    except Problem as problem:
        raise Problem(f"{OPTION} {key}: {str(problem).partition(': ')[2]}") from None
    mark(node)
    return node


def mark(node: yaml.Node) -> None:
    node.start_mark = set_mark()
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        for each in child if isinstance(child, tuple) else (child,):
            mark(each)


def set_mark() -> yaml.Mark:
    return yaml.Mark(OPTION, 0, 0, 0, None, 0)


def with_value(node: yaml.Node, keys: list[str], value: yaml.Node, setting: str) -> yaml.Node:
    """A copy of the node with the value at the end of the keys. The rest of the tree is shared."""
    if not keys:
        return value
    if isinstance(node, yaml.SequenceNode):
        return with_item(node, keys, value, setting)
    if isinstance(node, yaml.MappingNode):
        return with_entry(node, keys, value, setting)
    done = setting.removesuffix("." + ".".join(keys))
    raise Problem(f"{OPTION} {setting}: {done} is a single value and has no {keys[0]!r}")


def with_item(node: yaml.SequenceNode, keys: list[str], value: yaml.Node, setting: str) -> yaml.Node:
    count = len(node.value)
    if not keys[0].isascii() or not keys[0].isdigit() or int(keys[0]) >= count:
        known = f"0 to {count - 1}" if count else "none, the list is empty"
        raise Problem(f"{OPTION} {setting}: items are named by number, {known}, not {keys[0]!r}")
    at = int(keys[0])
    items = list(node.value)
    items[at] = with_value(items[at], keys[1:], value, setting)
    return yaml.SequenceNode(node.tag, items, node.start_mark, node.end_mark)


def with_entry(node: yaml.MappingNode, keys: list[str], value: yaml.Node, setting: str) -> yaml.Node:
    entries = list(node.value)
    for at, (key, old) in enumerate(entries):
        if key.value == keys[0]:
            entries[at] = (key, with_value(old, keys[1:], value, setting))
            break
    else:
        new_key = yaml.ScalarNode("tag:yaml.org,2002:str", keys[0], set_mark())
        entries.append((new_key, with_value(empty_mapping(), keys[1:], value, setting)))
    return yaml.MappingNode(node.tag, entries, node.start_mark, node.end_mark)


def empty_mapping() -> yaml.Node:
    return yaml.MappingNode("tag:yaml.org,2002:map", [], set_mark())
