"""The venue's participants: their accounts, and what each has submitted.

Rule 1: the venue's own accounts are nobody's; who names one names an account that does not exist.
"""

from typing import final

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.simulators.exchange.accounts import Account, Accounts
from trading_ecosystem.simulators.exchange.matching import Matching
from trading_ecosystem.simulators.exchange.order import Order
from trading_ecosystem.simulators.exchange.waiting import WaitingOrder


@final
class Clients:
    """`accounts` are those of the participants, by name."""

    __slots__ = ("_matching", "accounts")

    def __init__(self, accounts: Accounts, matching: Matching) -> None:
        self._matching = matching
        self.accounts = {name: account for name, account in accounts.by_name.items() if not account.is_venue_own}

    def find(self, name: str) -> Account | None:
        return self.accounts.get(name)

    def known(self, account: Account, client_order_id: str) -> Message | None:
        """The command that brought this id, whatever became of it."""
        return account.submissions.find(client_order_id)

    def remember(self, account: Account, client_order_id: str, submitted: Message) -> None:
        submissions, number = account.submissions, account.number
        submissions.remember(client_order_id, submitted)
        if submissions.too_many():
            submissions.forget(self._matching.open_orders[number], self._matching.waiting_orders[number])

    def open_order(self, account: Account, client_order_id: str) -> Order | None:
        return self._matching.open_orders[account.number].get(client_order_id)

    def waiting_order(self, account: Account, client_order_id: str) -> WaitingOrder | None:
        return self._matching.waiting_orders[account.number].get(client_order_id)

    def save(self) -> Plain:
        return {name: account.submissions.save() for name, account in self.accounts.items()}

    def restore(self, state: Plain) -> None:
        assert isinstance(state, dict)
        for name, account in self.accounts.items():
            account.submissions.restore(name, state[name])
