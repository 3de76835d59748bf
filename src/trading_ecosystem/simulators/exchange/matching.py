"""Matching: orders meet in the books, money moves, and the parties are told.

Rule 1: a limit order is covered before it is accepted, for every lot it leaves: a buy by its notional and taker fee
    at the limit price, a sell by its base. The cover is a whole number per lot, so it shrinks with the order exactly.
Rule 2: a match is at the resting order's price; no order meets another of its own account.
Rule 3: money moves in `_pay` and nowhere else.
"""

from typing import Final, final

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelReason, Liquidity, Side
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.reference import Instrument, ReferenceData
from trading_ecosystem.simulators.exchange.accounts import FEES, Account, Accounts, AssetTotal
from trading_ecosystem.simulators.exchange.announcements import accepted, canceled, executed, filled
from trading_ecosystem.simulators.exchange.book import Book, Order, OrderStatus
from trading_ecosystem.simulators.exchange.recent import RecentTrades

PPM: Final = 1_000_000
MARKET_PRICE: Final = 0  # The `price_ticks` of an order that takes any price.


def fee_minor(notional_minor: int, fee_ppm: int) -> int:
    """A fee in minor units of the quote asset, rounded up."""
    return -(-notional_minor * fee_ppm // PPM)


@final
class Market:
    """An instrument, its book, and the figures that every match needs."""

    __slots__ = ("base", "base_minor_per_lot", "base_total", "book", "quote", "quote_minor_per_tick_lot", "quote_total")

    def __init__(self, instrument: Instrument, totals: dict[str, AssetTotal]) -> None:
        self.book = Book(instrument.symbol)
        self.base = instrument.base
        self.quote = instrument.quote
        self.base_total = totals[instrument.base]
        self.quote_total = totals[instrument.quote]
        self.base_minor_per_lot = instrument.base_minor_per_lot
        self.quote_minor_per_tick_lot = instrument.quote_minor_per_tick_lot


@final
class Matching:
    """All books of a venue, over one set of accounts. Methods append what they have to say to `out`."""

    __slots__ = (
        "_accounts",
        "_fees",
        "_last_order_id",
        "_last_trade_id",
        "_maker_fee_ppm",
        "_taker_fee_ppm",
        "_venue",
        "markets",
        "open_orders",
        "recent_trades",
    )

    def __init__(
        self, venue: str, maker_fee_ppm: int, taker_fee_ppm: int, reference: ReferenceData, accounts: Accounts
    ) -> None:
        assert 0 <= maker_fee_ppm <= taker_fee_ppm < PPM
        self._venue = venue
        self._maker_fee_ppm = maker_fee_ppm
        self._taker_fee_ppm = taker_fee_ppm
        self._accounts = accounts
        self._fees = accounts.by_name[FEES]
        self._last_order_id = 0
        self._last_trade_id = 0
        self.markets = {symbol: Market(traded, accounts.totals) for symbol, traded in reference.instruments.items()}
        self.open_orders: dict[int, Order] = {}
        self.recent_trades = RecentTrades()

    # What an order may cost.

    def lock_minor_per_lot(self, market: Market, is_buy: bool, price_ticks: int) -> int:
        if price_ticks == MARKET_PRICE:
            return 0
        if not is_buy:
            return market.base_minor_per_lot
        notional_minor = price_ticks * market.quote_minor_per_tick_lot
        return notional_minor + fee_minor(notional_minor, self._taker_fee_ppm)

    def covered_lots(self, market: Market, account: Account, is_buy: bool, price_ticks: int) -> int:
        """How many lots at this limit price the free funds of the account can lock."""
        pays = account.funds[market.quote if is_buy else market.base]
        return pays.free_minor // self.lock_minor_per_lot(market, is_buy, price_ticks)

    def _affordable_lots(self, market: Market, order: Order, price_ticks: int) -> int:
        """How many lots a market order can pay at this price, fee included."""
        if not order.is_buy:
            return order.pays.free_minor // market.base_minor_per_lot
        lot_minor = price_ticks * market.quote_minor_per_tick_lot
        return order.pays.free_minor * PPM // (lot_minor * (PPM + self._taker_fee_ppm))

    # Orders come and go.

    def place(
        self,
        market: Market,
        account: Account,
        client_order_id: str,
        is_buy: bool,
        price_ticks: int,
        quantity_lots: int,
        rests: bool,
        now: int,
        out: list[Message],
    ) -> Order:
        """Accept an order that was found valid and covered, match it, and let the rest rest or cancel it."""
        self._last_order_id += 1
        order = self._order(market, self._last_order_id, account, client_order_id, is_buy, price_ticks, quantity_lots)
        order.pays.lock(order.lock_minor_per_lot * quantity_lots)
        if not account.is_venue_own:
            out.append(accepted(self._venue, order, now))
        self._match(market, order, now, out)
        if order.leaves_lots > 0:
            if rests:
                market.book.side(is_buy).add(order)
                self.open_orders[order.order_id] = order
            else:
                self._close(order, CancelReason.NOT_FILLED, now, out)
        return order

    def cancel(self, order: Order, reason: CancelReason, now: int, out: list[Message]) -> None:
        """Cancel a resting order."""
        leaves_lots = order.leaves_lots
        self._close(order, reason, now, out)
        self.markets[order.symbol].book.side(order.is_buy).reduce(order, leaves_lots)
        del self.open_orders[order.order_id]

    def _close(self, order: Order, reason: CancelReason, now: int, out: list[Message]) -> None:
        leaves_lots = order.leaves_lots
        order.pays.release(order.lock_minor_per_lot * leaves_lots)
        order.cancel()
        if not order.account.is_venue_own:
            out.append(canceled(self._venue, order, leaves_lots, reason, now))

    def _order(
        self,
        market: Market,
        order_id: int,
        account: Account,
        client_order_id: str,
        is_buy: bool,
        price_ticks: int,
        quantity_lots: int,
    ) -> Order:
        base, quote = account.funds[market.base], account.funds[market.quote]
        return Order(
            order_id,
            account,
            client_order_id,
            market.book.symbol,
            is_buy,
            price_ticks,
            quantity_lots,
            self.lock_minor_per_lot(market, is_buy, price_ticks),
            quote if is_buy else base,
            base if is_buy else quote,
        )

    # A match.

    def _match(self, market: Market, taker: Order, now: int, out: list[Message]) -> None:
        against = market.book.side(not taker.is_buy)
        is_market = taker.price_ticks == MARKET_PRICE
        while taker.leaves_lots > 0:
            level = against.best()
            if level is None or (not is_market and level.key < taker.price_ticks * against.sign):
                return
            maker = level.head
            assert maker is not None
            if maker.account is taker.account:
                self.cancel(maker, CancelReason.SELF_TRADE, now, out)
                continue
            lots = min(taker.leaves_lots, maker.leaves_lots)
            if is_market:
                lots = min(lots, self._affordable_lots(market, taker, maker.price_ticks))
                if lots == 0:
                    return
            self._trade(market, taker, maker, lots, now, out)

    def _trade(self, market: Market, taker: Order, maker: Order, lots: int, now: int, out: list[Message]) -> None:
        notional_minor = maker.price_ticks * lots * market.quote_minor_per_tick_lot
        taker_fee = fee_minor(notional_minor, self._taker_fee_ppm)
        maker_fee = fee_minor(notional_minor, self._maker_fee_ppm)
        if taker.is_buy:
            self._pay(market, taker, maker, lots, notional_minor, taker_fee, maker_fee)
        else:
            self._pay(market, maker, taker, lots, notional_minor, maker_fee, taker_fee)
        taker.fill(lots)
        maker.fill(lots)
        market.book.side(maker.is_buy).reduce(maker, lots)
        if maker.leaves_lots == 0:
            del self.open_orders[maker.order_id]
        self._last_trade_id += 1
        trade = executed(self._venue, self._last_trade_id, taker, maker, lots, taker_fee, maker_fee, now)
        self.recent_trades.add(trade)
        out.append(trade)
        if not maker.account.is_venue_own:
            out.append(filled(trade, maker, maker_fee, Liquidity.MAKER))
        if not taker.account.is_venue_own:
            out.append(filled(trade, taker, taker_fee, Liquidity.TAKER))

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
        base_minor = lots * market.base_minor_per_lot
        buyer.pays.spend(buyer.lock_minor_per_lot * lots, notional_minor + buyer_fee)
        seller.pays.spend(seller.lock_minor_per_lot * lots, base_minor)
        buyer.receives.credit(base_minor)
        seller.receives.credit(notional_minor - seller_fee)
        self._fees.funds[market.quote].credit(buyer_fee + seller_fee)
        market.base_total.assert_conserved()
        market.quote_total.assert_conserved()

    # State.

    def save(self) -> Plain:
        return {
            "last_order_id": self._last_order_id,
            "last_trade_id": self._last_trade_id,
            "recent_trades": self.recent_trades.save(),
            "books": {symbol: book_plain(market.book) for symbol, market in self.markets.items()},
        }

    def restore(self, state: Plain) -> None:
        """Take over books whose accounts have been restored, locks included."""
        assert isinstance(state, dict)
        self._last_order_id = state["last_order_id"]
        self._last_trade_id = state["last_trade_id"]
        self.recent_trades.restore(state["recent_trades"])
        for symbol, saved in state["books"].items():
            market = self.markets[symbol]
            market.book.top_sequence, *top = saved["top"]
            market.book.top = (top[0], top[1], top[2], top[3])
            for values in saved["orders"]:
                self._restore_order(market, values)
        self.assert_locks_owned()

    def _restore_order(self, market: Market, values: list[Plain]) -> None:
        order_id, account, client_order_id, side, price_ticks, quantity_lots, leaves_lots = values
        assert isinstance(order_id, int) and isinstance(account, str) and isinstance(client_order_id, str)
        assert isinstance(price_ticks, int) and isinstance(quantity_lots, int) and isinstance(leaves_lots, int)
        owner = self._accounts.by_name[account]
        is_buy = side == Side.BUY
        order = self._order(market, order_id, owner, client_order_id, is_buy, price_ticks, quantity_lots)
        if leaves_lots < quantity_lots:
            order.fill(quantity_lots - leaves_lots)
        market.book.side(is_buy).add(order)
        self.open_orders[order_id] = order

    def assert_locks_owned(self) -> None:
        """What is locked is what the open orders lock, for every account and asset."""
        locked: dict[tuple[str, str], int] = {}
        for order in self.open_orders.values():
            assert order.status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)
            market = self.markets[order.symbol]
            key = (order.account.name, market.quote if order.is_buy else market.base)
            locked[key] = locked.get(key, 0) + order.leaves_lots * order.lock_minor_per_lot
        for name, account in self._accounts.by_name.items():
            for asset, funds in account.funds.items():
                assert funds.locked_minor == locked.get((name, asset), 0), (name, asset, funds.locked_minor)


def book_plain(book: Book) -> Plain:
    resting = book.bids.orders() + book.asks.orders()
    return {
        "top": [book.top_sequence, *book.top],
        "orders": [
            [
                order.order_id,
                order.account.name,
                order.client_order_id,
                int(order.side),
                order.price_ticks,
                order.quantity_lots,
                order.leaves_lots,
            ]
            for order in resting
        ],
    }
