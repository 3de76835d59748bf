"""What market orders of growing size cost on a venue's background ladder: impact, measured by the exchange core itself.

Impact is how far the mean price of an order is from the middle of the reference quote before it, in parts of that. The
reference walks with the mean move that the world calls calm, or the one that it calls a storm; after every order the
background lays its ladder anew, as it always does once somebody has taken from it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, final

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.orders import OrderFilled, OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.reference import Instrument, ReferenceData
from trading_ecosystem.simulators.exchange.accounts import BACKGROUND
from trading_ecosystem.simulators.exchange.config import ExchangeConfig, LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange, prefix_of
from trading_ecosystem.simulators.exchange.liquidity import STRESS_QUOTES, geometric
from trading_ecosystem.simulators.exchange.market import PPM

TAKER: Final = "taker"
SECOND_NS: Final = 1_000_000_000
WARM_UP: Final = 8 * STRESS_QUOTES  # Quotes until the measured move has forgotten its beginning.
SIZES: Final = 12


class Weather(StrEnum):
    CALM = "calm"
    STORM = "storm"


@final
@dataclass(frozen=True, kw_only=True)
class Curve:
    """Mean impact of orders of growing size. `exponent`: b of a * quantity**b, fitted to it."""

    sizes_lots: tuple[int, ...]
    impacts_ppm: tuple[float, ...]
    exponent: float


def far_exponent(config: LiquidityConfig) -> float | None:
    """What the exponent comes to far out on the ladder; None where levels do not grow, and no power law is there."""
    if config.growth_ppm == 0:
        return None
    return math.log1p(config.spacing_ppm / PPM) / math.log1p(config.growth_ppm / PPM)


def measured(
    venue: str,
    config: ExchangeConfig,
    reference: ReferenceData,
    accounts: dict[str, dict[str, int]],
    symbol: str,
    middle_ticks: int,
    orders: int,
    seed: int,
) -> dict[Weather, Curve]:
    """Of so many orders per size, buys and sells by turns. `venue` is the instance whose accounts these are; `symbol`
    needs to have background liquidity."""
    found: dict[Weather, Curve] = {}
    for weather in Weather:
        bench = Bench(venue, config, reference, accounts, symbol, middle_ticks, weather, seed)
        sizes = sizes_of(config.liquidity, symbol, weather)
        impacts = [bench.impact_ppm(lots, orders) for lots in sizes]
        found[weather] = Curve(sizes_lots=tuple(sizes), impacts_ppm=tuple(impacts), exponent=fitted(sizes, impacts))
    return found


def sizes_of(config: LiquidityConfig, symbol: str, weather: Weather) -> list[int]:
    """From the first level of the ladder to all of it, in lots; each larger than the one before by the same factor."""
    first = config.instruments[symbol].depth_lots
    if weather is Weather.STORM:
        first = max(1, first * config.stressed_depth_ppm // PPM)
    levels = geometric(config.levels, config.growth_ppm)
    factor = sum(levels) / PPM
    return sorted({max(1, int(first * factor ** (step / (SIZES - 1)))) for step in range(SIZES)})


def fitted(sizes: Sequence[int], impacts: Sequence[float]) -> float:
    """The slope of log impact over log size, by least squares."""
    xs, ys = [math.log(lots) for lots in sizes], [math.log(ppm) for ppm in impacts]
    middle_x, middle_y = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    over = math.fsum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
    return over / math.fsum((x - middle_x) ** 2 for x in xs)


@final
class Bench:
    """One venue in one weather, and a reference quote that walks."""

    def __init__(
        self,
        venue: str,
        config: ExchangeConfig,
        reference: ReferenceData,
        accounts: dict[str, dict[str, int]],
        symbol: str,
        middle_ticks: int,
        weather: Weather,
        seed: int,
    ) -> None:
        own = config.liquidity.instruments[symbol]
        self._instrument: Instrument = reference.instruments[symbol]
        ruleless = replace(config, rules={})  # Whoever would sweep a ladder is not asked how large an order may be.
        rich = accounts[prefix_of(venue) + BACKGROUND]
        self._name = venue
        self._venue = Exchange(venue, ruleless, reference, {**accounts, TAKER: rich}, seed)
        self._dice = Dice(seed, f"impact.{weather}.{symbol}")
        self._move_ppm = own.calm_move_ppm if weather is Weather.CALM else own.storm_move_ppm
        self._start = self._middle = 2 * middle_ticks
        self._quotes = 0
        self._orders = 0
        for _ in range(WARM_UP):
            self._walk()

    def impact_ppm(self, lots: int, orders: int) -> float:
        """The mean over orders of that size, each on a ladder that is whole."""
        found: list[float] = []
        for _ in range(orders):
            self._walk()
            paid, filled = self._take(lots)
            assert filled > 0, "a background whose accounts are full has a ladder"
            found.append(abs(2 * paid - self._middle * filled) * PPM / (self._middle * filled))
        return math.fsum(found) / orders

    def _walk(self) -> None:
        """By the weather's mean move, back towards where it began the further it is away; the spread is a tick."""
        self._quotes += 1
        step = max(1, self._middle * self._move_ppm // PPM)
        away_ppm = (self._middle - self._start) * PPM // self._start
        rises = self._dice.below(PPM, self._quotes) >= PPM // 2 + max(-PPM // 3, min(PPM // 3, 10 * away_ppm))
        self._middle += step if rises else -step
        bid = (self._middle - 1) // 2
        now = self._quotes * SECOND_NS
        self._middle = 2 * bid + 1
        self._venue.handle(QuotePublished(self._instrument.symbol, bid, 1, bid + 1, 1, self._quotes, now), now)

    def _take(self, lots: int) -> tuple[int, int]:
        """Price times lots over all fills, and lots."""
        self._orders += 1
        side = Side.BUY if self._orders % 2 else Side.SELL
        order = SubmitOrder(
            *(self._name, TAKER, str(self._orders), self._instrument.symbol, side, OrderType.MARKET, TimeInForce.IOC),
            *(0, lots, False),
        )
        said = self._venue.handle(order, self._quotes * SECOND_NS)
        fills = [told for told in said if isinstance(told, OrderFilled) and told.account == TAKER]
        return sum(fill.price_ticks * fill.quantity_lots for fill in fills), sum(fill.quantity_lots for fill in fills)
