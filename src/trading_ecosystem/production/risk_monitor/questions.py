"""What the monitor asks: venues about accounts, the custodian about holdings, desks about their kill switches.

Rule 1: a question that is not answered is asked again, until it is.
"""

from typing import final

from trading_ecosystem.messages.accounts import QueryAccount, QueryHoldings
from trading_ecosystem.messages.custody import QuerySettlements
from trading_ecosystem.messages.transfers import QueryTransfers
from trading_ecosystem.production.risk_monitor.accounts import Account, Custody
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.production.risk_monitor.desks import Desk
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rulebook import Rulebook

ASK_AGAIN = "ask again"
CUSTODY = "custody"
VENUE = "venue"


@final
class Questions:
    """Of one monitor, by its name."""

    __slots__ = (
        "_accounts",
        "_again_after_ns",
        "_asking_again",
        "_custodian",
        "_custodies",
        "_desks",
        "_name",
        "_outbox",
        "_rulebook",
        "custodian_every_ns",
        "venue_every_ns",
    )

    def __init__(
        self,
        name: str,
        custodian: str,
        limits: Limits,
        accounts: list[Account],
        custodies: list[Custody],
        desks: list[Desk],
        rulebook: Rulebook,
        outbox: Outbox,
    ) -> None:
        self._name, self._custodian, self._outbox = name, custodian, outbox
        self._accounts, self._custodies, self._desks = accounts, custodies, desks
        self._rulebook = rulebook
        self._again_after_ns: int = limits.ask_again_after_ns
        self.custodian_every_ns: int = limits.ask_custodian_every_ns
        self.venue_every_ns = limits.ask_venue_every_ns
        self._asking_again = False  # A wake to ask again is on its way.

    def about_all(self, now: int) -> None:
        for account in self._accounts:
            self.about_account(account, now)
        for custody in self._custodies:
            self._about_holdings(custody, now)
        for desk in self._desks:
            desk.ask(self._name, self._outbox)

    def about_account(self, account: Account, now: int) -> None:
        account.asked = True
        self._outbox.send(QueryAccount(to=account.venue, asker=self._name, account=account.name))
        self.later(now)

    def later(self, now: int) -> None:
        if not self._asking_again:
            self._asking_again = True
            self._outbox.wake(ASK_AGAIN, now + self._again_after_ns)

    def again(self, now: int) -> None:
        self._asking_again = False
        for account in self._accounts:
            if account.asked:
                self.about_account(account, now)
        for custody in self._custodies:
            if custody.asked:
                self._about_holdings(custody, now)
        for desk in self._desks:
            if desk.waiting:
                desk.ask_again(self._name, self._outbox)
                self.later(now)

    def to_venues(self, now: int) -> None:
        assert self.venue_every_ns is not None
        for account in self._accounts:
            if not account.asked:
                self.about_account(account, now)
        self._outbox.wake(VENUE, now + self.venue_every_ns)

    def to_custodian(self, now: int) -> None:
        for custody in self._custodies:
            name = custody.account.name
            self._outbox.send(QueryHoldings(to=self._custodian, asker=self._name, account=name))
            if self._rulebook.settlements[name].may_breach_by(now + self.custodian_every_ns):
                self._outbox.send(QuerySettlements(to=self._custodian, asker=self._name, account=name, most_told=1))
            if name in self._rulebook.transfers:
                self._outbox.send(QueryTransfers(to=self._custodian, asker=self._name, account=name))
        self._outbox.wake(CUSTODY, now + self.custodian_every_ns)

    def _about_holdings(self, custody: Custody, now: int) -> None:
        custody.asked = True
        self._outbox.send(QueryHoldings(to=self._custodian, asker=self._name, account=custody.account.name))
        self.later(now)
