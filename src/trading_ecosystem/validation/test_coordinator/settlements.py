"""What is true of the firm's settlements and transfers: which are late, and how much of its wealth is on its way to it.

Rule 1: the network may turn the end of an instruction and its beginning around; what is over is over.
"""

from typing import Final, final

from trading_ecosystem.messages.custody import SettlementInstructed
from trading_ecosystem.validation.test_coordinator.conditions import SETTLEMENT, Condition, Quantity
from trading_ecosystem.validation.test_coordinator.measures import Breach, Overdue
from trading_ecosystem.validation.test_coordinator.portfolio import Portfolio
from trading_ecosystem.validation.test_coordinator.settling_measure import InSettlement

OF_LATENESS: Final = (Quantity.OVERDUE, Quantity.TRANSFER_OVERDUE)


@final
class Settlements:
    """Of the `accounts` of the firm, whose `portfolio` is kept elsewhere."""

    __slots__ = ("_last_id", "_late", "_late_transfers", "_over_early", "on_its_way")

    def __init__(self, accounts: list[str], portfolio: Portfolio, conditions: list[Condition]) -> None:
        self._late: dict[str, Overdue] = {account: Overdue() for account in accounts}
        self._late_transfers: dict[str, Overdue] = {account: Overdue() for account in accounts}
        self._last_id = 0  # Of the instructions.
        self._over_early: set[int] = set()  # Those that had ended before they began.
        for condition in conditions:
            if condition.quantity in OF_LATENESS:
                self._overdue(condition.quantity).setdefault(condition.subject, Overdue())
        shares = [each for each in conditions if is_of_settlements(each) and each.quantity not in OF_LATENESS]
        self.on_its_way = InSettlement(accounts, portfolio, shares)

    # Instructions.

    def instructed(self, message: SettlementInstructed) -> None:
        instruction_id = message.instruction_id
        self._last_id = max(self._last_id, instruction_id)
        if instruction_id in self._over_early:
            return
        self.on_its_way.instructed(message)
        for account, overdue in self._late.items():
            for posting in message.postings:
                if account in (posting.debit_account, posting.credit_account):
                    overdue.instructed(instruction_id, message.due_ns)
                    break

    def over(self, instruction_id: int, ns: int) -> None:
        if instruction_id > self._last_id:
            self._over_early.add(instruction_id)
        for overdue in self._late.values():
            overdue.over(instruction_id, ns)
        self.on_its_way.over(instruction_id, ns)

    # Transfers.

    def transfer_expected(self, accounts: tuple[str, ...], transfer_id: int, expected_ns: int, ns: int) -> None:
        """A transfer is on its way, and is to be over by then; told anew at `ns`, it is late no longer."""
        for account, overdue in self._late_transfers.items():
            if account in accounts:
                if overdue.open.get(transfer_id) != expected_ns:
                    overdue.over(transfer_id, ns)
                overdue.instructed(transfer_id, expected_ns)

    def transfer_over(self, transfer_id: int, ns: int) -> None:
        for overdue in self._late_transfers.values():
            overdue.over(transfer_id, ns)
        self.on_its_way.ended(transfer_id, ns)

    # What was true.

    def breaches(self, condition: Condition, until_ns: int) -> tuple[Breach, ...]:
        if condition.quantity is Quantity.CONCENTRATION:
            return self.on_its_way.runs[condition.text].breaches(condition.sustain_ns, until_ns)
        return self._overdue(condition.quantity)[condition.subject].breaches(condition.sustain_ns, until_ns)

    def began_ns(self, condition: Condition, fired_ns: int) -> int | None:
        """When it came true that nobody watched; None where that is not known, or it was not true."""
        if condition.quantity is Quantity.CONCENTRATION:
            return None  # What was on its way a while ago is not remembered.
        overdue = self._overdue(condition.quantity).get(condition.subject)
        return None if overdue is None else overdue.began_ns(condition.sustain_ns, fired_ns)

    def _overdue(self, quantity: Quantity) -> dict[str, Overdue]:
        return self._late if quantity is Quantity.OVERDUE else self._late_transfers


def is_of_settlements(condition: Condition) -> bool:
    if condition.quantity is Quantity.CONCENTRATION:
        return condition.subject == SETTLEMENT
    return condition.quantity in OF_LATENESS
