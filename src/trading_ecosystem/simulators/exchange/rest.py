"""The venue's REST and WebSocket surface for its participants.

Rule 1: an order is answered by what the venue said about it: accepted, filled, canceled or rejected by name.
Rule 2: a `client_order_id` places one order, however often it is sent; a repetition gets the first answer again.
Rule 3: of a trade, a participant sees their own side.
"""

from asyncio import to_thread
from collections.abc import Iterable, Mapping, Sequence
from typing import final

from fastapi import APIRouter, FastAPI

from trading_ecosystem.live.door import Told
from trading_ecosystem.live.rest.access import Caller, Scope, TheCaller
from trading_ecosystem.live.rest.answers import Answers
from trading_ecosystem.live.rest.application import application, router
from trading_ecosystem.live.rest.entrance import add_streams
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import (
    Account,
    AccountInPath,
    Limit,
    Number,
    OnlySymbol,
    OrderInPath,
    SymbolInPath,
    in_path,
    instrument_of,
)
from trading_ecosystem.live.rest.problems import Trouble, unknown
from trading_ecosystem.live.rest.streams import Event
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.market import BookTopChanged, MarketPhaseChanged
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import AmendRejected, AmendRejectReason, CancelAllOrders, OrderAmended
from trading_ecosystem.messages.orders import (
    AccountEvent,
    CancelOrder,
    CancelRejected,
    OrderCanceled,
    OrderRejected,
    RejectReason,
    SubmitOrder,
)
from trading_ecosystem.messages.triggers import SubmitPair, SubmitTriggerOrder
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.exchange.rest_bodies import (
    AccountBody,
    AmendedBody,
    CanceledAllBody,
    CanceledBody,
    MarketsBody,
    OpenOrdersBody,
    OrderBody,
    PairBody,
    PhasePage,
    SilenceBody,
    TopBody,
    TradePage,
    account_body,
    execution_of,
    market_body,
    open_order_body,
    order_body,
    phase_body,
    placed_body,
    top_body,
    trade_body,
)
from trading_ecosystem.simulators.exchange.rest_commands import (
    Amendment,
    NewOrder,
    NewPair,
    Silence,
    amend_of,
    command_of,
    pair_of,
    silence_of,
)
from trading_ecosystem.simulators.exchange.rest_margin import margin_routes
from trading_ecosystem.simulators.exchange.rest_statements import statements_over_rest
from trading_ecosystem.simulators.exchange.rest_sub_accounts import sub_account_routes
from trading_ecosystem.simulators.exchange.statement_store import Statements
from trading_ecosystem.simulators.exchange.store import TradeHistory

ASKER = "rest"
EXECUTIONS, TOPS = "executions.", "tops."  # Followed by the account, by the symbol.
MARKETS = "markets"
REJECTED: dict[RejectReason, int] = {
    RejectReason.UNKNOWN_ACCOUNT: 404,
    RejectReason.UNKNOWN_SYMBOL: 404,
    RejectReason.CLIENT_ORDER_ID_REUSED: 422,
    RejectReason.SYSTEM_ERROR: 503,
    RejectReason.MARKET_HALTED: 409,
    RejectReason.NOT_IN_AUCTION: 409,
    RejectReason.INVALID_TERMS: 422,
    RejectReason.INVALID_QUANTITY: 422,
    RejectReason.INVALID_PRICE: 422,
    RejectReason.INVALID_TRIGGER: 422,
    RejectReason.INVALID_DISPLAY: 422,
    RejectReason.INVALID_EXPIRY: 422,
    RejectReason.BELOW_MINIMUM_NOTIONAL: 422,
    RejectReason.PRICE_OUT_OF_RANGE: 409,
    RejectReason.TOO_MANY_ORDERS: 409,
    RejectReason.WOULD_TRIGGER: 409,
    RejectReason.WOULD_TAKE: 409,
    RejectReason.NOTHING_TO_TAKE: 409,
    RejectReason.NO_MARK_PRICE: 409,
    RejectReason.WOULD_NOT_REDUCE: 409,
    RejectReason.INSUFFICIENT_FUNDS: 409,
    RejectReason.INSUFFICIENT_MARGIN: 409,
    RejectReason.PAIR_REJECTED: 409,
}
Orders = Answers[OrderBody]


