"""P&L drawdown: how far equity is below its highest mark, as a share of the mark, in ppm.

Rule 1: the mark is remembered whenever it changes. It rises with equity, and falls only when something is taken out: by
the share of equity that left, so that a drawdown is the same before and after.
"""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.messages.runtime import Plain, Remember
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import MILLION, SHARE_UNIT, read_shares
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import FIRM, Entry, Firm, RulePlugin, one_limit

MARK_KEY = "high_water_mark"


@final
class Drawdown:
    """Money is in minor units of the numeraire. Equity above `quiet_minor` is in no breach."""

    __slots__ = ("_key", "mark_minor", "quiet_minor", "watch")

    def __init__(self, watch: Watch, group: str = "") -> None:
        """`group`: whose equity it is; empty for the firm's."""
        self.watch = watch
        self._key = f"{MARK_KEY} {group}" if group else MARK_KEY
        self.mark_minor = 0
        self.quiet_minor = 0

    def value(self, equity_minor: int) -> int:
        """Rounded down, which changes no comparison with a whole number."""
        if equity_minor >= self.mark_minor or self.mark_minor == 0:
            return 0
        return (self.mark_minor - equity_minor) * MILLION // self.mark_minor

    def check(self, equity_minor: int, at_ns: int, now: int, outbox: Outbox) -> None:
        if equity_minor > self.mark_minor:
            self.raise_mark(equity_minor)
            outbox.send(Remember(key=self._key, value=equity_minor))
        if equity_minor <= self.quiet_minor or self.watch.active:
            self.watch.update(self.value(equity_minor), at_ns, now, outbox)

    def rebase(self, before_minor: int, after_minor: int, outbox: Outbox) -> None:
        """Equity is other than before because something was brought in or taken out."""
        if before_minor > 0 and after_minor > 0 and self.mark_minor:
            self._set_mark(self.mark_minor * after_minor // before_minor)
            outbox.send(Remember(key=self._key, value=self.mark_minor))

    def recall(self, memory: dict[str, Plain]) -> None:
        mark_minor = memory.get(self._key, 0)
        assert isinstance(mark_minor, int)
        self.raise_mark(mark_minor)

    def raise_mark(self, mark_minor: int) -> None:
        assert mark_minor >= self.mark_minor
        self._set_mark(mark_minor)

    def _set_mark(self, mark_minor: int) -> None:
        self.mark_minor = mark_minor
        self.quiet_minor = mark_minor + -self.watch.lowest * mark_minor // MILLION


def read(node: Node, firm: Firm) -> Entry:
    return read_of_group(node, firm, FIRM)


def read_of_group(node: Node, firm: Firm, group: str) -> Entry:
    return one_limit(group, SHARE_UNIT, read_shares(node))


RULE: Final = RulePlugin(name="pnl_drawdown", read=read, read_of_group=read_of_group)
