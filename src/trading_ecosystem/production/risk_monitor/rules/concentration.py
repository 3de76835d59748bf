"""Concentration: the share of gross wealth that is in one asset, or with one issuer of stablecoins, in ppm.

What lies at one venue is in `venue_share.py`, what is on its way in `settling.py`.
"""

from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.production.risk_monitor.alerts import Watch
from trading_ecosystem.production.risk_monitor.levels import MILLION, SHARE_UNIT, read_shares
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Position
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Firm, Limit, RulePlugin, named_limits
from trading_ecosystem.production.risk_monitor.rules.settling import SETTLEMENT
from trading_ecosystem.reference import ReferenceData


@final
class Share:
    """What one name has of the whole. Gross wealth above `quiet_minor` is in no breach."""

    __slots__ = ("amount_minor", "members", "quiet_minor", "watch")

    def __init__(self, members: list[Position], watch: Watch) -> None:
        self.members = members
        self.watch = watch
        self.amount_minor = 0
        self.quiet_minor = 0

    def concerns(self, asset: str) -> bool:
        return any([member.asset == asset for member in self.members])

    def refresh(self) -> None:
        """A member's value has changed."""
        amount = 0
        for member in self.members:
            value = member.value_minor
            amount += value if value >= 0 else -value
        self.amount_minor = amount
        self.quiet_minor = amount * MILLION // self.watch.lowest

    def value(self, gross_minor: int) -> int:
        """Rounded down, which changes no comparison with a whole number."""
        return self.amount_minor * MILLION // gross_minor if gross_minor > 0 else 0

    def check(self, gross_minor: int, at_ns: int, now: int, outbox: Outbox) -> None:
        if gross_minor <= self.quiet_minor or self.watch.active:
            self.watch.update(self.value(gross_minor), at_ns, now, outbox)


def read(node: Node, firm: Firm) -> Entry:
    """Of assets, issuers, venues and what is in settlement; no two of them have one name."""
    section = node.section(required=("assets", "issuers"), optional=("venues", SETTLEMENT))
    owned = [name for name in firm.reference.assets if name != firm.reference.numeraire]
    limits = named_limits(section["assets"], owned, "asset", SHARE_UNIT, read_shares)
    limits += named_limits(section["issuers"], issuers_of(firm.reference), "issuer", SHARE_UNIT, read_shares)
    if "venues" in section:
        limits += named_limits(section["venues"], firm.venues, "venue", SHARE_UNIT, read_shares)
    if any(SETTLEMENT in limit.subjects for limit in limits):
        node.fail(f"nothing else can have the name {SETTLEMENT!r} here")
    if SETTLEMENT in section:
        limits += (Limit((SETTLEMENT,), SHARE_UNIT, read_shares(section[SETTLEMENT])),)
    return Entry(limits)


def issuers_of(reference: ReferenceData) -> list[str]:
    return sorted({asset.issuer for asset in reference.assets.values() if asset.issuer})


RULE: Final = RulePlugin(name="concentration", read=read)
