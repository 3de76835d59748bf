"""Who may ask the registry what.

Rule 1: nobody sees what is not named for them: a service sees the roles that it deals with, and not that others exist.
Rule 2: the registry knows the digests of tokens; only the holder has the token itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.live.discovery.registration import role_of
from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.security.tokens import DIGEST, digest

EVERYTHING = frozenset({"*"})


@dataclass(frozen=True, kw_only=True)
class Holder:
    """`name` is the instance that its holder may register. `sees` are first words: of instances (their roles) and of
    parameters; `EVERYTHING` sees also audit addresses and which plane a service belongs to.
    """

    name: str
    sees: frozenset[str]
    administrator: bool = False

    @property
    def sees_everything(self) -> bool:
        return self.sees == EVERYTHING

    def may_see(self, name: str) -> bool:
        return self.sees_everything or name == self.name or role_of(name) in self.sees


@final
class Tokens:
    """`holders`: by the digest of the token (`live.security.tokens.digest`)."""

    def __init__(self, holders: Mapping[bytes, Holder]) -> None:
        self._holders = dict(holders)

    def holder(self, token: str) -> Holder:
        """Raises `Refused` (UNAUTHENTICATED)."""
        found = self._holders.get(digest(token))
        if found is None:
            raise Refused(RefusalCode.UNAUTHENTICATED, "a valid bearer token is needed")
        return found


def read_tokens(node: Node) -> Tokens:
    """From a mapping: name -> {sha256, sees: [first words] or ["*"], administrator}. Raises `Problem`."""
    holders: dict[bytes, Holder] = {}
    for name, each in node.entries():
        section = each.section(required=("sha256",), optional=("sees", "administrator"))
        found = section["sha256"].text()
        if not re.fullmatch(DIGEST, found) or bytes.fromhex(found) in holders:
            section["sha256"].fail("64 digits of a SHA-256 that nobody else has are expected here")
        flag, sees = section.get("administrator"), section.get("sees")
        holders[bytes.fromhex(found)] = Holder(
            name=name,
            sees=frozenset() if sees is None else read_words(sees),
            administrator=flag is not None and flag.flag(),
        )
    return Tokens(holders)


def read_words(node: Node) -> frozenset[str]:
    words = frozenset(item.text() for item in node.items())
    if "*" in words and words != EVERYTHING:
        node.fail("'*' stands alone")
    return words
