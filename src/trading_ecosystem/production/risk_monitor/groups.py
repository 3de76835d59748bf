"""Groups of accounts with limits of their own, below those of the firm: one account, a strategy, a desk.

Rule 1: a group is the accounts that it names; what an order says of itself counts for nothing.
Rule 2: an account belongs to one strategy and to one desk at most, and a strategy lies within one desk.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.production.risk_monitor.levels import check_names
from trading_ecosystem.production.risk_monitor.rules.plugin import FIRM, MONITOR, VENUES, Entry, Firm

ACCOUNTS, STRATEGIES, DESKS = "accounts", "strategies", "desks"
KEYS = (ACCOUNTS, STRATEGIES, DESKS)
LONGEST_NAME = 40
ReadOfGroup = Callable[[Node, Firm, str], Entry]


@final
@dataclass(frozen=True)
class Group:
    """Accounts that are judged together. `kind`: account, strategy or desk; `entries`: their limits, by rule."""

    kind: str
    name: str
    accounts: tuple[str, ...]
    entries: dict[str, Entry]


@final
class Reader:
    """Reads groups of one firm. `readers`: of the rules that judge a group, by name."""

    def __init__(self, firm: Firm, readers: Mapping[str, ReadOfGroup]) -> None:
        self._firm, self._readers = firm, readers
        self._taken = names_of(firm)  # What is the name of no further group, and what has it.

    def read(self, document: Section) -> tuple[Group, ...]:
        """From the inside out, each kind in the order of the file. Raises `Problem` for the first mistake."""
        of_accounts = self._accounts(document[ACCOUNTS]) if ACCOUNTS in document else []
        strategies = self._named(document[STRATEGIES], "strategy") if STRATEGIES in document else []
        desks = self._named(document[DESKS], "desk") if DESKS in document else []
        if strategies and desks:
            check_within(document[STRATEGIES], strategies, desks)
        return (*of_accounts, *strategies, *desks)

    def _accounts(self, node: Node) -> list[Group]:
        """Each a group of one."""
        check_names(node, list(self._firm.accounts), "account")
        groups: list[Group] = []
        for name, each in node.entries():
            entries = self._entries(each.section(optional=self._readers), name)
            groups.append(Group("account", name, (name,), entries))
        return groups

    def _named(self, node: Node, kind: str) -> list[Group]:
        groups: list[Group] = []
        placed: dict[str, str] = {}  # Account -> its group.
        for name, each in node.entries():
            self._take(name, kind, each)
            section = each.section(required=(ACCOUNTS,), optional=self._readers)
            accounts = self._members(section[ACCOUNTS], name, placed)
            groups.append(Group(kind, name, accounts, self._entries(section, name)))
        return groups

    def _take(self, name: str, kind: str, node: Node) -> None:
        if not is_name(name):
            node.fail(f"{name!r} is not a name of up to {LONGEST_NAME} letters, digits, -, _ and .")
        if name in self._taken:
            node.fail(f"{name!r} is the name of {self._taken[name]} already")
        self._taken[name] = f"a {kind}"

    def _members(self, node: Node, group: str, placed: dict[str, str]) -> tuple[str, ...]:
        accounts: list[str] = []
        for each in node.items():
            account = each.word(self._firm.accounts, "account")
            if account in placed:
                each.fail(f"{account} is in {placed[account]} already")
            placed[account] = group
            accounts.append(account)
        if not accounts:
            node.fail("there is no account in it")
        return tuple(accounts)

    def _entries(self, section: Section, name: str) -> dict[str, Entry]:
        return {rule: read(section[rule], self._firm, name) for rule, read in self._readers.items() if rule in section}


def is_name(name: str) -> bool:
    """Whether alerts can be about it, alone and in front of an asset."""
    letters = all(each.isalnum() or each in "-_." for each in name)
    return name[:1].isalnum() and letters and name.isascii() and len(name) <= LONGEST_NAME


def names_of(firm: Firm) -> dict[str, str]:
    """What alerts can be about without any group: by name, what it is."""
    reference = firm.reference
    taken = {asset.issuer: "an issuer" for asset in reference.assets.values() if asset.issuer}
    taken |= dict.fromkeys(reference.instruments, "an instrument")
    taken |= dict.fromkeys(reference.assets, "an asset")
    taken |= dict.fromkeys(firm.venues, "a venue")
    taken |= dict.fromkeys(firm.accounts, "an account")
    return taken | dict.fromkeys((FIRM, VENUES, MONITOR), "a subject of other alerts")


def check_within(node: Node, strategies: Sequence[Group], desks: Sequence[Group]) -> None:
    for (_, each), strategy in zip(node.entries(), strategies, strict=True):
        if not any(set(strategy.accounts) <= set(desk.accounts) for desk in desks):
            each.fail("its accounts do not lie within one desk")
