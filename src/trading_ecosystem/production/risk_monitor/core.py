"""The risk monitor: watches what the firm has, what it is worth, and whether its sources speak.

Rule 1: it knows only what a firm's own systems are told: quotes, the firm's accounts, heartbeats, holdings.
Rule 2: a message changes what it is about, and only the rules about that are judged again.
Rule 3: whatever is not certain is said to be so (`HealthChanged`, `RiskReported`), and nothing fires from
figures that are not complete.
"""

from collections.abc import Sequence
from typing import final

from trading_ecosystem.core import Core
from trading_ecosystem.messages.accounts import (
    AccountReported,
    HoldingsReported,
    QueryAccount,
    QueryHoldings,
    VenueHeartbeat,
)
from trading_ecosystem.messages.books import ProfitSettled
from trading_ecosystem.messages.custody import QuerySettlements, SettlementsReported
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.kill_switch import KillSwitchChanged, KillSwitchReported
from trading_ecosystem.messages.market import BookTopChanged, MarketPhaseChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import AccountEvent, OrderFilled
from trading_ecosystem.messages.perpetuals import (
    FundingSettled,
    LossCovered,
    MarginMoved,
    MarkPriceChanged,
    PositionChanged,
)
from trading_ecosystem.messages.risk import AcknowledgeAlert
from trading_ecosystem.messages.runtime import Plain, Remember, Start, Wake
from trading_ecosystem.messages.transfers import AccountMoved, QueryTransfers, TransfersReported
from trading_ecosystem.production.risk_monitor.accounts import Account, Custody
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.production.risk_monitor.margin import FLAT
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio
from trading_ecosystem.production.risk_monitor.rulebook import Rulebook, at_venue
from trading_ecosystem.production.risk_monitor.rules.order_rate import is_answer
from trading_ecosystem.production.risk_monitor.rules.pnl_drawdown import MARK_KEY
from trading_ecosystem.production.risk_monitor.rules.stale_data import Feed
from trading_ecosystem.production.risk_monitor.statement import Statement
from trading_ecosystem.reference import ReferenceData

PROFIT_KEY = "profit"
REPORT = "report"
RECONCILE = "reconcile"
ASK_AGAIN = "ask again"
SILENCE = "silence"
CUSTODY = "custody"
VENUE = "venue"


