"""All rules of the firm, ready to be asked about what has just changed and nothing else.

Rule 1: a rule about wealth is judged only while the portfolio is complete, a rule about positions only when
every account has answered.
"""

from typing import final

from trading_ecosystem.messages.risk import AlertRule
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.production.risk_monitor.accounts import Account
from trading_ecosystem.production.risk_monitor.alerts import NEVER, Watch
from trading_ecosystem.production.risk_monitor.config import WINDOWS_NS, Levels, Limits
from trading_ecosystem.production.risk_monitor.desks import Desk
from trading_ecosystem.production.risk_monitor.margin import Margin
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio
from trading_ecosystem.production.risk_monitor.rules.balance_sanity import BalanceSanity
from trading_ecosystem.production.risk_monitor.rules.basis_divergence import Basis
from trading_ecosystem.production.risk_monitor.rules.concentration import Share
from trading_ecosystem.production.risk_monitor.rules.crossed_book import CrossedBook
from trading_ecosystem.production.risk_monitor.rules.delta_exposure import DeltaExposure
from trading_ecosystem.production.risk_monitor.rules.funding_cost import FundingCost
from trading_ecosystem.production.risk_monitor.rules.margin_buffer import MarginBuffer
from trading_ecosystem.production.risk_monitor.rules.order_rate import OrderRate
from trading_ecosystem.production.risk_monitor.rules.peg_deviation import Peg
from trading_ecosystem.production.risk_monitor.rules.pnl_drawdown import Drawdown
from trading_ecosystem.production.risk_monitor.rules.position_limit import PositionLimit
from trading_ecosystem.production.risk_monitor.rules.price_outlier import PriceOutlier, Source
from trading_ecosystem.production.risk_monitor.rules.reconciliation_break import ReconciliationBreak
from trading_ecosystem.production.risk_monitor.rules.settlement_overdue import SettlementOverdue
from trading_ecosystem.production.risk_monitor.rules.silence import Silence
from trading_ecosystem.production.risk_monitor.rules.stale_data import Feed
from trading_ecosystem.production.risk_monitor.rules.transfer_overdue import TransferOverdue
from trading_ecosystem.production.risk_monitor.rules.unchanged_data import Content, Movement
from trading_ecosystem.production.risk_monitor.rules.venue_down import Venue
from trading_ecosystem.reference import Instrument, ReferenceData

FIRM = "firm"  # The subject of a rule about the whole.
SHARE_UNIT = "ppm"
TIME_UNIT = "ns"
SWITCH_UNIT = "engaged"  # 1 or 0.
TICK_UNIT = "ticks"
ASSET_UNIT = "assets"


