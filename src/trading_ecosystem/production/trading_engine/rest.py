"""The desk's REST surface: what it has, what it ordered, what its own checks held back, and its kill switch.

Rule 1: nothing here trades; a desk is told what to do by its configuration alone, and by people that it must stop.
"""

from asyncio import to_thread
from collections.abc import Callable, Mapping
from typing import Literal

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from trading_ecosystem.live.rest.access import Scope
from trading_ecosystem.live.rest.amounts import amount_text, moment_text, price_text, quantity_text
from trading_ecosystem.live.rest.application import application, router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import Limit, Number
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.messages.orders import OrderType, Side, TimeInForce
from trading_ecosystem.production.trading_engine.portfolio import PositionLine, Statement
from trading_ecosystem.production.trading_engine.rest_switch import switch_routes
from trading_ecosystem.production.trading_engine.store import Denial, OrderHistory, SentOrder
from trading_ecosystem.reference import Asset, ReferenceData

Positions = Callable[[], Mapping[str, int]]  # Asset -> minor units, free and locked together.
TellPortfolio = Callable[[], Statement]
StatusWord = Literal["sent", "open", "filled", "canceled", "rejected"]
SIDES: dict[Side, Literal["buy", "sell"]] = {Side.BUY: "buy", Side.SELL: "sell"}
TYPES: dict[OrderType, Literal["limit", "market"]] = {OrderType.LIMIT: "limit", OrderType.MARKET: "market"}
TIMES_IN_FORCE: dict[TimeInForce, Literal["GTC", "IOC"]] = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC"}


class OrderBody(BaseModel):
    """`number` counts the orders that the desk sent. `reason` is why the venue canceled or rejected it."""

    number: int
    venue: str
    account: str
    client_order_id: str
    order_id: int | None
    symbol: str
    side: Literal["buy", "sell"]
    type: Literal["limit", "market"]
    time_in_force: Literal["GTC", "IOC"]
    price: str | None
    quantity: str
    leaves_quantity: str
    status: StatusWord
    reason: str | None
    accepted: str | None
    ended: str | None


class OrderPage(BaseModel):
    """`next` is the `after` of the page that follows; null on the last."""

    orders: list[OrderBody]
    next: int | None


class DenialBody(BaseModel):
    number: int
    account: str
    client_order_id: str
    symbol: str
    deny_reason: str
    occurred: str


class DenialPage(BaseModel):
    """`next` is the `after` of the page that follows; null on the last."""

    denials: list[DenialBody]
    next: int | None


class PositionBody(BaseModel):
    asset: str
    amount: str


class PositionsBody(BaseModel):
    """As the desk knows them. While it is not sure of them it does not trade, and its health says why."""

    positions: list[PositionBody]


class HoldingBody(BaseModel):
    """An amount below 0 is short. `average_cost` is of one unit; all money is in the numeraire."""

    asset: str
    amount: str
    average_cost: str | None
    cost: str
    value: str
    realised: str
    unrealised: str


class PortfolioBody(BaseModel):
    """What the desk has traded since it was started, beyond what it held then. `realised` is after `fees`; funding of
    perpetuals is not in it. `certain` is false where something traded had no price."""

    numeraire: str
    realised: str
    unrealised: str
    fees: str
    certain: bool
    positions: list[HoldingBody]


def rest_app(
    surface: Surface, reference: ReferenceData, history: OrderHistory, positions: Positions, portfolio: TellPortfolio
) -> FastAPI:
    return application(
        surface,
        "Trading engine",
        order_routes(reference, history),
        position_routes(reference, positions),
        portfolio_routes(reference, portfolio),
        switch_routes(surface),
    )


def order_routes(reference: ReferenceData, history: OrderHistory) -> APIRouter:
    routes = router()

    @routes.get("/orders", summary="The orders that the desk sent, oldest first", **needs(Scope.READ))
    async def orders(after: Number = 0, limit: Limit = 100) -> OrderPage:
        found = await to_thread(history.orders, after=after, limit=limit)
        more = found[-1].number if len(found) == limit else None
        return OrderPage(orders=[order_body(order, reference) for order in found], next=more)

    @routes.get("/denials", summary="The orders that the desk's own checks held back", **needs(Scope.READ))
    async def denials(after: Number = 0, limit: Limit = 100) -> DenialPage:
        found = await to_thread(history.denials, after=after, limit=limit)
        more = found[-1].number if len(found) == limit else None
        return DenialPage(denials=[denial_body(denial) for denial in found], next=more)

    return routes


