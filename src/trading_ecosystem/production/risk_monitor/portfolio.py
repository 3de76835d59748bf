"""What the firm, or a group of its accounts, is worth and has gained: in minor units of the numeraire.

Rule 1: a price changes the value of its own asset and the sums, nothing else.
Rule 2: realised + unrealised = equity - equity at the opening, to the last minor unit.
Rule 3: nothing is a figure before every asset held has a price and every account has answered (`complete`).
"""

from math import gcd
from typing import final

from trading_ecosystem.messages.orders import OrderFilled, Side
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.reference import AssetKind, Instrument, ReferenceData


@final
class Position:
    """What there is of one asset or perpetual, over all accounts, and what that is worth and did cost.

    A perpetual is one of its own, by its symbol; what was paid for it less what was got, `owed_minor`, is no asset's.

    `price` is twice the mid price in ticks, 0 while there is none; with `numerator` and `denominator` it is
    the exact value of one minor unit. Values are rounded down.
    """

    __slots__ = (
        "asset",
        "cost_minor",
        "counted_in",
        "denominator",
        "directional",
        "is_contract",
        "numerator",
        "owed_minor",
        "price",
        "total_minor",
        "value_minor",
    )

    def __init__(self, asset: str, directional: bool, counted_in: str = "") -> None:
        self.asset = asset
        self.counted_in = counted_in or asset  # The asset of the minor units: of a perpetual, its base.
        self.is_contract = counted_in != ""
        self.directional = directional  # It counts as exposure to the market.
        self.price = 0
        self.numerator = 1
        self.denominator = 1
        self.total_minor = 0
        self.value_minor = 0
        self.owed_minor = 0
        self.cost_minor = 0

    def worth(self, amount_minor: int) -> int:
        return amount_minor * self.price * self.numerator // self.denominator


