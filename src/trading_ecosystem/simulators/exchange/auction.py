"""Halts and what ends them: the opening auction, which trades what was collected at one price.

Rule 1: before the price is found, each account's own orders are parted that would cross each other.
Rule 2: all trades of an auction are at its price, by price and time; afterwards the book is not crossed.
Rule 3: the book of a market that is halted is not crossed: what an auction had collected goes, what came last first.
"""

from typing import final

from trading_ecosystem.messages.market import MarketPhase, PhaseReason
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelReason, SelfTradeMode
from trading_ecosystem.simulators.exchange.clearing import clearing_of
from trading_ecosystem.simulators.exchange.market import Market
from trading_ecosystem.simulators.exchange.matching import Matching, later_of
from trading_ecosystem.simulators.exchange.order import Order
from trading_ecosystem.simulators.exchange.phases import UNKNOWN_NS, PhaseStep


@final
class Auctions:
    """Methods append what they have to say to `out`."""

    __slots__ = ("_by_number", "_matching", "_phases")

    def __init__(self, matching: Matching) -> None:
        self._matching = matching
        self._phases = matching.phases
        self._by_number = list(matching.markets.values())

    # Time.

    def due(self, now: int) -> list[Market]:
        """The markets whose phase ends, in the order in which they do."""
        return [self._by_number[number] for number in self._phases.ends.due(now)]

    def end_phase(self, market: Market, now: int, out: list[Message]) -> None:
        """A halt becomes an auction, of its whole length however late that is; an auction is uncrossed."""
        if market.phase is MarketPhase.HALTED:
            self._call(market, now, out)
            return
        assert market.phase is MarketPhase.AUCTION
        self._uncross(market, now, out)
        self._phases.change(market, PhaseStep.OPEN, PhaseReason.AUCTION_OVER, UNKNOWN_NS, now, out)
        if market.last_ticks:
            self._matching.release(market, now, out)

    # Halts of the venue.

    def hold(self, market: Market, injection_id: str, auction_ns: int, now: int, out: list[Message]) -> None:
        """Halt a market until `let_go`, whatever its phase."""
        assert not market.held_by
        market.held_by = injection_id
        market.auction_ns = auction_ns
        if market.phase is MarketPhase.HALTED:
            self._phases.forget(market)
            out.append(self._phases.told(market, PhaseReason.VENUE_HALT, now))
            return
        self._phases.change(market, PhaseStep.HALT, PhaseReason.VENUE_HALT, UNKNOWN_NS, now, out)
        self._uncollect(market, now, out)

    def let_go(self, market: Market, now: int, out: list[Message]) -> None:
        market.held_by = ""
        self._call(market, now, out)

    def tell_again(self, now: int, out: list[Message]) -> None:
        """Say which markets are not open, to those who may have missed it."""
        for market in self._by_number:
            if not market.is_open:
                out.append(self._phases.told(market, PhaseReason.VENUE_BACK, now))

    def _call(self, market: Market, now: int, out: list[Message]) -> None:
        self._phases.change(market, PhaseStep.CALL, PhaseReason.HALT_OVER, now + market.auction_ns, now, out)

    def _uncollect(self, market: Market, now: int, out: list[Message]) -> None:
        while market.book.is_crossed():
            bid, ask = market.book.bids.first(), market.book.asks.first()
            self._matching.cancel(later_of(bid, ask), CancelReason.MARKET_HALTED, now, out)

    # The auction.

    def _uncross(self, market: Market, now: int, out: list[Message]) -> None:
        bids, asks = by_account(market.book.bids.orders()), by_account(market.book.asks.orders())
        for number in sorted(bids):
            self._part_own(market, bids[number], asks.get(number, []), now, out)
        clearing = clearing_of(market.book, market.reference_ticks())
        if clearing is not None:
            self._matching.trade_at(market, clearing.price_ticks, now, out)
        assert not market.book.is_crossed(), market.symbol

    def _part_own(self, market: Market, bids: list[Order], asks: list[Order], now: int, out: list[Message]) -> None:
        """Part the best bid and the best ask of an account, as long as they cross. The mode of the later one counts."""
        while bids and asks and bids[0].price_ticks >= asks[0].price_ticks:
            later = later_of(bids[0], asks[0])
            self._part(market, later, asks[0] if later is bids[0] else bids[0], now, out)
            for orders in (bids, asks):
                if orders[0].leaves_lots == 0:
                    orders.pop(0)

    def _part(self, market: Market, later: Order, earlier: Order, now: int, out: list[Message]) -> None:
        mode = later.self_trade
        matching = self._matching
        if mode is SelfTradeMode.DECREMENT:
            common_lots = min(later.leaves_lots, earlier.leaves_lots)
            matching.lessen(market, earlier, common_lots, now, out)
            matching.lessen(market, later, common_lots, now, out)
            return
        if mode is not SelfTradeMode.CANCEL_INCOMING:
            matching.cancel(earlier, CancelReason.SELF_TRADE, now, out)
        if mode is SelfTradeMode.CANCEL_INCOMING or mode is SelfTradeMode.CANCEL_BOTH:
            matching.cancel(later, CancelReason.SELF_TRADE, now, out)


def by_account(orders: list[Order]) -> dict[int, list[Order]]:
    """By the number of the account, in the order in which they came."""
    found: dict[int, list[Order]] = {}
    for order in orders:
        found.setdefault(order.account.number, []).append(order)
    return found
