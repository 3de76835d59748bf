"""A flow of orders for one instrument, seeded: what 64 accounts send to a venue, in the order in which it comes.

Of 100 commands 40 are limit orders near the touch, 40 cancels (4 of them too late), 15 limit orders that match, 5
market orders. The book settles at some 1,000 levels and 6,000 orders.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelOrder, OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.simulators.exchange.config import ExchangeConfig, LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange

T = TypeVar("T")
SYMBOL = "BTC/USD"
ACCOUNTS = [f"account-{number:02}" for number in range(64)]
MIDDLE = 50_000
LEVELS, PER_LEVEL = 500, 4
ASSETS = {"USD": Asset("USD", AssetKind.FIAT, 8), "BTC": Asset("BTC", AssetKind.CRYPTO, 8)}
REFERENCE = ReferenceData(
    "USD", list(ASSETS.values()), [instrument(SYMBOL, Decimal("0.01"), Decimal("0.0001"), ASSETS)]
)
NO_LIQUIDITY = LiquidityConfig(
    levels=1,
    spacing_ppm=500_000,
    growth_ppm=0,
    follow_ppm=500_000,
    stressed_spread_ppm=1_000_000,
    stressed_depth_ppm=1_000_000,
    noise_ppm=0,
    instruments={},
)


def venue() -> Exchange:
    config = ExchangeConfig(maker_fee_ppm=100, taker_fee_ppm=300, heartbeat_ns=1_000_000_000, liquidity=NO_LIQUIDITY)
    held = {"USD": 10**18, "BTC": 10**18}
    return Exchange("exchange", config, REFERENCE, dict.fromkeys(ACCOUNTS, held), seed=1)


def submit(
    number: int,
    account: str,
    side: Side,
    price_ticks: int,
    lots: int,
    time_in_force: TimeInForce = TimeInForce.GTC,
    post_only: bool = False,
) -> SubmitOrder:
    order_type = OrderType.LIMIT if price_ticks else OrderType.MARKET
    return SubmitOrder(
        "exchange", account, f"o{number}", SYMBOL, side, order_type, time_in_force, price_ticks, lots, post_only
    )


class Draws:
    """One draw after the other."""

    def __init__(self, seed: int) -> None:
        self._dice = Dice(seed, "flow")
        self._drawn = 0

    def share(self) -> float:
        self._drawn += 1
        return self._dice.uniform(self._drawn)

    def between(self, least: int, most: int) -> int:
        return least + int(self.share() * (most - least + 1))

    def around(self, mean: float) -> int:
        """Exponentially distributed."""
        return int(-math.log(self.share()) * mean)

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[int(self.share() * len(choices))]


class Flow:
    """Draws commands, and has a venue carry them out to know its touch and which orders are open."""

    def __init__(self, seed: int) -> None:
        self.dice = Draws(seed)
        self.venue = venue()
        self.commands: list[Message] = []
        self.number = 0
        self.recent: list[SubmitOrder] = []
        self.gone: list[SubmitOrder] = []
        self.top = (MIDDLE, MIDDLE)
        self.ended: set[str] = set()

    def send(self, command: Message) -> None:
        self.commands.append(command)
        for told in self.venue.handle(command, len(self.commands)):
            kind = type(told).__name__
            if kind == "BookTopChanged":
                self.top = (told.bid_ticks or self.top[0], told.ask_ticks or self.top[1])  # type: ignore[attr-defined]
            elif kind == "OrderCanceled" or (kind == "OrderFilled" and not told.leaves_quantity_lots):  # type: ignore[attr-defined]
                self.ended.add(told.client_order_id)  # type: ignore[attr-defined]

    def order(self, side: Side, price_ticks: int, lots: int, *terms: object) -> SubmitOrder:
        self.number += 1
        order = submit(self.number, self.dice.one_of(ACCOUNTS), side, price_ticks, lots, *terms)  # type: ignore[arg-type]
        self.send(order)
        return order

    def fill_book(self) -> None:
        for distance in range(1, LEVELS + 1):
            for _ in range(PER_LEVEL):
                self.order(Side.BUY, MIDDLE - distance, self.dice.between(10, 100))
                self.order(Side.SELL, MIDDLE + distance, self.dice.between(10, 100))

    def side(self) -> Side:
        """Back towards the middle, the more the further away."""
        away = sum(self.top) / 2 - MIDDLE
        buys = 0.5 - max(-0.3, min(0.3, away / 100))
        return Side.BUY if self.dice.share() < buys else Side.SELL

    def step(self) -> None:
        chance = self.dice.share()
        if chance < 0.40:
            self.add()
        elif chance < 0.80:
            self.cancel()
        elif chance < 0.95:
            self.take()
        else:
            self.order(self.side(), 0, self.dice.between(1, 30), TimeInForce.IOC)

    def add(self) -> None:
        side, dice = self.side(), self.dice
        offset = min(dice.around(8), 400)
        price_ticks = self.top[1] - 1 - offset if side is Side.BUY else self.top[0] + 1 + offset
        terms = (TimeInForce.GTC, dice.share() < 0.1)
        self.recent.append(self.order(side, price_ticks, dice.between(50, 150), *terms))

    def take(self) -> None:
        side, dice = self.side(), self.dice
        price_ticks = self.top[1] + dice.between(0, 3) if side is Side.BUY else self.top[0] - dice.between(0, 3)
        terms = TimeInForce.GTC if dice.share() < 0.5 else TimeInForce.IOC
        self.recent.append(self.order(side, price_ticks, dice.between(1, 40), terms))

    def cancel(self) -> None:
        dice = self.dice
        order = None
        if self.gone and dice.share() < 0.1:
            order = dice.one_of(self.gone[-1000:])
        while order is None and self.recent:
            found = self.recent.pop(max(0, len(self.recent) - 1 - dice.around(300)))
            order = None if found.client_order_id in self.ended else found
        if order is not None:
            self.gone.append(order)
            self.send(CancelOrder("exchange", order.account, order.client_order_id))


def commands(count: int, seed: int = 7) -> tuple[list[Message], int]:
    """That many commands after those that fill the book, and how many fill it."""
    flow = Flow(seed)
    flow.fill_book()
    filling = len(flow.commands)
    while len(flow.commands) < filling + count:
        flow.step()
    return flow.commands, filling
