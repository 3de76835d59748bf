"""Transfers over REST: requests, the decisions of others about them, and what became of them.

Rule 1: who calls is who asks or approves: nobody can say that they are somebody else.
Rule 2: a request is named by who makes it, and made once, however often the call is repeated.
"""

from asyncio import to_thread
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from trading_ecosystem.live.command_fields import NAME
from trading_ecosystem.live.rest.access import Caller, Scope, TheCaller
from trading_ecosystem.live.rest.amounts import AMOUNT, amount_text, moment_or_none, moment_text
from trading_ecosystem.live.rest.application import router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import Account, Limit, Number, steps_of
from trading_ecosystem.live.rest.problems import Trouble, unknown
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.transfers import (
    AllowDestination,
    ApproveTransfer,
    CancelTransfer,
    DestinationAllowed,
    RejectTransfer,
    RequestDeposit,
    RequestTransfer,
    RequestWithdrawal,
    TransferApproved,
    TransferChanged,
    TransferRefusal,
    TransferRefused,
    TransferRequested,
    TransferStatus,
)
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.custodian.ledger import EXTERNAL
from trading_ecosystem.simulators.custodian.transfer_store import PastTransfer, TransferHistory

KindWord = Literal["deposit", "withdrawal", "internal"]
RequestInPath = Annotated[str, Path(pattern=NAME)]
NOT_HERE = (TransferRefusal.UNKNOWN_REQUEST, TransferRefusal.UNKNOWN_ACCOUNT)
MALFORMED = (
    *(TransferRefusal.REQUEST_ID_REUSED, TransferRefusal.UNKNOWN_ASSET, TransferRefusal.INVALID_AMOUNT),
    *(TransferRefusal.UNKNOWN_DESTINATION, TransferRefusal.OTHER_OWNER, TransferRefusal.SAME_ACCOUNT),
)
FORBIDDEN = (TransferRefusal.NOT_AN_APPROVER, TransferRefusal.OWN_REQUEST, TransferRefusal.NOT_THE_REQUESTER)


class NewTransfer(BaseModel):
    """`other`: where a deposit comes from, where a withdrawal goes to, or the account to which an internal one goes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    request_id: str = Field(pattern=NAME)
    kind: KindWord
    account: str = Field(pattern=NAME)
    asset: str = Field(pattern=NAME)
    amount: str = Field(pattern=AMOUNT)
    other: str = Field(pattern=NAME)


class Approval(BaseModel):
    """`digest`: of the request, as its answer and the list of transfers tell it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    digest: str = Field(pattern=r"^[0-9a-f]{64}$")


