"""The exchange: a venue where accounts trade, by price-time priority, out of balances that it keeps.

Rule 1: nothing in this file reads a clock, a socket, a disk or a random number.
Rule 2: an account hears of its own orders under its own count, `account_sequence`; one that does not exist, under 0.
Rule 3: an order that is submitted again is not answered again: its outcome is out, and `QueryAccount` says the rest.
"""

from typing import final

from trading_ecosystem.chance import Dice
from trading_ecosystem.core import JournaledCore
from trading_ecosystem.messages.accounts import (
    AccountReported,
    Balance,
    QueryAccount,
    QueryTrades,
    TradesReported,
    VenueHeartbeat,
)
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    CancelOrder,
    CancelReason,
    CancelRejected,
    CancelRejectReason,
    OrderRejected,
    OrderType,
    RejectReason,
    Side,
    SubmitOrder,
    TimeInForce,
)
from trading_ecosystem.messages.runtime import Plain, Start, Wake, WakeAt
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.exchange.accounts import BACKGROUND, NOISE, Account, Accounts
from trading_ecosystem.simulators.exchange.announcements import open_orders_of
from trading_ecosystem.simulators.exchange.config import ExchangeConfig
from trading_ecosystem.simulators.exchange.liquidity import Liquidity
from trading_ecosystem.simulators.exchange.matching import Market, Matching
from trading_ecosystem.simulators.exchange.submissions import NO_ORDER, Submissions


