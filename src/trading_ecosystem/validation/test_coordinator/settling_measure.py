"""How much of the firm's wealth is on its way to it, by the coordinator's own reckoning.

Rule 1: it goes by what the custodian and the venue tell of instructions and transfers, and by nothing that the risk
monitor says or is told in answer to a question.
Rule 2: comparisons are exact, and the level itself counts as beyond.
"""

from collections.abc import Collection
from math import ceil
from typing import final

from trading_ecosystem.messages.custody import PartPosted, Posting, SettlementInstructed
from trading_ecosystem.messages.transfers import AccountMoved, TransferPosted, TransferRequested, TransferStatus
from trading_ecosystem.validation.test_coordinator.conditions import Condition
from trading_ecosystem.validation.test_coordinator.measures import PPM, Runs
from trading_ecosystem.validation.test_coordinator.portfolio import Portfolio

Effects = dict[tuple[str, str], int]  # By account and asset: what comes in (+) or goes out (-), in minor units.


@final
class InSettlement:
    """What is still to come to the firm's `accounts`: of each asset what instructions bring to an account, less what it
    has still to deliver, and the transfers between the place that they left and the one where they arrive."""

    __slots__ = (
        "_accounts",
        "_bounds",
        "_ended",
        "_going",
        "_open",
        "_pending",
        "_portfolio",
        "_posted",
        "_requested",
        "runs",
    )

    def __init__(self, accounts: Collection[str], portfolio: Portfolio, conditions: Collection[Condition]) -> None:
        self._accounts: dict[str, None] = dict.fromkeys(accounts if conditions else ())  # Else all are strangers.
        self._portfolio = portfolio
        self._bounds: dict[str, int] = {each.text: ceil(each.level * PPM) for each in conditions}
        self.runs: dict[str, Runs] = {each.text: Runs() for each in conditions}
        self._open: dict[int, Effects] = {}  # What instructions have still to do.
        self._pending: Effects = {}
        self._requested: dict[int, tuple[str, int]] = {}  # Asset and amount of the transfers of the firm, by id.
        self._going: dict[int, None] = {}  # Those that are on their way, whosever they are,
        self._ended: set[int] = set()  # and those that are over.
        self._posted: set[int] = set()  # Transactions that were counted.

    def observe(self, ns: int) -> None:
        """See what is true now; nothing, where nobody asks."""
        if not self._bounds:
            return
        portfolio = self._portfolio
        owed_minor, moving_minor = self._owed(portfolio), self._in_transit(portfolio)
        on_its_way_minor, whole_minor = owed_minor + moving_minor, portfolio.gross + moving_minor
        for text, bound in self._bounds.items():
            beyond = portfolio.unpriced == 0 and on_its_way_minor * PPM >= bound * whole_minor > 0
            self.runs[text].switch(beyond, ns)

    def _owed(self, portfolio: Portfolio) -> int:
        coming: dict[str, int] = {}
        for (_, asset), amount_minor in self._pending.items():
            if amount_minor > 0:
                coming[asset] = coming.get(asset, 0) + amount_minor
        return sum([worth(portfolio, asset, amount_minor) for asset, amount_minor in coming.items()])

    def _in_transit(self, portfolio: Portfolio) -> int:
        moving: dict[str, int] = {}
        for transfer_id in self._going:
            if transfer_id in self._requested:
                asset, amount_minor = self._requested[transfer_id]
                moving[asset] = moving.get(asset, 0) + amount_minor
        return sum([worth(portfolio, asset, amount_minor) for asset, amount_minor in moving.items()])

    # Instructions.

    def instructed(self, message: SettlementInstructed) -> None:
        effects = self._effects(message.postings)
        if effects and message.instruction_id not in self._open:
            self._open[message.instruction_id] = effects
            self._add(effects, 1)
        self.observe(message.occurred_ns)

    def part_posted(self, message: PartPosted) -> None:
        left = self._open.get(message.instruction_id)
        if left is not None and message.transaction_id not in self._posted:
            self._posted.add(message.transaction_id)
            done = self._effects(message.postings)
            self._add(done, -1)
            for key, amount_minor in done.items():
                left[key] = left.get(key, 0) - amount_minor
        self.observe(message.occurred_ns)

    def over(self, instruction_id: int, ns: int) -> None:
        self._add(self._open.pop(instruction_id, {}), -1)
        self.observe(ns)

    # Transfers.

    def requested(self, message: TransferRequested) -> None:
        if message.debit_account in self._accounts or message.credit_account in self._accounts:
            self._requested[message.transfer_id] = (message.asset, message.amount_minor)

    def changed(self, transfer_id: int, status: TransferStatus, ns: int) -> None:
        """Not over yet; whether it is on its way, the status says."""
        is_going = status in (TransferStatus.IN_PROGRESS, TransferStatus.CONFIRMING)
        if is_going and transfer_id not in self._ended:
            self._going[transfer_id] = None
        self.observe(ns)

    def ended(self, transfer_id: int, ns: int) -> None:
        self._ended.add(transfer_id)
        self._going.pop(transfer_id, None)
        self.observe(ns)

    def moved(self, event: AccountMoved) -> None:
        """What the venue has let go of (below 0), the custodian is to."""
        if event.amount_minor < 0:
            self._add({(event.account, event.asset): event.amount_minor}, 1)
            self.observe(event.occurred_ns)

    def posted(self, message: TransferPosted) -> None:
        """A step that the venue had a part in: the custodian has let go as well."""
        if message.movement_id != 0 and message.transaction_id not in self._posted:
            self._posted.add(message.transaction_id)
            for posting in message.postings:
                if posting.debit_account in self._accounts:
                    self._add({(posting.debit_account, posting.asset): posting.amount_minor}, 1)
        self.observe(message.occurred_ns)

    # Sums.

    def _effects(self, postings: tuple[Posting, ...]) -> Effects:
        effects: Effects = {}
        for posting in postings:
            for account, sign in ((posting.debit_account, -1), (posting.credit_account, 1)):
                if account in self._accounts:
                    key = account, posting.asset
                    effects[key] = effects.get(key, 0) + sign * posting.amount_minor
        return effects

    def _add(self, effects: Effects, sign: int) -> None:
        for key, amount_minor in effects.items():
            self._pending[key] = self._pending.get(key, 0) + sign * amount_minor


def worth(portfolio: Portfolio, asset: str, amount_minor: int) -> int:
    position = portfolio.positions[asset]
    return amount_minor * position.sum_ticks * position.numerator // position.denominator
