"""The risk monitor: watches what the firm has, what it is worth, and whether its sources speak.

Rule 1: it knows only what a firm's own systems are told: quotes, the firm's accounts, heartbeats, holdings.
Rule 2: a message changes what it is about, and only the rules about that are judged again.
Rule 3: whatever is not certain is said to be so (`HealthChanged`, `RiskReported`), and nothing fires from
figures that are not complete.
"""

from collections.abc import Sequence
from typing import final

from trading_ecosystem.core import Core
from trading_ecosystem.messages.accounts import AccountReported, HoldingsReported, VenueHeartbeat
from trading_ecosystem.messages.custody import SettlementsReported
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.kill_switch import KillSwitchChanged, KillSwitchReported
from trading_ecosystem.messages.market import BookTopChanged, MarketPhaseChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import AccountEvent, OrderDenied
from trading_ecosystem.messages.perpetuals import FundingSettled, MarginRatesChanged, MarkPriceChanged
from trading_ecosystem.messages.risk import AcknowledgeAlert
from trading_ecosystem.messages.runtime import Start, Wake
from trading_ecosystem.messages.transfers import TransfersReported
from trading_ecosystem.production.risk_monitor.accounts import Account, Custody
from trading_ecosystem.production.risk_monitor.bookkeeping import Bookkeeping
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.production.risk_monitor.doubts import Doubts
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.prices import Prices
from trading_ecosystem.production.risk_monitor.questions import ASK_AGAIN, CUSTODY, VENUE, Questions
from trading_ecosystem.production.risk_monitor.reconciliation import Reconciliation
from trading_ecosystem.production.risk_monitor.rulebook import Hearing, Rulebook
from trading_ecosystem.production.risk_monitor.rules.order_rate import is_answer
from trading_ecosystem.production.risk_monitor.statement import Statement
from trading_ecosystem.reference import ReferenceData

