"""Measures: what turns the stream of events into breaches, the moments at which a condition was true.

Rule 1: a breach is recorded by its first and its last moment; whether it lasted long enough is arithmetic, no timer.
Rule 2: comparisons are exact: a level becomes an integer bound once, and a level itself counts as beyond.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import final

from trading_ecosystem.reference import AssetKind, ReferenceData
from trading_ecosystem.validation.test_coordinator.conditions import Condition, Quantity
from trading_ecosystem.validation.test_coordinator.portfolio import Portfolio, Position

NEVER = -1
PPM = 1_000_000


@final
@dataclass(frozen=True, kw_only=True)
class Breach:
    """A condition was true from `begin_ns` to `end_ns`, None if it still is.

    `held_ns` is when it had lasted as long as it must, None if it did not.
    """

    begin_ns: int
    held_ns: int | None
    end_ns: int | None


@final
class Runs:
    """When a condition was true, without a break, in order. What changes and changes back at one moment is no break."""

    __slots__ = ("begins", "ends", "on")

    def __init__(self) -> None:
        self.on = False
        self.begins: list[int] = []
        self.ends: list[int] = []

    def switch(self, on: bool, ns: int) -> None:
        if on == self.on:
            return
        self.on = on
        if on and self.ends and self.ends[-1] == ns:
            self.ends.pop()
        elif on:
            self.begins.append(ns)
        elif self.begins[-1] == ns:
            self.begins.pop()
        else:
            self.ends.append(ns)

    def breaches(self, sustain_ns: int, until_ns: int) -> tuple[Breach, ...]:
        """All runs that began by `until_ns`, which is how far the data goes."""
        found: list[Breach] = []
        for at, begin_ns in enumerate(self.begins):
            end_ns = self.ends[at] if at < len(self.ends) else None
            lasted_ns = (until_ns if end_ns is None else end_ns) - begin_ns
            held_ns = begin_ns + sustain_ns if lasted_ns >= sustain_ns else None
            found.append(Breach(begin_ns=begin_ns, held_ns=held_ns, end_ns=end_ns))
        return tuple(found)


@final
class Band:
    """True while bid plus ask of one instrument is at or under `low`, or at or over `high`."""

    __slots__ = ("high", "low", "runs")

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high
        self.runs = Runs()

    def observe(self, sum_ticks: int, ns: int) -> None:
        on = sum_ticks <= self.low or sum_ticks >= self.high
        if on != self.runs.on:
            self.runs.switch(on, ns)


@final
class Gap:
    """True from the last sign of life, once the next one is `sustain_ns` away or more."""

    __slots__ = ("last_ns", "runs", "sustain_ns")

    def __init__(self, start_ns: int, sustain_ns: int) -> None:
        self.last_ns = start_ns
        self.sustain_ns = sustain_ns
        self.runs = Runs()

    def heard(self, ns: int) -> None:
        if ns - self.last_ns >= self.sustain_ns:
            self.runs.switch(True, self.last_ns)
            self.runs.switch(False, ns)
        self.last_ns = max(ns, self.last_ns)

    def breaches(self, until_ns: int) -> tuple[Breach, ...]:
        found = self.runs.breaches(self.sustain_ns, until_ns)
        if until_ns - self.last_ns < self.sustain_ns:
            return found
        return (*found, Breach(begin_ns=self.last_ns, held_ns=self.last_ns + self.sustain_ns, end_ns=None))


@final
class Overdue:
    """What of one account has not settled, and when anything of it was `sustain_ns` late or later.

    Such a breach begins with the due time of the first that is so late, and goes on while one of them is open.
    """

    __slots__ = ("late", "open")

    def __init__(self) -> None:
        self.open: dict[int, int] = {}  # Instruction id -> due time.
        self.late: list[tuple[int, int]] = []  # Due time and end of what ended after it was due.

    def instructed(self, instruction_id: int, due_ns: int) -> None:
        self.open[instruction_id] = due_ns

    def over(self, instruction_id: int, ns: int) -> None:
        due_ns = self.open.pop(instruction_id, ns)
        if due_ns < ns:
            self.late.append((due_ns, ns))

    def began_ns(self, sustain_ns: int, at_ns: int) -> int | None:
        """The due time of the oldest that is so late at a moment, and open now."""
        late = [due_ns for due_ns in self.open.values() if at_ns - due_ns >= sustain_ns]
        late += [due_ns for due_ns, end_ns in self.late if end_ns >= at_ns and at_ns - due_ns >= sustain_ns]
        return min(late, default=None)

    def breaches(self, sustain_ns: int, until_ns: int) -> tuple[Breach, ...]:
        spans = [(due_ns, end_ns) for due_ns, end_ns in self.late if end_ns - due_ns >= sustain_ns]
        still = [(due_ns, NEVER) for due_ns in self.open.values() if until_ns - due_ns >= sustain_ns]
        found: list[Breach] = []
        for begin_ns, end_ns in sorted([*spans, *still]):
            last = found[-1] if found else None
            if last is not None and (last.end_ns is None or begin_ns <= last.end_ns):
                found.pop()
                begin_ns = last.begin_ns
                end_ns = NEVER if last.end_ns is None or end_ns == NEVER else max(end_ns, last.end_ns)
            ended_ns = None if end_ns == NEVER else end_ns
            found.append(Breach(begin_ns=begin_ns, held_ns=begin_ns + sustain_ns, end_ns=ended_ns))
        return tuple(found)


@final
class Level:
    """True while a figure of the portfolio is at or beyond its level. `bound` is in the figure's own units."""

    __slots__ = ("bound", "members", "quantity", "runs")

    def __init__(self, quantity: Quantity, members: list[str], bound: int) -> None:
        self.quantity = quantity
        self.members = members
        self.bound = bound
        self.runs = Runs()

    def observe(self, portfolio: Portfolio, ns: int) -> None:
        self.runs.switch(self.holds(portfolio), ns)

    def holds(self, portfolio: Portfolio) -> bool:
        quantity = self.quantity
        if quantity == Quantity.DRAWDOWN:
            if portfolio.unpriced:
                return False
            lost = portfolio.high_water_mark - portfolio.equity
            return lost * PPM >= self.bound * portfolio.high_water_mark > 0
        if quantity == Quantity.POSITION:
            return abs(portfolio.positions[self.members[0]].held_minor) >= self.bound
        if quantity == Quantity.DEVIATION:
            position = portfolio.positions[self.members[0]]
            return position.sum_ticks > 0 and deviates(position, portfolio.par, self.bound)
        value = 0
        for name in self.members:
            value += portfolio.positions[name].value
        if quantity == Quantity.DELTA:
            return abs(value) >= self.bound
        return portfolio.unpriced == 0 and abs(value) * PPM >= self.bound * portfolio.gross > 0


