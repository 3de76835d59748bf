"""Concentration in settlement: the share of gross wealth that is still on its way to the firm, in ppm.

On its way is what trades have brought and the custodian has not delivered, by asset and account net of what the account
itself has still to deliver, and every transfer that is in progress or being confirmed. The venue counts what was bought
at once, and what has left by a transfer no longer, so a transfer is counted on both sides of the share.

Rule 1: from an answer of the custodian that is old, cut short or disputed nothing fires, and nothing ends.
"""

from typing import Final, final

from trading_ecosystem.messages.accounts import HoldingsReported
from trading_ecosystem.messages.transfers import TransfersReported, TransferStatus
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import MILLION
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio

SETTLEMENT: Final = "settlement"  # The subject.
ANSWERS_MISSED: Final = 3  # So many intervals of asking without an answer, and the last one is old.
ON_ITS_WAY: Final = (TransferStatus.IN_PROGRESS, TransferStatus.CONFIRMING)


@final
class Amounts:
    """Of assets, in minor units, account by account; `worth_minor` of all together is kept up asset by asset."""

    __slots__ = ("_by_account", "_portfolio", "_totals", "_worths", "unpriced", "worth_minor")

    def __init__(self, portfolio: Portfolio) -> None:
        self._portfolio = portfolio
        self._by_account: dict[str, dict[str, int]] = {}
        self._totals: dict[str, int] = {}
        self._worths: dict[str, int] = {}
        self.unpriced: dict[str, bool] = {}  # The assets that nobody has named a price of.
        self.worth_minor = 0

    def put(self, account: str, amounts: dict[str, int]) -> None:
        """In the place of what was there of this account."""
        before = self._by_account.get(account, {})
        self._by_account[account] = amounts
        for asset in {**before, **amounts}:
            change = amounts.get(asset, 0) - before.get(asset, 0)
            if change != 0:
                self._totals[asset] = self._totals.get(asset, 0) + change
                self.refresh(asset)

    def refresh(self, asset: str) -> None:
        """Its price or its amount has changed."""
        total = self._totals.get(asset)
        if total is None:
            return
        position = self._portfolio.position(asset)
        worth = position.worth(total)
        self.worth_minor += worth - self._worths.get(asset, 0)
        self._worths[asset] = worth
        if total != 0 and position.price == 0:
            self.unpriced[asset] = True
        elif asset in self.unpriced:
            del self.unpriced[asset]


@final
class Answers:
    """What the custodian said of one account last, and when: of what it holds, and of transfers."""

    __slots__ = ("cut_short", "disputed", "held_ns", "moved_ns")

    def __init__(self) -> None:
        self.held_ns = 0
        self.moved_ns = 0
        self.disputed = False  # Its books differ from the venue's.
        self.cut_short = False  # There are more transfers than it told.


@final
class Settling:
    """Of the firm. `certain`: all that the figure rests on is there and recent."""

    __slots__ = ("_answers", "_hears_transfers", "_moving", "_old_after_ns", "_owed", "certain", "watch")

    def __init__(
        self, accounts: list[str], portfolio: Portfolio, hears_transfers: bool, ask_every_ns: int, watch: Watch
    ) -> None:
        """`accounts`: all of the firm's. `ask_every_ns`: how often the custodian is asked about each."""
        self._answers = {account: Answers() for account in accounts}
        self._hears_transfers = hears_transfers
        self._old_after_ns = ANSWERS_MISSED * ask_every_ns
        self._owed, self._moving = Amounts(portfolio), Amounts(portfolio)
        self.certain = False
        self.watch = watch

    # What is heard.

    def take_holdings(self, report: HoldingsReported, disputed: bool, now: int) -> None:
        """An older report than the last says nothing."""
        answers = self._answers[report.account]
        if report.occurred_ns >= answers.held_ns:
            answers.held_ns, answers.disputed = report.occurred_ns, disputed
            owed = {each.asset: each.pending_minor for each in report.holdings if each.pending_minor > 0}
            self._owed.put(report.account, owed)
            self.look(now)

    def take_transfers(self, report: TransfersReported, now: int) -> None:
        """One from an account of the firm to another is told of both, and counts where it comes from."""
        answers = self._answers[report.account]
        if report.occurred_ns < answers.moved_ns:
            return
        answers.moved_ns, answers.cut_short = report.occurred_ns, report.open_count > len(report.transfers)
        moving: dict[str, int] = {}
        for each in report.transfers:
            is_counted_elsewhere = each.debit_account != report.account and each.debit_account in self._answers
            if each.transfer_status in ON_ITS_WAY and not is_counted_elsewhere:
                moving[each.asset] = moving.get(each.asset, 0) + each.amount_minor
        self._moving.put(report.account, moving)
        self.look(now)

    def look(self, now: int) -> None:
        """Time has passed: is what was heard still to be relied on?"""
        oldest_ns = now - self._old_after_ns
        self.certain = True
        for answers in self._answers.values():
            is_old = answers.held_ns < oldest_ns or (self._hears_transfers and answers.moved_ns < oldest_ns)
            if is_old or answers.disputed or answers.cut_short:
                self.certain = False
                self.watch.known = False

    def refresh(self, asset: str) -> None:
        """Its price has changed."""
        self._owed.refresh(asset)
        self._moving.refresh(asset)

    # What it comes to.

    @property
    def is_known(self) -> bool:
        return self.certain and not self._owed.unpriced and not self._moving.unpriced

    def value(self, gross_minor: int) -> int:
        """Rounded down, which changes no comparison with a whole number."""
        whole_minor = gross_minor + self._moving.worth_minor
        on_its_way_minor = self._owed.worth_minor + self._moving.worth_minor
        return on_its_way_minor * MILLION // whole_minor if whole_minor > 0 else 0

    def check(self, gross_minor: int, at_ns: int, now: int, outbox: Outbox) -> None:
        if not self.is_known:
            self.watch.known = False
            return
        value = self.value(gross_minor)
        if value >= self.watch.lowest or self.watch.active:
            self.watch.update(value, at_ns, now, outbox)