@final
class VenueFeed:
    """Executions of each account, for its owner; the top of each book and the phases of all markets, for all.

    Keeps the last tops and phases. A venue that starts tells which of its markets are not open.
    """

    def __init__(self, reference: ReferenceData, accounts: Sequence[str]) -> None:
        self._reference = reference
        self._accounts = frozenset(accounts)
        self.tops: dict[str, BookTopChanged] = {}
        self.phases: dict[str, MarketPhaseChanged] = {}

    def hear(self, told: Sequence[Told]) -> None:
        for each in told:
            if isinstance(each.message, BookTopChanged):
                self.tops[each.message.symbol] = each.message
            elif isinstance(each.message, MarketPhaseChanged):
                self.phases[each.message.symbol] = each.message

    def account_of(self, stream: str) -> str | None:
        account = stream.removeprefix(EXECUTIONS)
        if stream.startswith(EXECUTIONS) and account in self._accounts:
            return account
        if stream == MARKETS:
            return ""
        symbol = stream.removeprefix(TOPS)
        return "" if stream.startswith(TOPS) and symbol in self._reference.instruments else None

    def events(self, told: Told) -> Iterable[Event]:
        message = told.message
        if isinstance(message, BookTopChanged):
            instrument = self._reference.instruments[message.symbol]
            yield Event(stream=f"{TOPS}{message.symbol}", data=lambda: top_body(message, instrument).model_dump())
        elif isinstance(message, MarketPhaseChanged):
            yield Event(stream=MARKETS, data=lambda: market_body(message.symbol, message).model_dump(mode="json"))
        elif isinstance(message, AccountEvent) and message.account in self._accounts:
            yield Event(stream=f"{EXECUTIONS}{message.account}", data=lambda: execution_of(message, self._reference))


def rest_app(
    surface: Surface,
    reference: ReferenceData,
    accounts: Sequence[str],
    history: TradeHistory,
    statements: Statements,
    masters: Mapping[str, str],
) -> FastAPI:
    """`accounts`: all that the venue keeps for its participants. `masters`: of each sub-account."""
    feed = VenueFeed(reference, accounts)
    surface.door.listen(feed.hear)
    routes = (
        order_routes(surface, reference, history),
        change_routes(surface, reference),
        account_routes(surface, reference, history),
        margin_routes(surface, reference, history.margin),
        book_routes(reference, feed, history),
        statements_over_rest(reference, statements),
        sub_account_routes(masters, frozenset(accounts)),
    )
    made = application(surface, "Exchange", *routes)
    add_streams(made, surface, feed)
    return made


def order_routes(surface: Surface, reference: ReferenceData, history: TradeHistory) -> APIRouter:
    routes = router()
    orders: Orders = Answers()
    pairs: Answers[PairBody] = Answers()
    venue = surface.door.instance

    @routes.post("/orders", status_code=201, summary="Place an order", **needs(Scope.TRADE))
    async def place(order: NewOrder, caller: TheCaller) -> OrderBody:
        caller.confine(order.account)
        command = command_of(order, venue, reference)
        key = (order.account, order.client_order_id)
        return await orders.once(key, command, lambda: submit(command, caller, reference, history))

    @routes.post(
        "/pairs", status_code=201, summary="Place two orders of which one cancels the other", **needs(Scope.TRADE)
    )
    async def place_pair(pair: NewPair, caller: TheCaller) -> PairBody:
        caller.confine(pair.account)
        command = pair_of(pair, venue, reference)
        key = (pair.account, pair.client_order_id)
        return await pairs.once(key, command, lambda: submit_pair(command, caller, reference, history))

    @routes.get("/orders", summary="The open orders of an account", **needs(Scope.READ))
    async def open_orders(account: Account, caller: TheCaller) -> OpenOrdersBody:
        report = await report_of(account, caller, venue)
        return OpenOrdersBody(orders=[open_order_body(order, account, reference) for order in report.open_orders])

    return routes


