"""What the monitor says about the firm, and how sure it is of it.

Rule 1: a figure that rests on something stale, missing or disputed is told with `certain` False, never hidden.
"""

from typing import final

from trading_ecosystem.messages.numbers import carried
from trading_ecosystem.messages.risk import Exposure, RiskReported
from trading_ecosystem.production.risk_monitor.accounts import Account, Custody
from trading_ecosystem.production.risk_monitor.levels import SHARE_UNIT, minor_unit
from trading_ecosystem.production.risk_monitor.portfolio import Position
from trading_ecosystem.production.risk_monitor.rulebook import Rulebook
from trading_ecosystem.production.risk_monitor.rules.concentration import Share
from trading_ecosystem.production.risk_monitor.rules.funding_cost import FundingCost
from trading_ecosystem.production.risk_monitor.rules.plugin import FIRM, at_venue
from trading_ecosystem.production.risk_monitor.rules.rule import Judged
from trading_ecosystem.production.risk_monitor.rules.settling import Settling
from trading_ecosystem.production.risk_monitor.rules.venue_share import VenueShare
from trading_ecosystem.production.risk_monitor.wealth import Wealth

MILLION = 1_000_000
POSITION_AT_VENUE = "position_at_venue"


@final
class Statement:
    """Reads everything, changes nothing."""

    def __init__(
        self,
        numeraire: str,
        accounts: list[Account],
        custodies: list[Custody],
        rulebook: Rulebook,
    ) -> None:
        self._money_unit = minor_unit(numeraire)
        self._accounts, self._custodies = accounts, custodies
        self._portfolio, self._rulebook = rulebook.firm.portfolio, rulebook

    def doubts(self) -> list[str]:
        """Everything that is stale, missing or disputed, in words; the venues first."""
        portfolio = self._portfolio
        doubts: list[str] = []
        sources = self._rulebook.sources
        for venue in sources.venues.values():
            doubts += [f"no heartbeat of {venue.name}"] if venue.silence.quiet else []
            doubts += [f"{symbol} is not open at {venue.name}: {phase.value}" for symbol, phase in venue.phases.items()]
        doubts += [account.doubt for account in self._accounts if account.doubt]
        doubts += [f"no price yet of {asset}" for asset in portfolio.unpriced()]
        feeds = sources.feeds.values()
        doubts += [f"no fresh quote of {feed.symbol}" for feed in feeds if feed.silence.quiet]
        doubts += [f"the last quote of {feed.symbol} is no price" for feed in feeds if feed.unusable]
        doubts += [custody.doubt for custody in self._custodies if custody.doubt]
        doubts += [f"what is owed to account {name} is overdue" for name in self._rulebook.owed()]
        settling = self._rulebook.firm.settling
        if settling is not None and not settling.is_known:
            doubts.append("what is in settlement is not known: the custodian's answers are old, cut short or disputed")
        for outlier in sources.outliers.values():
            far = [source.name or "the provider" for source in outlier.sources if source.in_doubt]
            doubts += [f"the price of {outlier.symbol} at {name} is far from the others" for name in far]
        return doubts + [fence.failure for fence in self._rulebook.fences if fence.failure]

    def report(self, now: int) -> RiskReported:
        portfolio, drawdown = self._portfolio, self._rulebook.firm.drawdown
        return RiskReported(
            equity_minor=carried(portfolio.equity_minor),
            high_water_mark_minor=carried(drawdown.mark_minor),
            drawdown_ppm=carried(drawdown.value(portfolio.equity_minor)) if portfolio.complete else 0,
            realised_minor=carried(portfolio.realised_minor),
            unrealised_minor=carried(portfolio.unrealised_minor) if portfolio.opened else 0,
            exposures=tuple(self._exposures()),
            certain=self._wealth_is_certain(),
            occurred_ns=now,
        )

    def _exposures(self) -> list[Exposure]:
        portfolio, rulebook = self._portfolio, self._rulebook
        lines = [
            self._position(position)
            for position in portfolio.positions.values()
            if position.total_minor != 0 or position.asset in rulebook.firm.positions
        ]
        crypto = [position for position in portfolio.positions.values() if position.directional]
        lines.append(
            Exposure(
                measure="delta",
                subject=FIRM,
                value=carried(portfolio.delta_minor),
                limit=rulebook.firm.delta.watch.highest,
                unit=self._money_unit,
                certain=self._amounts_are_certain() and all(self._price_is_certain(each) for each in crypto),
            )
        )
        certain = self._wealth_is_certain()
        lines += [self._share(share, certain) for share in rulebook.firm.shares]
        if "funding_cost" in rulebook.judged:
            lines.append(self._funding(rulebook.judged["funding_cost"]))
        lines += [self._margin(account) for account in self._accounts if account.name in rulebook.buffers]
        if len(rulebook.sources.venues) > 1:
            for venue in rulebook.sources.venues:
                lines += self._at_venue(venue)
        lines += [self._share(share, certain) for share in rulebook.firm.venues]
        settling = rulebook.firm.settling
        if settling is not None:  # What is overdue may never come; that it is owed is certain.
            lines.append(self._share(settling, settling.is_known and self._figures_are_certain()))
        for group, wealth in rulebook.groups:
            lines += self._of_group(group.kind, group.name, wealth)
        return lines

    def _share(self, share: Share | VenueShare | Settling, certain: bool) -> Exposure:
        return Exposure(
            measure="concentration",
            subject=share.watch.subject,
            value=carried(share.value(self._portfolio.gross_minor)),
            limit=share.watch.highest,
            unit=SHARE_UNIT,
            certain=certain,
        )

    def _of_group(self, kind: str, name: str, wealth: Wealth) -> list[Exposure]:
        """What a group with limits of its own is worth, has gained and may still lose."""
        portfolio, money = wealth.portfolio, self._money_unit
        is_whole, is_opened = portfolio.complete, portfolio.opened
        drawdown = wealth.drawdown.value(portfolio.equity_minor) if is_whole else 0
        figures = [
            (f"{kind}_equity", name, portfolio.equity_minor, 0, money),
            (f"{kind}_realised", name, portfolio.realised_minor, 0, money),
            (f"{kind}_unrealised", name, portfolio.unrealised_minor if is_opened else 0, 0, money),
            (f"{kind}_drawdown", name, drawdown, wealth.drawdown.watch.highest, SHARE_UNIT),
            (f"{kind}_delta", name, portfolio.delta_minor, wealth.delta.watch.highest, money),
            *(
                (f"{kind}_position", rule.watch.subject, rule.position.total_minor, rule.watch.highest, rule.watch.unit)
                for rule in wealth.positions.values()
            ),
        ]
        certain = is_whole and self._wealth_is_certain()
        return [
            Exposure(measure=measure, subject=subject, value=carried(value), limit=limit, unit=unit, certain=certain)
            for measure, subject, value, limit, unit in figures
        ]

    def _funding(self, judged: Judged) -> Exposure:
        """Not certain where the figure is unknown, and is told as nothing."""
        funding = judged.rule
        assert isinstance(funding, FundingCost)
        value = funding.value()
        return Exposure(
            measure="funding_cost",
            subject=FIRM,
            value=carried(value or 0),
            limit=judged.watches[FIRM].highest,
            unit=self._money_unit,
            certain=value is not None and self._amounts_are_certain(),
        )

    def _margin(self, account: Account) -> Exposure:
        """Not certain where the figure is unknown, and is told as nothing."""
        buffer = self._rulebook.buffers[account.name]
        value = buffer.value() if account.answered else None
        prices = [
            self._price_is_certain(self._portfolio.position(symbol))
            for symbol, (lots, _) in account.margin.positions.items()
            if lots
        ]
        quiet = self._rulebook.sources.venues[account.venue].silence.quiet
        return Exposure(
            measure="margin",
            subject=account.name,
            value=carried(value or 0),
            limit=buffer.watch.highest,
            unit=SHARE_UNIT,
            certain=value is not None and all(prices) and not quiet and self._amounts_are_certain(account.venue),
        )

    def _at_venue(self, venue: str) -> list[Exposure]:
        """What lies at one of several venues, and which part of the firm's gross wealth that is."""
        amounts: dict[str, int] = {}
        for account in self._accounts:
            for asset, amount_minor in account.amounts.items() if account.venue == venue else ():
                amounts[asset] = amounts.get(asset, 0) + amount_minor
        certain = self._amounts_are_certain(venue)
        lines = [
            Exposure(
                measure=POSITION_AT_VENUE,
                subject=at_venue(venue, asset),
                value=carried(amount_minor),
                limit=0,
                unit=minor_unit(asset),
                certain=certain,
            )
            for asset, amount_minor in amounts.items()
            if amount_minor != 0 or asset in self._rulebook.firm.positions
        ]
        worth_minor = sum([abs(self._portfolio.position(asset).worth(amounts[asset])) for asset in amounts])
        gross_minor = self._portfolio.gross_minor
        if venue in [rule.watch.subject for rule in self._rulebook.firm.venues]:
            return lines
        share = Exposure(
            measure="concentration",
            subject=venue,
            value=carried(worth_minor * MILLION // gross_minor) if gross_minor > 0 else 0,
            limit=0,
            unit=SHARE_UNIT,
            certain=self._wealth_is_certain(),
        )
        return [*lines, share]

    def _position(self, position: Position) -> Exposure:
        rule = self._rulebook.firm.positions.get(position.asset)
        return Exposure(
            measure="position",
            subject=position.asset,
            value=carried(position.total_minor),
            limit=rule.watch.highest if rule is not None else 0,
            unit=minor_unit(position.counted_in),
            certain=self._amounts_are_certain(),
        )

    def _wealth_is_certain(self) -> bool:
        return self._figures_are_certain() and not self._rulebook.owed()

    def _figures_are_certain(self) -> bool:
        prices = all(self._price_is_certain(position) for position in self._portfolio.positions.values())
        return self._portfolio.complete and self._amounts_are_certain() and prices

    def _amounts_are_certain(self, venue: str = "") -> bool:
        """At one venue, or at all of them."""
        custodies = [each for each in self._custodies if venue in ("", each.account.venue)]
        return not any(each.account.doubt or each.doubt for each in custodies)

    def _price_is_certain(self, position: Position) -> bool:
        """An asset that is not held needs no price; the numeraire always has one."""
        if position.total_minor == 0:
            return True
        feed = self._rulebook.sources.feed_of.get(position.asset)
        if feed is None or position.price == 0:
            return position.price != 0
        return not (feed.silence.quiet or feed.unusable) and (feed.outlier is None or feed.outlier.certain)
