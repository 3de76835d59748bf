"""What one account traded, asset by asset: at average cost, in minor units of the numeraire.

Rule 1: realised + unrealised - fees is what its trades brought, to the last minor unit: a cost is split, never lost.
Rule 2: what the account had, and what was moved in or out, is no part of that; it is only worth something.
Rule 3: a trade swaps two assets at one worth, that of what was paid, at the moment of the trade.
"""

from dataclasses import dataclass
from typing import final

from trading_ecosystem.reference import Instrument, ReferenceData


@final
class Unpriced(Exception):
    """An asset is held for which no price is known. Its name is the argument."""


@final
class Marks:
    """The last price of each instrument, in ticks, of any venue."""

    def __init__(self, reference: ReferenceData, ticks: dict[str, int]) -> None:
        self._reference = reference
        self.ticks = dict(ticks)

    def worth_minor(self, asset: str, amount_minor: int) -> int:
        """An amount of an asset, or of the base of a perpetual, in the numeraire, rounded down. Raises `Unpriced`."""
        if asset == self._reference.numeraire or not amount_minor:
            return amount_minor
        perpetual = self._reference.perpetuals.get(asset)
        symbol = asset if perpetual is not None else f"{asset}/{self._reference.numeraire}"
        if symbol not in self.ticks:
            raise Unpriced(asset)
        priced = self._reference.instruments[symbol]
        quote_minor = amount_minor * self.ticks[symbol] * priced.quote_minor_per_tick_lot // priced.base_minor_per_lot
        return quote_minor if perpetual is None else self.worth_minor(perpetual.quote, quote_minor)


@final
@dataclass(slots=True)
class Position:
    """What trading added to an asset: below 0 for short, where the cost is below 0, too."""

    amount_minor: int = 0
    cost_minor: int = 0
    realised_minor: int = 0
    fees_minor: int = 0

    def trade(self, amount_minor: int, worth_minor: int) -> int | None:
        """Bought for so much, or sold with both below 0. Returns what was realised; None where nothing was closed."""
        if amount_minor * self.amount_minor >= 0:
            self.amount_minor += amount_minor
            self.cost_minor += worth_minor
            return None
        closed_minor = min(abs(amount_minor), abs(self.amount_minor))
        cost_minor = self.cost_minor * closed_minor // abs(self.amount_minor)
        closing_minor = worth_minor * closed_minor // abs(amount_minor)
        realised_minor = -closing_minor - cost_minor
        self.realised_minor += realised_minor
        self.amount_minor += amount_minor
        self.cost_minor += worth_minor - closing_minor - cost_minor
        return realised_minor


@final
class Books:
    """Of one account. `closings` counts the trades that closed something, `gains` those of them that brought more than
    their fee; `traded_minor` is the worth of all that was bought and sold."""

    def __init__(self, reference: ReferenceData, marks: Marks) -> None:
        self._reference = reference
        self._marks = marks
        self.holdings: dict[str, int] = {}  # All that it has, in minor units of each asset.
        self.wallets: dict[str, int] = {}  # Margin, by asset.
        self.positions: dict[str, Position] = {}
        self.traded_minor = 0
        self.trades = 0
        self.closings = 0
        self.gains = 0

    def position(self, asset: str) -> Position:
        return self.positions.setdefault(asset, Position())

    def move(self, asset: str, amount_minor: int) -> None:
        self.holdings[asset] = self.holdings.get(asset, 0) + amount_minor

    def trade(self, instrument: Instrument, sign: int, price_ticks: int, lots: int, fee_minor: int) -> None:
        """A buy (1) or a sale (-1). The fee is in the quote asset. Raises `Unpriced`."""
        notional_minor = instrument.notional_minor(price_ticks, lots)
        worth_minor = self._marks.worth_minor(instrument.quote, notional_minor)
        self.trades += 1
        self.traded_minor += worth_minor
        if instrument.terms is not None:
            return  # What it did, the venue tells of the position.
        fee_worth_minor = self._marks.worth_minor(instrument.quote, fee_minor)
        base_minor = instrument.base_minor(lots)
        closed = self._change(instrument.base, sign * base_minor, sign * worth_minor)
        self._change(instrument.quote, -sign * notional_minor, -sign * worth_minor)
        self._change(instrument.quote, -fee_minor, -fee_worth_minor)
        self.position(instrument.base).fees_minor += fee_worth_minor
        self._judge(closed, fee_worth_minor)

    def contract(
        self, symbol: str, lots: int, cost_minor: int, realised_minor: int, fee_minor: int, wallet_minor: int
    ) -> None:
        """The venue's word for a position in a perpetual and its wallet; realised, with funding, since the last one."""
        instrument, position = self._reference.instruments[symbol], self.position(symbol)
        amount_minor = instrument.base_minor(lots)
        closes = abs(amount_minor) < abs(position.amount_minor) or amount_minor * position.amount_minor < 0
        position.amount_minor = amount_minor
        position.cost_minor = self._marks.worth_minor(instrument.quote, cost_minor)
        fee_worth_minor = self._marks.worth_minor(instrument.quote, fee_minor)
        gained_minor = self._marks.worth_minor(instrument.quote, realised_minor)
        position.realised_minor += gained_minor
        position.fees_minor += fee_worth_minor
        self.wallets[instrument.quote] = wallet_minor
        self._judge(gained_minor if closes else None, fee_worth_minor)

    def unrealised_minor(self, asset: str) -> int:
        position = self.positions[asset]
        return self._marks.worth_minor(asset, position.amount_minor) - position.cost_minor

    def profit_minor(self) -> int:
        """What its trades brought until now. Raises `Unpriced`."""
        return sum(
            position.realised_minor - position.fees_minor + self.unrealised_minor(asset)
            for asset, position in self.positions.items()
        )

    def worth_minor(self) -> int:
        """All that it has, margin and open contracts included. Raises `Unpriced`."""
        worth = self._marks.worth_minor
        held = sum(worth(asset, amount) for asset, amount in self.holdings.items())
        margin = sum(worth(asset, amount) for asset, amount in self.wallets.items())
        contracts = sum(self.unrealised_minor(each) for each in self.positions if each in self._reference.perpetuals)
        return held + margin + contracts

    def _change(self, asset: str, amount_minor: int, worth_minor: int) -> int | None:
        self.move(asset, amount_minor)
        if asset == self._reference.numeraire:
            return None
        return self.position(asset).trade(amount_minor, worth_minor)

    def _judge(self, gained_minor: int | None, fee_minor: int) -> None:
        if gained_minor is not None:
            self.closings += 1
            self.gains += gained_minor > fee_minor