@final
class Portfolio:
    """All positions of so many accounts with their sums: equity, gross wealth and delta."""

    __slots__ = (
        "_unpriced",
        "complete",
        "cost_minor",
        "delta_minor",
        "equity_minor",
        "gross_minor",
        "opened",
        "positions",
        "realised_minor",
        "unanswered",
    )

    def __init__(self, reference: ReferenceData, accounts: int) -> None:
        self.positions = {asset: position_of(asset, reference) for asset in reference.assets}
        for symbol, instrument in reference.perpetuals.items():
            self.positions[symbol] = priced_by(instrument, Position(symbol, True, instrument.base))
        self.unanswered = accounts
        self._unpriced = 0  # Assets held that have no price.
        self.complete = False
        self.opened = False
        self.equity_minor = 0
        self.gross_minor = 0  # Of absolute values.
        self.delta_minor = 0
        self.cost_minor = 0
        self.realised_minor = 0

    @property
    def unrealised_minor(self) -> int:
        return self.equity_minor - self.cost_minor

    def reprice(self, position: Position, price: int) -> None:
        """`price` is twice the mid in ticks, above 0."""
        if position.price == 0:
            self._first_price(position, price)
        position.price = price
        self._revalue(position)

    def answered(self) -> None:
        """One more account has answered."""
        self.unanswered -= 1
        assert self.unanswered >= 0
        self._look()

    def book(self, fill: OrderFilled, instrument: Instrument) -> None:
        """A fill swaps two assets at one worth, and its fee is a loss."""
        base, quote = self.position(instrument.base), self.position(instrument.quote)
        base_minor = instrument.base_minor(fill.quantity_lots)
        quote_minor = instrument.notional_minor(fill.price_ticks, fill.quantity_lots)
        worth = quote.worth(quote_minor) if quote.price else base.worth(base_minor)
        if fill.side == Side.BUY:
            self._change(quote, -quote_minor, worth)
            self._change(base, base_minor, worth)
        else:
            self._change(base, -base_minor, worth)
            self._change(quote, quote_minor, worth)
        self._pay(quote, fill.fee_minor)

    def correct(self, changes: dict[str, int]) -> None:
        """Amounts changed without a fill. Nobody told why, so what they are worth is a profit or a loss."""
        for asset, change in changes.items():
            position = self.position(asset)
            if self.opened:
                self._explain(position, position.total_minor, change)
            self._add(position, change)

    def move(self, asset: str, change_minor: int) -> None:
        """Brought in (+) or taken out (-), at its worth: no profit and no loss."""
        position = self.position(asset)
        self._change(position, change_minor, position.worth(abs(change_minor)))

    def earn(self, asset: str, change_minor: int) -> None:
        """A margin wallet changed by profit, loss, funding or fees."""
        position = self.position(asset)
        if self.opened and change_minor:
            self._explain(position, position.total_minor, change_minor)
        self._add(position, change_minor)

    def hold(self, symbol: str, change_minor: int, owed_minor: int) -> None:
        """A position in a perpetual changed, in minor units of the base asset, and what is owed for it in those of the
        numeraire. Neither is a profit: what it realised went into a wallet."""
        position = self.position(symbol)
        position.owed_minor += owed_minor
        self.equity_minor -= owed_minor
        self._add(position, change_minor)

    def open(self, memory: Plain) -> None:
        """Begin to count profit, or go on with what `opening` kept. The portfolio is complete."""
        assert self.complete and not self.opened
        self.opened = True
        if memory is None:
            for position in self.positions.values():
                self._cost(position, position.value_minor - position.owed_minor)
            return
        assert isinstance(memory, dict)
        self.realised_minor = int(memory["realised_minor"])
        for asset, (before, cost) in memory["positions"].items():
            position = self.position(asset)
            self._cost(position, int(cost))
            if not position.is_contract:
                self._explain(position, int(before), position.total_minor - int(before))

    def opening(self) -> Plain:
        """What profit is counted from, as plain data."""
        positions = {p.asset: [p.total_minor, p.cost_minor] for p in self.positions.values()}
        return {"realised_minor": self.realised_minor, "positions": positions}

    def position(self, asset: str) -> Position:
        """An asset that the reference data do not know is held without ever having a price."""
        if asset not in self.positions:
            self.positions[asset] = Position(asset, False)
        return self.positions[asset]

    def unpriced(self) -> list[str]:
        return [p.asset for p in self.positions.values() if p.total_minor != 0 and p.price == 0]

    def _first_price(self, position: Position, price: int) -> None:
        position.price = price
        if position.total_minor != 0:
            self._unpriced -= 1
            self._look()

    def _look(self) -> None:
        self.complete = self.unanswered == 0 and self._unpriced == 0

    def _revalue(self, position: Position) -> None:
        value = position.total_minor * position.price * position.numerator // position.denominator
        before = position.value_minor
        position.value_minor = value
        self.equity_minor += value - before
        if position.directional:
            self.delta_minor += value - before
        self.gross_minor += (value if value >= 0 else -value) - (before if before >= 0 else -before)

    def _add(self, position: Position, change_minor: int) -> None:
        held = position.total_minor != 0
        position.total_minor += change_minor
        if position.price != 0:
            self._revalue(position)
        elif held != (position.total_minor != 0):
            self._unpriced += -1 if held else 1
            self._look()

    def _change(self, position: Position, change_minor: int, worth: int) -> None:
        if self.opened:
            self._swap(position, position.total_minor, change_minor, worth)
        self._add(position, change_minor)

    def _pay(self, position: Position, fee_minor: int) -> None:
        """A fee is given for nothing; a rebate (below 0) is got for nothing."""
        worth = position.worth(-fee_minor) if fee_minor < 0 else 0
        if self.opened:
            self.realised_minor += worth
        self._change(position, -fee_minor, worth)

    def _swap(self, position: Position, before: int, change: int, worth: int) -> None:
        """Average cost: what comes in costs its worth, what goes out takes its share of the cost with it."""
        if change >= 0:
            self._cost(position, worth)
            return
        share = position.cost_minor * -change // before if 0 < -change <= before else position.cost_minor
        self._cost(position, -share)
        self.realised_minor += worth - share

    def _explain(self, position: Position, before: int, change: int) -> None:
        worth = position.worth(abs(change))
        self._swap(position, before, change, worth)
        self.realised_minor += worth if change > 0 else -worth

    def _cost(self, position: Position, change: int) -> None:
        position.cost_minor += change
        self.cost_minor += change


def position_of(asset: str, reference: ReferenceData) -> Position:
    """A position with the exact arithmetic of its asset's instrument in the numeraire, where there is one."""
    position = Position(asset, reference.assets[asset].kind is AssetKind.CRYPTO)
    instrument = reference.instruments.get(f"{asset}/{reference.numeraire}")
    if asset == reference.numeraire:
        position.price = 1
    elif instrument is not None:
        priced_by(instrument, position)
    return position


def priced_by(instrument: Instrument, position: Position) -> Position:
    """The position, worth what the instrument says of its base asset."""
    numerator, denominator = instrument.quote_minor_per_tick_lot, 2 * instrument.base_minor_per_lot
    divisor = gcd(numerator, denominator)
    position.numerator, position.denominator = numerator // divisor, denominator // divisor
    return position
