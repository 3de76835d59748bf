"""What a rule is: it hears messages, looks at the firm, and answers with figures.

Rule 1: a rule only measures; the monitor holds the figures against the levels, and tells.
"""

from collections.abc import Sequence
from typing import Final, final

from mypy_extensions import mypyc_attr

from trading_ecosystem.messages.message import Message
from trading_ecosystem.production.risk_monitor.accounts import Account
from trading_ecosystem.production.risk_monitor.alerts import NEVER as NEVER, Watch
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio
from trading_ecosystem.production.risk_monitor.rules.venue_down import Venue
from trading_ecosystem.reference import ReferenceData


@final
class Figure:
    """What is measured of a subject, in the unit of its limit, as of `at_ns` on the clock of who told it. `value` None:
    it is not known."""

    __slots__ = ("at_ns", "subject", "value")

    def __init__(self, subject: str, value: int | None, at_ns: int) -> None:
        self.subject = subject
        self.value = value
        self.at_ns = at_ns


NOTHING: Final[Sequence[Figure]] = ()


@final
class Sight:
    """What a rule can see of the firm, to read and not to change. `marks`: prices in ticks, by venue and symbol."""

    __slots__ = ("_venues", "accounts", "marks", "portfolio", "reference")

    def __init__(
        self,
        reference: ReferenceData,
        accounts: dict[str, Account],
        portfolio: Portfolio,
        venues: dict[str, Venue],
        marks: dict[str, dict[str, int]],
    ) -> None:
        self.reference, self.accounts, self.portfolio, self.marks = reference, accounts, portfolio, marks
        self._venues = venues

    def is_silent(self, venue: str) -> bool:
        """Whether its heartbeat is overdue."""
        return self._venues[venue].silence.quiet


@mypyc_attr(allow_interpreted_subclasses=True)
class Rule:
    """Whatever it is not interested in, it leaves as it is here."""

    def hear(self, message: Message, now: int) -> Sequence[Figure]:
        """A message came, of a type that the rule hears."""
        return NOTHING

    def look(self, now: int) -> Sequence[Figure]:
        """Time has passed: what begins or ends because nothing happens?"""
        return NOTHING

    def due_ns(self, now: int) -> int:
        """When `look` has something to do, if sooner than it comes by itself; `NEVER` where it has not."""
        return NEVER


@final
class Judged:
    """A rule with the watches of its subjects: what it measures is held against its levels."""

    __slots__ = ("rule", "watches")

    def __init__(self, rule: Rule, watches: dict[str, Watch]) -> None:
        self.rule = rule
        self.watches = watches

    def hear(self, message: Message, now: int, outbox: Outbox) -> None:
        self._judge(self.rule.hear(message, now), now, outbox)

    def look(self, now: int, outbox: Outbox) -> None:
        self._judge(self.rule.look(now), now, outbox)

    def _judge(self, figures: Sequence[Figure], now: int, outbox: Outbox) -> None:
        for figure in figures:
            watch, value = self.watches[figure.subject], figure.value
            if value is None:
                watch.known = False
            elif value >= watch.lowest or watch.active:
                watch.update(value, min(figure.at_ns, now), now, outbox)
