"""Position limit: how much of one asset the firm has, in minor units of the asset, over all accounts."""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import amount_of, check_names, minor_unit, read_levels
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Position
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, Limit, RulePlugin


@final
class PositionLimit:
    """Owing counts like owning."""

    __slots__ = ("position", "watch")

    def __init__(self, position: Position, watch: Watch) -> None:
        self.position = position
        self.watch = watch

    def value(self) -> int:
        return abs(self.position.total_minor)

    def check(self, at_ns: int, now: int, outbox: Outbox) -> None:
        self.watch.update(self.value(), at_ns, now, outbox)


def read(node: Node, firm: Firm) -> Entry:
    return Entry(tuple(limits(node, firm, "")))


def read_of_group(node: Node, firm: Firm, group: str) -> Entry:
    return Entry(tuple(limits(node, firm, f"{group}:")))


def limits(node: Node, firm: Firm, prefix: str) -> list[Limit]:
    """By asset, in minor units of the asset."""
    assets = firm.reference.assets
    check_names(node, list(assets), "asset")
    return [
        Limit((prefix + name,), minor_unit(name), read_levels(levels, amount_of(assets[name])))
        for name, levels in node.entries()
    ]


RULE: Final = RulePlugin(name="position_limit", read=read, read_of_group=read_of_group)
