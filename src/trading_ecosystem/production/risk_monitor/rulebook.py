"""All rules of the firm, ready to be asked about what has just changed and nothing else.

Rule 1: a rule about what the firm has and is worth is with its `Wealth`; all others are here.
"""

from typing import final

from trading_ecosystem.messages.orders import OrderDenied
from trading_ecosystem.messages.risk import AlertRule, Severity
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.production.risk_monitor.accounts import Account
from trading_ecosystem.production.risk_monitor.alerts import NEVER, Watch
from trading_ecosystem.production.risk_monitor.config import WINDOWS_NS, AccountLimits, Limits
from trading_ecosystem.production.risk_monitor.desks import Desk
from trading_ecosystem.production.risk_monitor.levels import Levels
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio, Position
from trading_ecosystem.production.risk_monitor.rules.alert_escalation import Escalation
from trading_ecosystem.production.risk_monitor.rules.balance_sanity import BalanceSanity
from trading_ecosystem.production.risk_monitor.rules.basis_divergence import Basis
from trading_ecosystem.production.risk_monitor.rules.concentration import Share
from trading_ecosystem.production.risk_monitor.rules.cross_basis import CrossBasis
from trading_ecosystem.production.risk_monitor.rules.crossed_book import CrossedBook
from trading_ecosystem.production.risk_monitor.rules.delta_exposure import DeltaExposure
from trading_ecosystem.production.risk_monitor.rules.funding_cost import FundingCost
from trading_ecosystem.production.risk_monitor.rules.margin_buffer import MarginBuffer
from trading_ecosystem.production.risk_monitor.rules.order_denied import REASONS, OrdersDenied
from trading_ecosystem.production.risk_monitor.rules.order_rate import OrderRate
from trading_ecosystem.production.risk_monitor.rules.own_heartbeat import OwnHeartbeat
from trading_ecosystem.production.risk_monitor.rules.peg_deviation import Peg
from trading_ecosystem.production.risk_monitor.rules.pnl_drawdown import Drawdown
from trading_ecosystem.production.risk_monitor.rules.position_limit import PositionLimit
from trading_ecosystem.production.risk_monitor.rules.price_outlier import PriceOutlier, Source
from trading_ecosystem.production.risk_monitor.rules.reconciliation_break import ReconciliationBreak
from trading_ecosystem.production.risk_monitor.rules.repeated_execution import RepeatedExecution
from trading_ecosystem.production.risk_monitor.rules.settlement_overdue import SettlementOverdue
from trading_ecosystem.production.risk_monitor.rules.silence import Silence
from trading_ecosystem.production.risk_monitor.rules.stale_data import Feed
from trading_ecosystem.production.risk_monitor.rules.systemic_venue import SystemicVenue
from trading_ecosystem.production.risk_monitor.rules.transfer_overdue import TransferOverdue
from trading_ecosystem.production.risk_monitor.rules.unchanged_data import Content, Movement
from trading_ecosystem.production.risk_monitor.rules.venue_down import Venue
from trading_ecosystem.production.risk_monitor.rules.venue_share import VenueShare
from trading_ecosystem.production.risk_monitor.wealth import Wealth
from trading_ecosystem.reference import Instrument, ReferenceData

FIRM = "firm"  # The subject of a rule about the whole.
VENUES = "venues"  # That of one about all of them,
MONITOR = "risk_monitor"  # and of one about the monitor.
SHARE_UNIT = "ppm"
TIME_UNIT = "ns"
SWITCH_UNIT = "engaged"  # 1 or 0.
TICK_UNIT = "ticks"
ASSET_UNIT = "assets"
FILL_UNIT = "fills per minute"
ORDER_UNIT = "denied per minute"
VENUE_UNIT = "venues"
NO_LIMIT = Levels(warning=None, critical=None)