@final
class Rulebook:
    """Every rule with its watch. `watches` is by alert key, so that a wake finds what it is for."""

    def __init__(
        self,
        limits: Limits,
        reference: ReferenceData,
        portfolio: Portfolio,
        venues: dict[str, tuple[str, ...]],
        margins: dict[str, Margin] | None = None,
    ) -> None:
        """`venues`: the firm's accounts at each."""
        accounts = tuple([account for lie_there in venues.values() for account in lie_there])
        self._limits = limits
        self._portfolio = portfolio
        self._all: list[Watch] = []
        self.watches: dict[str, Watch] = {}
        money = minor_unit(reference.numeraire)
        rule = AlertRule
        self.drawdown = Drawdown(self._watch(rule.PNL_DRAWDOWN, FIRM, SHARE_UNIT, limits.pnl_drawdown))
        self.delta = DeltaExposure(self._watch(rule.DELTA_EXPOSURE, FIRM, money, limits.delta_exposure))
        self.positions = {asset: self._position(asset, levels) for asset, levels in limits.position_limit.items()}
        self.shares = self._shares(reference)
        self.feeds = {symbol: self._feed(each, reference) for symbol, each in reference.instruments.items()}
        self.feed_of = {feed.position.asset: feed for feed in self.feeds.values() if feed.position is not None}
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
        self.transfers = self._transfers(accounts)
        self.marks: dict[str, dict[str, int]] = {venue: {} for venue in venues}  # Mark prices, in ticks, by symbol.
        self.bases = [self._basis(symbol, levels, reference) for symbol, levels in limits.basis_divergence.items()]
        self.buffers = self._buffers(venues, margins or {}, reference)
        self.outliers = {
            symbol: self._outlier(symbol, list(venues), levels) for symbol, levels in limits.price_outlier.items()
        }
        self.crossings = self._crossings(list(venues), list(reference.instruments))
        for symbol, feed in self.feeds.items():
            feed.outlier, feed.crossing = self.outliers.get(symbol), self.crossings.get(symbol)
        if limits.unchanged_data_ns is not None:
            movement = Movement()
            for feed in self.feeds.values():
                feed.content = Content(limits.unchanged_data_ns, movement)
        self.sanities = self._sanities(accounts)
        self.funding = self._funding(venues, margins or {}, reference)
        self.rates = {account: self._rates(account) for account in accounts} if limits.order_rates else {}
        self._longest_wait_ns = self._all_silences()[0].watch.lowest

    def begin(self, memory: dict[str, Plain], now: int, outbox: Outbox) -> None:
        """Take over the alerts of the life before; from now on silence counts."""
        for watch in self._all:
            watch.recall(memory, now, outbox)
        for silence in self._all_silences():
            silence.begin(now)

    def check_position(self, asset: str, at_ns: int, now: int, outbox: Outbox) -> None:
        rule = self.positions.get(asset)
        if rule is not None and self._portfolio.unanswered == 0:
            rule.check(at_ns, now, outbox)

    def check_wealth(self, at_ns: int, now: int, outbox: Outbox) -> None:
        """Every rule that a change of one value may touch, on a complete portfolio."""
        portfolio = self._portfolio
        gross_minor = portfolio.gross_minor
        self.drawdown.check(portfolio.equity_minor, at_ns, now, outbox)
        self.delta.check(portfolio.delta_minor, at_ns, now, outbox)
        for share in self.shares:
            share.check(gross_minor, at_ns, now, outbox)

    def check_books(self, account: Account, differing: list[str], at_ns: int, now: int, outbox: Outbox) -> None:
        """The books of an account were compared: these assets differ, all others agree."""
        for rule in self.breaks[account.venue]:
            rule.note(account.name, rule.asset in differing, at_ns)
            rule.check(at_ns, now, outbox)

    def refresh_shares(self) -> None:
        for share in self.shares:
            share.refresh()

    def doubt_wealth(self) -> None:
        """The portfolio is not complete: until it is, no rule about wealth has a value."""
        self.drawdown.watch.known = False
        self.delta.watch.known = False
        for share in self.shares:
            share.watch.known = False

    def doubt_balances(self, account: str) -> None:
        """What its venue says of it may not be comparable until it answers."""
        if account in self.sanities:
            self.sanities[account].watch.known = False

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
        return changed

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
        for rates in self.rates.values():
            for rate in rates:
                if rate.watch.active:
                    rate.check(now, now, outbox)  # Orders that do not come are told by nothing.
        for watch in self._all:
            watch.resolve(now, outbox)

    def silence_due_ns(self, now: int) -> int:
        """When to look for silent sources again."""
        due_ns = now + self._longest_wait_ns
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

    def _transfers(self, accounts: tuple[str, ...]) -> dict[str, TransferOverdue]:
        levels = self._limits.transfer_overdue
        if levels is None:
            return {}
        rule = AlertRule.TRANSFER_OVERDUE
        return {each: TransferOverdue(self._watch(rule, each, TIME_UNIT, levels)) for each in accounts}

    def _sanities(self, accounts: tuple[str, ...]) -> dict[str, BalanceSanity]:
        levels = self._limits.balance_sanity
        if levels is None:
            return {}
        rule = AlertRule.BALANCE_SANITY
        return {each: BalanceSanity(self._watch(rule, each, ASSET_UNIT, levels)) for each in accounts}

    def _funding(
        self, venues: dict[str, tuple[str, ...]], margins: dict[str, Margin], reference: ReferenceData
    ) -> FundingCost | None:
        levels = self._limits.funding_cost
        if levels is None:
            return None
        lie = [(venue, margins[account]) for venue, here in venues.items() for account in here]
        watch = self._watch(AlertRule.FUNDING_COST, FIRM, minor_unit(reference.numeraire), levels)
        return FundingCost(lie, reference.perpetuals, self._portfolio, watch)

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

    def _position(self, asset: str, levels: Levels) -> PositionLimit:
        watch = self._watch(AlertRule.POSITION_LIMIT, asset, minor_unit(asset), levels)
        return PositionLimit(self._portfolio.positions[asset], watch)

    def _shares(self, reference: ReferenceData) -> list[Share]:
        positions = self._portfolio.positions
        shares = []
        for name, levels in self._limits.concentration_assets.items():
            watch = self._watch(AlertRule.CONCENTRATION, name, SHARE_UNIT, levels)
            shares.append(Share([positions[name]], watch))
        for name, levels in self._limits.concentration_issuers.items():
            watch = self._watch(AlertRule.CONCENTRATION, name, SHARE_UNIT, levels)
            members = [positions[asset.name] for asset in reference.assets.values() if asset.issuer == name]
            shares.append(Share(members, watch))
        return shares

    def _rates(self, account: str) -> list[OrderRate]:
        return [
            OrderRate(
                WINDOWS_NS[window],
                self._watch(AlertRule.ORDER_RATE, f"{account}:{window}", rate_unit(window), levels),
            )
            for window, levels in self._limits.order_rates.items()
        ]

    def _basis(self, symbol: str, levels: Levels, reference: ReferenceData) -> Basis:
        perpetual = reference.perpetuals[symbol]
        assert perpetual.terms is not None
        watch = self._watch(AlertRule.BASIS_DIVERGENCE, symbol, SHARE_UNIT, levels)
        basis = Basis(perpetual, reference.instruments[perpetual.terms.index], watch)
        for each in (basis.perpetual, basis.index):
            self.feeds[each].bases.append(basis)
        return basis

    def _buffers(
        self, venues: dict[str, tuple[str, ...]], margins: dict[str, Margin], reference: ReferenceData
    ) -> dict[str, MarginBuffer]:
        """By account."""
        levels = self._limits.margin_buffer
        if levels is None:
            return {}
        buffers: dict[str, MarginBuffer] = {}
        for venue, accounts in venues.items():
            for account in accounts:
                watch = self._watch(AlertRule.MARGIN_BUFFER, account, SHARE_UNIT, levels)
                buffers[account] = MarginBuffer(margins[account], reference.perpetuals, self.marks[venue], watch)
        return buffers

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

    def _feed(self, instrument: Instrument, reference: ReferenceData) -> Feed:
        symbol, asset = instrument.symbol, instrument.base
        silence = Silence(self._watch(AlertRule.STALE_DATA, symbol, TIME_UNIT, self._limits.stale_data))
        if instrument.quote != reference.numeraire:
            return Feed(symbol, silence, None, None)
        is_contract = instrument.terms is not None
        position, peg = self._portfolio.positions[symbol if is_contract else asset], None
        if asset in self._limits.peg_deviation and not is_contract:
            levels = self._limits.peg_deviation[asset]
            peg = Peg(instrument, self._watch(AlertRule.PEG_DEVIATION, asset, SHARE_UNIT, levels))
        feed = Feed(symbol, silence, position, peg)
        feed.shares = [share for share in self.shares if position in share.members]
        return feed


def minor_unit(asset: str) -> str:
    return f"{asset} minor"


def rate_unit(window: str) -> str:
    return f"orders per {window}"


def at_venue(venue: str, asset: str) -> str:
    """The subject of what is about an asset at one of several venues."""
    return f"{venue}:{asset}"
