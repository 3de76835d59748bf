"""Conditions: what must be true of the world for an alert to be owed, or an effect to be seen.

Rule 1: a level itself counts: `below: 0.99` is true at 0.99, `above: 50bps` at 50 basis points.
Rule 2: a condition is of data that the production plane can see, or of an injection's receipts.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.configuration.scalars import duration_text

FIRM = "firm"
EXCHANGE = "exchange"
SETTLEMENT = "settlement"
PPM = 1_000_000


class Quantity(StrEnum):
    PRICE = "price"
    DEVIATION = "deviation"
    DRAWDOWN = "drawdown"
    DELTA = "delta"
    CONCENTRATION = "concentration"
    POSITION = "position"
    SILENCE = "silence"
    AGE = "age"
    UNCHANGED = "unchanged"
    CROSSED = "crossed"
    LAG = "lag"
    DIVERGENCE = "divergence"
    VOLATILITY = "volatility"
    OVERDUE = "overdue"
    HALTED = "halted"
    STRUCK = "struck"
    TRANSFER_OVERDUE = "transfer_overdue"
    MARGIN = "margin"
    INJECTED = "injected"
    ORDERS = "orders"
    DENIED = "denied"
    KILLED = "killed"
    APART = "apart"
    FUNDING = "funding"


# True while something does not come; without a level.
GAPS = (Quantity.SILENCE, Quantity.AGE, Quantity.UNCHANGED, Quantity.OVERDUE, Quantity.TRANSFER_OVERDUE)
SPANS = (
    Quantity.HALTED,
    Quantity.STRUCK,
    Quantity.INJECTED,
    Quantity.KILLED,
)  # True from one word to another; without a level.
OF_PARTS = (Quantity.DRAWDOWN, Quantity.DELTA, Quantity.POSITION)  # Of the firm, or of some of its accounts.
COUNTS = (Quantity.ORDERS, Quantity.DENIED)  # So many within a time.
SHARES = (
    *(Quantity.DEVIATION, Quantity.DRAWDOWN, Quantity.CONCENTRATION),
    *(Quantity.DIVERGENCE, Quantity.VOLATILITY, Quantity.MARGIN, Quantity.APART),
)


@final
@dataclass(frozen=True, kw_only=True)
class Condition:
    """`subject` is at or beyond `level`, without a break, for `sustain_ns`.

    `level`: a price in quote units, a share (1 is all), USD, units of the asset, or ns, by quantity.
    `window_ns`: how far back a volatility or a number of orders or denials looks. `accounts`: those of the firm that
    alone count; all where there are none.
    """

    quantity: Quantity
    subject: str
    sustain_ns: int
    level: Decimal = Decimal(0)
    below: bool = False
    window_ns: int = 0
    accounts: tuple[str, ...] = ()
    node: Node | None = field(default=None, compare=False, repr=False)

    @property
    def text(self) -> str:
        """In words, and the same for equal conditions."""
        lasting = f" for {duration_text(self.sustain_ns)}" if self.sustain_ns else ""
        among = f" in {' and '.join(self.accounts)}" if self.accounts else ""
        return f"{self._words()}{among}{lasting}"

    def _words(self) -> str:
        if self.quantity is Quantity.PRICE:
            return f"{self.subject} {'below' if self.below else 'above'} {self.level}"
        if self.quantity in SHARES:
            percent = f"{(self.level * 100).normalize():f}"
            over = f" over {duration_text(self.window_ns)}" if self.window_ns else ""
            return f"{self.quantity.value} of {self.subject} above {percent}%{over}"
        if self.quantity is Quantity.LAG:
            return f"lag of {self.subject} above {duration_text(int(self.level))}"
        if self.quantity is Quantity.DELTA:
            return f"delta of {self.subject} above {self.level:,} USD"
        if self.quantity is Quantity.FUNDING:
            return f"funding of {self.subject} above {self.level:,} USD a day"
        if self.quantity is Quantity.POSITION:
            return f"position in {self.subject} above {self.level:,}"
        if self.quantity in COUNTS:
            what = "orders of" if self.quantity is Quantity.ORDERS else "orders held back of"
            return f"{what} {self.subject} above {self.level} over {duration_text(self.window_ns)}"
        words = {
            Quantity.KILLED: "kill switch engaged at the desk of",
            Quantity.SILENCE: "silence of",
            Quantity.AGE: "no quote of",
            Quantity.UNCHANGED: "nothing new of",
            Quantity.CROSSED: "crossed quotes of",
            Quantity.OVERDUE: "settlement overdue for",
            Quantity.HALTED: "no open market in",
            Quantity.STRUCK: "effect of",
            Quantity.TRANSFER_OVERDUE: "transfer overdue for",
            Quantity.INJECTED: "injection",
        }
        return f"{words[self.quantity]} {self.subject}"

    def of_all(self) -> "Condition":
        """The same for whoever knows of these accounts alone."""
        return replace(self, accounts=())


def price(node: Node, subject: str, below: Decimal | None, above: Decimal | None, sustain_ns: int) -> Condition:
    level = below if below is not None else above
    assert level is not None
    return Condition(
        quantity=Quantity.PRICE,
        subject=subject,
        level=level,
        below=below is not None,
        sustain_ns=sustain_ns,
        node=node,
    )


def share(
    node: Node, quantity: Quantity, subject: str, above: int, sustain_ns: int, accounts: tuple[str, ...] = ()
) -> Condition:
    return amount(node, quantity, subject, Decimal(above) / PPM, sustain_ns, accounts)


def amount(
    node: Node, quantity: Quantity, subject: str, above: Decimal, sustain_ns: int, accounts: tuple[str, ...] = ()
) -> Condition:
    return Condition(
        quantity=quantity, subject=subject, level=above, sustain_ns=sustain_ns, accounts=accounts, node=node
    )


def volatility(node: Node, subject: str, above: int, window_ns: int, sustain_ns: int) -> Condition:
    return Condition(
        quantity=Quantity.VOLATILITY,
        subject=subject,
        level=Decimal(above) / PPM,
        window_ns=window_ns,
        sustain_ns=sustain_ns,
        node=node,
    )


def count(node: Node, quantity: Quantity, subject: str, above: int, window_ns: int, sustain_ns: int) -> Condition:
    return Condition(
        quantity=quantity,
        subject=subject,
        level=Decimal(above),
        window_ns=window_ns,
        sustain_ns=sustain_ns,
        node=node,
    )


def lag(node: Node, subject: str, above: int, sustain_ns: int) -> Condition:
    level = Decimal(above)
    return Condition(quantity=Quantity.LAG, subject=subject, level=level, sustain_ns=sustain_ns, node=node)


def lasting(node: Node, quantity: Quantity, subject: str, sustain_ns: int) -> Condition:
    return Condition(quantity=quantity, subject=subject, sustain_ns=sustain_ns, node=node)


RULE_QUANTITIES = {
    "position_limit": Quantity.POSITION,
    "pnl_drawdown": Quantity.DRAWDOWN,
    "delta_exposure": Quantity.DELTA,
    "concentration": Quantity.CONCENTRATION,
    "peg_deviation": Quantity.DEVIATION,
    "venue_down": Quantity.SILENCE,
    "stale_data": Quantity.AGE,
    "settlement_overdue": Quantity.OVERDUE,
    "transfer_overdue": Quantity.TRANSFER_OVERDUE,
    "basis_divergence": Quantity.DIVERGENCE,
    "margin_buffer": Quantity.MARGIN,
    "kill_switch": Quantity.KILLED,
}  # A break is in what the custodian tells the firm: the coordinator does not hear it, and reckons no condition.
SHARE_UNIT, TIME_UNIT, MINOR_UNIT = "ppm", "ns", " minor"  # How alerts call theirs; the last after an asset's name.


def default_condition(rule: str, subject: str, limit: int, unit: str, decimals: dict[str, int]) -> Condition | None:
    """The condition that an alert claims, from its own limit and unit; None where the unit is not known.

    `decimals`: of each asset, for a limit in minor units.
    """
    quantity = RULE_QUANTITIES.get(rule)
    if quantity is None or quantity is Quantity.KILLED or is_of_a_part(quantity, subject):
        return None
    if quantity in GAPS:
        return Condition(quantity=quantity, subject=subject, sustain_ns=limit) if unit == TIME_UNIT else None
    if unit == SHARE_UNIT:
        return Condition(quantity=quantity, subject=subject, level=Decimal(limit) / PPM, sustain_ns=0)
    asset = unit.removesuffix(MINOR_UNIT)
    if asset == unit or asset not in decimals:
        return None
    return Condition(quantity=quantity, subject=subject, level=Decimal(limit).scaleb(-decimals[asset]), sustain_ns=0)


def is_of_a_part(quantity: Quantity, subject: str) -> bool:
    """What lies at one venue, or in one account, is not reckoned."""
    if quantity in (Quantity.DRAWDOWN, Quantity.DELTA):
        return subject != FIRM
    if quantity is Quantity.CONCENTRATION:
        return subject.partition(".")[0] == EXCHANGE
    return quantity is Quantity.POSITION and ":" in subject