def position_routes(reference: ReferenceData, positions: Positions) -> APIRouter:
    routes = router()

    @routes.get("/positions", summary="What the desk has", **needs(Scope.READ))
    async def held() -> PositionsBody:
        bodies = [
            PositionBody(asset=asset, amount=amount_text(amount_minor, asset_of(asset, reference)))
            for asset, amount_minor in positions().items()
        ]
        return PositionsBody(positions=bodies)

    return routes


def portfolio_routes(reference: ReferenceData, portfolio: TellPortfolio) -> APIRouter:
    routes = router()

    @routes.get("/portfolio", summary="What the desk's trades brought: average cost and profit", **needs(Scope.READ))
    async def traded() -> PortfolioBody:
        return portfolio_body(portfolio(), reference)

    return routes


def portfolio_body(told: Statement, reference: ReferenceData) -> PortfolioBody:
    numeraire = reference.assets[reference.numeraire]
    return PortfolioBody(
        numeraire=numeraire.name,
        realised=amount_text(told.realised_minor, numeraire),
        unrealised=amount_text(told.unrealised_minor, numeraire),
        fees=amount_text(told.fees_minor, numeraire),
        certain=told.certain,
        positions=[holding_body(line, reference) for line in told.positions],
    )


def holding_body(line: PositionLine, reference: ReferenceData) -> HoldingBody:
    asset, numeraire = asset_of(line.asset, reference), reference.assets[reference.numeraire]
    unit_minor = line.cost_minor * 10**asset.decimals // line.amount_minor if line.amount_minor else None
    return HoldingBody(
        asset=line.asset,
        amount=amount_text(line.amount_minor, asset),
        average_cost=None if unit_minor is None else amount_text(unit_minor, numeraire),
        cost=amount_text(line.cost_minor, numeraire),
        value=amount_text(line.value_minor, numeraire),
        realised=amount_text(line.realised_minor, numeraire),
        unrealised=amount_text(line.unrealised_minor, numeraire),
    )


def asset_of(holding: str, reference: ReferenceData) -> Asset:
    """In whose units a holding is told: of a perpetual, its base asset."""
    perpetual = reference.perpetuals.get(holding)
    return reference.assets[holding if perpetual is None else perpetual.base]


def order_body(order: SentOrder, reference: ReferenceData) -> OrderBody:
    instrument = reference.instruments[order.symbol]
    reason = order.cancel_reason or order.reject_reason
    return OrderBody(
        number=order.number,
        venue=order.venue,
        account=order.account,
        client_order_id=order.client_order_id,
        order_id=order.order_id,
        symbol=order.symbol,
        side=SIDES[order.side],
        type=TYPES[order.order_type],
        time_in_force=TIMES_IN_FORCE[order.time_in_force],
        price=price_text(order.price_ticks, instrument) if order.price_ticks else None,
        quantity=quantity_text(order.quantity_lots, instrument),
        leaves_quantity=quantity_text(order.leaves_quantity_lots, instrument),
        status=status_of(order),
        reason=None if reason is None else reason.value,
        accepted=None if order.accepted_ns is None else moment_text(order.accepted_ns),
        ended=None if order.ended_ns is None else moment_text(order.ended_ns),
    )


def status_of(order: SentOrder) -> StatusWord:
    if order.reject_reason is not None:
        return "rejected"
    if order.cancel_reason is not None:
        return "canceled"
    if order.leaves_quantity_lots == 0:
        return "filled"
    return "sent" if order.accepted_ns is None else "open"


def denial_body(denial: Denial) -> DenialBody:
    return DenialBody(
        number=denial.number,
        account=denial.account,
        client_order_id=denial.client_order_id,
        symbol=denial.symbol,
        deny_reason=denial.deny_reason.value,
        occurred=moment_text(denial.occurred_ns),
    )
