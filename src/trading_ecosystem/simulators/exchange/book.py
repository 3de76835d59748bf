"""The order book of one instrument: best price first, and at one price first come, first served.

Rule 1: a price level holds its orders in the order of their arrival, and a level without orders is gone.
Rule 2: after an event the book is not crossed, but in an auction: the best bid is below the best ask.
Rule 3: of an iceberg only a part is shown; when that is gone the next part queues at the end of its price.
"""

from bisect import bisect_left, insort
from typing import Final, final

from trading_ecosystem.messages.orders import SelfTradeMode
from trading_ecosystem.simulators.exchange.order import Level, Order

SKIPS_OWN: Final = (SelfTradeMode.UNSPECIFIED, SelfTradeMode.CANCEL_RESTING)


@final
class BookSide:
    """Levels by key: the price for bids, its negative for asks, so that the best is the last of the sorted `keys`."""

    __slots__ = ("best", "is_bids", "keys", "levels")

    def __init__(self, is_bids: bool) -> None:
        self.is_bids = is_bids
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}
        self.best: Level | None = None

    def key_of(self, price_ticks: int) -> int:
        """The key of a price, and the price of a key."""
        return price_ticks if self.is_bids else -price_ticks

    def first(self) -> Order:
        """The order that is met first, of a side that has one."""
        order = self.levels[self.keys[-1]].head
        assert order is not None
        return order

    def add(self, order: Order) -> None:
        key = self.key_of(order.price_ticks)
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = Level(key)
            if self.best is None or key > self.best.key:
                self.keys.append(key)
                self.best = level
            else:
                insort(self.keys, key)
        level.append(order)

    def reduce(self, order: Order, lots: int) -> None:
        """Take `lots`, which were shown, off a resting order. One with none left leaves the book."""
        level = level_of(order)
        level.lots -= lots
        if order.leaves_lots > 0:
            if order.leaves_lots == order.hidden_lots:
                level.unlink(order)
                order.show_next()
                level.append(order)
            return
        level.unlink(order)
        if level.head is None:
            self._drop(level)

    def resize(self, order: Order, quantity_lots: int) -> None:
        """Give a resting order another whole quantity in its place."""
        level = level_of(order)
        level.lots -= order.leaves_lots - order.hidden_lots
        order.resize(quantity_lots)
        level.lots += order.leaves_lots - order.hidden_lots

    def remove(self, order: Order) -> None:
        """Take out an order that is still open."""
        level = level_of(order)
        level.lots -= order.leaves_lots - order.hidden_lots
        level.unlink(order)
        if level.head is None:
            self._drop(level)

    def _drop(self, level: Level) -> None:
        assert level.lots == 0
        del self.levels[level.key]
        if level is self.best:
            self.keys.pop()
            self.best = self.levels[self.keys[-1]] if self.keys else None
        else:
            del self.keys[bisect_left(self.keys, level.key)]

    def reaches(self, key: int, limit_ticks: int) -> bool:
        """Whether an order with this limit takes from a level; 0 is no limit."""
        return limit_ticks == 0 or key >= self.key_of(limit_ticks)

    def within_reach(self, taker: Order) -> list[Order]:
        """What an order would take from, by priority, as far as its own size and its self-trade mode let it."""
        found: list[Order] = []
        lots = 0
        for key in reversed(self.keys):
            if not self.reaches(key, taker.price_ticks):
                return found
            order = self.levels[key].head
            while order is not None:
                if order.account is not taker.account:
                    found.append(order)
                    lots += order.leaves_lots
                elif taker.self_trade not in SKIPS_OWN:
                    return found
                if lots >= taker.quantity_lots > 0:
                    return found
                order = order.following
        return found

    def orders(self) -> list[Order]:
        """All orders by priority."""
        found: list[Order] = []
        for key in reversed(self.keys):
            order = self.levels[key].head
            while order is not None:
                found.append(order)
                order = order.following
        return found


def level_of(order: Order) -> Level:
    level = order.level
    assert level is not None, order.order_id
    return level


@final
class Book:
    """Both sides, and the top as it was last published."""

    __slots__ = ("ask_lots", "ask_ticks", "asks", "bid_lots", "bid_ticks", "bids", "symbol", "top_sequence")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.bids = BookSide(is_bids=True)
        self.asks = BookSide(is_bids=False)
        self.bid_ticks = self.bid_lots = self.ask_ticks = self.ask_lots = 0
        self.top_sequence = 0

    def side(self, is_buy: bool) -> BookSide:
        return self.bids if is_buy else self.asks

    def would_take(self, is_buy: bool, price_ticks: int) -> bool:
        against = self.side(not is_buy)
        best = against.best
        return best is not None and best.key >= against.key_of(price_ticks)

    def is_crossed(self) -> bool:
        bids, asks = self.bids.keys, self.asks.keys
        return len(bids) > 0 and len(asks) > 0 and bids[-1] >= -asks[-1]

    def take_top(self, is_open: bool = True) -> bool:
        """Bring the top up to date; True when it changed. Asserts that the book is not crossed.

        Nothing can be taken from the book of a market that is not open, so its top is empty.
        """
        bid, ask = (self.bids.best, self.asks.best) if is_open else (None, None)
        bid_ticks = bid_lots = ask_ticks = ask_lots = 0
        if bid is not None:
            bid_ticks, bid_lots = bid.key, bid.lots
        if ask is not None:
            ask_ticks, ask_lots = -ask.key, ask.lots
            assert bid_ticks < ask_ticks, (self.symbol, bid_ticks, ask_ticks)
        if (
            bid_lots == self.bid_lots
            and ask_lots == self.ask_lots
            and bid_ticks == self.bid_ticks
            and ask_ticks == self.ask_ticks
        ):
            return False
        self.bid_ticks, self.bid_lots, self.ask_ticks, self.ask_lots = bid_ticks, bid_lots, ask_ticks, ask_lots
        self.top_sequence += 1
        return True
