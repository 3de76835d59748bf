"""Ground truth: when each condition of a scenario was really true, by the coordinator's own reckoning.

Rule 1: it sees what the production plane can see, and none of what the risk monitor says.
Rule 2: moments are of the venue's clock, and a message that comes late, twice or out of order changes nothing.
Rule 3: what nobody watches costs one look-up and two stores per quote.
"""

from collections import deque
from typing import final

from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.kill_switch import KillSwitchChanged
from trading_ecosystem.messages.market import BookTopChanged, MarketPhase, MarketPhaseChanged, QuotePublished
from trading_ecosystem.messages.orders import OrderDenied, OrderFilled
from trading_ecosystem.messages.perpetuals import (
    LossCovered,
    MarginMoved,
    MarginRatesChanged,
    MarkPriceChanged,
    PositionChanged,
)
from trading_ecosystem.messages.transfers import AccountMoved
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.test_coordinator.conditions import COUNTS, SPANS, Condition, Quantity
from trading_ecosystem.validation.test_coordinator.feed_measures import Apart, FeedMeasure, feed_measure, heard_by
from trading_ecosystem.validation.test_coordinator.funding_measure import FundingPaid
from trading_ecosystem.validation.test_coordinator.margin_measure import MarginShare
from trading_ecosystem.validation.test_coordinator.measures import (
    Band,
    Breach,
    Gap,
    Level,
    Runs,
    band_of,
    level_of,
)
from trading_ecosystem.validation.test_coordinator.order_measure import Answer, OrderPace
from trading_ecosystem.validation.test_coordinator.portfolio import Portfolio, Position, opening
from trading_ecosystem.validation.test_coordinator.settlements import Settlements, is_of_settlements

REMEMBERED_EVENTS = 16_384  # Changes of prices and positions: over 10 minutes at 5 valued quotes a second.
REMEMBERED_NS = 600_000_000_000
# When, of what, bid plus ask before it, and for a fill what was added, in minor units, and the same of the quote asset;
# for a perpetual also what it cost.
Change = tuple[int, Position, int, int, Position | None, int, int]


@final
class Feed:
    """One instrument, as last heard."""

    __slots__ = ("bands", "gaps", "last_ns", "measures", "position", "sequence", "sum_ticks")

    def __init__(self, start_ns: int, position: Position | None) -> None:
        self.sequence = 0
        self.last_ns = start_ns
        self.sum_ticks = 0
        self.position = position
        self.bands: list[Band] = []
        self.gaps: list[Gap] = []
        self.measures: list[FeedMeasure] = []


