"""What the firm has: events of its accounts and what venues report of them, counted once and in order.

Rule 1: what fills and movements say counts as it comes; what a venue reports beyond that, only where it is believed.
"""

from typing import final

from trading_ecosystem.messages.accounts import AccountReported
from trading_ecosystem.messages.books import ProfitSettled
from trading_ecosystem.messages.orders import AccountEvent, OrderFilled
from trading_ecosystem.messages.perpetuals import LossCovered, MarginMoved, MarkPriceChanged, PositionChanged
from trading_ecosystem.messages.transfers import AccountMoved
from trading_ecosystem.production.risk_monitor.accounts import Account
from trading_ecosystem.production.risk_monitor.doubts import Doubts
from trading_ecosystem.production.risk_monitor.margin import FLAT
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.questions import Questions
from trading_ecosystem.production.risk_monitor.rulebook import Rulebook
from trading_ecosystem.production.risk_monitor.wealth import Wealth
from trading_ecosystem.reference import Instrument


@final
class Bookkeeping:
    """Of all accounts, by name."""

    __slots__ = ("_doubts", "_instruments", "_outbox", "_portfolio", "_questions", "_rulebook", "_wealth", "accounts")

    def __init__(
        self,
        accounts: dict[str, Account],
        instruments: dict[str, Instrument],
        rulebook: Rulebook,
        wealth: Wealth,
        questions: Questions,
        doubts: Doubts,
        outbox: Outbox,
    ) -> None:
        self.accounts, self._instruments = accounts, instruments
        self._rulebook, self._wealth, self._portfolio = rulebook, wealth, wealth.portfolio
        self._questions, self._doubts, self._outbox = questions, doubts, outbox

    # Events.

    def take_event(self, account: Account, event: AccountEvent, now: int) -> None:
        doubt = account.doubt
        for each in account.accept(event):
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
        base, quote = instrument.base, instrument.quote
        before = account.amounts.get(base, 0), account.amounts.get(quote, 0)
        self._portfolio.book(event, instrument, account)
        account.note_fill(
            (event.trade_id, base, account.amounts[base] - before[0], quote, account.amounts[quote] - before[1])
        )
        self._wealth.judge_amounts((instrument.base, instrument.quote), event.occurred_ns, now)

    def _move(self, account: Account, event: AccountMoved, now: int) -> None:
        """What the custodian brings in or takes out is worth the same elsewhere: no profit, no drawdown."""
        before_minor = self._portfolio.equity_minor
        self._portfolio.move(account, event.asset, event.amount_minor)
        account.note_move((event.movement_id, event.asset, event.amount_minor))
        if self._portfolio.complete:
            self._rulebook.drawdown.rebase(before_minor, self._portfolio.equity_minor, self._outbox)
        self._wealth.judge_amounts((event.asset,), event.occurred_ns, now)

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
        self._wealth.judge_amounts(tuple(account.margin.wallets), event.occurred_ns, now)
        self._judge_margin(account, min(event.occurred_ns, now), now)

    def _count_difference(
        self, account: Account, wallets: dict[str, int], positions: dict[str, tuple[int, int]]
    ) -> None:
        """From these to what the account has now."""
        margin = account.margin
        for asset in {**wallets, **margin.wallets}:
            self._portfolio.earn(asset, margin.wallets.get(asset, 0) - wallets.get(asset, 0))
        for symbol in {**positions, **margin.positions}:
            instrument = self._instruments.get(symbol)
            if instrument is not None:
                lots, cost_minor = margin.positions.get(symbol, FLAT)
                lots_before, cost_before = positions.get(symbol, FLAT)
                owed_minor = cost_minor - cost_before
                self._portfolio.hold(symbol, instrument.base_minor(lots - lots_before), owed_minor)

    # Reports.

    def take_report(self, account: Account, report: AccountReported, now: int) -> None:
        first = not account.answered
        wallets, positions = account.margin.wallets, account.margin.positions
        changes = account.take(report)
        if first:
            self._portfolio.answered()
        if changes is not None:
            self._judge_balances(account, report.occurred_ns, now)
            if not account.unexplained:
                account.margin.take(report)
            self._portfolio.correct(changes)
            self._count_difference(account, wallets, positions)
            self._judge_margin(account, min(report.occurred_ns, now), now)
            self._wealth.judge_amounts(tuple(self._portfolio.positions), report.occurred_ns, now)
        for event in account.release():
            self._count(account, event, now)
        account.asked = account.doubt != ""
        self._doubts.changed = True
        if account.asked:
            self._questions.later(now)

    def side_with_venue(self, account: Account, occurred_ns: int, now: int) -> None:
        """Custody has what the venue reported: our own count of fills was wrong, and people have been told so."""
        self._portfolio.correct(account.yield_to_venue())
        account.asked = account.doubt != ""
        self._judge_balances(account, occurred_ns, now)
        self._wealth.judge_amounts(tuple(self._portfolio.positions), occurred_ns, now)

    def miss_events(self, venue: str, now: int) -> None:
        """A venue is or was away, and what it said meanwhile may be lost. Of the others all is as certain as before."""
        self._doubts.changed = True
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
        self._judge_funding(mark, now)
        for account in self.accounts.values():
            if account.venue == mark.venue:
                self._judge_margin(account, min(mark.occurred_ns, now), now)

    def _judge_funding(self, mark: MarkPriceChanged, now: int) -> None:
        funding = self._rulebook.funding
        if funding is not None:
            funding.rates[mark.venue, mark.symbol] = (mark.mark_ticks, mark.funding_ppb)
            if self._portfolio.unanswered == 0:
                funding.check(min(mark.occurred_ns, now), now, self._outbox)

    def _judge_margin(self, account: Account, at_ns: int, now: int) -> None:
        buffer = self._rulebook.buffers.get(account.name)
        if buffer is not None and account.answered:
            buffer.check(at_ns, now, self._outbox)

    def _judge_balances(self, account: Account, occurred_ns: int, now: int) -> None:
        rule = self._rulebook.sanities.get(account.name)
        if rule is not None:
            rule.check(account.unexplained, min(occurred_ns, now), now, self._outbox)