def change_routes(surface: Surface, reference: ReferenceData) -> APIRouter:
    routes = router()
    venue = surface.door.instance

    @routes.patch("/orders/{client_order_id}", summary="Change an open order", **needs(Scope.TRADE))
    async def amend(client_order_id: OrderInPath, amendment: Amendment, caller: TheCaller) -> AmendedBody:
        caller.confine(amendment.account)
        events = await caller.ask(amend_of(client_order_id, amendment, venue, reference))
        for event in own_events(events, amendment.account, client_order_id):
            if isinstance(event, OrderAmended):
                return AmendedBody.of(event, reference)
            if isinstance(event, AmendRejected):
                raise amend_trouble(event.amend_reject_reason)
        raise unknown("order")

    @routes.delete("/orders/{client_order_id}", summary="Cancel an open order", **needs(Scope.TRADE))
    async def cancel(client_order_id: OrderInPath, account: Account, caller: TheCaller) -> CanceledBody:
        caller.confine(account)
        events = await caller.ask(CancelOrder(venue, account, client_order_id))
        for event in own_events(events, account, client_order_id):
            if isinstance(event, OrderCanceled):
                return CanceledBody.of(event, reference)
        assert any(isinstance(event, CancelRejected) for event in events)
        raise unknown("order")

    @routes.delete("/orders", summary="Cancel all open orders of an account", **needs(Scope.TRADE))
    async def cancel_all(account: Account, caller: TheCaller, symbol: OnlySymbol = None) -> CanceledAllBody:
        caller.confine(account)
        only = "" if symbol is None else instrument_of(in_path(symbol), reference).symbol
        events = await caller.ask(CancelAllOrders(to=venue, account=account, only_symbol=only))
        canceled = [event for event in events if isinstance(event, OrderCanceled)]
        return CanceledAllBody(canceled=[CanceledBody.of(event, reference) for event in canceled])

    @routes.put("/silence", summary="Cancel all orders of an account, unless heard of in time", **needs(Scope.TRADE))
    async def cancel_all_after(silence: Silence, caller: TheCaller) -> SilenceBody:
        caller.confine(silence.account)
        await caller.ask(silence_of(silence, venue))
        return SilenceBody(account=silence.account, timeout_s=silence.timeout_s)

    return routes


def account_routes(surface: Surface, reference: ReferenceData, history: TradeHistory) -> APIRouter:
    routes = router()
    venue = surface.door.instance

    @routes.get("/accounts/{account}", summary="What an account holds", **needs(Scope.READ))
    async def balances(account: AccountInPath, caller: TheCaller) -> AccountBody:
        return account_body(await report_of(account, caller, venue), reference)

    @routes.get("/trades", summary="The trades of an account, oldest first", **needs(Scope.READ))
    async def trades(account: Account, caller: TheCaller, after: Number = 0, limit: Limit = 100) -> TradePage:
        caller.confine(account)
        found = await to_thread(history.trades, account=account, after=after, limit=limit)
        more = found[-1].trade_id if len(found) == limit else None
        return TradePage(trades=[trade_body(trade, account, reference) for trade in found], next=more)

    return routes