@final
class Rulebook:
    """Every rule with its watch. `watches` is by alert key, so that a wake finds what it is for."""

    def __init__(
        self, limits: Limits, reference: ReferenceData, accounts: dict[str, Account], venues: list[str]
    ) -> None:
        """`accounts`: the firm's, by name; `venues`: where they lie."""
        self._limits, self._reference = limits, reference
        self._all: list[Watch] = []
        self.watches: dict[str, Watch] = {}
        self.firm = self._firm(accounts, venues)
        self.feeds = {symbol: self._feed(each) for symbol, each in reference.instruments.items()}
        self.feed_of = {feed.position.asset: feed for feed in self.feeds.values() if feed.position is not None}
        rule = AlertRule
        self.venues = {
            venue: Venue(venue, Silence(self._watch(rule.VENUE_DOWN, venue, TIME_UNIT, limits.venue_down)))
            for venue in venues
        }
        self.settlements = {
            account: SettlementOverdue(
                self._watch(rule.SETTLEMENT_OVERDUE, account, TIME_UNIT, limits.settlement_overdue)
            )
            for account in accounts
        }
        self.breaks = {venue: self._breaks(venue, list(reference.assets)) for venue in venues}
        self.transfers = {
            each: TransferOverdue(watch)
            for each, watch in self._each(accounts, rule.TRANSFER_OVERDUE, TIME_UNIT, limits.transfer_overdue)
        }
        self.marks: dict[str, dict[str, int]] = {venue: {} for venue in venues}  # Mark prices, in ticks, by symbol.
        self.margin_rates: dict[str, dict[str, int]] = {venue: {} for venue in venues}  # Maintenance, ppm, by symbol.
        self.bases = [self._basis(symbol, levels) for symbol, levels in limits.basis_divergence.items()]
        self.buffers = {
            each: MarginBuffer(
                accounts[each].margin,
                reference.perpetuals,
                self.marks[accounts[each].venue],
                self.margin_rates[accounts[each].venue],
                watch,
            )
            for each, watch in self._each(accounts, rule.MARGIN_BUFFER, SHARE_UNIT, limits.margin_buffer)
        }
        self.outliers = {symbol: self._outlier(symbol, venues, each) for symbol, each in limits.price_outlier.items()}
        self.crossings = self._crossings(venues, list(reference.instruments))
        self._complete_feeds()
        self.sanities = {
            each: BalanceSanity(watch)
            for each, watch in self._each(accounts, rule.BALANCE_SANITY, ASSET_UNIT, limits.balance_sanity)
        }
        self.funding = self._funding(accounts)
        self.rates = {account: self._rates(account) for account in accounts} if limits.order_rates else {}
        self.repeats = {
            each: RepeatedExecution(watch)
            for each, watch in self._each(accounts, rule.REPEATED_EXECUTION, FILL_UNIT, limits.repeated_execution)
        }
        self.denials = {
            (account, denied): OrdersDenied(self._watch(denied, account, ORDER_UNIT, levels))
            for account in accounts
            for denied, levels in limits.denials.items()
        }
        self.accounts = {name: self._account(accounts[name], each) for name, each in limits.accounts.items()}
        self.systemic = self._systemic()
        own = limits.own_heartbeat
        self.own_heartbeat = (
            None if own is None else OwnHeartbeat(self._watch(rule.OWN_HEARTBEAT, MONITOR, TIME_UNIT, own))
        )
        self.escalations = self._escalations()
        self._longest_wait_ns = self._all_silences()[0].watch.lowest

    def wealths_of(self, account: str) -> list[Wealth]:
        """What an account's fills and prices bear on: the firm, and the account itself where it has limits."""
        return [self.firm, self.accounts[account]] if account in self.accounts else [self.firm]

    def begin(self, memory: dict[str, Plain], now: int, outbox: Outbox) -> None:
        """Take over the alerts of the life before; from now on silence counts."""
        for wealth in (self.firm, *self.accounts.values()):
            wealth.recall(memory)
        for watch in self._all:
            watch.recall(memory, now, outbox)
        for silence in self._all_silences():
            silence.begin(now)
        if self.own_heartbeat is not None:
            self.own_heartbeat.begin(memory, now, outbox)

    def remember(self, outbox: Outbox) -> None:
        for wealth in (self.firm, *self.accounts.values()):
            wealth.remember(outbox)

    def take_denial(self, denied: OrderDenied, now: int, outbox: Outbox) -> None:
        """A desk held back an order of its own."""
        rule = REASONS.get(denied.deny_reason)
        if rule is not None and (denied.account, rule) in self.denials:
            self.denials[denied.account, rule].take(denied, now, outbox)

    def check_books(self, account: Account, differing: list[str], at_ns: int, now: int, outbox: Outbox) -> None:
        """The books of an account were compared: these assets differ, all others agree."""
        for rule in self.breaks[account.venue]:
            rule.note(account.name, rule.asset in differing, at_ns)
            rule.check(at_ns, now, outbox)

    def doubt_balances(self, account: str) -> None:
        """What its venue says of it may not be comparable until it answers."""
        if account in self.sanities:
            self.sanities[account].watch.known = False

    def owed(self) -> list[str]:
        """The accounts to which something is overdue, as far as that is an alert: it may never come."""
        late = [name for name, rule in self.settlements.items() if rule.watch.active]
        return late + [name for name, rule in self.transfers.items() if rule.watch.active and name not in late]

    def check_silence(self, now: int, outbox: Outbox) -> bool:
        """True if a source fell silent or spoke again. What rests on a silent source has no value."""
        changed = False
        for venue in self.venues.values():
            if venue.silence.check(now, outbox):
                changed = True
            if venue.silence.quiet and self._forget_books(venue.name):
                changed = True
        for feed in self.feeds.values():
            if self.check_feed(feed, now, outbox):
                changed = True
        self.check_systemic(now, outbox)
        return changed

    def check_systemic(self, now: int, outbox: Outbox) -> None:
        if self.systemic is not None:
            self.systemic.check(now, outbox)

    def desk(self, instance: str, account: str) -> Desk:
        """The desk that trades with an account, and the alert on its kill switch where there is one."""
        levels = self._limits.kill_switch
        watch = None if levels is None else self._watch(AlertRule.KILL_SWITCH, account, SWITCH_UNIT, levels)
        return Desk(instance, watch)

    def check_feed(self, feed: Feed, now: int, outbox: Outbox) -> bool:
        """The same of the quotes of one instrument."""
        changed = feed.silence.check(now, outbox)
        if not feed.silence.quiet:
            return changed
        feed.doubt()
        return (feed.outlier is not None and feed.outlier.leave("")) or changed

    def _forget_books(self, venue: str) -> bool:
        """A venue is silent: what its books and rates were says nothing. True if prices are in doubt that were not, or
        not any more."""
        if self.funding is not None:
            self.funding.forget(venue)
            self.funding.watch.known = False
        changed = [outlier.leave(venue) for outlier in self.outliers.values()]
        for crossing in self.crossings.values():
            if crossing.venue == venue:
                crossing.watch.known = False
        return any(changed)

    def resolve(self, now: int, outbox: Outbox) -> None:
        """What ends, or begins, because nothing happens: that is told by nothing."""
        for rates in self.rates.values():
            for rate in rates:
                if rate.watch.active:
                    rate.check(now, now, outbox)
        for repeat in self.repeats.values():
            if repeat.watch.active:
                repeat.check(now, now, outbox)
        for denial in self.denials.values():
            if denial.watch.active:
                denial.check(now, now, outbox)
        for escalation in self.escalations:
            escalation.check(now, outbox)
        for watch in self._all:
            watch.resolve(now, outbox)

    def silence_due_ns(self, now: int) -> int:
        """When to look for silent sources, and for alerts that nobody answers, again."""
        due_ns = now + self._longest_wait_ns
        for escalation in self.escalations:
            at_ns = escalation.due_ns()
            if now < at_ns < due_ns:
                due_ns = at_ns
        for silence in self._all_silences():
            at_ns = silence.due_ns(now)
            if at_ns != NEVER and at_ns < due_ns:
                due_ns = at_ns
        return due_ns

    def _all_silences(self) -> list[Silence]:
        venues = [venue.silence for venue in self.venues.values()]
        return venues + [feed.silence for feed in self.feeds.values()]

    def _watch(self, rule: AlertRule, subject: str, unit: str, levels: Levels) -> Watch:
        watch = Watch(rule, subject, unit, levels, self._limits)
        self._all.append(watch)
        for alert in watch.alerts:
            self.watches[alert.key] = watch
        return watch

    def _each(
        self, accounts: dict[str, Account], rule: AlertRule, unit: str, levels: Levels | None
    ) -> list[tuple[str, Watch]]:
        """A watch for each account, where the limits have this rule."""
        return [] if levels is None else [(each, self._watch(rule, each, unit, levels)) for each in accounts]

    def _funding(self, accounts: dict[str, Account]) -> FundingCost | None:
        levels = self._limits.funding_cost
        if levels is None:
            return None
        lie = [(account.venue, account.margin) for account in accounts.values()]
        watch = self._watch(AlertRule.FUNDING_COST, FIRM, minor_unit(self._reference.numeraire), levels)
        return FundingCost(lie, self._reference.perpetuals, self.firm.portfolio, watch)

    def _systemic(self) -> SystemicVenue | None:
        levels = self._limits.systemic_venue
        if levels is None:
            return None
        watch = self._watch(AlertRule.SYSTEMIC_VENUE, VENUES, VENUE_UNIT, levels)
        return SystemicVenue(list(self.venues.values()), watch)

    def _escalations(self) -> list[Escalation]:
        """Of every critical alert there is."""
        patience, levels = self._limits.patience, self._limits.escalation
        if patience is None or levels is None:
            return []
        rule, made = AlertRule.ALERT_ESCALATION, []
        for alert in [alert for watch in self._all for alert in watch.alerts if alert.severity is Severity.CRITICAL]:
            watch = self._watch(rule, f"{alert.rule.value}:{alert.subject}", TIME_UNIT, levels)
            made.append(Escalation(alert, patience.acknowledged_ns, watch))
        return made

    def _breaks(self, venue: str, assets: list[str]) -> list[ReconciliationBreak]:
        """Where there is one venue, it need not be named."""
        rule, levels = AlertRule.RECONCILIATION_BREAK, self._limits.reconciliation_break
        several = len(self.venues) > 1
        return [
            ReconciliationBreak(
                asset, self._watch(rule, at_venue(venue, asset) if several else asset, TIME_UNIT, levels)
            )
            for asset in assets
        ]

    def _firm(self, accounts: dict[str, Account], venues: list[str]) -> Wealth:
        limits, portfolio = self._limits, Portfolio(self._reference, len(accounts))
        money, rule = minor_unit(self._reference.numeraire), AlertRule
        drawdown = Drawdown(self._watch(rule.PNL_DRAWDOWN, FIRM, SHARE_UNIT, limits.pnl_drawdown))
        delta = DeltaExposure(self._watch(rule.DELTA_EXPOSURE, FIRM, money, limits.delta_exposure))
        positions = {
            asset: self._position(portfolio.positions[asset], asset, levels)
            for asset, levels in limits.position_limit.items()
        }
        shares = self._shares(portfolio)
        lying = {venue: [each for each in accounts.values() if each.venue == venue] for venue in venues}
        of_venues = [
            VenueShare(lying[venue], portfolio, self._watch(rule.CONCENTRATION, venue, SHARE_UNIT, levels))
            for venue, levels in limits.concentration_venues.items()
        ]
        return Wealth("", portfolio, positions, drawdown, delta, shares, of_venues)

    def _account(self, account: Account, limits: AccountLimits) -> Wealth:
        """What is the firm's, once more for one account."""
        portfolio, name, rule = Portfolio(self._reference, 1), account.name, AlertRule
        positions = {
            asset: self._position(portfolio.positions[asset], f"{name}:{asset}", levels)
            for asset, levels in limits.position_limit.items()
        }
        drawdown = self._watch(rule.PNL_DRAWDOWN, name, SHARE_UNIT, limits.pnl_drawdown or NO_LIMIT)
        money = minor_unit(self._reference.numeraire)
        delta = self._watch(rule.DELTA_EXPOSURE, name, money, limits.delta_exposure or NO_LIMIT)
        return Wealth(name, portfolio, positions, Drawdown(drawdown, name), DeltaExposure(delta), [], [])

    def _position(self, position: Position, subject: str, levels: Levels) -> PositionLimit:
        watch = self._watch(AlertRule.POSITION_LIMIT, subject, minor_unit(position.asset), levels)
        return PositionLimit(position, watch)

    def _shares(self, portfolio: Portfolio) -> list[Share]:
        positions, assets = portfolio.positions, self._reference.assets.values()
        shares = []
        for name, levels in self._limits.concentration_assets.items():
            watch = self._watch(AlertRule.CONCENTRATION, name, SHARE_UNIT, levels)
            shares.append(Share([positions[name]], watch))
        for name, levels in self._limits.concentration_issuers.items():
            watch = self._watch(AlertRule.CONCENTRATION, name, SHARE_UNIT, levels)
            shares.append(Share([positions[asset.name] for asset in assets if asset.issuer == name], watch))
        return shares

    def _rates(self, account: str) -> list[OrderRate]:
        return [
            OrderRate(
                WINDOWS_NS[window],
                self._watch(AlertRule.ORDER_RATE, f"{account}:{window}", rate_unit(window), levels),
            )
            for window, levels in self._limits.order_rates.items()
        ]

    def _basis(self, symbol: str, levels: Levels) -> Basis | CrossBasis:
        instruments, numeraire = self._reference.instruments, self._reference.numeraire
        priced, watch = instruments[symbol], self._watch(AlertRule.BASIS_DIVERGENCE, symbol, SHARE_UNIT, levels)
        if priced.terms is None:
            rate, direct = instruments[f"{priced.quote}/{numeraire}"], instruments[f"{priced.base}/{numeraire}"]
            cross = CrossBasis(priced, rate, direct, watch)
            for each in (cross.cross, cross.rate, cross.direct):
                self.feeds[each].bases.append(cross)
            return cross
        basis = Basis(priced, instruments[priced.terms.index], watch)
        for each in (basis.perpetual, basis.index):
            self.feeds[each].bases.append(basis)
        return basis

    def _outlier(self, symbol: str, venues: list[str], levels: Levels) -> PriceOutlier:
        rule = AlertRule.PRICE_OUTLIER
        provider = Source("", self._watch(rule, symbol, SHARE_UNIT, levels))
        books = [Source(venue, self._watch(rule, at_venue(venue, symbol), SHARE_UNIT, levels)) for venue in venues]
        return PriceOutlier(symbol, provider, books)

    def _crossings(self, venues: list[str], symbols: list[str]) -> dict[str, CrossedBook]:
        """By subject: an instrument for the provider's quotes, or one at a venue."""
        levels = self._limits.crossed_book
        if levels is None:
            return {}
        found: dict[str, CrossedBook] = {}
        for venue in ("", *venues):
            for symbol in symbols:
                subject = at_venue(venue, symbol) if venue else symbol
                found[subject] = CrossedBook(venue, self._watch(AlertRule.CROSSED_BOOK, subject, TICK_UNIT, levels))
        return found

    def _feed(self, instrument: Instrument) -> Feed:
        symbol, asset = instrument.symbol, instrument.base
        silence = Silence(self._watch(AlertRule.STALE_DATA, symbol, TIME_UNIT, self._limits.stale_data))
        if instrument.quote != self._reference.numeraire:
            return Feed(symbol, silence, None, None)
        is_contract = instrument.terms is not None
        position, peg = self.firm.portfolio.positions[symbol if is_contract else asset], None
        if asset in self._limits.peg_deviation and not is_contract:
            levels = self._limits.peg_deviation[asset]
            peg = Peg(instrument, self._watch(AlertRule.PEG_DEVIATION, asset, SHARE_UNIT, levels))
        return Feed(symbol, silence, position, peg)

    def _complete_feeds(self) -> None:
        """With what is held against them."""
        for symbol, feed in self.feeds.items():
            feed.outlier, feed.crossing = self.outliers.get(symbol), self.crossings.get(symbol)
        if self._limits.unchanged_data_ns is not None:
            movement = Movement()
            for feed in self.feeds.values():
                feed.content = Content(self._limits.unchanged_data_ns, movement)


def minor_unit(asset: str) -> str:
    return f"{asset} minor"


def rate_unit(window: str) -> str:
    return f"orders per {window}"


def at_venue(venue: str, asset: str) -> str:
    """The subject of what is about an asset at one of several venues."""
    return f"{venue}:{asset}"
