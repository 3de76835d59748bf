"""Settings: changes of a document by dotted keys, before anything of it is read.

Rule 1: a setting is an edit of the document, so whatever reads the document judges the setting too.
Rule 2: the document that is edited stays as it was.
"""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import NoReturn

import yaml

from trading_ecosystem.configuration.document import Node, Problem, parse_document

OPTION = "--set"


class SetMark(yaml.Mark):
    """The mark of a node that was set. `name`: where, as a problem with it begins."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A change of one key. `where`: what a problem with it begins with, before the key."""

    key: str
    value: yaml.Node
    where: str

    def __post_init__(self) -> None:
        mark(self.value, self.where)

    def fail(self, problem: str) -> NoReturn:
        raise Problem(f"{self.where}{self.key}: {problem}")


class EditedNode(Node):
    """A node of an edited document. What was set names the setting as its place, and all else its line."""

    def __init__(self, file: str, node: yaml.Node, path: str, changes: str) -> None:
        super().__init__(file, node, path)
        self._changes = changes

    def fail(self, problem: str) -> NoReturn:
        if isinstance(self._node.start_mark, SetMark):
            raise Problem(f"{self._node.start_mark.name}{self._path}: {problem}")
        super().fail(f"{problem} (with the changes of {self._changes})" if self._changes else problem)

    def _child(self, node: yaml.Node, key: str) -> "EditedNode":
        return EditedNode(self._file, node, f"{self._path}.{key}" if self._path else key, self._changes)


def edited(document: Node, settings: Iterable[str]) -> Node:
    """The document with KEY=VALUE settings made, in order. Raises `Problem` for a setting that cannot be."""
    return with_settings(document, (setting_of(text) for text in settings), "")


def changed(document: Node, entries: Iterable[tuple[str, Node]], section: str) -> Node:
    """The document with the changes that a section of it holds. Raises `Problem` for one that cannot be."""
    made = (
        Setting(key=key, value=deepcopy(node.tree()), where=f"{node.place}: {section}.")  # Marked as set.
        for key, node in entries
    )
    return with_settings(document, made, section)


def with_settings(document: Node, settings: Iterable[Setting], changes: str) -> Node:
    node = document.tree()
    for setting in settings:
        node = with_value(node, setting.key.split("."), setting)
    return EditedNode(document.file, node, "", changes)


def setting_of(text: str) -> Setting:
    """KEY=VALUE, the value as YAML."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise Problem(f"{OPTION} {text}: is not KEY=VALUE such as replay.until=2023-03-10T00:00:00Z")
    if not value.strip():
        raise Problem(f"{OPTION} {key}: the value is empty")
    try:
        node = parse_document(OPTION, value).tree()
    except Problem as problem:
        raise Problem(f"{OPTION} {key}: {str(problem).partition(': ')[2]}") from None
    return Setting(key=key, value=node, where=f"{OPTION} ")


def mark(node: yaml.Node, where: str) -> None:
    node.start_mark = set_mark(where)
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        for each in child if isinstance(child, tuple) else (child,):
            mark(each, where)


def set_mark(where: str) -> SetMark:
    return SetMark(where, 0, 0, 0, None, 0)


def with_value(node: yaml.Node, keys: list[str], setting: Setting) -> yaml.Node:
    """A copy of the node with the value at the end of the keys. The rest of the tree is shared."""
    if not keys:
        return setting.value
    if isinstance(node, yaml.SequenceNode):
        return with_item(node, keys, setting)
    if isinstance(node, yaml.MappingNode):
        return with_entry(node, keys, setting)
    done = setting.key.removesuffix("." + ".".join(keys))
    setting.fail(f"{done} is a single value and has no {keys[0]!r}")


def with_item(node: yaml.SequenceNode, keys: list[str], setting: Setting) -> yaml.Node:
    count = len(node.value)
    if not keys[0].isascii() or not keys[0].isdigit() or int(keys[0]) >= count:
        known = f"0 to {count - 1}" if count else "none, the list is empty"
        setting.fail(f"items are named by number, {known}, not {keys[0]!r}")
    at = int(keys[0])
    items = list(node.value)
    items[at] = with_value(items[at], keys[1:], setting)
    return yaml.SequenceNode(node.tag, items, node.start_mark, node.end_mark)


def with_entry(node: yaml.MappingNode, keys: list[str], setting: Setting) -> yaml.Node:
    entries = list(node.value)
    for at, (key, old) in enumerate(entries):
        if key.value == keys[0]:
            entries[at] = (key, with_value(old, keys[1:], setting))
            break
    else:
        new_key = yaml.ScalarNode("tag:yaml.org,2002:str", keys[0], set_mark(setting.where))
        below = yaml.MappingNode("tag:yaml.org,2002:map", [], set_mark(setting.where))
        entries.append((new_key, with_value(below, keys[1:], setting)))
    return yaml.MappingNode(node.tag, entries, node.start_mark, node.end_mark)