@final
class GroundTruth:
    """`balances`: account -> asset -> minor units, of the firm's accounts at the start; `margin`: what of that is in
    margin wallets."""

    __slots__ = (
        "_balances",
        "_bands",
        "_changes",
        "_closed",
        "_conditions",
        "_contracts",
        "_feeds",
        "_funding",
        "_gaps",
        "_heartbeats",
        "_levels",
        "_margin_rates",
        "_margin_sequences",
        "_margin_shares",
        "_marks",
        "_measures",
        "_movements",
        "_paces",
        "_parts",
        "_phases",
        "_rates",
        "_reference",
        "_sessions",
        "_spans",
        "_start_ns",
        "_trades",
        "_wallets",
        "portfolio",
        "settlements",
    )

    def __init__(
        self,
        reference: ReferenceData,
        balances: dict[str, dict[str, int]],
        conditions: tuple[Condition, ...],
        start_ns: int,
        margin: dict[str, dict[str, int]] | None = None,
    ) -> None:
        self._reference = reference
        self._balances = balances
        self._start_ns = start_ns
        self.portfolio = opening(reference, balances)
        self._changes: deque[Change] = deque(maxlen=REMEMBERED_EVENTS)
        self._trades: dict[str, set[int]] = {account: set() for account in balances}
        self._margin_sequences = dict.fromkeys(balances, 0)
        self._contracts: dict[tuple[str, str], tuple[int, int]] = {}  # Account and symbol -> lots and cost.
        self._wallets = {
            (account, asset): amount_minor
            for account, amounts in (margin or {}).items()
            for asset, amount_minor in amounts.items()
        }
        self._marks: dict[str, int] = {}
        self._margin_rates: dict[str, int] = {}  # As the venue told them, where not as the terms say.
        self._margin_shares: dict[str, MarginShare] = {}
        self._rates: dict[str, tuple[int, int]] = {}  # Mark in ticks and funding rate in ppb, by symbol.
        self._funding: dict[str, FundingPaid] = {}
        self._conditions: dict[str, Condition] = {condition.text: condition for condition in conditions}
        self._parts = parts_of(reference, balances, conditions, start_ns, margin or {})
        self._bands: dict[str, Band] = {}
        self._gaps: dict[str, Gap] = {}
        self._levels: dict[str, Level] = {}
        self._spans: dict[str, Runs] = {}
        self._phases: dict[tuple[str, str], int] = {}  # By venue and symbol: when its phase was told last.
        self._closed: list[tuple[str, str]] = []  # The markets that are not open.
        self._measures: dict[str, FeedMeasure] = {}
        self._movements: dict[str, set[int]] = {account: set() for account in balances}  # That were booked.
        self.settlements = Settlements(list(balances), self.portfolio, list(self._conditions.values()))
        self._paces: dict[str, OrderPace] = {}
        self._heartbeats: dict[str, list[Gap]] = {}
        self._sessions: dict[str, int] = {}
        self._feeds: dict[str, Feed] = {symbol: self._feed(symbol) for symbol in reference.instruments}
        for text, condition in self._conditions.items():
            if not condition.accounts and not is_of_settlements(condition):
                self._watch(text, condition)

    def _feed(self, symbol: str) -> Feed:
        instrument = self._reference.instruments[symbol]
        name = instrument.base if instrument.terms is None else symbol
        valued = instrument.quote == self._reference.numeraire
        return Feed(self._start_ns, self.portfolio.positions[name] if valued else None)

    def _watch(self, text: str, condition: Condition) -> None:
        quantity, subject = condition.quantity, condition.subject
        measure = feed_measure(condition, self._reference, self._start_ns)
        if measure is not None:
            self._measures[text] = measure
            for symbol in heard_by(measure, condition):
                self._feeds[symbol].measures.append(measure)
        elif quantity in (Quantity.PRICE, Quantity.DEVIATION):
            symbol = subject if quantity is Quantity.PRICE else f"{subject}/{self._reference.numeraire}"
            self._bands[text] = band_of(condition, self._reference)
            self._feeds[symbol].bands.append(self._bands[text])
        elif quantity is Quantity.AGE:
            self._gaps[text] = Gap(self._start_ns, condition.sustain_ns)
            self._feeds[subject].gaps.append(self._gaps[text])
        elif quantity is Quantity.SILENCE:
            self._gaps[text] = Gap(self._start_ns, condition.sustain_ns)
            self._heartbeats.setdefault(subject, []).append(self._gaps[text])
        elif quantity in (Quantity.MARGIN, Quantity.FUNDING):
            self._watch_perpetuals(text, condition)
        elif quantity in COUNTS:
            self._paces[text] = OrderPace(condition)
        elif quantity in SPANS:
            self._spans[text] = Runs()
        else:
            self._levels[text] = level_of(condition, self._reference)

    def _watch_perpetuals(self, text: str, condition: Condition) -> None:
        if condition.quantity is Quantity.FUNDING:
            self._funding[text] = FundingPaid(condition, self._reference, self._contracts, self._rates)
        else:
            shares = MarginShare(
                condition, self._reference, self._contracts, self._wallets, self._marks, self._margin_rates
            )
            self._margin_shares[text] = shares

    # What is heard.

    def quote(self, quote: QuotePublished, now: int = 0) -> bool:
        """Take in a quote that came `now`. False when a newer one was heard already, or nobody knows its instrument."""
        feed = self._feeds.get(quote.symbol)
        if feed is None or quote.sequence <= feed.sequence:
            return False
        for part in self._parts.values():
            part.quote(quote, now)
        ns = quote.occurred_ns
        feed.sequence = quote.sequence
        feed.last_ns = ns
        for gap in feed.gaps:
            gap.heard(ns)
        for measure in feed.measures:
            measure.observe(quote, now)
        sum_ticks = quote.bid_ticks + quote.ask_ticks
        if sum_ticks == feed.sum_ticks:
            return True
        for band in feed.bands:
            band.observe(sum_ticks, ns)
        position = feed.position
        if position is not None:
            self._changes.append((ns, position, feed.sum_ticks, 0, None, 0, 0))
            self.portfolio.quote(position, sum_ticks, ns)
            self._judge_levels(ns)
        feed.sum_ticks = sum_ticks
        return True

    def book(self, book: BookTopChanged) -> None:
        """Books are compared with quotes; nothing is worth what they say."""
        feed = self._feeds.get(book.symbol)
        for measure in feed.measures if feed is not None else ():
            if isinstance(measure, Apart):
                measure.observe_book(book)

    def fill(self, fill: OrderFilled) -> bool:
        """Book a fill of the firm, once. False when it is another's, has been booked, or is of nobody knows what."""
        trades = self._trades.get(fill.account)
        if trades is None or fill.trade_id in trades or fill.symbol not in self._reference.instruments:
            return False
        trades.add(fill.trade_id)
        for part in self._parts.values():
            part.fill(fill)
        if self._reference.instruments[fill.symbol].terms is not None:
            return True  # What it did to the position and the wallet, the venue tells.
        (base, base_minor), (quote, quote_minor) = self.portfolio.changes(fill, self._reference)
        bought, paid = self.portfolio.positions[base], self.portfolio.positions[quote]
        self._changes.append((fill.occurred_ns, bought, bought.sum_ticks, base_minor, paid, quote_minor, 0))
        self.portfolio.set(bought, bought.held_minor + base_minor, bought.sum_ticks)
        self.portfolio.set(paid, paid.held_minor + quote_minor, paid.sum_ticks)
        self.portfolio.mark(fill.occurred_ns)
        self._judge_levels(fill.occurred_ns)
        return True

    def moved(self, event: AccountMoved) -> None:
        """Book what the custodian brought in or took out of an account of the firm, once."""
        movements = self._movements.get(event.account)
        if movements is None or event.movement_id in movements:
            return
        movements.add(event.movement_id)
        for part in self._parts.values():
            part.moved(event)
        position = self.portfolio.positions[event.asset]
        self._changes.append((event.occurred_ns, position, position.sum_ticks, event.amount_minor, None, 0, 0))
        self.portfolio.move(position, event.amount_minor, event.occurred_ns)
        self.settlements.on_its_way.moved(event)
        self._judge_levels(event.occurred_ns)

    def margin(self, told: PositionChanged | LossCovered) -> None:
        """Book what the venue says of a position and a wallet of the firm: the last word of each counts."""
        told_before = self._margin_sequences.get(told.account)
        if told_before is None or told.account_sequence <= told_before:
            return
        self._margin_sequences[told.account] = told.account_sequence
        for part in self._parts.values():
            part.margin(told)
        if isinstance(told, LossCovered):
            self._pay_in(told.account, told.asset, told.amount_minor, told.occurred_ns)
            return
        instrument = self._reference.instruments[told.symbol]
        key = told.account, told.symbol
        lots, cost_minor = self._contracts.get(key, (0, 0))
        self._contracts[key] = told.position_lots, told.cost_minor
        position, paid = self.portfolio.positions[told.symbol], self.portfolio.positions[instrument.quote]
        change_minor = instrument.base_minor(told.position_lots - lots)
        wallet = told.account, instrument.quote
        gained_minor = told.wallet_minor - self._wallets.get(wallet, 0)
        self._wallets[wallet] = told.wallet_minor
        owed_minor = told.cost_minor - cost_minor
        self._changes.append(
            (told.occurred_ns, position, position.sum_ticks, change_minor, paid, gained_minor, owed_minor)
        )
        self.portfolio.owe(position, owed_minor)
        self.portfolio.set(position, position.held_minor + change_minor, position.sum_ticks)
        self.portfolio.set(paid, paid.held_minor + gained_minor, paid.sum_ticks)
        self.portfolio.mark(told.occurred_ns)
        self._judge_levels(told.occurred_ns)
        self._judge_margin(told.occurred_ns)

    def margin_moved(self, told: MarginMoved) -> None:
        """Nothing is gained or lost, but the wallet is another."""
        if told.account in self._margin_sequences:
            self._wallets[told.account, told.asset] = told.wallet_minor
            for part in self._parts.values():
                part.margin_moved(told)
            self._judge_margin(told.occurred_ns)

    def _pay_in(self, account: str, asset: str, amount_minor: int, ns: int) -> None:
        self._wallets[account, asset] = self._wallets.get((account, asset), 0) + amount_minor
        paid = self.portfolio.positions[asset]
        self._changes.append((ns, paid, paid.sum_ticks, amount_minor, None, 0, 0))
        self.portfolio.set(paid, paid.held_minor + amount_minor, paid.sum_ticks)
        self._judge_levels(ns)

    def marked(self, told: MarkPriceChanged) -> None:
        self._marks[told.symbol] = told.mark_ticks
        self._rates[told.symbol] = (told.mark_ticks, told.funding_ppb)
        for paid in self._funding.values():
            paid.observe(told.occurred_ns)
        self._judge_margin(told.occurred_ns)

    def margined(self, told: MarginRatesChanged) -> None:
        self._margin_rates[told.symbol] = told.maintenance_ppm
        self._judge_margin(told.occurred_ns)

    def _judge_margin(self, ns: int) -> None:
        for share in self._margin_shares.values():
            share.observe(ns)

    def _judge_levels(self, ns: int) -> None:
        for level in self._levels.values():
            level.observe(self.portfolio, ns)
        self.settlements.on_its_way.observe(ns)

    def heartbeat(self, heartbeat: VenueHeartbeat) -> None:
        ns = max(heartbeat.occurred_ns, self._sessions.get(heartbeat.venue, 0))
        self._sessions[heartbeat.venue] = ns
        for gap in self._heartbeats.get(heartbeat.venue, ()):
            gap.heard(ns)

    def injection(self, injection_id: str, active: bool, ns: int) -> None:
        self._span(Quantity.INJECTED, injection_id, active, ns)
        if not active:
            self._span(Quantity.STRUCK, injection_id, False, ns)

    def struck(self, injection_id: str, ns: int) -> None:
        self._span(Quantity.STRUCK, injection_id, True, ns)

    def phase(self, changed: MarketPhaseChanged) -> None:
        """What came late changes nothing. An instrument is halted while it is so at any venue."""
        market = changed.venue, changed.symbol
        if changed.occurred_ns < self._phases.get(market, 0):
            return
        self._phases[market] = changed.occurred_ns
        self._closed = [each for each in self._closed if each != market]
        if changed.market_phase is not MarketPhase.OPEN:
            self._closed.append(market)
        is_closed = any([symbol == changed.symbol for _, symbol in self._closed])
        self._span(Quantity.HALTED, changed.symbol, is_closed, changed.occurred_ns)

    def answered(self, answer: Answer) -> None:
        """The venue answered something that an account had asked."""
        for text, pace in self._paces.items():
            condition = self._conditions[text]
            if condition.quantity is Quantity.ORDERS and condition.subject == answer.account:
                pace.observe(answer)

    def denied(self, held_back: OrderDenied) -> None:
        """A desk held back an order of its own."""
        for text, pace in self._paces.items():
            condition = self._conditions[text]
            if condition.quantity is Quantity.DENIED and condition.subject == held_back.account:
                pace.note(held_back.occurred_ns, held_back.client_order_id)

    def switched(self, changed: KillSwitchChanged) -> None:
        self._span(Quantity.KILLED, changed.account, changed.engaged, changed.occurred_ns)

    def _span(self, quantity: Quantity, subject: str, on: bool, ns: int) -> None:
        for text, runs in self._spans.items():
            condition = self._conditions[text]
            if condition.quantity is quantity and condition.subject == subject:
                runs.switch(on, ns)

    # What was true.

    def breaches(self, until_ns: int) -> dict[str, tuple[Breach, ...]]:
        """For each condition's text, its breaches in order of time, as far as `until_ns`."""
        found: dict[str, tuple[Breach, ...]] = {}
        of_parts = {accounts: part.breaches(until_ns) for accounts, part in self._parts.items()}
        for text, condition in self._conditions.items():
            if condition.accounts:
                found[text] = of_parts[condition.accounts][condition.of_all().text]
            elif text in self._gaps:
                found[text] = self._gaps[text].breaches(until_ns)
            elif text in self._measures:
                found[text] = self._measures[text].breaches(until_ns)
            elif text in self._paces:
                found[text] = self._paces[text].breaches(until_ns)
            elif is_of_settlements(condition):
                found[text] = self.settlements.breaches(condition, until_ns)
            else:
                found[text] = self._runs(text).breaches(condition.sustain_ns, until_ns)
        return found

    def _runs(self, text: str) -> Runs:
        if text in self._bands:
            return self._bands[text].runs
        if text in self._funding:
            return self._funding[text].runs
        if text in self._margin_shares:
            return self._margin_shares[text].runs
        return self._levels[text].runs if text in self._levels else self._spans[text]

    def began_ns(self, condition: Condition, fired_ns: int) -> int | None:
        """When a condition that nobody watched came true, before an alert that claims it.

        Looks back through the remembered changes; None where they do not reach, or it was not true.
        """
        if condition.quantity is Quantity.SILENCE:
            return silent_since(self._sessions.get(condition.subject, self._start_ns), condition, fired_ns)
        if is_of_settlements(condition):
            return self.settlements.began_ns(condition, fired_ns)
        if condition.quantity is Quantity.AGE:
            feed = self._feeds.get(condition.subject)
            return None if feed is None else silent_since(feed.last_ns, condition, fired_ns)
        if condition.quantity is Quantity.POSITION and condition.subject not in self.portfolio.positions:
            return None
        level = level_of(condition, self._reference)
        if not level.members and condition.quantity is not Quantity.DRAWDOWN:
            return None
        return walk_back(level, self.portfolio.copy(), self._changes, fired_ns)