@final
class Exchange(JournaledCore):
    """`accounts`: what each account holds at the start, asset to minor units. The venue's own `background`, `noise` and
    `fees` are opened empty where they are not named; no client can submit orders for them."""

    __slots__ = (
        "_accounts",
        "_heartbeat_due_ns",
        "_heartbeat_ns",
        "_liquidity",
        "_matching",
        "_name",
        "_session",
        "_submissions",
    )

    def __init__(
        self,
        name: str,
        config: ExchangeConfig,
        reference: ReferenceData,
        accounts: dict[str, dict[str, int]],
        seed: int,
    ) -> None:
        self._name = name
        self._heartbeat_ns: int = config.heartbeat_ns
        self._heartbeat_due_ns = 0
        self._session = 0
        self._accounts = Accounts(list(reference.assets), accounts)
        self._matching = Matching(name, config.maker_fee_ppm, config.taker_fee_ppm, reference, self._accounts)
        self._submissions = {account: Submissions() for account in accounts if self._accounts.client(account)}
        self._liquidity = {
            symbol: Liquidity(
                self._matching,
                self._matching.markets[symbol],
                self._accounts.by_name[BACKGROUND],
                self._accounts.by_name[NOISE],
                config.liquidity,
                own,
                Dice(seed, f"{name}.noise.{symbol}"),
            )
            for symbol, own in config.liquidity.instruments.items()
        }

    def handle(self, message: Message, now: int) -> list[Message]:
        out: list[Message] = []
        if isinstance(message, QuotePublished):
            self._follow(message, now, out)
        elif isinstance(message, SubmitOrder):
            self._submit(message, now, out)
        elif isinstance(message, CancelOrder):
            self._cancel(message, now, out)
        elif isinstance(message, Wake):
            self._wake(now, out)
        elif isinstance(message, QueryAccount):
            out.append(self._report(message, now))
        elif isinstance(message, QueryTrades):
            out.append(self._report_trades(message, now))
        else:
            assert isinstance(message, Start), f"{type(message).__name__} is not for an exchange"
            self._start(now, out)
        return out

    # Prices.

    def _follow(self, quote: QuotePublished, now: int, out: list[Message]) -> None:
        liquidity = self._liquidity.get(quote.symbol)
        if liquidity is not None and liquidity.follow(quote, now, out):
            self._publish_top(liquidity.market, now, out)

    def _publish_top(self, market: Market, now: int, out: list[Message]) -> None:
        book = market.book
        if book.take_top():
            bid_ticks, bid_lots, ask_ticks, ask_lots = book.top
            out.append(
                BookTopChanged(
                    self._name, book.symbol, bid_ticks, bid_lots, ask_ticks, ask_lots, book.top_sequence, now
                )
            )

    # Orders.

    def _submit(self, submitted: SubmitOrder, now: int, out: list[Message]) -> None:
        account = self._accounts.client(submitted.account)
        if account is None:
            out.append(self._rejected(submitted, 0, RejectReason.UNKNOWN_ACCOUNT, now))
            return
        submissions = self._submissions[account.name]
        known = submissions.find(submitted.client_order_id)
        if known is not None and known.submitted == submitted:
            return
        market = self._matching.markets.get(submitted.symbol)
        reason = self._refusal(submitted, account, market, known is not None)
        order_id = NO_ORDER
        if reason is not None:
            out.append(self._rejected(submitted, account.next_sequence(), reason, now))
        else:
            assert market is not None
            order_id = self._place(submitted, account, market, now, out)
        if known is None:
            submissions.remember(submitted, order_id, self._matching.open_orders)

    def _refusal(
        self, submitted: SubmitOrder, account: Account, market: Market | None, is_known: bool
    ) -> RejectReason | None:
        is_limit = submitted.order_type is OrderType.LIMIT
        is_buy = submitted.side is Side.BUY
        price_ticks, quantity_lots = submitted.price_ticks, submitted.quantity_lots
        if market is None:
            return RejectReason.UNKNOWN_SYMBOL
        if is_known:
            return RejectReason.CLIENT_ORDER_ID_REUSED
        if quantity_lots <= 0:
            return RejectReason.INVALID_QUANTITY
        if price_ticks <= 0 if is_limit else price_ticks != 0:
            return RejectReason.INVALID_PRICE
        if submitted.post_only and (not rests(submitted) or market.book.would_take(is_buy, price_ticks)):
            return RejectReason.WOULD_TAKE
        if is_limit and quantity_lots > self._matching.covered_lots(market, account, is_buy, price_ticks):
            return RejectReason.INSUFFICIENT_FUNDS
        return None

    def _place(self, submitted: SubmitOrder, account: Account, market: Market, now: int, out: list[Message]) -> int:
        order = self._matching.place(
            market,
            account,
            submitted.client_order_id,
            submitted.side is Side.BUY,
            submitted.price_ticks,
            submitted.quantity_lots,
            rests(submitted),
            now,
            out,
        )
        self._publish_top(market, now, out)
        return order.order_id

    def _rejected(self, submitted: SubmitOrder, account_sequence: int, reason: RejectReason, now: int) -> OrderRejected:
        return OrderRejected(
            account=submitted.account,
            venue=self._name,
            account_sequence=account_sequence,
            occurred_ns=now,
            client_order_id=submitted.client_order_id,
            symbol=submitted.symbol,
            reject_reason=reason,
        )

    def _cancel(self, message: CancelOrder, now: int, out: list[Message]) -> None:
        account = self._accounts.client(message.account)
        known = None if account is None else self._submissions[account.name].find(message.client_order_id)
        order = None if known is None else self._matching.open_orders.get(known.order_id)
        if order is not None:
            self._matching.cancel(order, CancelReason.REQUESTED, now, out)
            self._publish_top(self._matching.markets[order.symbol], now, out)
            return
        out.append(
            CancelRejected(
                account=message.account,
                venue=self._name,
                account_sequence=0 if account is None else account.next_sequence(),
                occurred_ns=now,
                client_order_id=message.client_order_id,
                cancel_reject_reason=CancelRejectReason.UNKNOWN_ORDER,
            )
        )

    # Questions, time, life.

    def _report(self, query: QueryAccount, now: int) -> AccountReported:
        account = self._accounts.by_name.get(query.account)
        return AccountReported(
            to=query.asker,
            venue=self._name,
            account=query.account,
            account_sequence=0 if account is None else account.sequence,
            balances=() if account is None else balances_of(account),
            open_orders=open_orders_of(query.account, self._matching.open_orders),
            occurred_ns=now,
        )

    def _report_trades(self, query: QueryTrades, now: int) -> TradesReported:
        recent = self._matching.recent_trades
        return TradesReported(
            to=query.asker,
            venue=self._name,
            from_trade_id=max(query.from_trade_id, recent.oldest_id()),
            trades=recent.since(query.from_trade_id),
            occurred_ns=now,
        )

    def _start(self, now: int, out: list[Message]) -> None:
        self._session += 1
        out.append(
            HealthChanged(
                service=self._name, health=HealthStatus.SERVING, detail=f"session {self._session}", occurred_ns=now
            )
        )
        self._beat(now, out)

    def _wake(self, now: int, out: list[Message]) -> None:
        if now >= self._heartbeat_due_ns:
            self._beat(now, out)

    def _beat(self, now: int, out: list[Message]) -> None:
        self._heartbeat_due_ns = (now // self._heartbeat_ns + 1) * self._heartbeat_ns
        out.append(VenueHeartbeat(venue=self._name, session=self._session, occurred_ns=now))
        out.append(WakeAt(self._heartbeat_due_ns))

    # State.

    def save(self) -> Plain:
        return {
            "session": self._session,
            "heartbeat_due_ns": self._heartbeat_due_ns,
            "accounts": self._accounts.save(),
            "matching": self._matching.save(),
            "submissions": {account: known.save() for account, known in self._submissions.items()},
            "liquidity": {symbol: liquidity.save() for symbol, liquidity in self._liquidity.items()},
        }

    def restore(self, state: Plain) -> None:
        assert isinstance(state, dict)
        self._session = state["session"]
        self._heartbeat_due_ns = state["heartbeat_due_ns"]
        self._accounts.restore(state["accounts"])
        self._matching.restore(state["matching"])
        for account, known in self._submissions.items():
            known.restore(account, state["submissions"][account])
        for symbol, liquidity in self._liquidity.items():
            liquidity.restore(state["liquidity"][symbol])


def rests(submitted: SubmitOrder) -> bool:
    """Whether the unfilled rest of an order stays in the book."""
    return submitted.order_type is OrderType.LIMIT and submitted.time_in_force is TimeInForce.GTC


def balances_of(account: Account) -> tuple[Balance, ...]:
    """Every asset of the venue, also those that the account has none of."""
    return tuple(
        [
            Balance(asset=asset, free_minor=funds.free_minor, locked_minor=funds.locked_minor)
            for asset, funds in account.funds.items()
        ]
    )
