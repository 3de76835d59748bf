"""What the venue's participants say about orders: checked in the order of precedence, then carried out.

Rule 1: an account hears of its own orders under its own count, `account_sequence`; one that does not exist, under 0.
Rule 2: an order that is submitted again is not answered again: its outcome is out, and `QueryAccount` says the rest.
Rule 3: what is refused changes nothing but the memory of its `client_order_id`.
"""

from typing import Final, final

from trading_ecosystem.messages.market import MarketPhase
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import OrderRejected, OrderType, RejectReason, SubmitOrder
from trading_ecosystem.messages.triggers import SubmitPair, SubmitTriggerOrder
from trading_ecosystem.simulators.exchange.accounts import Account
from trading_ecosystem.simulators.exchange.announcements import rejected
from trading_ecosystem.simulators.exchange.clients import Clients
from trading_ecosystem.simulators.exchange.fault_register import FaultRegister
from trading_ecosystem.simulators.exchange.margin import Contract, order_refusal
from trading_ecosystem.simulators.exchange.market import ANY_PRICE, Market
from trading_ecosystem.simulators.exchange.matching import Matching, reducing
from trading_ecosystem.simulators.exchange.order import BUY, NO_ORDER, NO_PARTNER, Order
from trading_ecosystem.simulators.exchange.rules import expiry_ns, rests, terms_refusal, trigger_refusal
from trading_ecosystem.simulators.exchange.waiting import WaitingOrder, would_trigger

LIMIT: Final = OrderType.LIMIT
NOBODY: Final = 0  # The sequence of an account that does not exist.


