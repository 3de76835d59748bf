"""Who may call what: the rows of `allow_list.yaml` for the methods that one surface of one service has.

Rule 1: deny by default; a pair of caller and method that has no row is refused.
Rule 2: a service loads the rows of its own methods and no others.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import final

from trading_ecosystem.configuration.document import Node, read_document
from trading_ecosystem.live.security.identity import is_instance

TABLE = Path(__file__).with_name("allow_list.yaml")
ANYONE = "anyone"
AUDIT = "audit"  # The surface that knows its own methods alone.
EVERYWHERE = "everywhere"  # The part of the table that holds for every service.
REFLECTION = "/grpc.reflection."
OUTSIDE_PRODUCTION = "outside_production"


@final
class AllowList:
    """`rows`: method, such as `/package.Service/Method`, to the roles that may call it."""

    def __init__(self, rows: Mapping[str, frozenset[str]]) -> None:
        self._rows = dict(rows)

    @property
    def methods(self) -> frozenset[str]:
        return frozenset(self._rows)

    def open_to_anyone(self, method: str) -> bool:
        return ANYONE in self._rows.get(method, frozenset())

    def allows(self, role: str, method: str) -> bool:
        return role in self._rows.get(method, frozenset()) or self.open_to_anyone(method)


def load_allow_list(role: str, surface: str, *, production: bool) -> AllowList:
    """The rows for `surface` (`grpc` or `audit`) of services of this role. Raises `Problem` for a wrong table."""
    parts = dict(read_document(TABLE).entries())
    names = [] if surface == AUDIT else [EVERYWHERE] if production else [EVERYWHERE, OUTSIDE_PRODUCTION]
    rows: dict[str, frozenset[str]] = {}
    for name in names:
        rows.update(read_rows(parts[name]))
    surfaces = dict(parts[role].entries()) if role in parts else {}
    if surface in surfaces:
        own = read_rows(surfaces[surface])
        rows.update({method: callers for method, callers in own.items() if not production or is_kept(surface, method)})
    return AllowList(rows)


def is_kept(surface: str, method: str) -> bool:
    """Whether this method of this surface is there in production."""
    return surface != AUDIT and not method.startswith(REFLECTION)


def read_rows(node: Node) -> dict[str, frozenset[str]]:
    """Method to callers; an empty list says that nobody calls it, which a reviewer shall see."""
    return {
        f"/{method}": frozenset(read_role(caller) for caller in callers.items()) for method, callers in node.entries()
    }


def read_role(node: Node) -> str:
    role = node.text()
    if not is_instance(role) or "." in role:
        node.fail(f"{role!r} is not a role")
    return role
