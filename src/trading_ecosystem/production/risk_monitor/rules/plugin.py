"""What a rule says about itself: its name, how its entry in the limits is read, what it hears, and how it is made.

Rule 1: what is read tells everything that the rule can be about; a figure about anything else is an error.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.message import Message
from trading_ecosystem.production.risk_monitor.levels import Levels, check_names
from trading_ecosystem.reference import Asset, ReferenceData

if TYPE_CHECKING:
    from trading_ecosystem.production.risk_monitor.rules.rule import Rule, Sight

FIRM = "firm"  # The subject of a rule about the whole.
VENUES = "venues"  # That of one about all of them,
MONITOR = "risk_monitor"  # and of one about the monitor.
EVERY_ACCOUNT = "every account"


@final
@dataclass(frozen=True)
class Firm:
    """What limits are read against. `venues`: the firm's accounts at each."""

    reference: ReferenceData
    venues: dict[str, tuple[str, ...]]

    @property
    def accounts(self) -> tuple[str, ...]:
        return tuple(account for accounts in self.venues.values() for account in accounts)

    @property
    def money(self) -> Asset:
        return self.reference.assets[self.reference.numeraire]


@final
@dataclass(frozen=True)
class Limit:
    """The levels, in this unit, of each subject by itself. `about`: what they are together, such as `every account`;
    empty where each is named."""

    subjects: tuple[str, ...]
    unit: str
    levels: Levels
    about: str = ""


@dataclass(frozen=True)
class Entry:
    """What a limits file says of one rule. `kills`: whether desks are stopped while its alert is critical."""

    limits: tuple[Limit, ...]
    kills: bool = False

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(subject for limit in self.limits for subject in limit.subjects)

    @property
    def levels(self) -> dict[str, Levels]:
        """By subject."""
        return {subject: limit.levels for limit in self.limits for subject in limit.subjects}


E = TypeVar("E", bound=Entry)


@final
@dataclass(frozen=True, kw_only=True)
class RulePlugin(Generic[E]):
    """`name`: the key in the limits file, and the name of the alerts.

    `read` raises `Problem` for whatever is wrong with the entry; `read_of_group` reads that of a group of accounts of
    this name, None where there is none. `build` makes the rule, anew at each start of the monitor; None for a part of
    the monitor, in which the figure is made and judged. `at_once`: it hears a message before the monitor counts it, not
    after.
    `of_desks`: the monitor is to know the desks, whatever the rule hears.
    """

    name: str
    read: Callable[[Node, Firm], E]
    hears: tuple[type[Message], ...] = ()
    build: "Callable[[E, Sight], Rule] | None" = None
    read_of_group: Callable[[Node, Firm, str], E] | None = None
    at_once: bool = False
    of_desks: bool = False


def one_limit(subject: str, unit: str, levels: Levels) -> Entry:
    return Entry((Limit((subject,), unit, levels),))


def each_alike(subjects: Collection[str], about: str, unit: str, levels: Levels) -> Entry:
    """The same levels for each."""
    return Entry((Limit(tuple(subjects), unit, levels, about),))


def of_accounts(node: Node, firm: Firm, unit: str, read: Callable[[Node], Levels]) -> Entry:
    """The same levels for each account of the firm."""
    return each_alike(firm.accounts, EVERY_ACCOUNT, unit, read(node))


def named_limits(
    node: Node, known: Collection[str], what: str, unit: str, read: Callable[[Node], Levels]
) -> tuple[Limit, ...]:
    """Levels for each name under the node. Raises `Problem` for a name that is not `known`."""
    check_names(node, list(known), what)
    return tuple(Limit((name,), unit, read(levels)) for name, levels in node.entries())


def at_venue(venue: str, about: str) -> str:
    """The subject of what is at one of several venues."""
    return f"{venue}:{about}"