@final
class OrderEntry:
    """`most_open` and `most_waiting` are what one account may have. Methods append what they have to say to `out`."""

    __slots__ = ("_clients", "_faults", "_matching", "_most_open", "_most_waiting", "_venue")

    def __init__(
        self,
        venue: str,
        clients: Clients,
        matching: Matching,
        faults: FaultRegister,
        most_open: int,
        most_waiting: int,
    ) -> None:
        self._venue = venue
        self._faults = faults
        self._clients = clients
        self._matching = matching
        self._most_open = most_open
        self._most_waiting = most_waiting

    # Orders.

    def submit(self, submitted: SubmitOrder, now: int, out: list[Message]) -> Market | None:
        """The market whose book may have changed."""
        account = self._clients.find(submitted.account)
        if account is None:
            out.append(self._unknown(submitted.account, submitted.client_order_id, submitted.symbol, now))
            return None
        known = self._clients.known(account, submitted.client_order_id)
        if known is not None and known == submitted:
            return None
        market = self._matching.markets.get(submitted.symbol)
        reason = self._refusal(submitted, account, market, now)
        if market is not None and not self._faults.is_empty and self._faults.rejects():
            reason = RejectReason.SYSTEM_ERROR
        if known is not None and reason is not RejectReason.UNKNOWN_SYMBOL:
            reason = RejectReason.CLIENT_ORDER_ID_REUSED
        if reason is None:
            assert market is not None
            self._place(submitted, account, market, NO_PARTNER, now, out)
        else:
            out.append(rejected(self._venue, account, submitted.client_order_id, submitted.symbol, reason, now))
        if known is None:
            self._clients.remember(account, submitted.client_order_id, submitted)
        return market

    def _refusal(
        self, submitted: SubmitOrder, account: Account, market: Market | None, now: int
    ) -> RejectReason | None:
        if market is None:
            return RejectReason.UNKNOWN_SYMBOL
        reason = None if market.is_open else phase_refusal(market, submitted)
        if reason is None:
            reason = terms_refusal(submitted, now)
        if reason is None and market.contract is None and submitted.reduce_only:
            reason = RejectReason.INVALID_TERMS
        if reason is not None:
            return reason
        if submitted.order_type is LIMIT:
            return self._limit_refusal(submitted, account, market)
        if market.contract is not None:
            return self._perpetual_refusal(submitted, account, market, market.contract)
        if submitted.quantity_lots > market.rules.largest_lots:
            return RejectReason.INVALID_QUANTITY
        if submitted.quote_minor:
            return self._quote_refusal(submitted, account, market)
        return None

    def _limit_refusal(self, submitted: SubmitOrder, account: Account, market: Market) -> RejectReason | None:
        price_ticks, lots = submitted.price_ticks, submitted.quantity_lots
        is_buy = submitted.side is BUY
        reason = market.refusal(price_ticks, lots, market.reference_ticks())
        if reason is not None:
            return reason
        if len(self._matching.open_orders[account.number]) >= self._most_open and rests(submitted.time_in_force):
            return RejectReason.TOO_MANY_ORDERS
        if submitted.post_only and market.book.would_take(is_buy, price_ticks):
            return RejectReason.WOULD_TAKE
        if market.contract is not None:
            return self._perpetual_refusal(submitted, account, market, market.contract)
        if not market.covers(account, is_buy, price_ticks, lots):
            return RejectReason.INSUFFICIENT_FUNDS
        return None

    def _perpetual_refusal(
        self, submitted: SubmitOrder, account: Account, market: Market, contract: Contract
    ) -> RejectReason | None:
        """Beyond what holds for any order."""
        lots = submitted.quantity_lots
        if submitted.quote_minor:
            return RejectReason.INVALID_TERMS  # Nothing is paid for it that could be counted.
        if lots > market.rules.largest_lots:
            return RejectReason.INVALID_QUANTITY
        claimed_lots: int | None = None
        if submitted.reduce_only:
            claimed_lots = sum([each.leaves_lots for each in reducing(market, self._open_orders(account))])
        return order_refusal(contract, account, submitted.side is BUY, submitted.price_ticks, lots, claimed_lots)

    def _open_orders(self, account: Account) -> dict[str, Order]:
        return self._matching.open_orders[account.number]

    def _quote_refusal(self, submitted: SubmitOrder, account: Account, market: Market) -> RejectReason | None:
        if submitted.quote_minor < market.rules.minimum_notional_minor:
            return RejectReason.BELOW_MINIMUM_NOTIONAL
        if self._lots_by_quote(submitted, account, market) < 1:
            return RejectReason.NOTHING_TO_TAKE
        return None

    def _lots_by_quote(self, submitted: SubmitOrder, account: Account, market: Market) -> int:
        probe = market.order(NO_ORDER, account, "", submitted.side is BUY, ANY_PRICE, 0)
        probe.self_trade = submitted.self_trade
        return min(market.lots_by_quote(probe, submitted.quote_minor), market.rules.largest_lots)

    def _place(
        self, submitted: SubmitOrder, account: Account, market: Market, partner: str, now: int, out: list[Message]
    ) -> None:
        lots = submitted.quantity_lots or self._lots_by_quote(submitted, account, market)
        order = self._matching.order(
            market, account, submitted.client_order_id, submitted.side is BUY, submitted.price_ticks, lots
        )
        order.self_trade = submitted.self_trade
        order.post_only = submitted.post_only
        order.reduce_only = submitted.reduce_only
        order.display_lots = submitted.display_lots
        order.expires_ns = expiry_ns(submitted.time_in_force, submitted.expires_ns, now)
        order.partner = partner
        self._matching.place(market, order, submitted.time_in_force, now, out)

    # Orders that wait.

    def submit_trigger(self, submitted: SubmitTriggerOrder, now: int, out: list[Message]) -> None:
        account = self._clients.find(submitted.account)
        if account is None:
            out.append(self._unknown(submitted.account, submitted.client_order_id, submitted.symbol, now))
            return
        known = self._clients.known(account, submitted.client_order_id)
        if known is not None and known == submitted:
            return
        market = self._matching.markets.get(submitted.symbol)
        reason = self._trigger_refusal(submitted, account, market, now)
        if market is not None and not self._faults.is_empty and self._faults.rejects():
            reason = RejectReason.SYSTEM_ERROR
        if known is not None and reason is not RejectReason.UNKNOWN_SYMBOL:
            reason = RejectReason.CLIENT_ORDER_ID_REUSED
        if reason is None:
            assert market is not None
            self._wait(submitted, account, market, NO_PARTNER, now, out)
        else:
            out.append(rejected(self._venue, account, submitted.client_order_id, submitted.symbol, reason, now))
        if known is None:
            self._clients.remember(account, submitted.client_order_id, submitted)

    def _trigger_refusal(
        self, submitted: SubmitTriggerOrder, account: Account, market: Market | None, now: int
    ) -> RejectReason | None:
        if market is None:
            return RejectReason.UNKNOWN_SYMBOL
        if market.phase is MarketPhase.HALTED:
            return RejectReason.MARKET_HALTED
        reason = trigger_refusal(submitted, now)
        if reason is None:
            reason = market.refusal(submitted.price_ticks, submitted.quantity_lots, submitted.trigger_ticks)
        if reason is not None:
            return reason
        if len(self._matching.waiting_orders[account.number]) >= self._most_waiting:
            return RejectReason.TOO_MANY_ORDERS
        if would_trigger(submitted, market.last_ticks):
            return RejectReason.WOULD_TRIGGER
        return None

    def _wait(
        self,
        submitted: SubmitTriggerOrder,
        account: Account,
        market: Market,
        partner: str,
        now: int,
        out: list[Message],
    ) -> None:
        self._matching.last_order_id += 1
        expires_ns = expiry_ns(submitted.time_in_force, submitted.expires_ns, now)
        order = WaitingOrder(self._matching.last_order_id, account, submitted, market.last_ticks, expires_ns)
        order.partner = partner
        self._matching.wait(market, order, now, out)

    # Pairs.

    def submit_pair(self, pair: SubmitPair, now: int, out: list[Message]) -> Market | None:
        """The market whose book may have changed. The order that waits is accepted first."""
        account = self._clients.find(pair.account)
        ids = (pair.trigger_client_order_id, pair.client_order_id)
        if account is None:
            out.extend([self._unknown(pair.account, each, pair.symbol, now) for each in ids])
            return None
        known = [self._clients.known(account, each) for each in ids]
        if known[0] is not None and known[0] == pair:
            return None
        market = self._matching.markets.get(pair.symbol)
        reasons = self._pair_refusals(pair, account, market, now)
        if reasons[0] is None and reasons[1] is None:
            assert market is not None
            self._place_pair(pair, account, market, now, out)
        else:
            for each, reason in zip(ids, reasons, strict=True):
                told = reason or RejectReason.PAIR_REJECTED
                out.append(rejected(self._venue, account, each, pair.symbol, told, now))
        for each in ids:
            if self._clients.known(account, each) is None:
                self._clients.remember(account, each, pair)
        return market

    def _pair_refusals(
        self, pair: SubmitPair, account: Account, market: Market | None, now: int
    ) -> list[RejectReason | None]:
        """Of the order that waits, and of the limit order."""
        ids = (pair.trigger_client_order_id, pair.client_order_id)
        reasons = [
            self._trigger_refusal(trigger_of(pair), account, market, now),
            self._refusal(limit_of(pair), account, market, now),
        ]
        if reasons[1] is None and not rests(pair.time_in_force):
            reasons[1] = RejectReason.INVALID_TERMS
        if market is not None and not self._faults.is_empty and self._faults.rejects():
            reasons = [RejectReason.SYSTEM_ERROR, RejectReason.SYSTEM_ERROR]
        for place, each in enumerate(ids):
            if market is not None and (ids[0] == ids[1] or self._clients.known(account, each) is not None):
                reasons[place] = RejectReason.CLIENT_ORDER_ID_REUSED
        return reasons

    def _place_pair(self, pair: SubmitPair, account: Account, market: Market, now: int, out: list[Message]) -> None:
        self._wait(trigger_of(pair), account, market, pair.client_order_id, now, out)
        self._place(limit_of(pair), account, market, pair.trigger_client_order_id, now, out)

    # Words.

    def _unknown(self, account: str, client_order_id: str, symbol: str, now: int) -> OrderRejected:
        return OrderRejected(
            account=account,
            venue=self._venue,
            account_sequence=NOBODY,
            occurred_ns=now,
            client_order_id=client_order_id,
            symbol=symbol,
            reject_reason=RejectReason.UNKNOWN_ACCOUNT,
        )


