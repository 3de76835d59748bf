"""Matching: orders meet in the books, money moves, and the parties are told.

Rule 1: a match is at the resting order's price, or at the auction's; no order meets another of its own account.
Rule 2: money moves in `_pay` and nowhere else; what an order locks is released with its last lot.
Rule 3: after an order that traded, those go that its price triggers, one by one, before anybody else has a turn.
"""

from typing import Final, final

from trading_ecosystem.messages.market import MarketPhase
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelReason, Liquidity, SelfTradeMode, TimeInForce
from trading_ecosystem.simulators.exchange.accounts import FEES, Account, Accounts
from trading_ecosystem.simulators.exchange.announcements import (
    accepted,
    accepted_to_wait,
    amended,
    canceled,
    executed,
    filled,
    triggered,
    wait_canceled,
)
from trading_ecosystem.simulators.exchange.book import BookSide
from trading_ecosystem.simulators.exchange.deadlines import Deadlines
from trading_ecosystem.simulators.exchange.market import ANY_PRICE, PPM, Market, fee_minor
from trading_ecosystem.simulators.exchange.order import BUY, NO_PARTNER, Order
from trading_ecosystem.simulators.exchange.phases import Phases
from trading_ecosystem.simulators.exchange.recent import RecentTrades
from trading_ecosystem.simulators.exchange.waiting import WaitingOrder

MAKER: Final = Liquidity.MAKER
TAKER: Final = Liquidity.TAKER
CANCEL_INCOMING: Final = SelfTradeMode.CANCEL_INCOMING
CANCEL_BOTH: Final = SelfTradeMode.CANCEL_BOTH
DECREMENT: Final = SelfTradeMode.DECREMENT
IOC: Final = TimeInForce.IOC
FOK: Final = TimeInForce.FOK
HALTED: Final = MarketPhase.HALTED


