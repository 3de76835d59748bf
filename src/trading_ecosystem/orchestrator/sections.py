"""Parts of a YAML document as they were written, put together into another one without their comments.

Rule 1: a value that a person wrote stays as it was written; nothing goes through a float or a date.
Rule 2: what is put together can be read by `configuration.document`: no anchors, no tags.
"""

from typing import final

import yaml

from trading_ecosystem.messages.runtime import Plain

WIDTH = 120


@final
class Dumper(yaml.SafeDumper):
    """Writes what is there twice twice: the reader allows no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def sections_of(text: str) -> dict[str, yaml.Node]:
    """The parts of a document that has been read and checked, by key."""
    top = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(top, yaml.MappingNode), "a document that was checked is a mapping"
    return entries_of(top)


def entries_of(node: yaml.Node) -> dict[str, yaml.Node]:
    assert isinstance(node, yaml.MappingNode), "a section that was checked is a mapping"
    return {key.value: value for key, value in node.value}


def section(value: Plain) -> yaml.Node:
    """A part that nobody wrote."""
    node = yaml.compose(yaml.dump(value, Dumper=Dumper, sort_keys=False), Loader=yaml.SafeLoader)
    assert node is not None, "even null is a node"
    return node


def mapping(entries: dict[str, yaml.Node]) -> yaml.MappingNode:
    keys = [(yaml.ScalarNode("tag:yaml.org,2002:str", key), value) for key, value in entries.items()]
    return yaml.MappingNode("tag:yaml.org,2002:map", keys, flow_style=False)


def text_of(entries: dict[str, yaml.Node]) -> str:
    text: str = yaml.serialize(mapping(entries), Dumper=Dumper, allow_unicode=True, width=WIDTH)
    return text
