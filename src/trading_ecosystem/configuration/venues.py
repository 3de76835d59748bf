"""Which venues a world has, and which account lies where.

One venue has no name of its own, and all accounts lie there:

    exchange: {...}
    accounts:
      alpha: {USD: 3000000}

Several are named, and their accounts stand under their names. An account is called by the path to it, `north.alpha`,
wherever else it is spoken of, and a venue by its instance, `exchange.north`:

    exchanges:
      north: {...}
      south: {...}
    accounts:
      north:
        alpha: {USD: 3000000}
      south:
        alpha: {USD: 2000000}

Rule 1: an account lies at one venue; whoever trades at two has an account at each.
"""

import re
from dataclasses import dataclass

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.configuration.instruments import Balances, read_balances
from trading_ecosystem.reference import ReferenceData

VENUE_NAME = re.compile(r"[a-z][a-z0-9-]{0,19}", re.ASCII)
VENUE_KEYS = ("exchange", "exchanges")
SHARED = "fees"  # What all venues take in fees, in custody.


@dataclass(frozen=True)
class VenueNode:
    """A venue of a world: its instance, its name among several, and its section."""

    instance: str
    name: str
    node: Node


def read_venue_nodes(top: Section, role: str) -> list[VenueNode]:
    """`role`: that of the service whose instances they are. Raises `Problem`."""
    if "exchange" in top and "exchanges" in top:
        top["exchanges"].fail("'exchange' is given too; one venue is 'exchange', several are 'exchanges'")
    if "exchanges" not in top:
        if "exchange" not in top:
            top.node.fail("the key 'exchange' is missing")
        return [VenueNode(role, "", top["exchange"])]
    entries = top["exchanges"].entries()
    if len(entries) < 2:
        top["exchanges"].fail("two venues or more are expected here; a single one is 'exchange'")
    for name, node in entries:
        if VENUE_NAME.fullmatch(name) is None:
            node.fail("a venue has a name of up to 20 small letters, digits and hyphens, which begins with a letter")
    return [VenueNode(f"{role}.{name}", name, node) for name, node in entries]


def read_places(node: Node, venues: list[VenueNode], reference: ReferenceData) -> tuple[Balances, dict[str, str]]:
    """What each account holds at the start, and at which venue. Raises `Problem`."""
    entries = list(account_nodes(node, venues))
    balances = read_balances([(account, amounts) for account, _, amounts in entries], reference)
    return balances, {account: instance for account, instance, _ in entries}


def account_nodes(node: Node, venues: list[VenueNode]) -> list[tuple[str, str, Node]]:
    """Each account's name, its venue and its balances."""
    if not venues[0].name:
        return [(account, venues[0].instance, amounts) for account, amounts in node.entries()]
    known = {venue.name: venue for venue in venues}
    found: list[tuple[str, str, Node]] = []
    for name, accounts in node.entries():
        if name not in known:
            accounts.fail_word("accounts stand under the name of their venue; unknown venue", name, known)
        for account, amounts in accounts.entries():
            if account == SHARED:
                amounts.fail("what a venue takes in fees begins at nothing where there are several venues")
            found.append((f"{name}.{account}", known[name].instance, amounts))
    return found