@final
class Matching:
    """All books of a venue, over one set of accounts. Methods append what they have to say to `out`.

    `open_orders` and `waiting_orders` are by the number of the account and the `client_order_id`, which no two open
    orders of an account share. `expiring` are those that have an end, by `order_id`. Where it
    `counts_turnover`, the accounts know what they traded.
    """

    __slots__ = (
        "_fees",
        "_venue",
        "counts_turnover",
        "expiries",
        "expiring",
        "last_order_id",
        "last_trade_id",
        "markets",
        "open_orders",
        "phases",
        "recent_trades",
        "waiting_orders",
    )

    def __init__(self, venue: str, markets: dict[str, Market], accounts: Accounts) -> None:
        self._venue = venue
        self._fees = accounts.by_name[FEES]
        self.markets = markets
        self.counts_turnover = False
        self.phases = Phases(venue)
        for number, market in enumerate(markets.values()):
            market.number = number
        self.last_order_id = 0
        self.last_trade_id = 0
        self.open_orders: list[dict[str, Order]] = [{} for _ in accounts.by_name]
        self.waiting_orders: list[dict[str, WaitingOrder]] = [{} for _ in accounts.by_name]
        self.expiries = Deadlines()
        self.expiring: dict[int, tuple[Account, str]] = {}
        self.recent_trades = RecentTrades()

    # Orders come.

    def order(
        self,
        market: Market,
        account: Account,
        client_order_id: str,
        is_buy: bool,
        price_ticks: int,
        quantity_lots: int,
    ) -> Order:
        """An order with the next id, to be placed at once."""
        self.last_order_id += 1
        return market.order(self.last_order_id, account, client_order_id, is_buy, price_ticks, quantity_lots)

    def own_order(self, market: Market, account: Account, is_buy: bool, price_ticks: int, lots: int) -> Order:
        """An order of one of the venue's own accounts: it is named after its id."""
        return self.order(market, account, str(self.last_order_id + 1), is_buy, price_ticks, lots)

    def place(self, market: Market, order: Order, time_in_force: TimeInForce, now: int, out: list[Message]) -> None:
        """Accept an order that was found valid and covered, match it, and let the rest rest or cancel it."""
        if not order.account.is_venue_own:
            out.append(accepted(self._venue, order, now))
        last_trade_id = self.last_trade_id
        self._enter(market, order, time_in_force, now, out)
        if market.waiting.by_id and self.last_trade_id != last_trade_id:
            self.release(market, now, out)

    def wait(self, market: Market, order: WaitingOrder, now: int, out: list[Message]) -> None:
        """Accept an order that waits for a price."""
        out.append(accepted_to_wait(self._venue, order, now))
        market.waiting.add(order)
        self.waiting_orders[order.account.number][order.submitted.client_order_id] = order
        if order.expires_ns:
            self.expire_at(order.expires_ns, order.order_id, order.account, order.submitted.client_order_id)

    def _enter(self, market: Market, order: Order, time_in_force: TimeInForce, now: int, out: list[Message]) -> None:
        order.pays.lock(order.lock_minor_per_lot * order.quantity_lots)
        if market.is_open:
            if market.band is not None:
                market.band.begin(market.reference_ticks(), now)
            if time_in_force is not FOK or self._fills_whole(market, order, now, out):
                self._match(market, order, now, out)
        if order.leaves_lots > 0:
            if market.phase is HALTED:  # By this order: it would have traded out of the band.
                self._close(order, CancelReason.MARKET_HALTED, now, out)
            elif order.price_ticks == ANY_PRICE or time_in_force is IOC or time_in_force is FOK:
                self._close(order, CancelReason.NOT_FILLED, now, out)
            else:
                self._rest(market, order)

    def _rest(self, market: Market, order: Order) -> None:
        if order.display_lots:
            order.hide()
        if order.expires_ns:
            self.expire_at(order.expires_ns, order.order_id, order.account, order.client_order_id)
        market.book.side(order.is_buy).add(order)
        self.open_orders[order.account.number][order.client_order_id] = order

    def _fills_whole(self, market: Market, order: Order, now: int, out: list[Message]) -> bool:
        lots = 0
        for maker in market.book.side(not order.is_buy).within_reach(order):
            lots += maker.leaves_lots
            if market.band is not None and not market.band.allows(maker.price_ticks):
                self.phases.trip(market, now, out)
                return False
        return lots >= order.leaves_lots

    def expire_at(self, expires_ns: int, order_id: int, account: Account, client_order_id: str) -> None:
        self.expiries.add(expires_ns, order_id)
        self.expiring[order_id] = (account, client_order_id)

    def _expires_no_more(self, expires_ns: int, order_id: int) -> None:
        self.expiries.remove(expires_ns, order_id)
        del self.expiring[order_id]

    # Orders change and go.

    def amend(
        self, market: Market, order: Order, price_ticks: int, quantity_lots: int, now: int, out: list[Message]
    ) -> None:
        """Give a resting order another price or quantity, for which it was found valid and covered."""
        side = market.book.side(order.is_buy)
        order.pays.release(order.lock_minor_per_lot * order.leaves_lots)
        if price_ticks == order.price_ticks and quantity_lots <= order.quantity_lots:
            side.resize(order, quantity_lots)
            order.pays.lock(order.lock_minor_per_lot * order.leaves_lots)
            out.append(amended(self._venue, order, now))
            return
        self._take_out(side, order)
        order.price_ticks = price_ticks
        order.lock_minor_per_lot = market.lock_minor_per_lot(order.is_buy, price_ticks)
        order.resize(quantity_lots)
        out.append(amended(self._venue, order, now))
        self._enter_again(market, order, now, out)

    def _enter_again(self, market: Market, order: Order, now: int, out: list[Message]) -> None:
        order.pays.lock(order.lock_minor_per_lot * order.leaves_lots)
        last_trade_id = self.last_trade_id
        if market.is_open:
            if market.band is not None:
                market.band.begin(market.reference_ticks(), now)
            self._match(market, order, now, out)
        if order.leaves_lots > 0 and market.phase is HALTED:
            self._close(order, CancelReason.MARKET_HALTED, now, out)
        elif order.leaves_lots > 0:
            self._rest(market, order)
        if market.waiting.by_id and self.last_trade_id != last_trade_id:
            self.release(market, now, out)

    def cancel(self, order: Order, reason: CancelReason, now: int, out: list[Message]) -> None:
        """Cancel a resting order."""
        self._take_out(self.markets[order.symbol].book.side(order.is_buy), order)
        self._close(order, reason, now, out)

    def lessen(self, market: Market, order: Order, lots: int, now: int, out: list[Message]) -> None:
        """Take lots from a resting order that it would trade with its own account; the last of them cancel it."""
        if lots == order.leaves_lots:
            self.cancel(order, CancelReason.SELF_TRADE, now, out)
            return
        order.pays.release(order.lock_minor_per_lot * lots)
        market.book.side(order.is_buy).resize(order, order.quantity_lots - lots)
        out.append(amended(self._venue, order, now))

    def cancel_wait(self, order: WaitingOrder, reason: CancelReason, now: int, out: list[Message]) -> None:
        """Cancel an order that waits."""
        self._stop_waiting(order)
        out.append(wait_canceled(self._venue, order, reason, now))
        if order.partner:
            self._end_partner(order.account, order.partner, now, out)

    def cancel_by_name(
        self, account: Account, client_order_id: str, reason: CancelReason, now: int, out: list[Message]
    ) -> None:
        """Cancel the open or waiting order of the account that has this name, if there is one."""
        order = self.open_orders[account.number].get(client_order_id)
        if order is not None:
            self.cancel(order, reason, now, out)
            return
        waiting = self.waiting_orders[account.number].get(client_order_id)
        if waiting is not None:
            self.cancel_wait(waiting, reason, now, out)

    def names_of(self, account: Account, symbols: list[str]) -> list[str]:
        """The names of the account's open and waiting orders in the order of their ids; of all symbols for none."""
        found: list[tuple[int, str]] = []
        for order in self.open_orders[account.number].values():
            if not symbols or order.symbol in symbols:
                found.append((order.order_id, order.client_order_id))
        for waiting in self.waiting_orders[account.number].values():
            if not symbols or waiting.submitted.symbol in symbols:
                found.append((waiting.order_id, waiting.submitted.client_order_id))
        found.sort()
        return [client_order_id for _, client_order_id in found]

    def _close(self, order: Order, reason: CancelReason, now: int, out: list[Message]) -> None:
        """End an order that is in no book."""
        leaves_lots = order.leaves_lots
        order.pays.release(order.lock_minor_per_lot * leaves_lots)
        order.cancel()
        if not order.account.is_venue_own:
            out.append(canceled(self._venue, order, leaves_lots, reason, now))
        if order.partner:
            self._end_partner(order.account, order.partner, now, out)
            order.partner = NO_PARTNER

    def _take_out(self, side: BookSide, order: Order) -> None:
        side.remove(order)
        self._forget(order)

    def _forget(self, order: Order) -> None:
        del self.open_orders[order.account.number][order.client_order_id]
        if order.expires_ns:
            self._expires_no_more(order.expires_ns, order.order_id)

    def _stop_waiting(self, order: WaitingOrder) -> None:
        self.markets[order.submitted.symbol].waiting.remove(order)
        del self.waiting_orders[order.account.number][order.submitted.client_order_id]
        if order.expires_ns:
            self._expires_no_more(order.expires_ns, order.order_id)

    def _end_partner(self, account: Account, partner: str, now: int, out: list[Message]) -> None:
        """Cancel the other order of a pair, if it is still there. It must not end the first one in turn."""
        order = self.open_orders[account.number].get(partner)
        waiting = self.waiting_orders[account.number].get(partner)
        if order is not None:
            order.partner = NO_PARTNER
            self.cancel(order, CancelReason.PAIRED, now, out)
        elif waiting is not None:
            waiting.partner = NO_PARTNER
            self.cancel_wait(waiting, CancelReason.PAIRED, now, out)

    # What waits.

    def release(self, market: Market, now: int, out: list[Message]) -> None:
        """Let those go that the last price triggers, and those that their trades trigger in turn."""
        found = market.waiting.triggered(market.last_ticks)
        while found and market.is_open:
            self._trigger(market, found[0], now, out)
            found = market.waiting.triggered(market.last_ticks)

    def _trigger(self, market: Market, waiting: WaitingOrder, now: int, out: list[Message]) -> None:
        submitted, account = waiting.submitted, waiting.account
        self._stop_waiting(waiting)
        out.append(triggered(self._venue, waiting, market.last_ticks, now))
        if waiting.partner:
            self._end_partner(account, waiting.partner, now, out)
        is_buy, price_ticks, lots = submitted.side is BUY, submitted.price_ticks, submitted.quantity_lots
        if price_ticks and not market.covers(account, is_buy, price_ticks, lots):
            out.append(wait_canceled(self._venue, waiting, CancelReason.NOT_COVERED, now))
            return
        order = market.order(waiting.order_id, account, submitted.client_order_id, is_buy, price_ticks, lots)
        order.self_trade = submitted.self_trade
        order.expires_ns = waiting.expires_ns
        self._enter(market, order, submitted.time_in_force, now, out)

    # A match.

    def _match(self, market: Market, taker: Order, now: int, out: list[Message]) -> None:
        against = market.book.side(not taker.is_buy)
        limit_ticks = taker.price_ticks
        limit_key = against.key_of(limit_ticks)
        is_market = limit_ticks == ANY_PRICE
        while taker.leaves_lots > 0:
            level = against.best
            if level is None or (not is_market and level.key < limit_key):
                return
            maker = level.head
            assert maker is not None
            if maker.account is taker.account:
                self._part(against, taker, maker, now, out)
                continue
            lots = min(taker.leaves_lots, maker.leaves_lots - maker.hidden_lots)
            if is_market:
                lots = market.affordable_lots(taker, maker.price_ticks, lots)
                if lots == 0:
                    return
            if market.band is not None and not market.band.allows(maker.price_ticks):
                self.phases.trip(market, now, out)
                return
            if market.largest_part_ppm:
                lots = largest_part(market, taker, lots)
            self._trade(market, against, taker, maker, maker.price_ticks, lots, now, out)

    def trade_at(self, market: Market, price_ticks: int, now: int, out: list[Message]) -> None:
        """Let all meet that trade at this price or a better one, which is the price of all trades."""
        book = market.book
        while True:
            bids, asks = book.bids.best, book.asks.best
            if bids is None or asks is None or bids.key < price_ticks or -asks.key > price_ticks:
                return
            bid, ask = bids.head, asks.head
            assert bid is not None and ask is not None
            taker = later_of(bid, ask)
            maker = ask if taker is bid else bid
            lots = min(bid.leaves_lots - bid.hidden_lots, ask.leaves_lots - ask.hidden_lots)
            self._trade(market, book.side(maker.is_buy), taker, maker, price_ticks, lots, now, out)
            book.side(taker.is_buy).reduce(taker, lots)
            if taker.leaves_lots == 0:
                self._forget(taker)

    def _part(self, against: BookSide, taker: Order, maker: Order, now: int, out: list[Message]) -> None:
        """Keep two orders of one account from meeting, by the mode of the one that comes."""
        mode = taker.self_trade
        if mode is DECREMENT:
            self._decrement(against, taker, maker, now, out)
            return
        if mode is not CANCEL_INCOMING:
            self.cancel(maker, CancelReason.SELF_TRADE, now, out)
        if mode is CANCEL_INCOMING or mode is CANCEL_BOTH:
            self._close(taker, CancelReason.SELF_TRADE, now, out)

    def _decrement(self, against: BookSide, taker: Order, maker: Order, now: int, out: list[Message]) -> None:
        """Take what both have in common from each; the smaller one is thereby canceled."""
        taker_lots, maker_lots = taker.leaves_lots, maker.leaves_lots
        if maker_lots > taker_lots:
            maker.pays.release(maker.lock_minor_per_lot * taker_lots)
            against.resize(maker, maker.quantity_lots - taker_lots)
            out.append(amended(self._venue, maker, now))
        else:
            self.cancel(maker, CancelReason.SELF_TRADE, now, out)
        if taker_lots > maker_lots:
            taker.pays.release(taker.lock_minor_per_lot * maker_lots)
            taker.resize(taker.quantity_lots - maker_lots)
            out.append(amended(self._venue, taker, now))
        else:
            self._close(taker, CancelReason.SELF_TRADE, now, out)

    def _trade(
        self,
        market: Market,
        against: BookSide,
        taker: Order,
        maker: Order,
        price_ticks: int,
        lots: int,
        now: int,
        out: list[Message],
    ) -> None:
        assert maker.account is not taker.account
        notional_minor = price_ticks * (lots * market.quote_minor_per_tick_lot)  # Small numbers first: they are cheap.
        taker_fee = fee_minor(notional_minor, taker.account.taker_fee_ppm)
        maker_fee = fee_minor(notional_minor, maker.account.maker_fee_ppm)
        if taker.is_buy:
            self._pay(market, taker, maker, lots, notional_minor, taker_fee, maker_fee)
        else:
            self._pay(market, maker, taker, lots, notional_minor, maker_fee, taker_fee)
        if self.counts_turnover:
            taker.account.turnover_minor[market.quote_place] += notional_minor
            maker.account.turnover_minor[market.quote_place] += notional_minor
        taker.fill(lots)
        maker.fill(lots)
        against.reduce(maker, lots)
        if maker.leaves_lots == 0:
            self._forget(maker)
        self.last_trade_id += 1
        market.last_ticks = price_ticks
        if market.band is not None:
            market.band.note(price_ticks, lots, now)
        trade = executed(self._venue, self.last_trade_id, taker, maker, price_ticks, lots, taker_fee, maker_fee, now)
        self.recent_trades.add(trade)
        out.append(trade)
        if not maker.account.is_venue_own:
            out.append(filled(trade, maker, maker_fee, MAKER))
        if not taker.account.is_venue_own:
            out.append(filled(trade, taker, taker_fee, TAKER))
        if maker.partner:
            self._end_partner(maker.account, maker.partner, now, out)
            maker.partner = NO_PARTNER
        if taker.partner:
            self._end_partner(taker.account, taker.partner, now, out)
            taker.partner = NO_PARTNER
        if market.contract is not None:
            self.trim(market, maker.account, now, out)
            self.trim(market, taker.account, now, out)

    def trim(self, market: Market, account: Account, now: int, out: list[Message]) -> None:
        """Cancel resting reduce-only orders, newest first, that could do more than close a position."""
        for order in excessive(market, self.open_orders[account.number]):
            self.cancel(order, CancelReason.NOTHING_TO_REDUCE, now, out)

    def _pay(
        self,
        market: Market,
        buyer: Order,
        seller: Order,
        lots: int,
        notional_minor: int,
        buyer_fee: int,
        seller_fee: int,
    ) -> None:
        if market.contract is not None:
            market.contract.pay(buyer, seller, lots, notional_minor, buyer_fee, seller_fee)
            return
        base_minor = lots * market.base_minor_per_lot
        buyer.pays.spend(buyer.lock_minor_per_lot * lots, notional_minor + buyer_fee)
        seller.pays.spend(seller.lock_minor_per_lot * lots, base_minor)
        buyer.receives.credit(base_minor)
        seller.receives.credit(notional_minor - seller_fee)
        self._fees.by_place[market.quote_place].credit(buyer_fee + seller_fee)
        market.base_total.assert_conserved()
        market.quote_total.assert_conserved()