class NewDestination(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    account: str = Field(pattern=NAME)
    destination: str = Field(pattern=NAME)


class TransferBody(BaseModel):
    """`expected`: when it is to be completed; null while it waits for people."""

    request_id: str
    transfer_id: int
    kind: KindWord
    requested_by: str
    debit_account: str
    credit_account: str
    place: str
    asset: str
    amount: str
    status: str
    refusal: str | None
    approvals_needed: int
    approvals_missing: int
    digest: str
    requested: str
    expected: str | None
    changed: str


class ChangeBody(BaseModel):
    """`operator`: who made it so; empty where time or a venue did."""

    status: str
    occurred: str
    operator: str


class ChangesBody(BaseModel):
    request_id: str
    changes: list[ChangeBody]


class TransferPage(BaseModel):
    """`next` is the `after` of the page that follows; null on the last."""

    transfers: list[TransferBody]
    next: int | None


class RequestedBody(BaseModel):
    """A request as it was taken. `status`: how far it came at once."""

    request_id: str
    transfer_id: int
    status: str
    approvals_needed: int
    digest: str


class DecidedBody(BaseModel):
    request_id: str
    status: str
    approvals_missing: int


class DestinationBody(BaseModel):
    owner: str
    destination: str
    usable: str


def transfer_routes(surface: Surface, reference: ReferenceData, history: TransferHistory) -> APIRouter:
    routes = router()
    custodian = surface.door.instance

    @routes.post("/transfers", status_code=201, summary="Request a transfer", **needs(Scope.WITHDRAW))
    async def request(new: NewTransfer, caller: TheCaller) -> RequestedBody:
        caller.confine(new.account)
        if new.kind == "internal":
            caller.confine(new.other)
        outputs = await caller.ask(command_of(new, custodian, caller.identity, reference))
        for output in outputs:
            if isinstance(output, TransferRequested):
                return requested_body(output, outputs)
        refuse(outputs)
        known = await to_thread(history.transfer, new.request_id)
        if known is None:
            raise Trouble(409, "still_running", "the same request has just been made")
        return RequestedBody(
            request_id=known.request_id,
            transfer_id=known.transfer_id,
            status=known.transfer_status.value,
            approvals_needed=known.approvals_needed,
            digest=known.digest,
        )

    @routes.get("/transfers", summary="The transfers of an account, oldest first", **needs(Scope.READ))
    async def transfers(account: Account, caller: TheCaller, after: Number = 0, limit: Limit = 100) -> TransferPage:
        caller.confine(account)
        found = await to_thread(history.transfers, account=account, after=after, limit=limit)
        more = found[-1].transfer_id if len(found) == limit else None
        return TransferPage(transfers=[transfer_body(each, reference) for each in found], next=more)

    @routes.get("/transfers/{request_id}/changes", summary="Who made what of a transfer, and when", **needs(Scope.READ))
    async def changes(request_id: RequestInPath, caller: TheCaller) -> ChangesBody:
        found = await to_thread(history.transfer, request_id)
        if found is None:
            raise unknown("request")
        caller.confine(found.debit_account if found.credit_account == EXTERNAL else found.credit_account)
        told = await to_thread(history.changes, found.transfer_id)
        bodies = [ChangeBody(status=s.value, occurred=moment_text(ns), operator=who) for s, ns, who in told]
        return ChangesBody(request_id=request_id, changes=bodies)

    return routes


def decision_routes(surface: Surface) -> APIRouter:
    routes = router()
    custodian = surface.door.instance

    @routes.post("/transfers/{request_id}/approve", summary="Approve of a request", **needs(Scope.APPROVE))
    async def approve(request_id: RequestInPath, approval: Approval, caller: TheCaller) -> DecidedBody:
        command = ApproveTransfer(to=custodian, request_id=request_id, operator=caller.identity, digest=approval.digest)
        return await decided(command, request_id, caller)

    @routes.post("/transfers/{request_id}/reject", summary="Refuse a request", **needs(Scope.APPROVE))
    async def reject(request_id: RequestInPath, caller: TheCaller) -> DecidedBody:
        command = RejectTransfer(to=custodian, request_id=request_id, operator=caller.identity)
        return await decided(command, request_id, caller)

    @routes.delete("/transfers/{request_id}", summary="Take back one's own request", **needs(Scope.WITHDRAW))
    async def cancel(request_id: RequestInPath, caller: TheCaller) -> DecidedBody:
        command = CancelTransfer(to=custodian, request_id=request_id, operator=caller.identity)
        return await decided(command, request_id, caller)

    @routes.post("/destinations", status_code=201, summary="Put a destination on a list", **needs(Scope.APPROVE))
    async def allow(new: NewDestination, caller: TheCaller) -> DestinationBody:
        caller.confine(new.account)
        command = AllowDestination(
            to=custodian, operator=caller.identity, account=new.account, destination=new.destination
        )
        outputs = await caller.ask(command)
        refuse(outputs)
        allowed = next(output for output in outputs if isinstance(output, DestinationAllowed))
        return DestinationBody(
            owner=allowed.owner, destination=allowed.destination, usable=moment_text(allowed.usable_ns)
        )

    return routes


async def decided(command: Message, request_id: str, caller: Caller) -> DecidedBody:
    """Raises `Trouble` for a decision that had no effect."""
    outputs = await caller.ask(command)
    refuse(outputs)
    missing = [each.approvals_missing for each in outputs if isinstance(each, TransferApproved)]
    return DecidedBody(
        request_id=request_id,
        status=last_status(outputs, TransferStatus.AWAITING_APPROVAL).value,
        approvals_missing=missing[-1] if missing else 0,
    )


def command_of(new: NewTransfer, custodian: str, operator: str, reference: ReferenceData) -> Message:
    """Raises `Trouble` for an asset that nobody knows and an amount that is none of it."""
    asset = reference.assets.get(new.asset)
    if asset is None:
        raise unknown("asset")
    minor = steps_of(new.amount, Decimal(1).scaleb(-asset.decimals), "amount")
    request_id, account = new.request_id, new.account
    if new.kind == "deposit":
        return RequestDeposit(
            to=custodian,
            request_id=request_id,
            operator=operator,
            account=account,
            asset=asset.name,
            amount_minor=minor,
            source=new.other,
        )
    if new.kind == "withdrawal":
        return RequestWithdrawal(
            to=custodian,
            request_id=request_id,
            operator=operator,
            account=account,
            asset=asset.name,
            amount_minor=minor,
            destination=new.other,
        )
    return RequestTransfer(
        to=custodian,
        request_id=request_id,
        operator=operator,
        account=account,
        asset=asset.name,
        amount_minor=minor,
        credit_account=new.other,
    )


def refuse(outputs: Sequence[Message]) -> None:
    """Raises `Trouble` for what the custodian refused."""
    for output in outputs:
        if isinstance(output, TransferRefused):
            refusal = output.transfer_refusal
            status = 404 if refusal in NOT_HERE else 422 if refusal in MALFORMED else 409
            status = 403 if refusal in FORBIDDEN else status
            raise Trouble(status, refusal.value, f"the custodian refuses: {refusal.value.replace('_', ' ')}")


def last_status(outputs: Sequence[Message], otherwise: TransferStatus) -> TransferStatus:
    statuses = [output.transfer_status for output in outputs if isinstance(output, TransferChanged)]
    return statuses[-1] if statuses else otherwise


def requested_body(requested: TransferRequested, outputs: Sequence[Message]) -> RequestedBody:
    return RequestedBody(
        request_id=requested.request_id,
        transfer_id=requested.transfer_id,
        status=last_status(outputs, TransferStatus.REQUESTED).value,
        approvals_needed=requested.approvals_needed,
        digest=requested.digest,
    )


def transfer_body(transfer: PastTransfer, reference: ReferenceData) -> TransferBody:
    refused = transfer.transfer_status is TransferStatus.FAILED
    return TransferBody(
        request_id=transfer.request_id,
        transfer_id=transfer.transfer_id,
        kind=transfer.transfer_kind.value,
        requested_by=transfer.operator,
        debit_account=transfer.debit_account,
        credit_account=transfer.credit_account,
        place=transfer.place,
        asset=transfer.asset,
        amount=amount_text(transfer.amount_minor, reference.assets[transfer.asset]),
        status=transfer.transfer_status.value,
        refusal=transfer.movement_refusal.value if refused else None,
        approvals_needed=transfer.approvals_needed,
        approvals_missing=transfer.approvals_missing,
        digest=transfer.digest,
        requested=moment_text(transfer.requested_ns),
        expected=moment_or_none(transfer.expected_ns or None),
        changed=moment_text(transfer.changed_ns),
    )