REPORT = "report"
RECONCILE = "reconcile"
SILENCE = "silence"
ALIVE = "alive"


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
        self._name = name
        self._instruments = reference.instruments
        self._report_every_ns: int = limits.report_every_ns
        self._reconcile_every_ns: int = limits.reconcile_every_ns
        accounts = {account: Account(account, venue) for venue in venues for account in venues[venue]}
        for account in accounts.values():
            account.keeps_own = "balance_sanity" in limits.rules
        custodies = {account.name: Custody(account) for account in accounts.values()}
        every_account, every_custody = list(accounts.values()), list(custodies.values())
        self._accounts = accounts
        self._outbox, self._doubts = Outbox(), Doubts()
        self._stops_runaways: bool = limits.kills("order_rate")
        self._stops_all: bool = limits.kills("systemic_venue")
        self._rulebook = Rulebook(limits, reference, accounts, list(venues), self._doubts)
        watched = desks if desks is not None and limits.about_desks else {}
        self._desks = {account: self._rulebook.desk(instance, account) for account, instance in watched.items()}
        every_desk = list(self._desks.values())
        self._questions = Questions(
            name, custodian, limits, every_account, every_custody, every_desk, self._rulebook, self._outbox
        )
        self._prices = Prices(self._rulebook, self._doubts, self._outbox)
        self._books = Bookkeeping(
            accounts, reference.instruments, self._rulebook, self._questions, self._doubts, self._outbox
        )
        self._reconciliation = Reconciliation(
            custodian, custodies, self._books, self._rulebook, self._questions, self._doubts, self._outbox
        )
        self.statement = Statement(reference.numeraire, every_account, every_custody, self._rulebook)
        self._sources = self._rulebook.sources
        self._at_once, self._afterwards = self._rulebook.at_once, self._rulebook.afterwards
        self._health = "not started"  # The doubts as last told; empty when there are none.

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if self._at_once:
            self._tell(self._at_once, message, now)
        self._count(message, now)
        if self._afterwards:
            self._tell(self._afterwards, message, now)
        if self._doubts.changed:
            self._say_health(now)
        return self._outbox.take()

    def _count(self, message: Message, now: int) -> None:
        if isinstance(message, QuotePublished):
            self._prices.take_quote(message, now)
        elif isinstance(message, AccountEvent):
            self._on_account_event(message, now)
        elif isinstance(message, BookTopChanged):
            self._prices.take_book(message, now)
        elif isinstance(message, VenueHeartbeat):
            self._on_heartbeat(message, now)
        elif isinstance(message, Wake):
            self._on_wake(now)
        elif isinstance(message, AccountReported):
            self._on_account(message, now)
        elif isinstance(message, (HoldingsReported, SettlementsReported, TransfersReported)):
            self._reconciliation.take(message, now)
        elif isinstance(message, MarketPhaseChanged):
            self._on_phase(message)
        else:
            self._on_rare(message, now)

    def _tell(self, hearing: Hearing, message: Message, now: int) -> None:
        """The rules that hear its type; of what happens to an account, only where it is the firm's."""
        rules = hearing.get(type(message))
        if rules is None:
            return
        if isinstance(message, AccountEvent):
            account = self._accounts.get(message.account)
            if account is None or account.venue != message.venue:
                return
        for judged in rules:
            judged.hear(message, now, self._outbox)

    def _on_rare(self, message: Message, now: int) -> None:
        if isinstance(message, AcknowledgeAlert):
            self._on_acknowledge(message, now)
        elif isinstance(message, MarkPriceChanged):
            self._books.take_mark(message, now)
        elif isinstance(message, MarginRatesChanged):
            self._books.take_rates(message, now)
        elif isinstance(message, KillSwitchChanged | KillSwitchReported):
            desk = self._desks.get(message.account)
            if desk is not None:
                desk.take(message, now, self._outbox)
        elif not isinstance(message, (FundingSettled, OrderDenied)):  # They change nothing of what the firm has.
            assert isinstance(message, Start), f"no route brings {type(message).__name__} here"
            self._on_start(message, now)

    # Accounts and venues.

    def _on_account_event(self, event: AccountEvent, now: int) -> None:
        account = self._accounts.get(event.account)
        if account is None or event.venue != account.venue:
            return
        if self._stops_runaways and is_answer(event):
            self._stop_runaway(event.account, now)
        self._books.take_event(account, event, now)

    def _stop_runaway(self, account: str, now: int) -> None:
        desk, grounds = self._desks.get(account), self._rulebook.runaway(account)
        if desk is not None and grounds and desk.stop(grounds, self._name, self._outbox):
            self._questions.later(now)

    def _on_account(self, report: AccountReported, now: int) -> None:
        account = self._accounts.get(report.account)
        if account is not None and report.venue == account.venue:
            self._books.take_report(account, report, now)

    def _on_heartbeat(self, heartbeat: VenueHeartbeat, now: int) -> None:
        venue = self._sources.venues.get(heartbeat.venue)
        if venue is None:
            return
        away = venue.take(heartbeat, min(heartbeat.occurred_ns, now))
        if venue.silence.watch.active and venue.silence.check(now, self._outbox):
            self._doubts.changed = True
            away = away or not venue.silence.quiet
            self._sources.check_systemic(now, self._outbox)
            self._stop_the_blind(now)
        if away:
            self._books.miss_events(venue.name, now)

    def _stop_the_blind(self, now: int) -> None:
        """Where venues fail together, a desk that goes on knows less than it thinks."""
        systemic = self._sources.systemic
        if not self._stops_all or systemic is None or not systemic.is_blind:
            return
        for desk in self._desks.values():
            if desk.stop(systemic.watch.alerts[-1].alert_id, self._name, self._outbox):
                self._questions.later(now)

    def _on_phase(self, changed: MarketPhaseChanged) -> None:
        """What is held of a halted market cannot be sold there: whoever reads the figures has to know."""
        venue = self._sources.venues.get(changed.venue)
        if venue is not None and changed.symbol in self._instruments and venue.take_phase(changed):
            self._doubts.changed = True

    # Time.

    def _on_start(self, start: Start, now: int) -> None:
        self._rulebook.begin(start.memory, now, self._outbox)
        self._doubts.changed = True
        self._questions.about_all(now)
        self._outbox.wake(REPORT, now + self._report_every_ns)
        self._outbox.wake(RECONCILE, now + self._reconcile_every_ns)
        self._outbox.wake(CUSTODY, now + self._questions.custodian_every_ns)
        self._outbox.wake(SILENCE, self._rulebook.due_ns(now))
        if self._questions.venue_every_ns is not None:
            self._outbox.wake(VENUE, now + self._questions.venue_every_ns)
        if self._rulebook.own_heartbeat is not None:
            self._outbox.wake(ALIVE, now + self._rulebook.own_heartbeat.every_ns)

    def _on_wake(self, now: int) -> None:
        task = self._outbox.due(now)
        if task == SILENCE:
            self._look_for_silence(now)
        elif task == REPORT:
            self._report(now)
        elif task == ASK_AGAIN:
            self._questions.again(now)
        elif task == RECONCILE:
            self._questions.about_all(now)
            self._outbox.wake(RECONCILE, now + self._reconcile_every_ns)
        elif task == CUSTODY:
            self._reconciliation.compare(now)
            self._questions.to_custodian(now)
        elif task == VENUE:
            self._questions.to_venues(now)
        elif task == ALIVE:
            self._beat(now)
        else:
            watch = self._rulebook.watch_of(task)
            if watch is not None:
                watch.last(now, self._outbox)

    def _look_for_silence(self, now: int) -> None:
        venues = [venue for venue in self._sources.venues.values() if not venue.silence.quiet]
        if self._sources.check(now, self._outbox):
            self._doubts.changed = True
        self._stop_the_blind(now)
        for venue in venues:
            if venue.silence.quiet:
                self._books.miss_events(venue.name, now)
        if self._rulebook.owed():
            self._doubts.changed = True  # It may be over by now.
        self._rulebook.resolve(now, self._outbox)
        self._outbox.wake(SILENCE, self._rulebook.due_ns(now))

    def _report(self, now: int) -> None:
        self._rulebook.remember(self._outbox)
        self._outbox.send(self.statement.report(now))
        self._outbox.wake(REPORT, now + self._report_every_ns)

    def _beat(self, now: int) -> None:
        own = self._rulebook.own_heartbeat
        assert own is not None
        own.beat(now, self._outbox)
        self._outbox.wake(ALIVE, now + own.every_ns)

    # People.

    def _on_acknowledge(self, command: AcknowledgeAlert, now: int) -> None:
        """An alert that is not firing (any more) needs nobody's acknowledgement."""
        watch = self._rulebook.watch_of(command.alert_id.rpartition(":")[0])
        if watch is not None:
            watch.acknowledge(command.alert_id, command.operator, now, self._outbox)

    def _say_health(self, now: int) -> None:
        self._doubts.changed = False
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
