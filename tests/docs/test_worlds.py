"""The page on worlds names every key that a world may have."""

import re
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "worlds.md").read_text(encoding="utf-8")
NAMES_ARE_KEYS = {"assets", "instruments", "cycles", "position", "exchanges"}  # Below these a key is somebody's name.


def keys_of(node: object, parent: str = "") -> set[str]:
    if isinstance(node, list):
        return {key for item in node for key in keys_of(item, parent)}
    if not isinstance(node, dict):
        return set()
    if parent in NAMES_ARE_KEYS:
        return {key for value in node.values() for key in keys_of(value)}
    below = {key for name, value in node.items() if name != "accounts" for key in keys_of(value, name)}
    return {str(name) for name in node} | below


def keys_in(world: str) -> set[str]:
    return keys_of(yaml.safe_load((ROOT / "worlds" / f"{world}.yaml").read_text(encoding="utf-8")))


KEYS = sorted(keys_in("two-desks") | keys_in("two-venues"))


@pytest.mark.parametrize("key", KEYS)
def test_every_key_of_the_shipped_world_is_explained(key: str) -> None:
    assert re.search(rf"`{key}[`:]", PAGE), f"docs/worlds.md says nothing of {key}"


def test_enough_keys_were_looked_at() -> None:
    assert len(KEYS) > 60
