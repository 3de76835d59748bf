"""What the firm has: events of its accounts and what venues report of them, counted once and in order.

Rule 1: what fills and movements say counts as it comes; what a venue reports beyond that, only where it is believed.
"""

from collections.abc import Sequence
from typing import final

from trading_ecosystem.messages.accounts import AccountReported
from trading_ecosystem.messages.books import ProfitSettled
from trading_ecosystem.messages.orders import AccountEvent, OrderFilled
from trading_ecosystem.messages.perpetuals import (
    LossCovered,
    MarginMoved,
    MarginRatesChanged,
    MarkPriceChanged,
    PositionChanged,
)
from trading_ecosystem.messages.transfers import AccountMoved
from trading_ecosystem.production.risk_monitor.accounts import Account
from trading_ecosystem.production.risk_monitor.doubts import Doubts
from trading_ecosystem.production.risk_monitor.levels import MILLION
from trading_ecosystem.production.risk_monitor.margin import FLAT
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.questions import Questions
from trading_ecosystem.production.risk_monitor.rulebook import Rulebook
from trading_ecosystem.reference import Instrument


@final
class Bookkeeping:
    """Of all accounts, by name. What an account has is the firm's, and that of every group that it is in."""

    __slots__ = ("_doubts", "_instruments", "_outbox", "_questions", "_rulebook", "_wealths", "accounts")

    def __init__(
        self,
        accounts: dict[str, Account],
        instruments: dict[str, Instrument],
        rulebook: Rulebook,
        questions: Questions,
        doubts: Doubts,
        outbox: Outbox,
    ) -> None:
        self.accounts, self._instruments = accounts, instruments
        self._rulebook = rulebook
        self._wealths = {name: rulebook.wealths_of(name) for name in accounts}
        self._questions, self._doubts, self._outbox = questions, doubts, outbox

    # Events.

    def take_event(self, account: Account, event: AccountEvent, now: int) -> None:
        doubt = account.doubt
        for each in account.accept(event, now):
            self._count(account, each, now)
        if account.doubt != doubt:
            self._doubts.changed = True
        if account.doubt and not account.asked:
            self._questions.about_account(account, now)

    def _count(self, account: Account, event: AccountEvent, now: int) -> None:
        if isinstance(event, AccountMoved):
            self._move(account, event, now)
        elif isinstance(event, ProfitSettled):
            account.margin.settle(event)
            account.note_move((event.movement_id, event.asset, event.amount_minor))
        if not isinstance(event, OrderFilled):
            self._count_margin(account, event, now)
            return
        instrument = self._instruments.get(event.symbol)
        if instrument is None:
            account.missed = True  # What it did to the account is in the venue's next report.
            return
        if instrument.terms is not None:
            return  # What it did to the position is told by the venue.
        account.book(event, instrument)
        for wealth in self._wealths[account.name]:
            wealth.portfolio.book(event, instrument)
        self._judge_amounts(account, (instrument.base, instrument.quote), event.occurred_ns, now)

    def _move(self, account: Account, event: AccountMoved, now: int) -> None:
        """What the custodian brings in or takes out is worth the same elsewhere: no profit, no drawdown."""
        account.add(event.asset, event.amount_minor)
        account.note_move((event.movement_id, event.asset, event.amount_minor))
        for wealth in self._wealths[account.name]:
            before_minor = wealth.portfolio.equity_minor
            wealth.portfolio.move(event.asset, event.amount_minor)
            wealth.rebase(before_minor, self._outbox)
        self._judge_amounts(account, (event.asset,), event.occurred_ns, now)

    def _judge_amounts(self, account: Account, assets: Sequence[str], occurred_ns: int, now: int) -> None:
        for wealth in self._wealths[account.name]:
            wealth.judge_amounts(assets, occurred_ns, now, self._outbox)

    def _count_margin(self, account: Account, event: AccountEvent, now: int) -> None:
        """What happened to margin and positions: what was moved is worth as much as before, all else is gained or
        lost."""
        wallets, positions = dict(account.margin.wallets), dict(account.margin.positions)
        if isinstance(event, MarginMoved):
            account.margin.move(event)
            account.add(event.asset, -event.amount_minor)
            self._judge_margin(account, min(event.occurred_ns, now), now)
            return
        if isinstance(event, PositionChanged):
            instrument = self._instruments.get(event.symbol)
            if instrument is None:
                account.missed = True
                return
            account.margin.change(event, instrument.quote)
        elif isinstance(event, LossCovered):
            account.margin.cover(event)
        else:
            return
        self._count_difference(account, wallets, positions)
        self._judge_amounts(account, tuple(account.margin.wallets), event.occurred_ns, now)
        self._judge_margin(account, min(event.occurred_ns, now), now)

    def _count_difference(
        self, account: Account, wallets: dict[str, int], positions: dict[str, tuple[int, int]]
    ) -> None:
        """From these to what the account has now."""
        margin = account.margin
        for wealth in self._wealths[account.name]:
            for asset in {**wallets, **margin.wallets}:
                wealth.portfolio.earn(asset, margin.wallets.get(asset, 0) - wallets.get(asset, 0))
            for symbol in {**positions, **margin.positions}:
                instrument = self._instruments.get(symbol)
                if instrument is not None:
                    lots, cost_minor = margin.positions.get(symbol, FLAT)
                    lots_before, cost_before = positions.get(symbol, FLAT)
                    owed_minor = cost_minor - cost_before
                    wealth.portfolio.hold(symbol, instrument.base_minor(lots - lots_before), owed_minor)

    # Reports.

    def take_report(self, account: Account, report: AccountReported, now: int) -> None:
        first = not account.answered
        wallets, positions = account.margin.wallets, account.margin.positions
        changes = account.take(report)
        for wealth in self._wealths[account.name] if first else ():
            wealth.portfolio.answered()
        if changes is not None:
            self._judge_balances(account, report.occurred_ns, now)
            if not account.unexplained:
                account.margin.take(report)
            self._correct(account, changes)
            self._count_difference(account, wallets, positions)
            self._judge_margin(account, min(report.occurred_ns, now), now)
            self._judge_all(account, report.occurred_ns, now)
        for event in account.release():
            self._count(account, event, now)
        account.asked = account.doubt != ""
        self._doubts.changed = True
        if account.asked:
            self._questions.later(now)

    def side_with_venue(self, account: Account, occurred_ns: int, now: int) -> None:
        """Custody has what the venue reported: our own count of fills was wrong, and people have been told so."""
        self._correct(account, account.yield_to_venue())
        account.asked = account.doubt != ""
        self._judge_balances(account, occurred_ns, now)
        self._judge_all(account, occurred_ns, now)

    def _correct(self, account: Account, changes: dict[str, int]) -> None:
        for wealth in self._wealths[account.name]:
            wealth.portfolio.correct(changes)

    def _judge_all(self, account: Account, occurred_ns: int, now: int) -> None:
        for wealth in self._wealths[account.name]:
            wealth.judge_amounts(tuple(wealth.portfolio.positions), occurred_ns, now, self._outbox)

    def miss_events(self, venue: str, now: int) -> None:
        """A venue is or was away, and what it said meanwhile may be lost. Of the others all is as certain as before."""
        self._doubts.changed = True
        self._rulebook.margin_rates[venue].clear()  # Where they are not as in the terms, the next mark price says so.
        for account in self.accounts.values():
            if account.venue == venue:
                account.missed = True
                self._rulebook.doubt_balances(account.name)
                self._questions.about_account(account, now)

    # Perpetuals.

    def take_mark(self, mark: MarkPriceChanged, now: int) -> None:
        marks = self._rulebook.marks.get(mark.venue)
        if marks is None:
            return
        marks[mark.symbol] = mark.mark_ticks
        self._judge_margins(mark.venue, min(mark.occurred_ns, now), now)

    def take_rates(self, told: MarginRatesChanged, now: int) -> None:
        rates = self._rulebook.margin_rates.get(told.venue)
        if rates is None or not 0 <= told.maintenance_ppm <= MILLION:
            return  # Nobody can ask for less than nothing, or for more than the whole.
        rates[told.symbol] = told.maintenance_ppm
        self._judge_margins(told.venue, min(told.occurred_ns, now), now)

    def _judge_margins(self, venue: str, at_ns: int, now: int) -> None:
        for account in self.accounts.values():
            if account.venue == venue:
                self._judge_margin(account, at_ns, now)

    def _judge_margin(self, account: Account, at_ns: int, now: int) -> None:
        buffer = self._rulebook.buffers.get(account.name)
        if buffer is not None and account.answered:
            buffer.check(at_ns, now, self._outbox)

    def _judge_balances(self, account: Account, occurred_ns: int, now: int) -> None:
        rule = self._rulebook.sanities.get(account.name)
        if rule is not None:
            rule.check(account.unexplained, min(occurred_ns, now), now, self._outbox)