def largest_part(market: Market, taker: Order, lots: int) -> int:
    """What of so many lots a match has at once, where a market matches in parts."""
    part = max(1, taker.quantity_lots * market.largest_part_ppm // PPM)
    if part >= lots:
        return lots
    market.parted = True
    return part


def later_of(bid: Order, ask: Order) -> Order:
    """Which of two resting orders counts as having come to the other. One that is post only never does."""
    if bid.post_only is not ask.post_only:
        return ask if bid.post_only else bid
    return bid if bid.order_id > ask.order_id else ask


def reducing(market: Market, open_orders: dict[str, Order]) -> list[Order]:
    """The resting reduce-only orders of one account in one market, oldest first."""
    found = [order for order in open_orders.values() if order.reduce_only and order.symbol == market.symbol]
    return sorted(found, key=lambda order: order.order_id)


def excessive(market: Market, open_orders: dict[str, Order]) -> list[Order]:
    """Those of them that the position is too small for, newest first: the oldest have the first claim on it."""
    assert market.contract is not None
    found = reducing(market, open_orders)
    claimed_lots = kept = 0
    for order in found:
        claimed_lots += order.leaves_lots
        if claimed_lots > market.contract.reducible_lots(order.account, order.is_buy):
            break
        kept += 1
    return found[kept:][::-1]
