"""Positions in perpetuals and margin on the venue's REST surface.

Rule 1: prices and amounts are in the settlement asset, quantities in the base asset; a short position is below 0.
"""

from asyncio import to_thread

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from trading_ecosystem.live.command_fields import NAME
from trading_ecosystem.live.rest.access import Scope, TheCaller
from trading_ecosystem.live.rest.amounts import AMOUNT, amount_text, moment_text, price_text, quantity_text
from trading_ecosystem.live.rest.application import router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import Account, Limit, Number, OnlySymbol, in_path, instrument_of, steps_of
from trading_ecosystem.live.rest.problems import Trouble, unknown
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.messages.accounts import AccountReported
from trading_ecosystem.messages.orders import AccountEvent, Side
from trading_ecosystem.messages.perpetuals import (
    LossCovered,
    MarginBalance,
    MarginCalled,
    MarginMoved,
    MarginMoveRejected,
    MoveMargin,
    MoveRejectReason,
    OpenPosition,
    PositionChanged,
    PositionDeleveraged,
    PositionLiquidated,
)
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.exchange.margin_history import MarginHistory
from trading_ecosystem.simulators.exchange.rest_commands import minor_steps

REFUSED: dict[MoveRejectReason, int] = {
    MoveRejectReason.UNKNOWN_ACCOUNT: 404,
    MoveRejectReason.UNKNOWN_ASSET: 404,
    MoveRejectReason.MOVE_ID_REUSED: 422,
    MoveRejectReason.INVALID_AMOUNT: 422,
    MoveRejectReason.INSUFFICIENT_FUNDS: 409,
    MoveRejectReason.INSUFFICIENT_MARGIN: 409,
}


