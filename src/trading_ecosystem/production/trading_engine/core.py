"""The trading engine of one desk: strategies want orders, the engine checks, sends and follows them.

Rule 1: no order is sent while the account's state is in doubt: at a start, after a gap in its events, when the venue
was away, or when an order stays unanswered. Then the venue is asked, its answer is the truth, and trading goes on.
Rule 2: what was asked and not answered is asked again; an order is never sent again under another id.
Rule 3: a price that is dated later than now is none: it would make all that come after it late.
Rule 4: nothing in this file reads a clock, a socket, a disk or a random number.
"""

from collections.abc import Sequence
from typing import Final, final

from trading_ecosystem.core import Core
from trading_ecosystem.messages.accounts import AccountReported, QueryAccount, VenueHeartbeat
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.kill_switch import EngageKillSwitch, LiftKillSwitch, QueryKillSwitch
from trading_ecosystem.messages.market import BookTopChanged, MarketPhaseChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import AccountEvent, OrderFilled
from trading_ecosystem.messages.perpetuals import FundingSettled, MarkPriceChanged
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.messages.transfers import TransfersReported
from trading_ecosystem.production.trading_engine.bookkeeping import Bookkeeping
from trading_ecosystem.production.trading_engine.checks import Checks
from trading_ecosystem.production.trading_engine.config import DeskConfig
from trading_ecosystem.production.trading_engine.desk import OPENING_KEY, Desk
from trading_ecosystem.production.trading_engine.gateway import Gateway
from trading_ecosystem.production.trading_engine.guard import guarded
from trading_ecosystem.production.trading_engine.kill_switch import SWITCH_KEY, KillSwitch
from trading_ecosystem.production.trading_engine.orders import NUMBER_KEY, Orders
from trading_ecosystem.production.trading_engine.portfolio import Portfolio, Statement
from trading_ecosystem.production.trading_engine.strategies.strategy import Strategy
from trading_ecosystem.production.trading_engine.treasury import Treasury
from trading_ecosystem.production.trading_engine.venue import CLOCK_TOLERANCE_NS, NEVER, VenueLink
from trading_ecosystem.reference import ReferenceData

SILENCE: Final[Sequence[Message]] = ()