def deviates(position: Position, par: int, bound_ppm: int) -> bool:
    """Whether one unit of the asset is away from one unit of the numeraire."""
    worth: int = position.sum_ticks * position.numerator * 10**position.asset.decimals
    whole = par * position.denominator
    return abs(worth - whole) * PPM >= bound_ppm * whole


def band_of(condition: Condition, reference: ReferenceData) -> Band:
    """The bounds of a price or of a peg, in ticks of bid plus ask."""
    if condition.quantity is Quantity.PRICE:
        doubled = twice(condition.level, reference, condition.subject)
        return Band(floor(doubled), UNREACHED) if condition.below else Band(NEVER, ceil(doubled))
    symbol = f"{condition.subject}/{reference.numeraire}"
    low = twice(1 - condition.level, reference, symbol)
    return Band(floor(low), ceil(twice(1 + condition.level, reference, symbol)))


UNREACHED = (1 << 62) - 1  # No price comes here.


def twice(price: Decimal, reference: ReferenceData, symbol: str) -> Fraction:
    """A price as ticks of bid plus ask, exact."""
    return 2 * Fraction(price) / Fraction(reference.instruments[symbol].tick)


def level_of(condition: Condition, reference: ReferenceData) -> Level:
    """The level of a figure of the firm, as an integer: ppm, or minor units."""
    quantity, subject = condition.quantity, condition.subject
    if quantity is Quantity.POSITION:
        decimals = reference.assets[subject].decimals
        return Level(quantity, [subject], ceil(condition.level.scaleb(decimals)))
    if quantity is Quantity.DELTA:
        crypto = [name for name, asset in reference.assets.items() if asset.kind is AssetKind.CRYPTO]
        crypto += list(reference.perpetuals)
        decimals = reference.assets[reference.numeraire].decimals
        return Level(quantity, crypto, ceil(condition.level.scaleb(decimals)))
    members = [name for name, asset in reference.assets.items() if subject in (name, asset.issuer)]
    return Level(quantity, members, ceil(condition.level * PPM))