class MarginMove(BaseModel):
    """Into the margin wallet, or `out` of it, back into the balance."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account: str = Field(pattern=NAME)
    move_id: str = Field(pattern=NAME)
    asset: str = Field(min_length=1, max_length=32)
    amount: str = Field(pattern=AMOUNT)
    out: bool = False


class MarginMovedBody(BaseModel):
    account: str
    move_id: str
    asset: str
    amount: str
    wallet: str
    occurred: str


class PositionChangeBody(BaseModel):
    """The position after it, and what had been realised, funded (below 0: paid) and paid in fees since the last one."""

    account_sequence: int
    symbol: str
    quantity: str
    entry_cost: str
    realised: str
    funding: str
    fee: str
    wallet: str
    occurred: str


class PositionChangePage(BaseModel):
    """`next` is the `after` of the page that follows; null on the last."""

    changes: list[PositionChangeBody]
    next: int | None


class PositionBody(BaseModel):
    """`entry_cost` is what was paid for it less what was got; `unrealised` what it has gained at the mark price."""

    symbol: str
    quantity: str
    entry_cost: str
    mark_price: str
    unrealised: str


class MarginBody(BaseModel):
    """`moved_in`: what of the wallet came out of the balances, net. Positions are liquidated when the equity is below
    the `maintenance` margin."""

    asset: str
    wallet: str
    moved_in: str
    equity: str
    initial: str
    maintenance: str


def margin_routes(surface: Surface, reference: ReferenceData, history: MarginHistory) -> APIRouter:
    routes = router()
    venue = surface.door.instance

    @routes.post("/margin", summary="Move balance into the margin wallet, or out of it", **needs(Scope.TRADE))
    async def move(wanted: MarginMove, caller: TheCaller) -> MarginMovedBody:
        caller.confine(wanted.account)
        command = move_of(wanted, venue, reference)
        for event in await caller.ask(command):
            if isinstance(event, MarginMoved) and event.move_id == wanted.move_id:
                return moved_body(event, reference)
            if isinstance(event, MarginMoveRejected) and event.move_id == wanted.move_id:
                reason = event.move_reject_reason
                raise Trouble(REFUSED[reason], reason.value, f"the venue moved nothing: {reason.value}")
        raise Trouble(409, "already_answered", "the venue has answered this movement before; the account shows it")

    @routes.get("/positions", summary="The changes of an account's positions, oldest first", **needs(Scope.READ))
    async def changes(
        account: Account, caller: TheCaller, symbol: OnlySymbol = None, after: Number = 0, limit: Limit = 100
    ) -> PositionChangePage:
        caller.confine(account)
        only = "" if symbol is None else instrument_of(in_path(symbol), reference).symbol
        found = await to_thread(history.changes, account, only, after, limit)
        more = found[-1].account_sequence if len(found) == limit else None
        return PositionChangePage(changes=[change_body(change, reference) for change in found], next=more)

    return routes


def change_body(change: PositionChanged, reference: ReferenceData) -> PositionChangeBody:
    told = changed_execution(change, reference)
    occurred = moment_text(change.occurred_ns)
    return PositionChangeBody.model_validate(
        {"account_sequence": change.account_sequence, "occurred": occurred, **told}
    )


def move_of(wanted: MarginMove, venue: str, reference: ReferenceData) -> MoveMargin:
    """Raises `Trouble` for an asset that is not there, and an amount finer than its minor unit."""
    asset = reference.assets.get(wanted.asset)
    if asset is None:
        raise unknown("asset")
    amount_minor = steps_of(wanted.amount, minor_steps(asset), "amount")
    return MoveMargin(
        to=venue,
        account=wanted.account,
        move_id=wanted.move_id,
        asset=wanted.asset,
        amount_minor=-amount_minor if wanted.out else amount_minor,
    )


def moved_body(event: MarginMoved, reference: ReferenceData) -> MarginMovedBody:
    asset = reference.assets[event.asset]
    return MarginMovedBody(
        account=event.account,
        move_id=event.move_id,
        asset=event.asset,
        amount=amount_text(event.amount_minor, asset),
        wallet=amount_text(event.wallet_minor, asset),
        occurred=moment_text(event.occurred_ns),
    )


def position_bodies(report: AccountReported, reference: ReferenceData) -> list[PositionBody]:
    return [position_body(position, reference) for position in report.positions]


def position_body(position: OpenPosition, reference: ReferenceData) -> PositionBody:
    instrument = reference.instruments[position.symbol]
    asset = reference.assets[instrument.quote]
    value_minor = instrument.notional_minor(position.mark_ticks, position.position_lots)
    return PositionBody(
        symbol=position.symbol,
        quantity=quantity_text(position.position_lots, instrument),
        entry_cost=amount_text(position.cost_minor, asset),
        mark_price=price_text(position.mark_ticks, instrument),
        unrealised=amount_text(value_minor - position.cost_minor, asset),
    )


def margin_bodies(report: AccountReported, reference: ReferenceData) -> list[MarginBody]:
    return [margin_body(margin, reference) for margin in report.margins]


def margin_body(margin: MarginBalance, reference: ReferenceData) -> MarginBody:
    asset = reference.assets[margin.asset]
    return MarginBody(
        asset=margin.asset,
        wallet=amount_text(margin.wallet_minor, asset),
        moved_in=amount_text(margin.moved_in_minor, asset),
        equity=amount_text(margin.equity_minor, asset),
        initial=amount_text(margin.initial_minor, asset),
        maintenance=amount_text(margin.maintenance_minor, asset),
    )


def margin_execution(event: AccountEvent, reference: ReferenceData) -> dict[str, object] | None:
    """What an account's stream tells of an event about positions or margin; None for any other event."""
    if isinstance(event, PositionChanged):
        return changed_execution(event, reference)
    if isinstance(event, (PositionLiquidated, PositionDeleveraged)):
        return closed_execution(event, reference)
    if isinstance(event, MarginMoved):
        return moved_body(event, reference).model_dump(exclude={"account", "occurred"})
    if isinstance(event, MarginMoveRejected):
        return {"move_id": event.move_id, "move_reject_reason": event.move_reject_reason.value}
    if isinstance(event, MarginCalled):
        asset = reference.assets[event.asset]
        amounts = {"equity": event.equity_minor, "maintenance": event.maintenance_minor}
        return {"asset": event.asset, **{name: amount_text(minor, asset) for name, minor in amounts.items()}}
    if isinstance(event, LossCovered):
        return {"asset": event.asset, "amount": amount_text(event.amount_minor, reference.assets[event.asset])}
    return None


def changed_execution(event: PositionChanged, reference: ReferenceData) -> dict[str, object]:
    instrument = reference.instruments[event.symbol]
    asset = reference.assets[instrument.quote]
    amounts = {
        "entry_cost": event.cost_minor,
        "realised": event.realised_minor,
        "funding": event.funding_minor,
        "fee": event.fee_minor,
        "wallet": event.wallet_minor,
    }
    told: dict[str, object] = {"symbol": event.symbol, "quantity": quantity_text(event.position_lots, instrument)}
    return told | {name: amount_text(minor, asset) for name, minor in amounts.items()}


def closed_execution(event: PositionLiquidated | PositionDeleveraged, reference: ReferenceData) -> dict[str, object]:
    instrument = reference.instruments[event.symbol]
    told: dict[str, object] = {
        "symbol": event.symbol,
        "side": "buy" if event.side is Side.BUY else "sell",
        "quantity": quantity_text(event.quantity_lots, instrument),
    }
    if isinstance(event, PositionDeleveraged):
        return told | {"price": price_text(event.price_ticks, instrument)}
    return told | {
        "limit_price": price_text(event.limit_ticks, instrument) if event.limit_ticks else None,
        "mark_price": price_text(event.mark_ticks, instrument),
        "fee": amount_text(event.fee_minor, reference.assets[instrument.quote]),
    }