@final
class TradingEngine(Core):
    """One desk with its account at one venue."""

    def __init__(self, name: str, config: DeskConfig, reference: ReferenceData) -> None:
        self._name = name
        self._account: str = config.account
        self._venue: str = config.venue
        self._acknowledgment_timeout_ns: int = config.acknowledgment_timeout_ns
        self._desk = Desk(reference, config.symbols, config.limits.quote_age_ns)
        self._orders = Orders(config.account)
        self._link = VenueLink(config.heartbeat_timeout_ns, config.retry_ns)
        self._guards = guarded(name, config.strategies, self._desk)
        self._strategies: list[Strategy] = list(self._guards)
        checks = Checks(config.limits, self._desk)
        self._switch = KillSwitch(config.account)
        self._gateway = Gateway(
            name,
            config.venue,
            config.account,
            checks,
            self._orders,
            self._link,
            self._strategies,
            self._switch,
            config.limits.kill,
        )
        self._portfolio = Portfolio(self._desk)
        self._bookkeeping = Bookkeeping(self._desk, self._portfolio, self._orders, self._strategies, self._gateway)
        self._treasury: Treasury | None = None
        if config.treasury is not None:
            self._treasury = Treasury(name, config.account, config.treasury, self._desk.positions)
        self._quoted = listeners([strategy.quoted_symbols for strategy in self._strategies])
        self._booked = listeners([strategy.booked_symbols for strategy in self._strategies])
        self._trouble = ""  # What keeps the desk from trading, as last published.
        self._wake_ns = NEVER

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, QuotePublished):
            return self._on_quote(message, now)
        if isinstance(message, BookTopChanged):
            return self._on_book_top(message, now)
        if isinstance(message, VenueHeartbeat):
            return self._on_heartbeat(message, now)
        if isinstance(message, AccountEvent):
            return self._on_account_event(message, now)
        if isinstance(message, Wake):
            return self._on_wake(now)
        if isinstance(message, AccountReported):
            return self._on_report(message, now)
        if isinstance(message, MarketPhaseChanged):
            return self._on_phase(message, now)
        return self._on_rare(message, now)

    def _on_rare(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, TransfersReported):
            return self._on_transfers(message, now)
        if isinstance(message, MarkPriceChanged | FundingSettled):
            return SILENCE  # What they do to the account, its own events tell.
        if isinstance(message, EngageKillSwitch | LiftKillSwitch | QueryKillSwitch):
            return self._on_switch(message, now)
        assert isinstance(message, Start), f"{type(message).__name__} is not for a trading engine"
        return self._on_start(message, now)

    def positions(self) -> dict[str, int]:
        """What the desk knows it has: asset -> minor units, free and locked together."""
        return self._desk.positions.totals()

    def portfolio(self) -> Statement:
        """What this life of the desk has traded, and what that brought."""
        return self._portfolio.statement()

    # Prices.

    def _on_quote(self, quote: QuotePublished, now: int) -> Sequence[Message]:
        market = self._desk.markets.get(quote.symbol)
        if market is None or quote.occurred_ns > now + CLOCK_TOLERANCE_NS:
            return SILENCE
        if not market.take_quote(quote) or not self._link.trusted:
            return SILENCE
        owners = self._quoted.get(quote.symbol)
        if owners is None:
            return SILENCE
        out: list[Message] | None = None
        for owner in owners:
            intentions = self._strategies[owner].on_quote(market, now)
            if intentions:
                out = [] if out is None else out
                self._gateway.perform(owner, intentions, now, out)
        return SILENCE if out is None else self._finish(now, out)

    def _on_book_top(self, book: BookTopChanged, now: int) -> Sequence[Message]:
        owners = self._booked.get(book.symbol)
        if owners is None or book.venue != self._venue or book.occurred_ns > now + CLOCK_TOLERANCE_NS:
            return SILENCE
        market = self._desk.markets[book.symbol]
        if not market.take_book(book) or not self._link.trusted:
            return SILENCE
        out: list[Message] | None = None
        for owner in owners:
            intentions = self._strategies[owner].on_book_top(market, now)
            if intentions:
                out = [] if out is None else out
                self._gateway.perform(owner, intentions, now, out)
        return SILENCE if out is None else self._finish(now, out)

    def _on_phase(self, changed: MarketPhaseChanged, now: int) -> Sequence[Message]:
        """Strategies with orders in a market that is not open take them back."""
        market = self._desk.markets.get(changed.symbol)
        if market is None or changed.venue != self._venue or not market.take_phase(changed, now):
            return SILENCE
        out: list[Message] = []
        for owner in self._quoted.get(changed.symbol, ()):
            self._gateway.perform(owner, self._strategies[owner].on_phase(market, now), now, out)
        return self._finish(now, out)

    # The venue.

    def _on_start(self, start: Start, now: int) -> Sequence[Message]:
        if NUMBER_KEY in start.memory:
            self._orders.resume(start.memory[NUMBER_KEY])
        if OPENING_KEY in start.memory:
            self._desk.positions.resume(start.memory[OPENING_KEY])
        out: list[Message] = []
        if SWITCH_KEY in start.memory:
            self._switch.resume(start.memory[SWITCH_KEY], out)
        self._link.start(now)
        if self._treasury is not None:
            self._treasury.start(now)
        self._ask(now, out)
        return self._finish(now, out)

    def _on_heartbeat(self, heartbeat: VenueHeartbeat, now: int) -> Sequence[Message]:
        if heartbeat.venue != self._venue:
            return SILENCE
        trusted = self._link.trusted
        returned = self._link.hear(heartbeat, now)
        if trusted and not returned:
            return SILENCE
        out: list[Message] = []
        if returned:
            self._bookkeeping.doubt()
            self._ask(now, out)
        return self._finish(now, out)

    def _on_account_event(self, event: AccountEvent, now: int) -> Sequence[Message]:
        if event.account != self._account or event.venue != self._venue:
            return SILENCE
        out: list[Message] = []
        self._apply(self._link.in_order(event), now, out)
        return self._finish(now, out)

    def _on_report(self, report: AccountReported, now: int) -> Sequence[Message]:
        if report.account != self._account or report.venue != self._venue or not self._link.awaiting:
            return SILENCE
        if not self._link.answered(report):
            return SILENCE  # The question stays open, and is asked again when the retry is due.
        out: list[Message] = []
        self._bookkeeping.reconcile(report, now, out)
        self._apply(self._link.after_report(), now, out)
        return self._finish(now, out)

    def _on_transfers(self, report: TransfersReported, now: int) -> Sequence[Message]:
        out: list[Message] = []
        if self._treasury is not None:
            self._treasury.take(report, now, out)
        return self._finish(now, out)

    def _on_wake(self, now: int) -> Sequence[Message]:
        if now >= self._wake_ns:
            self._wake_ns = NEVER
        out: list[Message] = []
        if self._treasury is not None:
            self._treasury.look(now, self._link.trusted, out)
        if self._link.lost(now):
            self._bookkeeping.doubt()
        elif self._link.retry_due(now) or (self._link.trusted and now >= self._unanswered_ns()):
            self._ask(now, out)
        for owner, strategy in enumerate(self._strategies):
            self._gateway.perform(owner, strategy.on_wake(now), now, out)
        return self._finish(now, out)

    def _on_switch(self, message: EngageKillSwitch | LiftKillSwitch | QueryKillSwitch, now: int) -> Sequence[Message]:
        out: list[Message] = []
        if isinstance(message, EngageKillSwitch):
            self._gateway.stop(message, now, out)
        elif isinstance(message, LiftKillSwitch):
            self._switch.lift(message, now, out)
        else:
            out.append(self._switch.report(message.asker))
        return self._finish(now, out)

    def _apply(self, events: list[AccountEvent], now: int, out: list[Message]) -> None:
        """Take events whose turn it is, and ask for what they do not tell."""
        unsure = self._link.gap
        for event in events:
            self._bookkeeping.apply(event, now, out)
            if isinstance(event, OrderFilled) and event.symbol not in self._desk.reference.instruments:
                unsure = True  # What it did to the account is in the venue's next report.
        if unsure and not self._link.awaiting:
            self._ask(now, out)

    def _ask(self, now: int, out: list[Message]) -> None:
        self._link.asked(now)
        out.append(QueryAccount(to=self._venue, asker=self._name, account=self._account))

    # Health and time.

    def _finish(self, now: int, out: list[Message]) -> Sequence[Message]:
        """Say what changed about the desk's health, and ask for the next moment that matters."""
        trouble = self._trouble_now()
        if trouble != self._trouble:
            self._trouble = trouble
            health = HealthStatus.DEGRADED if trouble else HealthStatus.SERVING
            out.append(HealthChanged(service=self._name, health=health, detail=trouble, occurred_ns=now))
        due_ns = max(self._due_ns(), now + 1)
        if due_ns < self._wake_ns:
            self._wake_ns = due_ns
            out.append(WakeAt(due_ns))
        return out

    def _failures(self) -> str:
        """The strategies that trade no more, and why."""
        return "; ".join([guard.failure for guard in self._guards if guard.failure])

    def _trouble_now(self) -> str:
        if self._link.away:
            return "venue away"
        if not self._link.trusted:
            return "reconciling"
        return "kill switch engaged" if self._switch.engaged else self._failures()

    def _due_ns(self) -> int:
        due_ns = self._link.due_ns()
        if self._link.trusted:
            due_ns = min(due_ns, self._unanswered_ns())
        if self._treasury is not None:
            due_ns = min(due_ns, self._treasury.due_ns())
        for strategy in self._strategies:
            due_ns = strategy.due_ns(due_ns)
        return due_ns

    def _unanswered_ns(self) -> int:
        """When an order will have been unanswered for too long."""
        return self._orders.first_unanswered_ns(NEVER) + self._acknowledgment_timeout_ns


def listeners(symbols: list[tuple[str, ...]]) -> dict[str, list[int]]:
    """Which strategies, by number, hear of an instrument."""
    owners: dict[str, list[int]] = {}
    for owner, heard in enumerate(symbols):
        for symbol in heard:
            owners.setdefault(symbol, []).append(owner)
    return owners
