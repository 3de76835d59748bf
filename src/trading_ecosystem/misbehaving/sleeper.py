"""What those that misbehave have in common: they sleep until a price wakes them, and act from then on, for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final, final

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.messages.orders import Side
from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.production.trading_engine.orders import Order
from trading_ecosystem.production.trading_engine.strategies.arbitrage import take
from trading_ecosystem.production.trading_engine.strategies.strategy import NOTHING, PPM, Intention, Place, Strategy
from trading_ecosystem.reference import Instrument, ReferenceData

MILLISECOND_NS = 1_000_000
UNREACHED = (1 << 62) - 1
WAKES_AT: Final = ("above", "below")


@final
@dataclass(frozen=True, kw_only=True)
class Waking:
    """It wakes when twice the middle is at `low_double_ticks` or below, or at `high_double_ticks` or above."""

    instrument: Instrument
    low_double_ticks: int
    high_double_ticks: int
    every_ns: int


def read_instrument(node: Node, reference: ReferenceData) -> Instrument:
    return reference.instruments[node.word(reference.instruments, "instrument")]


def read_waking(node: Node, reference: ReferenceData, *keys: str) -> tuple[Section, Waking]:
    """{instrument: BTC/USD, below: 58000, every: 1s} and a strategy's own keys; `above` is the other way to be woken.

    Raises `Problem`.
    """
    section = node.section(required=("kind", "instrument", "every", *keys), optional=WAKES_AT)
    given = [key for key in WAKES_AT if key in section]
    if len(given) != 1:
        node.fail("a price that wakes it is expected: either above or below")
    instrument = read_instrument(section["instrument"], reference)
    double_ticks = 2 * section[given[0]].positive() / instrument.tick
    waking = Waking(
        instrument=instrument,
        low_double_ticks=floor(double_ticks) if given == ["below"] else 0,
        high_double_ticks=ceil(double_ticks) if given == ["above"] else UNREACHED,
        every_ns=section["every"].duration_ns(MILLISECOND_NS),
    )
    return section, waking


class Sleeper(Strategy):
    """Once its price is reached, it acts at once, and again after every interval: it never goes back to sleep."""

    def __init__(self, waking: Waking, desk: Desk, symbols: tuple[str, ...]) -> None:
        super().__init__(symbols, ())
        self._waking = waking
        self._market = desk.markets[waking.instrument.symbol]
        self._next_ns = 0  # 0: asleep.

    def act(self, now: int) -> Sequence[Intention]:
        """What it does with every interval that passes."""
        raise NotImplementedError

    def on_quote(self, market: Market, now: int) -> Sequence[Intention]:
        if self._next_ns or market is not self._market:
            return NOTHING
        double_ticks, waking = market.double_mid_ticks(), self._waking
        if 0 < double_ticks <= waking.low_double_ticks or double_ticks >= waking.high_double_ticks:
            self._next_ns = now
            return self.on_wake(now)
        return NOTHING

    def on_wake(self, now: int) -> Sequence[Intention]:
        if not self._next_ns or now < self._next_ns:
            return NOTHING
        self._next_ns = now + self._waking.every_ns
        return self.act(now)

    def due_ns(self, otherwise_ns: int) -> int:
        return min(otherwise_ns, self._next_ns) if self._next_ns else otherwise_ns


@final
class Taker:
    """Takes from the book of one instrument, one order at a time: up to the slippage beyond the quote, and what is left
    of the order ends."""

    def __init__(self, market: Market, slippage_ppm: int) -> None:
        self.market = market
        self._slippage_ppm = slippage_ppm
        self._order: Order | None = None

    def trade(self, lots: int) -> Sequence[Intention]:
        """Buys so many lots, or sells them where that is below 0; nothing while its last order has not ended."""
        quote = self.market.quote
        if not lots or quote is None or (self._order is not None and not self._order.closed):
            return NOTHING
        if lots > 0:
            side, price_ticks = Side.BUY, -(-quote.ask_ticks * (PPM + self._slippage_ppm) // PPM)
        else:
            side, price_ticks = Side.SELL, quote.bid_ticks * (PPM - self._slippage_ppm) // PPM
        if price_ticks <= 0:
            return NOTHING
        self._order = take(self.market.instrument.symbol, side, price_ticks, abs(lots))
        return [Place([self._order])]
