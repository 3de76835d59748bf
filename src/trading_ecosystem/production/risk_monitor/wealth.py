"""What the firm, or a group of its accounts, has and is worth, and the rules about that.

Rule 1: a rule about wealth is judged only while the portfolio is complete, a rule about positions only when every
account has answered.
Rule 2: the opening of the profit count survives a restart.
"""

from collections.abc import Sequence
from typing import final

from trading_ecosystem.messages.runtime import Plain, Remember
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio, Position
from trading_ecosystem.production.risk_monitor.rules.concentration import Share
from trading_ecosystem.production.risk_monitor.rules.delta_exposure import DeltaExposure
from trading_ecosystem.production.risk_monitor.rules.pnl_drawdown import Drawdown
from trading_ecosystem.production.risk_monitor.rules.position_limit import PositionLimit
from trading_ecosystem.production.risk_monitor.rules.settling import Settling
from trading_ecosystem.production.risk_monitor.rules.venue_share import VenueShare

PROFIT_KEY = "profit"


@final
class Wealth:
    """A portfolio with its rules. `group`: whose it is; empty for the firm's.

    While gross wealth is above `_quiet_minor` no share is in breach, and while none is `_alarmed` none has to be asked:
    what an event costs does not grow with the number of limits.
    """

    __slots__ = (
        "_alarmed",
        "_profit_key",
        "_profit_memory",
        "_quiet_minor",
        "_shares_of",
        "delta",
        "drawdown",
        "portfolio",
        "positions",
        "settling",
        "shares",
        "venues",
    )

    def __init__(
        self,
        group: str,
        portfolio: Portfolio,
        positions: dict[str, PositionLimit],
        drawdown: Drawdown,
        delta: DeltaExposure,
        shares: list[Share],
        venues: list[VenueShare],
        settling: Settling | None = None,
    ) -> None:
        self.portfolio = portfolio
        self.positions, self.drawdown, self.delta = positions, drawdown, delta
        self.shares, self.venues, self.settling = shares, venues, settling
        self._shares_of = {asset: [each for each in shares if each.concerns(asset)] for asset in portfolio.positions}
        self._quiet_minor = 0
        self._alarmed = True  # Nobody has been asked yet.
        self._profit_key = f"{PROFIT_KEY} {group}" if group else PROFIT_KEY
        self._profit_memory: Plain = None

    def recall(self, memory: dict[str, Plain]) -> None:
        self._profit_memory = memory.get(self._profit_key)
        self.drawdown.recall(memory)

    def remember(self, outbox: Outbox) -> None:
        """Nothing before the portfolio was complete for the first time."""
        if self.portfolio.opened:
            outbox.send(Remember(key=self._profit_key, value=self.portfolio.opening()))

    def reprice(self, position: Position, price: int) -> None:
        """`price` is twice the mid in ticks, above 0."""
        self.portfolio.reprice(position, price)
        self._refresh(position.asset)

    def rebase(self, before_minor: int, outbox: Outbox) -> None:
        """Something was brought in or taken out since equity was this much: no profit, no drawdown."""
        if self.portfolio.complete:
            self.drawdown.rebase(before_minor, self.portfolio.equity_minor, outbox)

    def judge(self, at_ns: int, now: int, outbox: Outbox) -> None:
        """Every rule that a change of one value may touch."""
        portfolio = self.portfolio
        if not portfolio.complete:
            self._doubt()
            return
        if not portfolio.opened:
            portfolio.open(self._profit_memory)
            self.remember(outbox)
        gross_minor = portfolio.gross_minor
        self.drawdown.check(portfolio.equity_minor, at_ns, now, outbox)
        self.delta.check(portfolio.delta_minor, at_ns, now, outbox)
        if gross_minor <= self._quiet_minor or self._alarmed:
            self._check_shares(gross_minor, at_ns, now, outbox)
        for venue in self.venues:
            venue.check(gross_minor, at_ns, now, outbox)
        if self.settling is not None:
            self.settling.check(gross_minor, at_ns, now, outbox)

    def judge_settling(self, at_ns: int, now: int, outbox: Outbox) -> None:
        """The custodian has said something of what is on its way."""
        if self.settling is not None and self.portfolio.complete:
            self.settling.check(self.portfolio.gross_minor, at_ns, now, outbox)

    def _check_shares(self, gross_minor: int, at_ns: int, now: int, outbox: Outbox) -> None:
        self._quiet_minor, self._alarmed = 0, False
        for share in self.shares:
            share.check(gross_minor, at_ns, now, outbox)
            if share.quiet_minor > self._quiet_minor:
                self._quiet_minor = share.quiet_minor
            if share.watch.active:
                self._alarmed = True

    def _refresh(self, asset: str) -> None:
        """There is more or less of an asset, or it has another price."""
        for share in self._shares_of.get(asset, ()):
            share.refresh()
            if share.quiet_minor > self._quiet_minor:
                self._quiet_minor = share.quiet_minor
        for venue in self.venues:
            venue.refresh(asset)
        if self.settling is not None:
            self.settling.refresh(asset)

    def judge_amounts(self, assets: Sequence[str], occurred_ns: int, now: int, outbox: Outbox) -> None:
        """There is more or less of these than before."""
        at_ns = min(occurred_ns, now)
        for asset in assets:
            rule = self.positions.get(asset)
            if rule is not None and self.portfolio.unanswered == 0:
                rule.check(at_ns, now, outbox)
            self._refresh(asset)
        self.judge(at_ns, now, outbox)

    def _doubt(self) -> None:
        """Until the portfolio is complete, no rule about wealth has a value."""
        self.drawdown.watch.known = False
        self.delta.watch.known = False
        for share in self.shares:
            share.watch.known = False
        for venue in self.venues:
            venue.watch.known = False
        if self.settling is not None:
            self.settling.watch.known = False