def parts_of(
    reference: ReferenceData,
    balances: dict[str, dict[str, int]],
    conditions: tuple[Condition, ...],
    start_ns: int,
    margin: dict[str, dict[str, int]],
) -> dict[tuple[str, ...], GroundTruth]:
    """What is true of some accounts of the firm, as if they were all of it: of those that a condition names."""
    parts: dict[tuple[str, ...], GroundTruth] = {}
    for accounts in dict.fromkeys([condition.accounts for condition in conditions if condition.accounts]):
        held = {account: balances[account] for account in accounts}
        wallets = {account: margin[account] for account in accounts if account in margin}
        watched = tuple([condition.of_all() for condition in conditions if condition.accounts == accounts])
        parts[accounts] = GroundTruth(reference, held, watched, start_ns, wallets)
    return parts


def silent_since(last_ns: int, condition: Condition, fired_ns: int) -> int | None:
    return last_ns if fired_ns - last_ns >= condition.sustain_ns else None


def walk_back(level: Level, portfolio: Portfolio, changes: deque[Change], fired_ns: int) -> int | None:
    """Undo the changes one by one, and say when the last run of the level before `fired_ns` began."""
    began_ns: int | None = None
    for ns, changed, sum_ticks, amount_minor, paid, paid_minor, owed_minor in reversed(changes):
        beyond = level.holds(portfolio) and not hides_high_water(level, portfolio, ns)
        if beyond:
            began_ns = ns
        elif began_ns is not None:
            return began_ns
        if ns < fired_ns - REMEMBERED_NS:
            return None
        position = portfolio.positions[changed.name]
        portfolio.owe(position, -owed_minor)
        portfolio.set(position, position.held_minor - amount_minor, sum_ticks)
        if paid is not None:
            other = portfolio.positions[paid.name]
            portfolio.set(other, other.held_minor - paid_minor, other.sum_ticks)
    return began_ns if len(changes) < REMEMBERED_EVENTS else None  # Was anything forgotten?


def hides_high_water(level: Level, portfolio: Portfolio, ns: int) -> bool:
    """Whether the drawdown at `ns` is not known, because a higher mark was set later."""
    return level.quantity == Quantity.DRAWDOWN and ns < portfolio.high_water_ns
