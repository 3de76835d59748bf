"""The coordinator's own books of the firm: what it holds, and what that is worth.

Rule 1: nothing here comes from the production plane's code; the two sums must agree because both are right.
Rule 2: integers only. The value of a position is in minor units of the numeraire, rounded down once.
Rule 3: an asset is worth the middle of ASSET/NUMERAIRE; without that instrument it is held but not valued.
"""

from fractions import Fraction
from typing import final

from trading_ecosystem.messages.orders import OrderFilled, Side
from trading_ecosystem.reference import Asset, Instrument, ReferenceData


@final
class Position:
    """One asset of the firm, or perpetual, for which `owed_minor` was paid less what was got. `sum_ticks` is bid plus
    ask, 0 before the first quote.

    A minor unit of the asset is worth `sum_ticks * numerator / denominator`; the numerator is 0 if it is not valued.
    """

    __slots__ = ("asset", "denominator", "held_minor", "name", "numerator", "owed_minor", "sum_ticks", "value")

    def __init__(self, asset: Asset, held_minor: int, factor: Fraction, sum_ticks: int, name: str = "") -> None:
        self.asset = asset
        self.name = name or asset.name
        self.owed_minor = 0
        self.held_minor = held_minor
        self.numerator: int = factor.numerator
        self.denominator: int = factor.denominator
        self.sum_ticks = sum_ticks
        self.value: int = held_minor * sum_ticks * self.numerator // self.denominator


@final
class Portfolio:
    """All accounts of the firm as one.

    `gross` is the sum of the absolute values, `par` one unit of the numeraire in minor units, and `unpriced` the
    number of assets held whose price is not known.
    """

    __slots__ = ("equity", "gross", "high_water_mark", "high_water_ns", "par", "positions", "unpriced")

    def __init__(self, positions: dict[str, Position], par: int) -> None:
        self.positions = positions
        self.par = par
        self.equity = sum(position.value for position in positions.values())
        self.gross = sum(abs(position.value) for position in positions.values())
        self.unpriced = sum(awaits_price(position) for position in positions.values())
        self.high_water_mark = 0
        self.high_water_ns = 0

    def quote(self, position: Position, sum_ticks: int, ns: int) -> None:
        """The price of a position's asset is now `sum_ticks` / 2."""
        self.set(position, position.held_minor, sum_ticks)
        self.mark(ns)

    def set(self, position: Position, held_minor: int, sum_ticks: int) -> None:
        if position.sum_ticks == 0 or sum_ticks == 0:
            self.unpriced -= awaits_price(position)
            position.held_minor, position.sum_ticks = held_minor, sum_ticks
            self.unpriced += awaits_price(position)
        position.held_minor = held_minor
        position.sum_ticks = sum_ticks
        value = held_minor * sum_ticks * position.numerator // position.denominator
        before = position.value
        self.equity += value - before
        self.gross += (value if value >= 0 else -value) - (before if before >= 0 else -before)
        position.value = value

    def owe(self, position: Position, change_minor: int) -> None:
        """So much more was paid for a position in a perpetual, which is worth what it is worth less that."""
        position.owed_minor += change_minor
        self.equity -= change_minor

    def mark(self, ns: int) -> None:
        """Take note of a new highest equity, once all that is held has a price."""
        if self.unpriced == 0 and self.equity > self.high_water_mark:
            self.high_water_mark = self.equity
            self.high_water_ns = ns

    def move(self, position: Position, amount_minor: int, ns: int) -> None:
        """Brought in (+) or taken out (-): the highest equity changes by the same share as equity."""
        before = self.equity
        self.set(position, position.held_minor + amount_minor, position.sum_ticks)
        if self.unpriced == 0 and before > 0 and self.equity > 0:
            self.high_water_mark = self.high_water_mark * self.equity // before
            self.high_water_ns = ns

    def changes(self, fill: OrderFilled, reference: ReferenceData) -> tuple[tuple[str, int], tuple[str, int]]:
        """What a fill does to the base and to the quote asset, in minor units, the fee included."""
        instrument = reference.instruments[fill.symbol]
        base = instrument.base_minor(fill.quantity_lots)
        quote = instrument.notional_minor(fill.price_ticks, fill.quantity_lots)
        if fill.side == Side.SELL:
            base, quote = -base, -quote
        return (instrument.base, base), (instrument.quote, -quote - fill.fee_minor)

    def copy(self) -> "Portfolio":
        """A second portfolio in the same state, to be walked back in time."""
        positions: dict[str, Position] = {}
        for name, position in self.positions.items():
            factor = Fraction(position.numerator, position.denominator)
            positions[name] = Position(position.asset, position.held_minor, factor, position.sum_ticks, name)
        twin = Portfolio(positions, self.par)
        for name, position in self.positions.items():
            twin.owe(positions[name], position.owed_minor)
        twin.high_water_mark, twin.high_water_ns = self.high_water_mark, self.high_water_ns
        return twin


def opening(reference: ReferenceData, balances: dict[str, dict[str, int]]) -> Portfolio:
    """The portfolio at the start, from account -> asset -> minor units, before any price is known."""
    factors = valuation_factors(reference)
    positions: dict[str, Position] = {}
    for name, asset in reference.assets.items():
        held_minor = sum(account.get(name, 0) for account in balances.values())
        known = 1 if name == reference.numeraire else 0
        positions[name] = Position(asset, held_minor, factors.get(name, Fraction(0)), known)
    for symbol, perpetual in reference.perpetuals.items():
        asset = reference.assets[perpetual.base]
        factor = factor_of(perpetual, reference) if perpetual.quote == reference.numeraire else Fraction(0)
        positions[symbol] = Position(asset, 0, factor, 0, symbol)
    return Portfolio(positions, 10 ** reference.assets[reference.numeraire].decimals)


def awaits_price(position: Position) -> int:
    """1 for an asset that is held and will be valued, but has no price; else 0."""
    return int(position.sum_ticks == 0 and position.held_minor != 0 and position.numerator != 0)


def valuation_factors(reference: ReferenceData) -> dict[str, Fraction]:
    """Numeraire minor units of one minor unit of the asset, per tick of bid plus ask."""
    numeraire = reference.assets[reference.numeraire]
    factors = {numeraire.name: Fraction(1)}
    for instrument in reference.instruments.values():
        if instrument.quote == numeraire.name and instrument.terms is None:
            factors[instrument.base] = factor_of(instrument, reference)
    return factors


def factor_of(instrument: Instrument, reference: ReferenceData) -> Fraction:
    decimals = reference.assets[instrument.quote].decimals - reference.assets[instrument.base].decimals
    return Fraction(instrument.tick) * Fraction(10) ** decimals / 2
