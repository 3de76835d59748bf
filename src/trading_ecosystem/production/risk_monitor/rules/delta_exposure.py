"""Delta exposure: what the crypto assets are worth together, long less short, in minor units of the numeraire."""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import amount_of, minor_unit, read_levels
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.rules.plugin import FIRM, Entry, Firm, RulePlugin, one_limit


@final
class DeltaExposure:
    """A limit on the net amount, in either direction."""

    __slots__ = ("watch",)

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def value(self, delta_minor: int) -> int:
        return delta_minor if delta_minor >= 0 else -delta_minor

    def check(self, delta_minor: int, at_ns: int, now: int, outbox: Outbox) -> None:
        value = delta_minor if delta_minor >= 0 else -delta_minor
        if value >= self.watch.lowest or self.watch.active:
            self.watch.update(value, at_ns, now, outbox)


def read(node: Node, firm: Firm) -> Entry:
    return read_of_group(node, firm, FIRM)


def read_of_group(node: Node, firm: Firm, group: str) -> Entry:
    return one_limit(group, minor_unit(firm.money.name), read_levels(node, amount_of(firm.money)))


RULE: Final = RulePlugin(name="delta_exposure", read=read, read_of_group=read_of_group)
