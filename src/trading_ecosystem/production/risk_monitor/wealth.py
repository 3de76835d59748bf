"""What a change of a price or an amount means to the firm's wealth, and which rules are judged of it.

Rule 1: nothing is judged from figures that are not complete.
Rule 2: the opening of the profit count survives a restart.
"""

from collections.abc import Sequence
from typing import final

from trading_ecosystem.messages.runtime import Plain, Remember
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio
from trading_ecosystem.production.risk_monitor.rulebook import Rulebook
from trading_ecosystem.production.risk_monitor.rules.pnl_drawdown import MARK_KEY

PROFIT_KEY = "profit"


@final
class Wealth:
    """The portfolio and the rules about it."""

    __slots__ = ("_outbox", "_profit_memory", "_rulebook", "portfolio")

    def __init__(self, portfolio: Portfolio, rulebook: Rulebook, outbox: Outbox) -> None:
        self.portfolio, self._rulebook, self._outbox = portfolio, rulebook, outbox
        self._profit_memory: Plain = None

    def recall(self, memory: dict[str, Plain]) -> None:
        self._profit_memory = memory.get(PROFIT_KEY)
        mark = memory.get(MARK_KEY, 0)
        assert isinstance(mark, int)
        self._rulebook.drawdown.raise_mark(mark)

    def remember(self) -> None:
        """Nothing before the portfolio was complete for the first time."""
        if self.portfolio.opened:
            self._outbox.send(Remember(key=PROFIT_KEY, value=self.portfolio.opening()))

    def judge(self, at_ns: int, now: int) -> None:
        if not self.portfolio.complete:
            self._rulebook.doubt_wealth()
            return
        if not self.portfolio.opened:
            self.portfolio.open(self._profit_memory)
            self.remember()
        self._rulebook.check_wealth(at_ns, now, self._outbox)

    def judge_amounts(self, assets: Sequence[str], occurred_ns: int, now: int) -> None:
        """The firm has more or less of these than before."""
        at_ns = min(occurred_ns, now)
        for asset in assets:
            self._rulebook.check_position(asset, at_ns, now, self._outbox)
        self._rulebook.refresh_shares()
        self.judge(at_ns, now)
