"""The venue's orders as plain data, and back.

Rule 1: what is restored trades on as what was saved: the same orders in the same places, and the same locks.
"""

from typing import cast

from trading_ecosystem.messages import codec
from trading_ecosystem.messages.market import MarketPhase
from trading_ecosystem.messages.orders import SelfTradeMode
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.messages.triggers import SubmitTriggerOrder
from trading_ecosystem.simulators.exchange.accounts import Accounts
from trading_ecosystem.simulators.exchange.book import Book
from trading_ecosystem.simulators.exchange.market import Market
from trading_ecosystem.simulators.exchange.matching import Matching
from trading_ecosystem.simulators.exchange.order import OPEN, Order, OrderStatus
from trading_ecosystem.simulators.exchange.waiting import WaitingOrder


def save_matching(matching: Matching) -> Plain:
    return {
        "last_order_id": matching.last_order_id,
        "last_trade_id": matching.last_trade_id,
        "recent_trades": matching.recent_trades.save(),
        "markets": {symbol: save_market(market) for symbol, market in matching.markets.items()},
    }


def save_market(market: Market) -> Plain:
    book = market.book
    return {
        "top": [book.top_sequence, book.bid_ticks, book.bid_lots, book.ask_ticks, book.ask_lots],
        "last_ticks": market.last_ticks,
        "reference": [market.middle, market.quoted_ns],
        "orders": [order_plain(order) for order in book.bids.orders() + book.asks.orders()],
        "waiting": [waiting_plain(order) for order in market.waiting.by_id.values()],
        "phase": [market.phase.value, market.until_ns, market.auction_ns, market.held_by, market.phase_changes],
        "band": None if market.band is None else market.band.save(),
        "parts": [market.largest_part_ppm, market.parted],
    }


def order_plain(order: Order) -> Plain:
    return [
        order.order_id,
        order.account.name,
        order.client_order_id,
        order.is_buy,
        order.price_ticks,
        order.quantity_lots,
        order.filled_lots,
        order.hidden_lots,
        order.display_lots,
        order.expires_ns,
        int(order.self_trade),
        order.post_only,
        order.partner,
        order.reduce_only,
    ]


def waiting_plain(order: WaitingOrder) -> Plain:
    return [order.order_id, order.best_ticks, order.expires_ns, order.partner, codec.to_plain(order.submitted)]


def restore_matching(matching: Matching, accounts: Accounts, state: Plain) -> None:
    """Take over orders whose accounts have been restored, locks included."""
    assert isinstance(state, dict)
    matching.last_order_id = state["last_order_id"]
    matching.last_trade_id = state["last_trade_id"]
    matching.recent_trades.restore(state["recent_trades"])
    for symbol, saved in state["markets"].items():
        market = matching.markets[symbol]
        restore_top(market.book, saved["top"])
        market.last_ticks = saved["last_ticks"]
        market.middle, market.quoted_ns = saved["reference"]
        restore_phase(matching, market, saved["phase"])
        if market.band is not None:
            market.band.restore(saved["band"])
        market.largest_part_ppm, market.parted = saved["parts"]
        for values in saved["orders"]:
            restore_order(matching, market, accounts, values)
        for values in saved["waiting"]:
            restore_waiting(matching, market, accounts, values)
    assert_locks_owned(matching, accounts)


def restore_top(book: Book, top: list[int]) -> None:
    book.top_sequence, book.bid_ticks, book.bid_lots, book.ask_ticks, book.ask_lots = top


def restore_phase(matching: Matching, market: Market, values: list[Plain]) -> None:
    phase, until_ns, auction_ns, held_by, phase_changes = values
    market.phase = MarketPhase(cast(str, phase))
    market.is_open = market.phase is MarketPhase.OPEN
    market.until_ns, market.auction_ns = cast(int, until_ns), cast(int, auction_ns)
    market.held_by, market.phase_changes = cast(str, held_by), cast(int, phase_changes)
    if market.until_ns:
        matching.phases.ends.add(market.until_ns, market.number)


def restore_order(matching: Matching, market: Market, accounts: Accounts, values: list[Plain]) -> None:
    order_id, account, client_order_id, is_buy, price_ticks, quantity_lots, filled_lots, *terms = values
    owner = accounts.by_name[cast(str, account)]
    order = market.order(
        cast(int, order_id),
        owner,
        cast(str, client_order_id),
        cast(bool, is_buy),
        cast(int, price_ticks),
        cast(int, quantity_lots),
    )
    if filled_lots:
        order.fill(cast(int, filled_lots))
    hidden_lots, display_lots, expires_ns, self_trade, post_only, partner, reduce_only = terms
    order.hidden_lots, order.display_lots = cast(int, hidden_lots), cast(int, display_lots)
    order.expires_ns, order.partner = cast(int, expires_ns), cast(str, partner)
    order.self_trade, order.post_only = SelfTradeMode(cast(int, self_trade)), cast(bool, post_only)
    order.reduce_only = cast(bool, reduce_only)
    market.book.side(order.is_buy).add(order)
    matching.open_orders[owner.number][order.client_order_id] = order
    if order.expires_ns:
        matching.expire_at(order.expires_ns, order.order_id, owner, order.client_order_id)


def restore_waiting(matching: Matching, market: Market, accounts: Accounts, values: list[Plain]) -> None:
    order_id, best_ticks, expires_ns, partner, fields = values
    submitted = codec.from_plain("SubmitTriggerOrder", cast(list[object], fields))
    assert isinstance(submitted, SubmitTriggerOrder)
    owner = accounts.by_name[submitted.account]
    order = WaitingOrder(cast(int, order_id), owner, submitted, cast(int, best_ticks), cast(int, expires_ns))
    order.partner = cast(str, partner)
    market.waiting.add(order)
    matching.waiting_orders[owner.number][submitted.client_order_id] = order
    if order.expires_ns:
        matching.expire_at(order.expires_ns, order.order_id, owner, submitted.client_order_id)


def assert_locks_owned(matching: Matching, accounts: Accounts) -> None:
    """What is locked is what the open orders lock, for every account and asset, and every side of a perpetual."""
    locked: dict[tuple[str, str], int] = {}
    sides: dict[tuple[str, int, bool], int] = {}
    for orders in matching.open_orders:
        for order in orders.values():
            assert order.status in (OPEN, OrderStatus.PARTIALLY_FILLED), (order.order_id, order.status)
            market = matching.markets[order.symbol]
            if market.contract is not None:
                side = (order.symbol, order.account.number, order.is_buy)
                sides[side] = sides.get(side, 0) + order.leaves_lots
                continue
            key = (order.account.name, market.quote if order.is_buy else market.base)
            locked[key] = locked.get(key, 0) + order.leaves_lots * order.lock_minor_per_lot
    for name, account in accounts.by_name.items():
        for asset, funds in account.funds.items():
            assert funds.locked_minor == locked.get((name, asset), 0), (name, asset, funds.locked_minor)
    for symbol, market in matching.markets.items():
        for number, position in enumerate(market.contract.positions if market.contract is not None else []):
            for is_buy, open_lots in ((True, position.buys), (False, position.sells)):
                assert open_lots.locked_minor == sides.get((symbol, number, is_buy), 0), (symbol, number, is_buy)
