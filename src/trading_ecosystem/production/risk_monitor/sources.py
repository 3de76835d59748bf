"""Who speaks to the monitor, and whether what they say can be relied on: the provider, the venues and their books.

Rule 1: what rests on a silent source has no value.
"""

from typing import final

from trading_ecosystem.production.risk_monitor.alerts import NEVER, Watch
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio
from trading_ecosystem.production.risk_monitor.rules.basis_divergence import Basis
from trading_ecosystem.production.risk_monitor.rules.cross_basis import CrossBasis
from trading_ecosystem.production.risk_monitor.rules.peg_deviation import Peg
from trading_ecosystem.production.risk_monitor.rules.plugin import VENUES, at_venue
from trading_ecosystem.production.risk_monitor.rules.price_outlier import PriceOutlier, Source
from trading_ecosystem.production.risk_monitor.rules.silence import Silence
from trading_ecosystem.production.risk_monitor.rules.stale_data import Feed
from trading_ecosystem.production.risk_monitor.rules.systemic_venue import SystemicVenue
from trading_ecosystem.production.risk_monitor.rules.unchanged_data import Content, Movement
from trading_ecosystem.production.risk_monitor.rules.venue_down import Venue
from trading_ecosystem.production.risk_monitor.watches import Watches
from trading_ecosystem.reference import Instrument, ReferenceData


@final
class Sources:
    """`feeds` by symbol, `feed_of` by what is priced in the numeraire, `venues` by name."""

    def __init__(
        self, watches: Watches, reference: ReferenceData, portfolio: Portfolio, unchanged_ns: int | None
    ) -> None:
        """`unchanged_ns`: how long a side of a quote may stay the same; None: for ever."""
        silences, pegs = watches.of("stale_data"), watches.of("peg_deviation")
        self.feeds = {
            symbol: feed(each, Silence(silences[symbol]), pegs, portfolio, reference)
            for symbol, each in reference.instruments.items()
        }
        self.feed_of = {feed.position.asset: feed for feed in self.feeds.values() if feed.position is not None}
        self.venues = {venue: Venue(venue, Silence(watch)) for venue, watch in watches.of("venue_down").items()}
        self.silences = [venue.silence for venue in self.venues.values()]
        self.silences += [feed.silence for feed in self.feeds.values()]
        for symbol, watch in watches.of("basis_divergence").items():
            self._add_basis(reference, symbol, watch)
        self.outliers = self._outliers(watches.of("price_outlier"))
        if unchanged_ns is not None:
            movement = Movement()
            for each in self.feeds.values():
                each.content = Content(unchanged_ns, movement)
        systemic = watches.of("systemic_venue")
        self.systemic = SystemicVenue(list(self.venues.values()), systemic[VENUES]) if systemic else None

    def begin(self, now: int) -> None:
        """From now on silence counts."""
        for silence in self.silences:
            silence.begin(now)

    def check(self, now: int, outbox: Outbox) -> bool:
        """True if a source fell silent or spoke again, or other prices are in doubt than were."""
        changed = False
        for venue in self.venues.values():
            if venue.silence.check(now, outbox):
                changed = True
            if venue.silence.quiet and any([outlier.leave(venue.name) for outlier in self.outliers.values()]):
                changed = True
        for each in self.feeds.values():
            if self.check_feed(each, now, outbox):
                changed = True
        self.check_systemic(now, outbox)
        return changed

    def check_feed(self, each: Feed, now: int, outbox: Outbox) -> bool:
        """The same of the quotes of one instrument."""
        changed = each.silence.check(now, outbox)
        if not each.silence.quiet:
            return changed
        each.doubt()
        return (each.outlier is not None and each.outlier.leave("")) or changed

    def check_systemic(self, now: int, outbox: Outbox) -> None:
        if self.systemic is not None:
            self.systemic.check(now, outbox)

    def due_ns(self, now: int) -> int:
        """When to look for silent sources again."""
        due_ns = now + self.silences[0].watch.lowest
        for silence in self.silences:
            at_ns = silence.due_ns(now)
            if at_ns != NEVER and at_ns < due_ns:
                due_ns = at_ns
        return due_ns

    def _add_basis(self, reference: ReferenceData, symbol: str, watch: Watch) -> None:
        instruments, numeraire = reference.instruments, reference.numeraire
        priced = instruments[symbol]
        if priced.terms is None:
            rate, direct = instruments[f"{priced.quote}/{numeraire}"], instruments[f"{priced.base}/{numeraire}"]
            cross = CrossBasis(priced, rate, direct, watch)
            for each in (cross.cross, cross.rate, cross.direct):
                self.feeds[each].bases.append(cross)
            return
        basis = Basis(priced, instruments[priced.terms.index], watch)
        for each in (basis.perpetual, basis.index):
            self.feeds[each].bases.append(basis)

    def _outliers(self, watches: dict[str, Watch]) -> dict[str, PriceOutlier]:
        """By instrument, where it has a limit."""
        found: dict[str, PriceOutlier] = {}
        for symbol, each in self.feeds.items():
            if symbol in watches:
                books = [Source(venue, watches[at_venue(venue, symbol)]) for venue in self.venues]
                each.outlier = found[symbol] = PriceOutlier(symbol, Source("", watches[symbol]), books)
        return found


def feed(
    instrument: Instrument, silence: Silence, pegs: dict[str, Watch], portfolio: Portfolio, reference: ReferenceData
) -> Feed:
    symbol, asset = instrument.symbol, instrument.base
    if instrument.quote != reference.numeraire:
        return Feed(symbol, silence, None, None)
    if instrument.terms is not None:
        return Feed(symbol, silence, portfolio.positions[symbol], None)
    peg = Peg(instrument, pegs[asset]) if asset in pegs else None
    return Feed(symbol, silence, portfolio.positions[asset], peg)