def phase_refusal(market: Market, submitted: SubmitOrder) -> RejectReason | None:
    """What the phase of a market that is not open has against an order."""
    if market.phase is MarketPhase.HALTED:
        return RejectReason.MARKET_HALTED
    collects = submitted.order_type is LIMIT and rests(submitted.time_in_force)
    return None if collects else RejectReason.NOT_IN_AUCTION


def limit_of(pair: SubmitPair) -> SubmitOrder:
    return SubmitOrder(
        pair.to,
        pair.account,
        pair.client_order_id,
        pair.symbol,
        pair.side,
        LIMIT,
        pair.time_in_force,
        pair.price_ticks,
        pair.quantity_lots,
        pair.post_only,
        0,
        pair.expires_ns,
        0,
        pair.self_trade,
    )


def trigger_of(pair: SubmitPair) -> SubmitTriggerOrder:
    return SubmitTriggerOrder(
        to=pair.to,
        account=pair.account,
        client_order_id=pair.trigger_client_order_id,
        symbol=pair.symbol,
        side=pair.side,
        trigger_kind=pair.trigger_kind,
        trigger_ticks=pair.trigger_ticks,
        trail_ppm=pair.trail_ppm,
        price_ticks=pair.trigger_price_ticks,
        quantity_lots=pair.quantity_lots,
        time_in_force=pair.time_in_force,
        expires_ns=pair.expires_ns,
        self_trade=pair.self_trade,
    )