@final
class RiskMonitor(Core):
    """Watches the accounts of one firm at its `venues`, by venue, and at one custodian."""

    def __init__(
        self,
        name: str,
        limits: Limits,
        reference: ReferenceData,
        venues: dict[str, tuple[str, ...]],
        custodian: str,
        desks: dict[str, str] | None = None,
    ) -> None:
        """`desks`: the instance that trades with an account, by account; asked only where limits are about desks."""
        self._name, self._custodian = name, custodian
        self._instruments = reference.instruments
        self._report_every_ns: int = limits.report_every_ns
        self._reconcile_every_ns: int = limits.reconcile_every_ns
        self._ask_again_after_ns: int = limits.ask_again_after_ns
        self._ask_custodian_every_ns: int = limits.ask_custodian_every_ns
        self._ask_venue_every_ns = limits.ask_venue_every_ns
        self._accounts = {account: Account(account, venue) for venue in venues for account in venues[venue]}
        for account in self._accounts.values():
            account.keeps_own = limits.balance_sanity is not None
        self._custodies = {account.name: Custody(account) for account in self._accounts.values()}
        self._outbox = Outbox()
        self._portfolio = Portfolio(reference, len(self._accounts))
        margins = {account.name: account.margin for account in self._accounts.values()}
        self._rulebook = Rulebook(limits, reference, self._portfolio, venues, margins)
        self._feeds = self._rulebook.feeds
        self._kills: bool = limits.kills
        watched = desks if desks is not None and limits.about_desks else {}
        self._desks = {account: self._rulebook.desk(instance, account) for account, instance in watched.items()}
        every_account, every_custody = list(self._accounts.values()), list(self._custodies.values())
        self.statement = Statement(reference.numeraire, every_account, every_custody, self._portfolio, self._rulebook)
        self._profit_memory: Plain = None
        self._asking_again = False  # A wake to ask again is on its way.
        self._doubts_changed = False
        self._health = "not started"  # The doubts as last told; empty when there are none.

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, QuotePublished):
            self._on_quote(message, now)
        elif isinstance(message, AccountEvent):
            self._on_account_event(message, now)
        elif isinstance(message, BookTopChanged):
            self._on_book(message, now)
        elif isinstance(message, VenueHeartbeat):
            self._on_heartbeat(message, now)
        elif isinstance(message, Wake):
            self._on_wake(now)
        elif isinstance(message, AccountReported):
            self._on_account(message, now)
        elif isinstance(message, (HoldingsReported, SettlementsReported, TransfersReported)):
            self._on_custodian(message, now)
        elif isinstance(message, MarketPhaseChanged):
            self._on_phase(message)
        else:
            self._on_rare(message, now)
        if self._doubts_changed:
            self._say_health(now)
        return self._outbox.take()

    def _on_rare(self, message: Message, now: int) -> None:
        if isinstance(message, AcknowledgeAlert):
            self._on_acknowledge(message, now)
        elif isinstance(message, MarkPriceChanged | FundingSettled):
            self._on_contract(message, now)
        elif isinstance(message, KillSwitchChanged | KillSwitchReported):
            desk = self._desks.get(message.account)
            if desk is not None:
                desk.take(message, now, self._outbox)
        else:
            assert isinstance(message, Start), f"no route brings {type(message).__name__} here"
            self._on_start(message, now)

    # Prices.

    def _on_quote(self, quote: QuotePublished, now: int) -> None:
        feed = self._feeds.get(quote.symbol)
        at_ns = quote.occurred_ns if quote.occurred_ns < now else now
        if feed is None:
            return
        if feed.crossing is not None:
            feed.crossing.check(quote.bid_ticks, quote.ask_ticks, at_ns, now, self._outbox)
        if not feed.take(quote.bid_ticks, quote.ask_ticks, at_ns):
            return
        is_old = feed.is_old(quote, at_ns)
        if (feed.silence.watch.active or is_old) and self._rulebook.check_feed(feed, now, self._outbox):
            self._doubts_changed = True
        if is_old:
            return
        if feed.outlier is not None:
            if feed.outlier.take("", feed.price, at_ns, now, self._outbox):
                self._doubts_changed = True
            if feed.outlier.provider.in_doubt:
                feed.doubt()
                return
        self._value(feed, at_ns, now)

    def _on_book(self, book: BookTopChanged, now: int) -> None:
        """A venue's own price is held against the others'. It values nothing, but it may clear the provider's."""
        feed = self._feeds.get(book.symbol)
        at_ns = min(book.occurred_ns, now)
        if feed is None:
            return
        crossing = self._rulebook.crossings.get(at_venue(book.venue, book.symbol))
        if crossing is not None:
            crossing.check(book.bid_ticks, book.ask_ticks, at_ns, now, self._outbox)
        if feed.outlier is None:
            return
        is_price = 0 < book.bid_ticks <= book.ask_ticks
        doubted = feed.outlier.provider.in_doubt
        price = book.bid_ticks + book.ask_ticks if is_price else 0
        if feed.outlier.take(book.venue, price, at_ns, now, self._outbox):
            self._doubts_changed = True
        if doubted and not feed.outlier.provider.in_doubt:
            self._value(feed, at_ns, now)

    def _value(self, feed: Feed, at_ns: int, now: int) -> None:
        """What the price of an instrument means to the firm."""
        position = feed.position
        if position is None:
            return
        if position.price == 0:
            self._doubts_changed = True
        self._portfolio.reprice(position, feed.price)
        for share in feed.shares:
            share.refresh()
        if feed.peg is not None:
            feed.peg.check(feed.price, at_ns, now, self._outbox)
        for basis in feed.bases:
            basis.check(feed.symbol, feed.price, at_ns, now, self._outbox)
        self._judge_wealth(at_ns, now)

    def _judge_wealth(self, at_ns: int, now: int) -> None:
        if not self._portfolio.complete:
            self._rulebook.doubt_wealth()
            return
        if not self._portfolio.opened:
            self._portfolio.open(self._profit_memory)
            self._remember_profit()
        self._rulebook.check_wealth(at_ns, now, self._outbox)

    def _remember_profit(self) -> None:
        self._outbox.send(Remember(key=PROFIT_KEY, value=self._portfolio.opening()))

    # Accounts.

    def _on_account_event(self, event: AccountEvent, now: int) -> None:
        account = self._accounts.get(event.account)
        if account is None or event.venue != account.venue:
            return
        if event.account in self._rulebook.rates and is_answer(event):
            self._judge_rates(event, now)
        doubt = account.doubt
        for each in account.accept(event):
            self._count(account, each, now)
        if account.doubt != doubt:
            self._doubts_changed = True
        if account.doubt and not account.asked:
            self._ask_account(account, now)

    def _judge_rates(self, event: AccountEvent, now: int) -> None:
        """As it comes, and not in its turn: a runaway is not to be waited for."""
        desk = self._desks.get(event.account)
        for rate in self._rulebook.rates[event.account]:
            rate.take(event, min(event.occurred_ns, now), now, self._outbox)
            if self._kills and desk is not None and rate.runaway:
                grounds = rate.watch.alerts[-1].alert_id
                if desk.stop(grounds, self._name, self._outbox):
                    self._ask_later(now)

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
        self._judge_amounts((instrument.base, instrument.quote), event.occurred_ns, now)

    def _move(self, account: Account, event: AccountMoved, now: int) -> None:
        """What the custodian brings in or takes out is worth the same elsewhere: no profit, no drawdown."""
        before_minor = self._portfolio.equity_minor
        self._portfolio.move(account, event.asset, event.amount_minor)
        account.note_move((event.movement_id, event.asset, event.amount_minor))
        if self._portfolio.complete:
            self._rulebook.drawdown.rebase(before_minor, self._portfolio.equity_minor, self._outbox)
        self._judge_amounts((event.asset,), event.occurred_ns, now)

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
        self._judge_amounts(tuple(account.margin.wallets), event.occurred_ns, now)
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

    def _judge_amounts(self, assets: Sequence[str], occurred_ns: int, now: int) -> None:
        at_ns = min(occurred_ns, now)
        for asset in assets:
            self._rulebook.check_position(asset, at_ns, now, self._outbox)
        self._rulebook.refresh_shares()
        self._judge_wealth(at_ns, now)

    def _on_account(self, report: AccountReported, now: int) -> None:
        account = self._accounts.get(report.account)
        if account is None or report.venue != account.venue:
            return
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
            self._judge_amounts(tuple(self._portfolio.positions), report.occurred_ns, now)
        for event in account.release():
            self._count(account, event, now)
        account.asked = account.doubt != ""
        self._doubts_changed = True
        if account.asked:
            self._ask_later(now)

    def _judge_balances(self, account: Account, occurred_ns: int, now: int) -> None:
        rule = self._rulebook.sanities.get(account.name)
        if rule is not None:
            rule.check(account.unexplained, min(occurred_ns, now), now, self._outbox)

    def _side_with_venue(self, account: Account, occurred_ns: int, now: int) -> None:
        """Custody has what the venue reported: our own count of fills was wrong, and people have been told so."""
        self._portfolio.correct(account.yield_to_venue())
        account.asked = account.doubt != ""
        self._judge_balances(account, occurred_ns, now)
        self._judge_amounts(tuple(self._portfolio.positions), occurred_ns, now)

    def _on_custodian(self, report: HoldingsReported | SettlementsReported | TransfersReported, now: int) -> None:
        if isinstance(report, HoldingsReported):
            self._on_holdings(report, now)
        elif isinstance(report, SettlementsReported):
            self._on_settlements(report, now)
        else:
            self._on_transfers(report, now)

    def _on_contract(self, message: MarkPriceChanged | FundingSettled, now: int) -> None:
        """What funding did to the firm, the events of its accounts tell."""
        marks = self._rulebook.marks.get(message.venue)
        if isinstance(message, MarkPriceChanged) and marks is not None:
            marks[message.symbol] = message.mark_ticks
            self._judge_funding(message, now)
            for account in self._accounts.values():
                if account.venue == message.venue:
                    self._judge_margin(account, min(message.occurred_ns, now), now)

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

    def _on_holdings(self, report: HoldingsReported, now: int) -> None:
        custody = self._custodies.get(report.account)
        if custody is None or report.custodian != self._custodian:
            return
        rule = self._rulebook.sanities.get(report.account)
        if rule is not None and rule.is_told and custody.sides_with_venue(report):
            self._side_with_venue(custody.account, report.occurred_ns, now)
        custody.take(report)
        custody.keep(report)
        self._doubts_changed = True
        if custody.asked:
            self._ask_later(now)

    def _on_settlements(self, report: SettlementsReported, now: int) -> None:
        rule = self._rulebook.settlements.get(report.account)
        if rule is not None and report.custodian == self._custodian:
            rule.check(report, now, self._outbox)

    def _on_transfers(self, report: TransfersReported, now: int) -> None:
        rule = self._rulebook.transfers.get(report.account)
        if rule is not None and report.custodian == self._custodian:
            self._custodies[report.account].note_movements(report.last_movement_id)
            rule.check(report, now, self._outbox)

    def _ask_custodian(self, now: int) -> None:
        for name in self._custodies:
            self._outbox.send(QueryHoldings(to=self._custodian, asker=self._name, account=name))
            if self._rulebook.settlements[name].may_breach_by(now + self._ask_custodian_every_ns):
                self._outbox.send(QuerySettlements(to=self._custodian, asker=self._name, account=name, most_told=1))
            if name in self._rulebook.transfers:
                self._outbox.send(QueryTransfers(to=self._custodian, asker=self._name, account=name))
        self._outbox.wake(CUSTODY, now + self._ask_custodian_every_ns)

    def _compare_books(self, now: int) -> None:
        """With the reports that were asked for last: what the venue had said before them has come by now."""
        for custody in self._custodies.values():
            report = custody.report
            differing = custody.differing_assets()
            if report is not None and differing is not None:
                at_ns = min(report.occurred_ns, now)
                self._rulebook.check_books(custody.account, differing, at_ns, now, self._outbox)

    def _on_heartbeat(self, heartbeat: VenueHeartbeat, now: int) -> None:
        venue = self._rulebook.venues.get(heartbeat.venue)
        if venue is None:
            return
        away = venue.take(heartbeat, min(heartbeat.occurred_ns, now))
        if venue.silence.watch.active and venue.silence.check(now, self._outbox):
            self._doubts_changed = True
            away = away or not venue.silence.quiet
        if away:
            self._miss_events(venue.name, now)

    def _on_phase(self, changed: MarketPhaseChanged) -> None:
        """What is held of a halted market cannot be sold there: whoever reads the figures has to know."""
        venue = self._rulebook.venues.get(changed.venue)
        if venue is not None and changed.symbol in self._instruments and venue.take_phase(changed):
            self._doubts_changed = True

    def _miss_events(self, venue: str, now: int) -> None:
        """A venue is or was away, and what it said meanwhile may be lost. Of the others all is as certain as before."""
        self._doubts_changed = True
        for account in self._accounts.values():
            if account.venue == venue:
                account.missed = True
                self._rulebook.doubt_balances(account.name)
                self._ask_account(account, now)

    # Questions.

    def _ask_account(self, account: Account, now: int) -> None:
        account.asked = True
        self._outbox.send(QueryAccount(to=account.venue, asker=self._name, account=account.name))
        self._ask_later(now)

    def _ask_holdings(self, custody: Custody, now: int) -> None:
        custody.asked = True
        self._outbox.send(QueryHoldings(to=self._custodian, asker=self._name, account=custody.account.name))
        self._ask_later(now)

    def _ask_later(self, now: int) -> None:
        if not self._asking_again:
            self._asking_again = True
            self._outbox.wake(ASK_AGAIN, now + self._ask_again_after_ns)

    def _ask_venues(self, now: int) -> None:
        assert self._ask_venue_every_ns is not None
        for account in self._accounts.values():
            if not account.asked:
                self._ask_account(account, now)
        self._outbox.wake(VENUE, now + self._ask_venue_every_ns)

    def _ask_all(self, now: int) -> None:
        for account in self._accounts.values():
            self._ask_account(account, now)
        for custody in self._custodies.values():
            self._ask_holdings(custody, now)
        for desk in self._desks.values():
            desk.ask(self._name, self._outbox)

    def _ask_again(self, now: int) -> None:
        self._asking_again = False
        for account in self._accounts.values():
            if account.asked:
                self._ask_account(account, now)
        for custody in self._custodies.values():
            if custody.asked:
                self._ask_holdings(custody, now)
        for desk in self._desks.values():
            if desk.waiting:
                desk.ask_again(self._name, self._outbox)
                self._ask_later(now)

    # Time.

    def _on_start(self, start: Start, now: int) -> None:
        memory = start.memory
        self._profit_memory = memory.get(PROFIT_KEY)
        mark = memory.get(MARK_KEY, 0)
        assert isinstance(mark, int)
        self._rulebook.drawdown.raise_mark(mark)
        self._rulebook.begin(memory, now, self._outbox)
        self._doubts_changed = True
        self._ask_all(now)
        self._outbox.wake(REPORT, now + self._report_every_ns)
        self._outbox.wake(RECONCILE, now + self._reconcile_every_ns)
        self._outbox.wake(CUSTODY, now + self._ask_custodian_every_ns)
        self._outbox.wake(SILENCE, self._rulebook.silence_due_ns(now))
        if self._ask_venue_every_ns is not None:
            self._outbox.wake(VENUE, now + self._ask_venue_every_ns)

    def _on_wake(self, now: int) -> None:
        task = self._outbox.due(now)
        if task == SILENCE:
            self._look_for_silence(now)
        elif task == REPORT:
            self._report(now)
        elif task == ASK_AGAIN:
            self._ask_again(now)
        elif task == RECONCILE:
            self._ask_all(now)
            self._outbox.wake(RECONCILE, now + self._reconcile_every_ns)
        elif task == CUSTODY:
            self._compare_books(now)
            self._ask_custodian(now)
        elif task == VENUE:
            self._ask_venues(now)
        elif task in self._rulebook.watches:
            self._rulebook.watches[task].last(now, self._outbox)

    def _look_for_silence(self, now: int) -> None:
        venues = [venue for venue in self._rulebook.venues.values() if not venue.silence.quiet]
        if self._rulebook.check_silence(now, self._outbox):
            self._doubts_changed = True
        for venue in venues:
            if venue.silence.quiet:
                self._miss_events(venue.name, now)
        self._rulebook.resolve(now, self._outbox)
        self._outbox.wake(SILENCE, self._rulebook.silence_due_ns(now))

    def _report(self, now: int) -> None:
        if self._portfolio.opened:
            self._remember_profit()
        self._outbox.send(self.statement.report(now))
        self._outbox.wake(REPORT, now + self._report_every_ns)

    # People.

    def _on_acknowledge(self, command: AcknowledgeAlert, now: int) -> None:
        """An alert that is not firing (any more) needs nobody's acknowledgement."""
        watch = self._rulebook.watches.get(command.alert_id.rpartition(":")[0])
        if watch is not None:
            watch.acknowledge(command.alert_id, command.operator, now, self._outbox)

    def _say_health(self, now: int) -> None:
        self._doubts_changed = False
        detail = "; ".join(self.statement.doubts())
        if detail == self._health:
            return
        self._health = detail
        self._outbox.send(
            HealthChanged(
                service=self._name,
                health=HealthStatus.DEGRADED if detail else HealthStatus.SERVING,
                detail=detail,
                occurred_ns=now,
            )
        )
