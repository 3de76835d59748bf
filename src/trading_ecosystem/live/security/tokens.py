"""Bearer tokens of the REST surfaces: who a caller is, and what they may do.

Rule 1: a service knows the digests of its tokens; only the holder has the token itself.
Rule 2: every surface has its own file of tokens, and a scope that is not of the surface cannot be given there.
Rule 3: an unknown token is answered like a wrong one, in the same time.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import final

from trading_ecosystem.configuration.document import Node, Problem, parse_document
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.security.identity import is_instance
from trading_ecosystem.live.security.private_files import private_folder, read_private, write_private

TOKEN_BYTES = 32
PREFIX = "tse_"  # Lets a token be found where it should not be.
DIGEST = re.compile(r"[0-9a-f]{64}")


class Scope(StrEnum):
    READ = "read"
    TRADE = "trade"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    ACKNOWLEDGE = "acknowledge"
    AUDIT = "audit"  # What a process is inside, and what is being done to it.


class Surface(StrEnum):
    REST = "rest"
    AUDIT = "audit"


SCOPES = {
    Surface.REST: (Scope.READ, Scope.TRADE, Scope.WITHDRAW, Scope.APPROVE, Scope.ACKNOWLEDGE),
    Surface.AUDIT: (Scope.AUDIT,),
}


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who has a token: the name of an instance, or of a person as `operator.anna`."""

    name: str
    scopes: frozenset[Scope]


@final
class Tokens:
    """The tokens of one surface, by their digests. `access`: whose accounts a holder may see and use, by name."""

    def __init__(self, digests: Iterable[tuple[bytes, Holder]], access: Access) -> None:
        self._digests, self._access = tuple(digests), access

    def holder(self, token: str) -> Holder:
        """Whose token this is. Raises `Refused` with UNAUTHENTICATED."""
        presented, found = digest(token), None
        for expected, holder in self._digests:  # All of them, so that the time says nothing.
            if hmac.compare_digest(presented, expected):
                found = holder
        if found is None:
            raise Refused(RefusalCode.UNAUTHENTICATED, "a valid bearer token is needed")
        return found

    def authorise(self, token: str, scope: str, account: str) -> str:
        """The name of the holder, who may do this with this account; `account` is empty where none is meant.

        Raises `Refused`: UNAUTHENTICATED, FORBIDDEN without the scope, NOT_FOUND for an account of somebody else.
        """
        holder = self.holder(token)
        if scope not in holder.scopes:
            raise Refused(RefusalCode.FORBIDDEN, f"the scope {scope} is needed")
        accounts = self._access.trades if scope in (Scope.TRADE, Scope.WITHDRAW) else self._access.sees
        if account and account not in accounts.get(holder.name, frozenset()):
            raise Refused(RefusalCode.NOT_FOUND, "no such account", "account")
        return holder.name


def digest(token: str) -> bytes:
    """A token is 256 bits of chance, so that a plain digest cannot be guessed back."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def issue_token(folder: Path, surface: Surface, name: str, scopes: Iterable[Scope], holder_file: Path) -> None:
    """A new token in place of the holder's old one.

    The service reads the digest in `<surface>.yaml` in `folder`; the token goes to the holder's file alone. Raises
    `Problem` for a name or a scope that cannot be given.
    """
    if not is_instance(name):
        raise Problem(f"{name!r} cannot hold a token: role or role.name, in small letters")
    granted = frozenset(scopes)
    for scope in sorted(granted.difference(SCOPES[surface])):
        raise Problem(f"the scope {scope} is not one of the surface {surface}")
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    table = private_folder(folder) / f"{surface}.yaml"
    known = {holder.name: (found, holder) for found, holder in read_table(table, surface)} if table.exists() else {}
    known[name] = (digest(token), Holder(name=name, scopes=granted))
    write_private(holder_file, token.encode())
    write_private(table, "".join(line_of(found, holder) for found, holder in known.values()).encode())


def line_of(found: bytes, holder: Holder) -> str:
    return f"{holder.name}: {json.dumps({'sha256': found.hex(), 'scopes': sorted(holder.scopes)})}\n"


def read_token(path: Path) -> str:
    """The token in a holder's file. Raises `Problem`, also where others may read it."""
    return read_private(path).decode("ascii", "replace").strip()


def read_tokens(folder: Path, surface: Surface, access: Access) -> Tokens:
    """What a service needs to check tokens. Raises `Problem`, in one line, for a wrong file."""
    return Tokens(read_table(folder / f"{surface}.yaml", surface), access)


def read_table(path: Path, surface: Surface) -> list[tuple[bytes, Holder]]:
    document = parse_document(str(path), read_private(path).decode("utf-8", "replace"))
    return [read_holder(name, node, surface) for name, node in document.entries()]


def read_holder(name: str, node: Node, surface: Surface) -> tuple[bytes, Holder]:
    section = node.section(required=("sha256", "scopes"))
    found = section["sha256"].text()
    if not DIGEST.fullmatch(found):
        section["sha256"].fail("64 digits of a SHA-256 are expected here")
    known = [scope.value for scope in SCOPES[surface]]
    scopes = frozenset(Scope(each.word(known, "scope")) for each in section["scopes"].items())
    return bytes.fromhex(found), Holder(name=name, scopes=scopes)
