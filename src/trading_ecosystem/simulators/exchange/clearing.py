"""At which price an auction trades.

Rule 1: of all prices it is the one at which most lots trade; of those the one that leaves the fewest over; of those the
    nearest to the reference; of two as near the lower.
Rule 2: all of an iceberg counts, what it does not show too.
"""

from typing import final

from trading_ecosystem.simulators.exchange.book import Book, BookSide


@final
class Clearing:
    """`imbalance_lots` is how much more there is on one side than on the other, at or better than the price."""

    __slots__ = ("imbalance_lots", "lots", "price_ticks")

    def __init__(self, price_ticks: int, lots: int, imbalance_lots: int) -> None:
        self.price_ticks = price_ticks
        self.lots = lots
        self.imbalance_lots = imbalance_lots


def clearing_of(book: Book, reference_ticks: int) -> Clearing | None:
    """None where nothing trades at any price. Without a reference, which is then 0, the lowest price wins.

    Lots and imbalance change at limits alone. So only limits are tried, the prices next to them, and the reference.
    """
    bids, asks = depths(book.bids), depths(book.asks)
    best: Clearing | None = None
    bid_lots, ask_lots, asked = sum([lots for _, lots in bids]), 0, 0
    for price_ticks in candidates(bids, asks, reference_ticks):
        while bids[-1][0] < price_ticks:
            bid_lots -= bids.pop()[1]
        while asked < len(asks) and asks[asked][0] <= price_ticks:
            ask_lots += asks[asked][1]
            asked += 1
        found = Clearing(price_ticks, min(bid_lots, ask_lots), abs(bid_lots - ask_lots))
        if best is None or is_better(found, best, reference_ticks):
            best = found
    return best


def is_better(found: Clearing, best: Clearing, reference_ticks: int) -> bool:
    """Whether a price comes before one that is lower."""
    if found.lots != best.lots:
        return found.lots > best.lots
    if found.imbalance_lots != best.imbalance_lots:
        return found.imbalance_lots < best.imbalance_lots
    return abs(found.price_ticks - reference_ticks) < abs(best.price_ticks - reference_ticks)


def depths(side: BookSide) -> list[tuple[int, int]]:
    """Limits in ticks and all lots at each, best first."""
    found: list[tuple[int, int]] = []
    for key in reversed(side.keys):
        lots = 0
        order = side.levels[key].head
        while order is not None:
            lots += order.leaves_lots
            order = order.following
        found.append((side.key_of(key), lots))
    return found


def candidates(bids: list[tuple[int, int]], asks: list[tuple[int, int]], reference_ticks: int) -> list[int]:
    """Prices at which something could trade, ascending."""
    if not bids or not asks or bids[0][0] < asks[0][0]:
        return []
    low_ticks, high_ticks = asks[0][0], bids[0][0]
    tried = [reference_ticks]
    for limit_ticks, _ in bids + asks:
        tried.extend((limit_ticks - 1, limit_ticks, limit_ticks + 1))
    tried.sort()
    found: list[int] = []
    for price_ticks in tried:
        if low_ticks <= price_ticks <= high_ticks and (not found or found[-1] != price_ticks):
            found.append(price_ticks)
    return found
