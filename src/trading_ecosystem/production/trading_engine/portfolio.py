"""What the desk has traded since its start: positions at average cost, realised and unrealised profit.

All of it in minor units of the numeraire, whatever an instrument is quoted in: a fill swaps two assets at one worth.

Rule 1: realised + unrealised = what the desk's trades brought, to the last minor unit: a cost is split, never lost.
Rule 2: what the desk had at its start is no part of it, and no transfer is a profit or a loss.
Rule 3: what could not be valued when it happened is told (`certain`), and not guessed.
"""

from dataclasses import dataclass
from typing import final

from trading_ecosystem.messages.orders import OrderFilled, Side
from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.reference import Instrument


@final
@dataclass(frozen=True)
class PositionLine:
    """One asset or perpetual, an amount below 0 for short. What it cost is below 0 where it brought money."""

    asset: str
    amount_minor: int
    cost_minor: int
    value_minor: int
    realised_minor: int

    @property
    def unrealised_minor(self) -> int:
        return self.value_minor - self.cost_minor


@final
@dataclass(frozen=True)
class Statement:
    """`fees_minor` are part of what is realised. `certain` is false where something had no price."""

    realised_minor: int
    unrealised_minor: int
    fees_minor: int
    certain: bool
    positions: tuple[PositionLine, ...]


@final
class Holding:
    __slots__ = ("amount_minor", "cost_minor", "realised_minor", "start_minor")

    def __init__(self, start_minor: int) -> None:
        self.start_minor = start_minor  # Beyond the opening, when this life of the desk began.
        self.amount_minor = 0
        self.cost_minor = 0
        self.realised_minor = 0

    def add(self, amount_minor: int, worth_minor: int) -> None:
        """Bought for so much; both below 0 for a sale. What closes a position takes its share of the cost along."""
        closed_minor = min(abs(amount_minor), abs(self.amount_minor)) if amount_minor * self.amount_minor < 0 else 0
        if closed_minor:
            cost_minor = self.cost_minor * closed_minor // abs(self.amount_minor)
            closing_worth_minor = worth_minor * closed_minor // abs(amount_minor)
            self.realised_minor -= cost_minor + closing_worth_minor
            self.cost_minor -= cost_minor
            worth_minor -= closing_worth_minor
        self.amount_minor += amount_minor
        self.cost_minor += worth_minor


@final
class Portfolio:
    __slots__ = ("_certain", "_desk", "_fees_minor", "_holdings", "_known", "_markets")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._markets = valuing_markets(desk)
        self._holdings: dict[str, Holding] = {}
        self._known = False  # The venue has said what the desk has.
        self._fees_minor = 0
        self._certain = True

    def fill(self, fill: OrderFilled, instrument: Instrument) -> None:
        """Take a fill that the positions have taken. Its fee is a loss in what was traded."""
        if not self._known:
            return  # The venue's first report has it already.
        traded = instrument.base if instrument.terms is None else instrument.symbol
        quote_minor = instrument.notional_minor(fill.price_ticks, fill.quantity_lots)
        sign = 1 if fill.side is Side.BUY else -1
        worth_minor = self._worth(instrument.quote, quote_minor)
        self._change(traded, sign * instrument.base_minor(fill.quantity_lots), worth_minor)
        fee_worth_minor = self._worth(instrument.quote, fill.fee_minor)
        self._holdings[traded].realised_minor -= fee_worth_minor
        self._fees_minor += fee_worth_minor
        if instrument.terms is None:  # A perpetual is paid for in margin, not in its quote asset.
            self._change(instrument.quote, -sign * quote_minor, worth_minor)
            self._change(instrument.quote, -fill.fee_minor, abs(fee_worth_minor))

    def align(self) -> None:
        """Take what the venue's word changed without a fill: at today's worth, so that it is no profit and no loss."""
        positions = self._desk.positions
        for asset in self._markets:
            excess_minor = positions.excess_minor(asset)
            if not self._known:
                self._holdings[asset] = Holding(excess_minor)
                continue
            holding = self._holdings[asset]
            missed_minor = excess_minor - holding.start_minor - holding.amount_minor
            if missed_minor:
                self._change(asset, missed_minor, abs(self._worth(asset, missed_minor)))
        self._known = True

    def statement(self) -> Statement:
        lines = [
            PositionLine(
                asset, each.amount_minor, each.cost_minor, self._value(asset, each.amount_minor), each.realised_minor
            )
            for asset, each in self._holdings.items()
            if each.amount_minor or each.cost_minor or each.realised_minor
        ]
        return Statement(
            realised_minor=sum([line.realised_minor for line in lines]),
            unrealised_minor=sum([line.unrealised_minor for line in lines]),
            fees_minor=self._fees_minor,
            certain=self._certain and all([self._priced(line.asset) or not line.amount_minor for line in lines]),
            positions=tuple(lines),
        )

    def _change(self, asset: str, amount_minor: int, worth_minor: int) -> None:
        """Got (+) or given away (-), and what that amount is worth."""
        if asset in self._holdings:
            self._holdings[asset].add(amount_minor, worth_minor if amount_minor > 0 else -worth_minor)

    def _worth(self, asset: str, amount_minor: int) -> int:
        self._certain = self._certain and self._priced(asset)
        return self._value(asset, amount_minor)

    def _value(self, asset: str, amount_minor: int) -> int:
        if asset == self._desk.numeraire:
            return amount_minor
        market = self._markets[asset]
        quote_minor = market.value_minor(amount_minor)
        conversion = self._desk.conversion(market.instrument.quote)
        return quote_minor if conversion is None else conversion.value_minor(quote_minor)

    def _priced(self, asset: str) -> bool:
        if asset == self._desk.numeraire:
            return True
        market = self._markets[asset]
        conversion = self._desk.conversion(market.instrument.quote)
        return market.quote is not None and (conversion is None or conversion.quote is not None)


def valuing_markets(desk: Desk) -> dict[str, Market]:
    """The market that values each asset or perpetual that the desk trades: one in the numeraire, where there is one."""
    markets: dict[str, Market] = {}
    for market in desk.markets.values():
        if market.holding not in markets or market.instrument.quote == desk.numeraire:
            markets[market.holding] = market
    return markets