def book_routes(reference: ReferenceData, feed: VenueFeed, history: TradeHistory) -> APIRouter:
    routes = router()

    @routes.get("/books/{symbol}", summary="The best bid and ask of a book", **needs(Scope.READ))
    async def top(symbol: SymbolInPath) -> TopBody:
        instrument = instrument_of(symbol, reference)
        known = feed.tops.get(instrument.symbol)
        if known is None:
            raise Trouble(404, "no_book_yet", "nothing has been published since the start")
        return top_body(known, instrument)

    @routes.get("/markets", summary="The phase of each market: open, halted, or in an auction", **needs(Scope.READ))
    async def markets() -> MarketsBody:
        return MarketsBody(markets=[market_body(symbol, feed.phases.get(symbol)) for symbol in reference.instruments])

    @routes.get("/markets/history", summary="Halts and auctions of the past, oldest first", **needs(Scope.READ))
    async def past(after: Number = 0, limit: Limit = 100) -> PhasePage:
        found = await to_thread(history.phases, after=after, limit=limit)
        more = found[-1].number if len(found) == limit else None
        return PhasePage(changes=[phase_body(change) for change in found], next=more)

    return routes


async def submit(
    command: SubmitOrder | SubmitTriggerOrder, caller: Caller, reference: ReferenceData, history: TradeHistory
) -> OrderBody:
    """Raises `Trouble` for an order that the venue rejects."""
    events = own_events(await caller.ask(command), command.account, command.client_order_id)
    refuse_rejected(events)
    if events:
        return order_body(events, isinstance(command, SubmitTriggerOrder), reference)
    return await placed_before(command.account, command.client_order_id, reference, history)


async def submit_pair(pair: SubmitPair, caller: Caller, reference: ReferenceData, history: TradeHistory) -> PairBody:
    """Raises `Trouble` for a pair that the venue rejects: for the order that is wrong."""
    told = await caller.ask(pair)
    waits = own_events(told, pair.account, pair.trigger_client_order_id)
    limit = own_events(told, pair.account, pair.client_order_id)
    refuse_rejected([*limit, *waits])
    if limit and waits:
        return PairBody(order=order_body(limit, False, reference), trigger=order_body(waits, True, reference))
    return PairBody(
        order=await placed_before(pair.account, pair.client_order_id, reference, history),
        trigger=await placed_before(pair.account, pair.trigger_client_order_id, reference, history),
    )


def refuse_rejected(events: Sequence[AccountEvent]) -> None:
    """Raises `Trouble` with what is wrong, rather than with what suffers from it."""
    reasons = [event.reject_reason for event in events if isinstance(event, OrderRejected)]
    for reason in sorted(reasons, key=lambda reason: reason is RejectReason.PAIR_REJECTED):
        raise Trouble(REJECTED[reason], reason.value, f"the venue rejected the order: {reason.value}")


async def placed_before(
    account: str, client_order_id: str, reference: ReferenceData, history: TradeHistory
) -> OrderBody:
    """An order that the venue answered in an earlier life of this process."""
    placed = await to_thread(history.order, account, client_order_id)
    if placed is None:
        raise Trouble(409, "already_answered", "the venue has answered this order before, and does not tell how")
    return placed_body(placed, reference)


def amend_trouble(reason: AmendRejectReason) -> Trouble:
    if reason is AmendRejectReason.UNKNOWN_ORDER:
        return unknown("order")
    status = REJECTED[RejectReason(reason.value)]
    return Trouble(status, reason.value, f"the venue rejected the amendment: {reason.value}")


async def report_of(account: str, caller: Caller, venue: str) -> AccountReported:
    """Raises `Trouble` (404) for an account that is not there, or not the caller's."""
    caller.confine(account)
    report = await caller.ask_for(QueryAccount(to=venue, asker=ASKER, account=account), AccountReported)
    if not report.balances:
        raise unknown("account")
    return report


def own_events(events: Sequence[Message], account: str, client_order_id: str) -> list[AccountEvent]:
    """Those about this order: others may have been filled or canceled by it."""
    return [
        event
        for event in events
        if isinstance(event, AccountEvent)
        and event.account == account
        and getattr(event, "client_order_id", "") == client_order_id
    ]
